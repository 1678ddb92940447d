"""How a column holds bytes: raw, hexadecimal or base64, decoded strictly."""

from __future__ import annotations

import base64
import binascii
import re
from enum import StrEnum

from pqcore.formats.errors import FormatError

_HEX_DIGITS = re.compile(r"[0-9A-Fa-f]*")


class Encoding(StrEnum):
    """Text encodings of RFC 4648, or none."""

    RAW = "raw"
    HEX = "hex"
    BASE64 = "base64"
    BASE64URL = "base64url"


def encoding_for(value: str | bytes, wanted: Encoding | None) -> Encoding:
    """``wanted``, or where it is None: raw for bytes, base64 for text."""
    if wanted is not None:
        return wanted
    return Encoding.RAW if isinstance(value, bytes) else Encoding.BASE64


def decode(value: str | bytes, encoding: Encoding, *, line_breaks: bool = False) -> bytes:
    """The bytes that a column holds. Text encodings may be stored as text or as ASCII bytes.

    base64 is canonical and padded; base64url may lack its padding. ``line_breaks`` accepts the line ends that some
    databases put into base64. Raises FormatError.
    """
    if encoding is Encoding.RAW:
        if isinstance(value, str):
            raise FormatError("The column holds text where raw bytes were expected", "Set `encoding` to hex or base64")
        return value
    text = _ascii(value, encoding)
    if line_breaks and encoding is Encoding.BASE64:
        text = text.replace("\r\n", "").replace("\n", "")
    data = _decoded(text, encoding)
    if data is None:
        raise FormatError(f"The value is not {encoding}", "Set `encoding` to what the column holds")
    return data


def encode(data: bytes, encoding: Encoding) -> str | bytes:
    """``data`` as stored: bytes for raw, else text (lower-case hex, padded base64, unpadded base64url)."""
    match encoding:
        case Encoding.RAW:
            return data
        case Encoding.HEX:
            return data.hex()
        case Encoding.BASE64:
            return base64.b64encode(data).decode("ascii")
        case Encoding.BASE64URL:
            return base64.urlsafe_b64encode(data).decode("ascii").rstrip("=")


def encode_like(data: bytes, encoding: Encoding, old: str | bytes) -> str | bytes:
    """``data`` in ``encoding``, as text or as ASCII bytes, whichever ``old`` is."""
    new = encode(data, encoding)
    return new.encode("ascii") if isinstance(old, bytes) and isinstance(new, str) else new


def encoded_length(length: int, encoding: Encoding) -> int:
    """Characters (bytes for raw) that ``length`` bytes take."""
    match encoding:
        case Encoding.RAW:
            return length
        case Encoding.HEX:
            return 2 * length
        case Encoding.BASE64:
            return 4 * ((length + 2) // 3)
        case Encoding.BASE64URL:
            return (4 * length + 2) // 3


def sniff(value: str | bytes, magic: bytes) -> Encoding | None:
    """The encoding under which ``value`` starts with ``magic`` (a multiple of 3 bytes), None where none does."""
    if isinstance(value, bytes):
        if value.startswith(magic):
            return Encoding.RAW
        try:
            value = value.decode("ascii")
        except UnicodeDecodeError:
            return None
    if value[: 2 * len(magic)].lower() == magic.hex():
        return Encoding.HEX
    if not value.startswith(base64.b64encode(magic).decode("ascii")):
        return None
    # Padded text of the common alphabet is both; only the strict decoding of base64 takes padding for granted.
    url = "-" in value or "_" in value or len(value) % 4 != 0
    return Encoding.BASE64URL if url else Encoding.BASE64


def _ascii(value: str | bytes, encoding: Encoding) -> str:
    if not value.isascii():
        raise FormatError(f"The value is not {encoding}", "Set `encoding` to what the column holds")
    return value.decode("ascii") if isinstance(value, bytes) else value


def _decoded(text: str, encoding: Encoding) -> bytes | None:
    try:
        if encoding is Encoding.HEX:
            return bytes.fromhex(text) if _HEX_DIGITS.fullmatch(text) else None
        if encoding is Encoding.BASE64URL:
            bare = text.rstrip("=")
            if text not in (bare, bare + "=" * (-len(bare) % 4)) or "+" in text or "/" in text:
                return None
            data = base64.b64decode(bare + "=" * (-len(bare) % 4), altchars=b"-_", validate=True)
            return data if base64.urlsafe_b64encode(data).decode("ascii").rstrip("=") == bare else None
        data = base64.b64decode(text, validate=True)
        return data if base64.b64encode(data).decode("ascii") == text else None
    except (binascii.Error, ValueError):
        return None
