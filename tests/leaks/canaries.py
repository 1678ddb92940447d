"""Secrets that a test plants, and finding them in whatever came out, in any of the forms a leak takes."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping

_SHORTEST = 8  # a shorter piece could stand anywhere by chance


def forms(secret: bytes) -> Iterator[tuple[str, bytes]]:
    """A secret as it may be written: raw, escaped by Python, hexadecimal, base64 and base64url at any offset."""
    yield "raw", secret
    yield "repr", repr(secret)[2:-1].encode()
    yield "hex", secret.hex().encode()
    yield "HEX", secret.hex().upper().encode()
    for offset in range(3):
        # what stands before shifts the digits; those that also depend on neighbours are cut off
        encoded = base64.b64encode(bytes(offset) + secret)
        whole = encoded[4 if offset else 0 : (len(secret) + offset) // 3 * 4]
        yield f"base64+{offset}", whole
        yield f"base64url+{offset}", whole.replace(b"+", b"-").replace(b"/", b"_")


class Canaries:
    """Secrets by name, and the search for them."""

    def __init__(self, secrets: Mapping[str, bytes]) -> None:
        self._needles = {
            (name, form): needle
            for name, secret in secrets.items()
            for form, needle in forms(secret)
            if len(needle) >= _SHORTEST
        }

    def found_in(self, text: str | bytes) -> list[tuple[str, str]]:
        """Name and form of each secret that stands in ``text``."""
        data = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
        return [place for place, needle in self._needles.items() if needle in data]


class Findings:
    """Where canaries were found; ``clean`` fails with all of them."""

    def __init__(self, canaries: Canaries) -> None:
        self._canaries = canaries
        self.found: dict[str, list[tuple[str, str]]] = {}
        self.searched = 0

    def look(self, where: str, text: str | bytes) -> None:
        self.searched += len(text)
        if found := self._canaries.found_in(text):
            self.found.setdefault(where, []).extend(found)

    def clean(self) -> None:
        assert self.found == {}, self.found
