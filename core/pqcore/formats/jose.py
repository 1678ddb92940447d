"""What JWE and JWS share: the parts of a compact serialization and the header, read strictly (RFC 7515)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pqcore.formats.encoding import Encoding, decode
from pqcore.formats.errors import FormatError

MAX_HEADER = 4096  # characters


def token_of(value: bytes, parts: int, what: str) -> list[str]:
    """The parts of a compact serialization, still in base64url. Raises FormatError where their number is another."""
    text = value.decode("ascii") if value.isascii() else ""
    found = text.split(".")
    if len(found) != parts:
        raise FormatError(f"The value is not a {what}: {parts} parts with dots between are expected", "Check format")
    return found


def segment(text: str, what: str) -> bytes:
    """The bytes of one part. Raises FormatError where it is not canonical base64url without padding."""
    try:
        if "=" in text:
            raise FormatError("padding")
        return decode(text, Encoding.BASE64URL)
    except FormatError:
        raise FormatError(f"The {what} has a part that is not base64url", "Restore the value from a backup") from None


def header_of(text: str, what: str) -> Mapping[str, Any]:
    """The protected header. Raises FormatError where it is no JSON object, or names a member twice."""
    wrong = FormatError(f"The {what} has a header that cannot be read", "Restore the value from a backup")
    if len(text) > MAX_HEADER:
        raise wrong
    try:
        header = json.loads(segment(text, what).decode("utf-8"), object_pairs_hook=_object)
    except (ValueError, RecursionError):
        raise wrong from None
    if not isinstance(header, dict):
        raise wrong
    return header


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member is named twice")
    return found
