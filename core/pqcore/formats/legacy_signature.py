"""Old signatures: Ed25519 (RFC 8032), ECDSA P-256 with SHA-256 in DER (FIPS 186-5), RSA-PSS with SHA-256 (RFC 8017)."""

from __future__ import annotations

from enum import StrEnum

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from pqcore.crypto import keys
from pqcore.errors import KeyStoreError
from pqcore.formats.errors import FormatError, NotAuthentic
from pqcore.formats.keyring import KeyLike, public_of


class LegacySignature(StrEnum):
    """How an old signature was made."""

    ED25519 = "Ed25519"
    ECDSA_P256 = "ECDSA-P256"  # SHA-256, DER
    RSA_PSS_SHA256 = "RSA-PSS-SHA256"  # MGF1 with SHA-256


class SaltLength(StrEnum):
    """Salt length of RSA-PSS."""

    AUTO = "auto"  # any length, read from the signature
    DIGEST = "digest"  # 32 bytes
    MAX = "max"  # the longest that fits the key


def verify_legacy(
    form: LegacySignature,
    signature: bytes,
    payload: bytes,
    key: KeyLike,
    *,
    salt_length: SaltLength = SaltLength.AUTO,
) -> None:
    """Verify an old signature over ``payload`` with the public key of ``key``.

    Raises FormatError where its length or DER cannot be right, NotAuthentic where it does not verify, KeyStoreError
    where ``key`` is of another kind.
    """
    public = keys.classical_public(key.algorithm, public_of(key))
    try:
        if form is LegacySignature.ED25519 and isinstance(public, ed25519.Ed25519PublicKey):
            _length(signature, 64, 64)
            public.verify(signature, payload)
        elif form is LegacySignature.ECDSA_P256 and isinstance(public, ec.EllipticCurvePublicKey) and _is_p256(public):
            _length(signature, 8, 72)
            if signature[0] != 0x30:
                raise FormatError("The signature is not DER", "Check format and encoding")
            public.verify(signature, payload, ec.ECDSA(hashes.SHA256()))
        elif form is LegacySignature.RSA_PSS_SHA256 and isinstance(public, rsa.RSAPublicKey):
            size = public.key_size // 8
            _length(signature, size, size)
            public.verify(signature, payload, _pss(salt_length), hashes.SHA256())
        else:
            raise KeyStoreError(f"The key {key.id} is of {key.algorithm}, {form} needs another", "Name another key")
    except InvalidSignature:
        raise NotAuthentic(
            f"The old signature does not verify under the key {key.id}", "Check format, payload and old_key"
        ) from None


def _is_p256(public: ec.EllipticCurvePublicKey) -> bool:
    return isinstance(public.curve, ec.SECP256R1)


def _pss(salt_length: SaltLength) -> padding.PSS:
    mgf = padding.MGF1(hashes.SHA256())
    match salt_length:
        case SaltLength.AUTO:
            return padding.PSS(mgf=mgf, salt_length=padding.PSS.AUTO)
        case SaltLength.DIGEST:
            return padding.PSS(mgf=mgf, salt_length=padding.PSS.DIGEST_LENGTH)
        case SaltLength.MAX:
            return padding.PSS(mgf=mgf, salt_length=padding.PSS.MAX_LENGTH)


def _length(signature: bytes, least: int, most: int) -> None:
    if not least <= len(signature) <= most:
        expected = str(most) if least == most else f"{least} to {most}"
        raise FormatError(
            f"The signature has {len(signature)} bytes where {expected} are expected", "Check format and encoding"
        )
