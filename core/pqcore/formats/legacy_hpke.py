"""HPKE (RFC 9180) in base mode, single shot, with X25519 or P-256: ``enc || ct``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.bindings._rust import openssl as rust_openssl
from cryptography.hazmat.primitives import hpke

from pqcore.crypto import keys
from pqcore.errors import KeyStoreError
from pqcore.formats.errors import FormatError
from pqcore.formats.keyring import KeyLike, public_of, secret_of
from pqcore.formats.legacy_keys import does_not_open, needs

# KEM and length of enc, by the algorithm of the key.
_KEMS = {"X25519": (hpke.KEM.X25519, 32), "ECDSA-P256": (hpke.KEM.P256, 65)}
_KDFS = {
    "HKDF-SHA256": hpke.KDF.HKDF_SHA256,
    "HKDF-SHA384": hpke.KDF.HKDF_SHA384,
    "HKDF-SHA512": hpke.KDF.HKDF_SHA512,
}
_AEADS = {
    "AES-128-GCM": hpke.AEAD.AES_128_GCM,
    "AES-256-GCM": hpke.AEAD.AES_256_GCM,
    "ChaCha20-Poly1305": hpke.AEAD.CHACHA20_POLY1305,
}
KDFS, AEADS, KEY_KINDS = tuple(_KDFS), tuple(_AEADS), tuple(_KEMS)
_TAG = 16


@dataclass(frozen=True, slots=True)
class HpkeParameters:
    """What both sides agreed on: names of ``KDFS`` and ``AEADS``, and the application's ``info``."""

    kdf: str = "HKDF-SHA256"
    aead: str = "AES-128-GCM"
    info: bytes = b""


def unwrap(form: str, wrapped: bytes, key: KeyLike, parameters: HpkeParameters, aad: bytes) -> bytes:
    """The data key. Raises FormatError, NotAuthentic or KeyStoreError."""
    suite, enc = _suite(form, key, parameters)
    if len(wrapped) <= enc + _TAG:
        raise FormatError(
            f"The wrapped key has {len(wrapped)} bytes, {form} gives more than {enc + _TAG}", "Check format, encoding"
        )
    private = keys.classical_private(key.algorithm, secret_of(key))
    try:
        if aad:
            return _with_aad("_decrypt_with_aad")(suite, wrapped, private, parameters.info, aad)
        return suite.decrypt(wrapped, private, parameters.info)  # type: ignore[arg-type]  # of the KEM's kind
    except (InvalidTag, ValueError):  # ValueError: enc is no point of the curve
        raise does_not_open(key) from None


def wrap(form: str, plaintext: bytes, key: KeyLike, parameters: HpkeParameters, aad: bytes) -> bytes:
    """For demonstrations and tests."""
    suite, _ = _suite(form, key, parameters)
    public = keys.classical_public(key.algorithm, public_of(key))
    if aad:
        return _with_aad("_encrypt_with_aad")(suite, plaintext, public, parameters.info, aad)
    return suite.encrypt(plaintext, public, parameters.info)  # type: ignore[arg-type]


def _suite(form: str, key: KeyLike, parameters: HpkeParameters) -> tuple[hpke.Suite, int]:
    if key.algorithm not in _KEMS:
        raise needs(form, "an X25519 or P-256", key)
    kem, enc = _KEMS[key.algorithm]
    return hpke.Suite(kem, _KDFS[parameters.kdf], _AEADS[parameters.aead]), enc


def _with_aad(name: str) -> Callable[..., bytes]:
    """HPKE with associated data, which ``cryptography`` has and does not publish yet."""
    function: Callable[..., bytes] | None = getattr(rust_openssl.hpke, name, None)
    if function is None:
        raise KeyStoreError(
            "HPKE with associated data is not available with this version of `cryptography`", "Install 50.0.2"
        )
    return function
