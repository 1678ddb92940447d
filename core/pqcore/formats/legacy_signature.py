"""Old signatures: Ed25519, Ed448 (RFC 8032), ECDSA (FIPS 186-5), RSA-PSS, PKCS #1 v1.5 (RFC 8017), JWS (RFC 7515).

Each form names its hash; ECDSA takes the one of its curve's strength (P-256: SHA-256, P-384: SHA-384, P-521: SHA-512)
unless another one is named.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from pqcore.crypto import keys
from pqcore.errors import KeyStoreError
from pqcore.formats import jws
from pqcore.formats.errors import FormatError, NotAuthentic
from pqcore.formats.keyring import KeyLike, public_of
from pqcore.text import clean


class LegacySignature(StrEnum):
    """How an old signature was made."""

    ED25519 = "Ed25519"
    ED448 = "Ed448"  # pure, with an empty context
    ECDSA_P256 = "ECDSA-P256"
    ECDSA_P384 = "ECDSA-P384"
    ECDSA_P521 = "ECDSA-P521"
    RSA_PSS_SHA256 = "RSA-PSS-SHA256"  # MGF1 with the same hash
    RSA_PSS_SHA384 = "RSA-PSS-SHA384"
    RSA_PSS_SHA512 = "RSA-PSS-SHA512"
    RSA_PKCS1_SHA256 = "RSA-PKCS1-SHA256"
    RSA_PKCS1_SHA384 = "RSA-PKCS1-SHA384"
    RSA_PKCS1_SHA512 = "RSA-PKCS1-SHA512"
    JWS = "JWS"  # compact, with its payload in it
    JWS_DETACHED = "JWS-detached"  # compact, without


class SaltLength(StrEnum):
    """Salt length of RSA-PSS."""

    AUTO = "auto"  # any length, read from the signature
    DIGEST = "digest"  # that of the hash
    MAX = "max"  # the longest that fits the key


class EcdsaEncoding(StrEnum):
    """How the two numbers of an ECDSA signature are written."""

    DER = "der"
    RAW = "raw"  # r || s, each as long as the curve's order (IEEE P1363, JOSE)


class LowS(StrEnum):
    """Which of the two valid ``s`` of an ECDSA signature is taken: ``s`` and ``n - s`` verify alike."""

    ANY = "any"
    REQUIRED = "required"  # the lower one alone


@dataclass(frozen=True, slots=True)
class SignatureParameters:
    """What a form leaves open; each form looks at its own."""

    salt_length: SaltLength = SaltLength.AUTO
    ecdsa_encoding: EcdsaEncoding = EcdsaEncoding.DER
    low_s: LowS = LowS.ANY
    ecdsa_hash: str | None = None  # one of ECDSA_HASHES; None: that of the curve's strength


ECDSA_HASHES: dict[str, hashes.HashAlgorithm] = {
    "SHA-256": hashes.SHA256(),
    "SHA-384": hashes.SHA384(),
    "SHA-512": hashes.SHA512(),
}
_ECDSA: dict[LegacySignature, hashes.HashAlgorithm] = {
    LegacySignature.ECDSA_P256: hashes.SHA256(),
    LegacySignature.ECDSA_P384: hashes.SHA384(),
    LegacySignature.ECDSA_P521: hashes.SHA512(),
}
_PSS: dict[LegacySignature, hashes.HashAlgorithm] = {
    LegacySignature.RSA_PSS_SHA256: hashes.SHA256(),
    LegacySignature.RSA_PSS_SHA384: hashes.SHA384(),
    LegacySignature.RSA_PSS_SHA512: hashes.SHA512(),
}
_PKCS1: dict[LegacySignature, hashes.HashAlgorithm] = {
    LegacySignature.RSA_PKCS1_SHA256: hashes.SHA256(),
    LegacySignature.RSA_PKCS1_SHA384: hashes.SHA384(),
    LegacySignature.RSA_PKCS1_SHA512: hashes.SHA512(),
}
_PLAIN = SignatureParameters()
TOKENS = (LegacySignature.JWS, LegacySignature.JWS_DETACHED)
# RFC 7518 and 8037; RFC 9864 has the Edwards curves under their own names.
_JWS_ALGORITHMS = {
    "RS256": LegacySignature.RSA_PKCS1_SHA256,
    "RS384": LegacySignature.RSA_PKCS1_SHA384,
    "RS512": LegacySignature.RSA_PKCS1_SHA512,
    "PS256": LegacySignature.RSA_PSS_SHA256,
    "PS384": LegacySignature.RSA_PSS_SHA384,
    "PS512": LegacySignature.RSA_PSS_SHA512,
    "ES256": LegacySignature.ECDSA_P256,
    "ES384": LegacySignature.ECDSA_P384,
    "ES512": LegacySignature.ECDSA_P521,
    "Ed25519": LegacySignature.ED25519,
    "Ed448": LegacySignature.ED448,
}
_JWS_PARAMETERS = SignatureParameters(SaltLength.DIGEST, EcdsaEncoding.RAW)


def key_kinds(form: LegacySignature) -> tuple[str, ...]:
    """What the algorithm of a key that verifies this form begins with."""
    if form in TOKENS:
        return ("RSA-", "ECDSA-", "Ed25519", "Ed448")
    return ("RSA-",) if form in _PSS or form in _PKCS1 else (form.value,)


def verify_legacy(
    form: LegacySignature,
    signature: bytes,
    payload: bytes,
    key: KeyLike,
    parameters: SignatureParameters = _PLAIN,
) -> None:
    """Verify an old signature over ``payload`` with the public key of ``key``; a JWS is given whole, in ASCII.

    Raises FormatError where its length or encoding cannot be right, NotAuthentic where it does not verify,
    KeyStoreError where ``key`` is of another kind.
    """
    if form in TOKENS:
        _verify_token(form, signature, payload, key)
        return
    public = keys.classical_public(key.algorithm, public_of(key))
    try:
        if form is LegacySignature.ED25519 and isinstance(public, ed25519.Ed25519PublicKey):
            _length(signature, 64)
            public.verify(signature, payload)
        elif form is LegacySignature.ED448 and isinstance(public, ed448.Ed448PublicKey):
            _length(signature, 114)
            public.verify(signature, payload)
        elif form in _ECDSA and isinstance(public, ec.EllipticCurvePublicKey) and key.algorithm == form:
            der = _ecdsa(signature, public.curve.group_order, parameters)
            digest = _ECDSA[form] if parameters.ecdsa_hash is None else ECDSA_HASHES[parameters.ecdsa_hash]
            public.verify(der, payload, ec.ECDSA(digest))
        elif form in _PSS and isinstance(public, rsa.RSAPublicKey):
            _length(signature, (public.key_size + 7) // 8)
            public.verify(signature, payload, _pss(_PSS[form], parameters.salt_length), _PSS[form])
        elif form in _PKCS1 and isinstance(public, rsa.RSAPublicKey):
            _length(signature, (public.key_size + 7) // 8)
            public.verify(signature, payload, padding.PKCS1v15(), _PKCS1[form])
        else:
            raise KeyStoreError(f"The key {key.id} is of {key.algorithm}, {form} needs another", "Name another key")
    except InvalidSignature:
        raise NotAuthentic(
            f"The old signature does not verify under the key {key.id}", "Check format, payload and old_key"
        ) from None


def _verify_token(form: LegacySignature, value: bytes, payload: bytes, key: KeyLike) -> None:
    token = jws.parse(value)
    name = key.algorithm if token.algorithm == "EdDSA" and key.algorithm in ("Ed25519", "Ed448") else token.algorithm
    signed_as = _JWS_ALGORITHMS.get(name)
    if signed_as is None:
        raise FormatError(
            f"The JWS is of the algorithm {clean(token.algorithm, limit=32)}, which is not read with this key",
            f"Those that are: EdDSA, {', '.join(_JWS_ALGORITHMS)}",
        )
    if form is LegacySignature.JWS and jws.attached(value) != payload:
        raise NotAuthentic("The JWS carries another payload", "Check payload")
    if form is LegacySignature.JWS_DETACHED and token.payload:
        raise FormatError("The JWS carries its payload", "Set format to JWS, without payload")
    verify_legacy(signed_as, token.signature, token.signing_input(payload), key, _JWS_PARAMETERS)


def _pss(digest: hashes.HashAlgorithm, salt_length: SaltLength) -> padding.PSS:
    mgf = padding.MGF1(digest)
    match salt_length:
        case SaltLength.AUTO:
            return padding.PSS(mgf=mgf, salt_length=padding.PSS.AUTO)
        case SaltLength.DIGEST:
            return padding.PSS(mgf=mgf, salt_length=padding.PSS.DIGEST_LENGTH)
        case SaltLength.MAX:
            return padding.PSS(mgf=mgf, salt_length=padding.PSS.MAX_LENGTH)


def _ecdsa(signature: bytes, order: int, parameters: SignatureParameters) -> bytes:
    """The signature in DER. Raises FormatError where it is not encoded as it has to be, NotAuthentic for a high s."""
    if parameters.ecdsa_encoding is EcdsaEncoding.RAW:
        size = (order.bit_length() + 7) // 8
        _length(signature, 2 * size)
        r, s = int.from_bytes(signature[:size], "big"), int.from_bytes(signature[size:], "big")
    else:
        r, s = _from_der(signature)
    if not (0 < r < order and 0 < s < order):
        raise NotAuthentic("The signature holds a number that the curve does not have", "Check format and encoding")
    if parameters.low_s is LowS.REQUIRED and s > order // 2:
        raise NotAuthentic("The signature has the higher s of the two", "Find out who changed it, or set low_s to any")
    return encode_dss_signature(r, s)


def _from_der(signature: bytes) -> tuple[int, int]:
    try:
        r, s = decode_dss_signature(signature)
        if encode_dss_signature(r, s) == signature:  # else it is BER, or has bytes too many
            return r, s
    except ValueError:
        pass
    raise FormatError(
        "The signature is not two numbers in DER", "Check format and encoding, or set ecdsa_encoding to raw"
    )


def _length(signature: bytes, expected: int) -> None:
    if len(signature) != expected:
        raise FormatError(
            f"The signature has {len(signature)} bytes where {expected} are expected", "Check format and encoding"
        )
