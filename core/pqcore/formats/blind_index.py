"""Blind indexes: keyed digests that an application looks rows up by, without the content being readable.

The stored form says by what it was made; the same content under the same key is the same text, so equality finds it::

    pqbi1$HMAC-SHA-512$KEYID$$DIGEST                HMAC(key, content)
    pqbi1$HMAC-SHA-512$KEYID$HMAC-SHA-256$DIGEST    nested: HMAC(key, frame(..., "HMAC-SHA-256", the old index))

The digest is base64url without padding. A nested index is made where the content cannot be read; looking it up takes
the old key as well as the new one.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass, field

from pqcore.errors import KeyStoreError
from pqcore.formats.encoding import Encoding, decode, encode
from pqcore.formats.errors import FormatError
from pqcore.formats.framing import frame
from pqcore.formats.keyring import KeyLike, KeySource, lookup, secret_of

PREFIX = "pqbi1$"
SIZES = {"HMAC-SHA-384": 48, "HMAC-SHA-512": 64, "HMAC-SHA3-256": 32, "HMAC-SHA3-384": 48, "HMAC-SHA3-512": 64}
# Old indexes; those without a key are digests that anybody can compute. Where nothing but the length tells, the first.
OLD_SIZES = {
    "HMAC-MD5": 16,
    "HMAC-SHA-1": 20,
    "HMAC-SHA-224": 28,
    "HMAC-SHA-256": 32,
    "HMAC-SHA-384": 48,
    "HMAC-SHA-512": 64,
    "HMAC-SHA3-256": 32,
    "HMAC-SHA3-384": 48,
    "HMAC-SHA3-512": 64,
    "MD5": 16,
    "SHA-1": 20,
    "SHA-224": 28,
    "SHA-256": 32,
    "SHA-384": 48,
    "SHA-512": 64,
    "SHA3-256": 32,
    "SHA3-384": 48,
    "SHA3-512": 64,
}
# As hashlib spells them: sha512, sha3_512.
_HASHES = {
    name: name.removeprefix("HMAC-").replace("SHA-", "SHA").replace("-", "_").lower() for name in (*SIZES, *OLD_SIZES)
}
_FORM = re.compile(
    r"pqbi1\$([A-Z0-9-]{1,32})\$([A-Za-z0-9._-]{1,64}:[1-9][0-9]{0,9})\$([A-Z0-9-]{0,32})\$([-_A-Za-z0-9]{1,128})",
    re.ASCII,
)
_NESTED = b"pqconsole nested index v1"


@dataclass(frozen=True, slots=True)
class BlindIndex:
    """A stored index, parsed: algorithm, key id, the old algorithm where it is nested (else empty), digest."""

    algorithm: str
    key_id: str
    inner: str
    digest: bytes = field(repr=False)


def prefix(algorithm: str, key_id: str) -> str:
    """What indexes by this algorithm and key begin with."""
    return f"{PREFIX}{algorithm}${key_id}$"


def recognise(value: str | bytes) -> bool:
    """Whether a value is in the form above, by its beginning."""
    return value.startswith(PREFIX) if isinstance(value, str) else value.startswith(PREFIX.encode())


def parse(value: str | bytes) -> BlindIndex:
    """Read a stored index strictly. Raises FormatError."""
    try:
        text = value.decode("ascii") if isinstance(value, bytes) else value
    except UnicodeDecodeError:
        raise _broken() from None
    found = _FORM.fullmatch(text)
    if found is None or found[1] not in SIZES or (found[3] and found[3] not in OLD_SIZES):
        raise _broken()
    digest = decode(found[4], Encoding.BASE64URL)
    if len(digest) != SIZES[found[1]]:
        raise _broken()
    return BlindIndex(found[1], found[2], found[3], digest)


def stored_length(algorithm: str, key_id: str, inner: str = "") -> int:
    """Characters of a stored index."""
    return len(prefix(algorithm, key_id)) + len(inner) + 1 + (4 * SIZES[algorithm] + 2) // 3


def index_value(content: str | bytes, key: KeyLike) -> str:
    """The index of ``content`` (text as UTF-8): what is stored, and what to look up. Raises KeyStoreError."""
    algorithm = _algorithm_of(key)
    return _stored(algorithm, key, "", hmac.digest(secret_of(key), _bytes(content), _HASHES[algorithm]))


def nested_value(old: bytes, inner: str, key: KeyLike) -> str:
    """The index over an old index. Raises FormatError where ``old`` is none by ``inner``, KeyStoreError."""
    if len(old) != OLD_SIZES.get(inner):
        raise FormatError(f"The value has {len(old)} bytes, which is no {inner[:32]}", "Check format and encoding")
    algorithm = _algorithm_of(key)
    framed = frame(_NESTED, inner.encode(), old)
    return _stored(algorithm, key, inner, hmac.digest(secret_of(key), framed, _HASHES[algorithm]))


def old_index(content: str | bytes, form: str, key: KeyLike | None) -> bytes:
    """An old index of ``content``; ``key`` is None for digests without one. Raises FormatError or KeyStoreError."""
    if form not in OLD_SIZES:
        raise FormatError(f"There is no old index called {form[:32]!r}", f"Use {' or '.join(OLD_SIZES)}")
    if not form.startswith("HMAC-"):
        return hashlib.new(_HASHES[form], _bytes(content), usedforsecurity=False).digest()
    if key is None:
        raise KeyStoreError(f"{form} needs its key", "Pass the key of the old indexes")
    return hmac.digest(_secret(key), _bytes(content), _HASHES[form])


def lookup_values(
    content: str | bytes,
    key: KeyLike,
    *,
    old: str,
    old_key: KeyLike | None = None,
    encoding: Encoding = Encoding.HEX,
) -> tuple[str | bytes, ...]:
    """Everything that a row with ``content`` may hold while indexes are migrated: ``WHERE column IN (...)``.

    Args:
        content: text is taken as UTF-8, already normalised as the application does.
        key: the new key.
        old: how old indexes were made, e.g. ``HMAC-SHA-256``.
        old_key: their key, where they have one.
        encoding: how the column holds old indexes.

    The index itself, nested over the old one, and the old one. Raises FormatError or KeyStoreError.
    """
    before = old_index(content, old, old_key)
    return index_value(content, key), nested_value(before, old, key), encode(before, encoding)


def verify_index(value: str | bytes, content: str | bytes, keys: KeySource, old_key: KeyLike | None = None) -> bool:
    """Whether a stored index is that of ``content``; a nested one takes the old key.

    Raises FormatError or KeyStoreError.
    """
    form = parse(value)
    key = lookup(keys, form.key_id)
    made = nested_value(old_index(content, form.inner, old_key), form.inner, key) if form.inner else None
    text = value.decode("ascii") if isinstance(value, bytes) else value
    return hmac.compare_digest(made or index_value(content, key), text)


def _stored(algorithm: str, key: KeyLike, inner: str, digest: bytes) -> str:
    return f"{prefix(algorithm, key.id)}{inner}${encode(digest, Encoding.BASE64URL)!s}"


def _algorithm_of(key: KeyLike) -> str:
    if key.algorithm not in SIZES:
        kinds = " or ".join(SIZES)
        raise KeyStoreError(f"The key {key.id} is of {key.algorithm}, {kinds} is needed", "Name another key")
    return key.algorithm


def _secret(key: KeyLike) -> bytes:
    if not key.algorithm.startswith("HMAC-"):
        raise KeyStoreError(f"The key {key.id} is of {key.algorithm}, a key of an HMAC is needed", "Name another key")
    return secret_of(key)


def _bytes(content: str | bytes) -> bytes:
    return content.encode() if isinstance(content, str) else content


def _broken() -> FormatError:
    return FormatError("The blind index is broken", "Compute it anew from the content")
