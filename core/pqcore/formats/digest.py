"""Content digests: ``sha3-512:<hex>`` (tagged, says which algorithm it is) or plain (told by its length)."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from enum import StrEnum

from pqcore.formats.encoding import Encoding, decode, encode_like, encoded_length
from pqcore.formats.errors import FormatError


class Style(StrEnum):
    """How a new digest is stored."""

    TAGGED = "tagged"
    PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class DigestCheck:
    """Whether the content has the stored digest, and under which algorithm it was compared."""

    ok: bool
    algorithm: str


SIZES = {
    "MD5": 16,
    "SHA-1": 20,
    "SHA-224": 28,
    "SHA-256": 32,
    "SHA-384": 48,
    "SHA-512": 64,
    "SHA3-384": 48,
    "SHA3-512": 64,
}
LEGACY = ("MD5", "SHA-1", "SHA-224", "SHA-256")
_HASHES = {
    "MD5": hashlib.md5,
    "SHA-224": hashlib.sha224,
    "SHA-1": hashlib.sha1,
    "SHA-256": hashlib.sha256,
    "SHA-384": hashlib.sha384,
    "SHA-512": hashlib.sha512,
    "SHA3-384": hashlib.sha3_384,
    "SHA3-512": hashlib.sha3_512,
}
_BY_LENGTH = {SIZES[name]: name for name in LEGACY}
_TAGS = {name.lower(): name for name in SIZES}


def compute(algorithm: str, content: bytes) -> bytes:
    """The digest of ``content``. Raises FormatError for an unknown algorithm."""
    new = _HASHES.get(algorithm)
    if new is None:
        raise FormatError(f"There is no digest called {algorithm[:64]!r}", f"Use {' or '.join(SIZES)}")
    # usedforsecurity=False lets old digests be checked where policy has switched MD5 or SHA-1 off.
    return new(content, usedforsecurity=algorithm not in LEGACY).digest()


def tag(algorithm: str) -> str:
    """What tagged digests of this algorithm start with, e.g. ``sha3-512:``."""
    return f"{algorithm.lower()}:"


def tagged(value: str | bytes) -> tuple[str, bytes] | None:
    """Algorithm and digest of a tagged value; None where it has no tag. Raises FormatError for a broken one."""
    text = value.decode("ascii", "replace") if isinstance(value, bytes) else value
    name, colon, digits = text.partition(":")
    algorithm = _TAGS.get(name) if colon else None
    if algorithm is None:
        return None
    digest = decode(digits, Encoding.HEX)
    if len(digest) != SIZES[algorithm]:
        raise FormatError(f"The digest tagged {name} has {len(digest)} bytes instead of {SIZES[algorithm]}")
    return algorithm, digest


def legacy_digest(value: str | bytes, algorithm: str | None, encoding: Encoding) -> tuple[str, bytes]:
    """Algorithm and digest of an untagged old value; ``algorithm`` None tells by length. Raises FormatError."""
    digest = decode(value, encoding)
    by_length = _BY_LENGTH.get(len(digest))
    if by_length is None or (algorithm is not None and algorithm != by_length):
        wanted = algorithm or " or ".join(LEGACY)
        raise FormatError(f"The value has {len(digest)} bytes, which is no {wanted}", "Check format and encoding")
    return by_length, digest


def stored(algorithm: str, digest: bytes, style: Style, encoding: Encoding, old: str | bytes) -> str | bytes:
    """A new digest as the column holds it: tagged text, or in the encoding of ``old``."""
    if style is Style.TAGGED:
        text = tag(algorithm) + digest.hex()
        return text.encode("ascii") if isinstance(old, bytes) else text
    return encode_like(digest, encoding, old)


def encoded_size(algorithm: str, style: Style, encoding: Encoding) -> int:
    """Characters (bytes for raw) of a stored digest."""
    if style is Style.TAGGED:
        return len(tag(algorithm)) + 2 * SIZES[algorithm]
    return encoded_length(SIZES[algorithm], encoding)


def verify_digest(
    value: str | bytes,
    content: bytes | str,
    *,
    algorithm: str | None = None,
    encoding: Encoding | None = None,
) -> DigestCheck:
    """Check content against a stored digest, old or new; what an application calls.

    Args:
        value: tagged, or plain as raw bytes or text.
        content: text is taken as UTF-8.
        algorithm: of plain values; by default told by the length, where 64 bytes are SHA-512 or SHA3-512. A tagged
            value of another algorithm is refused.
        encoding: of plain values; by default raw for bytes and hexadecimal for text.

    Raises FormatError where the value is no digest.
    """
    data = content.encode() if isinstance(content, str) else content
    found = tagged(value)
    if found is not None:
        name, digest = found
        if algorithm not in (None, name):
            raise FormatError(f"The digest is tagged {name}, {algorithm} was asked for")
        return DigestCheck(hmac.compare_digest(compute(name, data), digest), name)
    digest = decode(value, encoding or (Encoding.RAW if isinstance(value, bytes) else Encoding.HEX))
    names = [name for name in SIZES if SIZES[name] == len(digest) and algorithm in (None, name)]
    if not names:
        raise FormatError(f"The value has {len(digest)} bytes, which is no digest", "Check algorithm and encoding")
    for name in names:
        if hmac.compare_digest(compute(name, data), digest):
            return DigestCheck(True, name)
    return DigestCheck(False, names[0])
