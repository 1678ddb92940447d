"""Old wrapped keys: RSA-OAEP (RFC 8017) with hash, MGF1 hash and label spelled out, and AES-KW (RFC 3394)."""

from __future__ import annotations

from enum import StrEnum

from cryptography.hazmat.primitives import hashes, keywrap
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from pqcore.crypto import keys
from pqcore.errors import KeyStoreError
from pqcore.formats.errors import FormatError, NotAuthentic
from pqcore.formats.keyring import KeyLike, secret_of


class LegacyWrap(StrEnum):
    """How an old key is wrapped. The hash is that of OAEP and of MGF1."""

    RSA_OAEP_SHA1 = "RSA-OAEP-SHA1"  # JOSE: RSA-OAEP
    RSA_OAEP_SHA256 = "RSA-OAEP-SHA256"  # JOSE: RSA-OAEP-256
    AES_KW = "AES-KW"  # 128, 192 or 256 bits, by the key


JOSE_NAMES = {"RSA-OAEP": LegacyWrap.RSA_OAEP_SHA1, "RSA-OAEP-256": LegacyWrap.RSA_OAEP_SHA256}


def legacy_wrap(name: str) -> LegacyWrap:
    """The format of this name or JOSE name. Raises FormatError."""
    try:
        return JOSE_NAMES.get(name) or LegacyWrap(name)
    except ValueError:
        raise FormatError(f"There is no key wrap called {name[:64]!r}", f"Use {' or '.join(LegacyWrap)}") from None


def unwrap(form: LegacyWrap, wrapped: bytes, key: KeyLike, *, label: bytes = b"") -> bytes:
    """The data key in ``wrapped``.

    Raises FormatError where the length cannot be right, NotAuthentic where it does not open under ``key``,
    KeyStoreError where ``key`` is of another kind.
    """
    if form is LegacyWrap.AES_KW:
        return _unwrap_aes(wrapped, key)
    private = keys.classical_private(key.algorithm, secret_of(key))
    if not isinstance(private, rsa.RSAPrivateKey):
        raise KeyStoreError(f"The key {key.id} is of {key.algorithm}, {form} needs an RSA key", "Name another key")
    if len(wrapped) != private.key_size // 8:
        raise FormatError(
            f"The wrapped key has {len(wrapped)} bytes, {key.algorithm} gives {private.key_size // 8}",
            "Check format, encoding and old_key",
        )
    try:
        return private.decrypt(wrapped, _oaep(form, label))
    except ValueError:
        raise _does_not_open(key) from None


def wrap(form: LegacyWrap, plaintext: bytes, key: KeyLike, *, label: bytes = b"") -> bytes:
    """Wrap a data key in an old form: for demonstrations and tests, no migration writes it.

    Raises FormatError where the length does not suit the form, KeyStoreError for a key of another kind.
    """
    if form is LegacyWrap.AES_KW:
        if len(plaintext) < 16 or len(plaintext) % 8:
            raise FormatError("AES-KW wraps a multiple of 8 bytes, at least 16")
        return keywrap.aes_key_wrap(_aes_key(key), plaintext)
    public = keys.classical_public(key.algorithm, key.public or b"")
    if not isinstance(public, rsa.RSAPublicKey):
        raise KeyStoreError(f"The key {key.id} is of {key.algorithm}, {form} needs an RSA key", "Name another key")
    try:
        return public.encrypt(plaintext, _oaep(form, label))
    except ValueError:
        raise FormatError(f"{len(plaintext)} bytes are too many for {form} under {key.algorithm}") from None


def _oaep(form: LegacyWrap, label: bytes) -> padding.OAEP:
    # SHA-1 here is what the old values were made with; OAEP does not rest on its collision resistance.
    digest = hashes.SHA1() if form is LegacyWrap.RSA_OAEP_SHA1 else hashes.SHA256()  # noqa: S303
    return padding.OAEP(mgf=padding.MGF1(digest), algorithm=digest, label=label or None)


def _unwrap_aes(wrapped: bytes, key: KeyLike) -> bytes:
    if len(wrapped) < 24 or len(wrapped) % 8:
        raise FormatError(
            f"The wrapped key has {len(wrapped)} bytes, AES-KW gives a multiple of 8 from 24 on",
            "Check format and encoding",
        )
    try:
        return keywrap.aes_key_unwrap(_aes_key(key), wrapped)
    except keywrap.InvalidUnwrap:
        raise _does_not_open(key) from None


def _aes_key(key: KeyLike) -> bytes:
    if key.algorithm not in keys.SYMMETRIC_SIZES:
        raise KeyStoreError(f"The key {key.id} is of {key.algorithm}, AES-KW needs an AES key", "Name another key")
    return keys.check_symmetric(key.algorithm, secret_of(key))


def _does_not_open(key: KeyLike) -> NotAuthentic:
    return NotAuthentic(f"The wrapped key does not open under the key {key.id}", "Check format and old_key")
