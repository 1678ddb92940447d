"""Old wrapped keys: RSA-OAEP (RFC 8017) with hash, MGF1 hash and label spelled out, AES-KW (RFC 3394) and AES-KWP."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from cryptography.hazmat.primitives import hashes, keywrap
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from pqcore.crypto import keys
from pqcore.errors import KeyStoreError
from pqcore.formats.errors import FormatError, NotAuthentic
from pqcore.formats.keyring import KeyLike, public_of, secret_of


class LegacyWrap(StrEnum):
    """How an old key is wrapped. The hash is that of OAEP, and of MGF1 unless another one is named."""

    RSA_OAEP_SHA256 = "RSA-OAEP-SHA256"  # JOSE: RSA-OAEP-256
    RSA_OAEP_SHA1 = "RSA-OAEP-SHA1"  # JOSE: RSA-OAEP
    RSA_OAEP_SHA224 = "RSA-OAEP-SHA224"
    RSA_OAEP_SHA384 = "RSA-OAEP-SHA384"
    RSA_OAEP_SHA512 = "RSA-OAEP-SHA512"
    AES_KW = "AES-KW"  # 128, 192 or 256 bits, by the key
    AES_KWP = "AES-KWP"  # RFC 5649: any length


# SHA-1 here is what old values were made with; OAEP does not rest on its collision resistance.
_HASHES: dict[str, type[hashes.HashAlgorithm]] = {
    "SHA-1": hashes.SHA1,
    "SHA-224": hashes.SHA224,
    "SHA-256": hashes.SHA256,
    "SHA-384": hashes.SHA384,
    "SHA-512": hashes.SHA512,
}
OAEP_HASHES: dict[LegacyWrap, str] = {
    LegacyWrap.RSA_OAEP_SHA256: "SHA-256",
    LegacyWrap.RSA_OAEP_SHA1: "SHA-1",
    LegacyWrap.RSA_OAEP_SHA224: "SHA-224",
    LegacyWrap.RSA_OAEP_SHA384: "SHA-384",
    LegacyWrap.RSA_OAEP_SHA512: "SHA-512",
}
JOSE_NAMES = {
    "RSA-OAEP": LegacyWrap.RSA_OAEP_SHA1,
    "RSA-OAEP-256": LegacyWrap.RSA_OAEP_SHA256,
    "RSA-OAEP-384": LegacyWrap.RSA_OAEP_SHA384,
    "RSA-OAEP-512": LegacyWrap.RSA_OAEP_SHA512,
}


@dataclass(frozen=True, slots=True)
class WrapParameters:
    """What a form leaves open; each form looks at its own.

    Attributes:
        label: OAEP label.
        mgf1_hash: name of the hash of MGF1, ``SHA-1`` to ``SHA-512``; None: that of OAEP.
    """

    label: bytes = b""
    mgf1_hash: str | None = None


_PLAIN = WrapParameters()


def legacy_wrap(name: str) -> LegacyWrap:
    """The format of this name or JOSE name. Raises FormatError."""
    try:
        return JOSE_NAMES.get(name) or LegacyWrap(name)
    except ValueError:
        raise FormatError(f"There is no key wrap called {name[:64]!r}", f"Use {' or '.join(LegacyWrap)}") from None


def unwrap(form: LegacyWrap, wrapped: bytes, key: KeyLike, parameters: WrapParameters = _PLAIN) -> bytes:
    """The data key in ``wrapped``.

    Raises FormatError where the length cannot be right, NotAuthentic where it does not open under ``key``,
    KeyStoreError where ``key`` is of another kind. Where a service keeps the key, that service is asked.
    """
    remote: Callable[[LegacyWrap, bytes, WrapParameters], bytes] | None = getattr(key, "remote", None)
    if remote is not None:
        return remote(form, wrapped, parameters)
    if form in OAEP_HASHES:
        return _unwrap_oaep(form, wrapped, key, parameters)
    return _unwrap_aes(form, wrapped, key)


def wrap(form: LegacyWrap, plaintext: bytes, key: KeyLike, parameters: WrapParameters = _PLAIN) -> bytes:
    """Wrap a data key in an old form: for demonstrations and tests, no migration writes it.

    Raises FormatError where the length does not suit the form, KeyStoreError for a key of another kind.
    """
    if form in OAEP_HASHES:
        return _wrap_oaep(form, plaintext, key, parameters)
    return _wrap_aes(form, plaintext, key)


def aes_key(form: LegacyWrap, key: KeyLike) -> bytes:
    """The bytes of an AES key. Raises KeyStoreError for a key of another kind."""
    if key.algorithm not in keys.SYMMETRIC_SIZES:
        raise KeyStoreError(f"The key {key.id} is of {key.algorithm}, {form} needs an AES key", "Name another key")
    return keys.check_symmetric(key.algorithm, secret_of(key))


def rsa_key(form: LegacyWrap, wrapped: bytes, key: KeyLike) -> rsa.RSAPrivateKey:
    """The private key that may open ``wrapped``, whose length is checked. Raises KeyStoreError or FormatError."""
    private = keys.classical_private(key.algorithm, secret_of(key))
    if not isinstance(private, rsa.RSAPrivateKey):
        raise _needs_rsa(form, key)
    size = (private.key_size + 7) // 8
    if len(wrapped) != size:
        raise FormatError(
            f"The wrapped key has {len(wrapped)} bytes, {key.algorithm} gives {size}", "Check format, encoding, old_key"
        )
    return private


def does_not_open(key: KeyLike) -> NotAuthentic:
    """What to raise for a value that parses and does not open."""
    return NotAuthentic(f"The wrapped key does not open under the key {key.id}", "Check format and old_key")


def _unwrap_oaep(form: LegacyWrap, wrapped: bytes, key: KeyLike, parameters: WrapParameters) -> bytes:
    private = rsa_key(form, wrapped, key)
    try:
        return private.decrypt(wrapped, _oaep(form, parameters))
    except ValueError:
        raise does_not_open(key) from None


def _wrap_oaep(form: LegacyWrap, plaintext: bytes, key: KeyLike, parameters: WrapParameters) -> bytes:
    public = _rsa_public(form, key)
    try:
        return public.encrypt(plaintext, _oaep(form, parameters))
    except ValueError:
        raise FormatError(f"{len(plaintext)} bytes are too many for {form} under {key.algorithm}") from None


def _oaep(form: LegacyWrap, parameters: WrapParameters) -> padding.OAEP:
    name = OAEP_HASHES[form]
    mgf1 = padding.MGF1(_HASHES[parameters.mgf1_hash or name]())
    return padding.OAEP(mgf=mgf1, algorithm=_HASHES[name](), label=parameters.label or None)


def _rsa_public(form: LegacyWrap, key: KeyLike) -> rsa.RSAPublicKey:
    # a symmetric key has no public part at all
    public = keys.classical_public(key.algorithm, public_of(key)) if key.public is not None else None
    if not isinstance(public, rsa.RSAPublicKey):
        raise _needs_rsa(form, key)
    return public


def _needs_rsa(form: LegacyWrap, key: KeyLike) -> KeyStoreError:
    return KeyStoreError(f"The key {key.id} is of {key.algorithm}, {form} needs an RSA key", "Name another key")


def _unwrap_aes(form: LegacyWrap, wrapped: bytes, key: KeyLike) -> bytes:
    least = 24 if form is LegacyWrap.AES_KW else 16
    if len(wrapped) < least or len(wrapped) % 8:
        raise FormatError(
            f"The wrapped key has {len(wrapped)} bytes, {form} gives a multiple of 8 from {least} on",
            "Check format and encoding",
        )
    opened = keywrap.aes_key_unwrap if form is LegacyWrap.AES_KW else keywrap.aes_key_unwrap_with_padding
    try:
        return opened(aes_key(form, key), wrapped)
    except keywrap.InvalidUnwrap:
        raise does_not_open(key) from None


def _wrap_aes(form: LegacyWrap, plaintext: bytes, key: KeyLike) -> bytes:
    if form is LegacyWrap.AES_KWP:
        if not plaintext:
            raise FormatError("AES-KWP wraps 1 byte or more")
        return keywrap.aes_key_wrap_with_padding(aes_key(form, key), plaintext)
    if len(plaintext) < 16 or len(plaintext) % 8:
        raise FormatError("AES-KW wraps a multiple of 8 bytes, at least 16")
    return keywrap.aes_key_wrap(aes_key(form, key), plaintext)
