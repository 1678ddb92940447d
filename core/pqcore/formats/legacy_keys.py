"""The keys that open old wrapped keys, by kind, and the sentences for the wrong ones."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric import rsa

from pqcore.crypto import keys
from pqcore.errors import KeyStoreError
from pqcore.formats.errors import FormatError, NotAuthentic
from pqcore.formats.keyring import KeyLike, public_of, secret_of


def aes_key(form: str, key: KeyLike) -> bytes:
    """The bytes of an AES key. Raises KeyStoreError for a key of another kind."""
    if key.algorithm not in keys.SYMMETRIC_SIZES:
        raise needs(form, "an AES", key)
    return keys.check_symmetric(key.algorithm, secret_of(key))


def rsa_private(form: str, wrapped: bytes, key: KeyLike) -> rsa.RSAPrivateKey:
    """The private key that may open ``wrapped``, whose length is checked. Raises KeyStoreError or FormatError."""
    private = keys.classical_private(key.algorithm, secret_of(key)) if _is_rsa(key) else None
    if not isinstance(private, rsa.RSAPrivateKey):
        raise needs(form, "an RSA", key)
    size = (private.key_size + 7) // 8
    if len(wrapped) != size:
        raise FormatError(
            f"The wrapped key has {len(wrapped)} bytes, {key.algorithm} gives {size}", "Check format, encoding, old_key"
        )
    return private


def rsa_public(form: str, key: KeyLike) -> rsa.RSAPublicKey:
    """The public key to wrap with. Raises KeyStoreError for a key of another kind."""
    public = keys.classical_public(key.algorithm, public_of(key)) if _is_rsa(key) else None
    if not isinstance(public, rsa.RSAPublicKey):
        raise needs(form, "an RSA", key)
    return public


def _is_rsa(key: KeyLike) -> bool:
    return key.algorithm.startswith("RSA-")


def needs(form: str, kind: str, key: KeyLike) -> KeyStoreError:
    """What to raise for a key that this form does not take; ``kind`` is e.g. ``an RSA``."""
    return KeyStoreError(f"The key {key.id} is of {key.algorithm}, {form} needs {kind} key", "Name another key")


def does_not_open(key: KeyLike) -> NotAuthentic:
    """What to raise for a value that parses and does not open."""
    return NotAuthentic(f"The wrapped key does not open under the key {key.id}", "Check format and old_key")
