"""Values of HashiCorp Vault's transit engine: ``vault:v2:`` and base64; the number is the version of their key."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pqcore.formats.encoding import Encoding, decode, encode
from pqcore.formats.errors import FormatError

_VALUE = re.compile(rb"vault:v(?P<version>[1-9][0-9]{0,8}):(?P<body>[A-Za-z0-9+/]+={0,2})")


@dataclass(frozen=True, slots=True)
class TransitValue:
    """A value taken apart: the version of its key, and what that key wrapped."""

    version: int
    wrapped: bytes


def parse(value: bytes) -> TransitValue:
    """Read a value, ASCII, strictly. Raises FormatError."""
    found = _VALUE.fullmatch(value)
    if found is None:
        raise FormatError("The value is none of Vault's transit engine", "Check format and field")
    return TransitValue(int(found["version"]), decode(found["body"], Encoding.BASE64))


def written(version: int, wrapped: bytes) -> bytes:
    """As transit writes it: for demonstrations and tests, and to ask Vault."""
    return f"vault:v{version}:{encode(wrapped, Encoding.BASE64)!s}".encode()
