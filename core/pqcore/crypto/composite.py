"""Composite ML-DSA (draft-ietf-lamps-pq-composite-sigs-19): ML-DSA and an elliptic curve sign together.

Both signatures are over ``prefix | label | len(context) | context | hash(message)``, ML-DSA's with the label as its own
context string; the composite holds only where both do. Keys and signatures are those of ML-DSA followed by the curve's:
private keys are the 32-byte seed and then 32 bytes (Ed25519) or an ECPrivateKey in DER, public keys end in 32 bytes or
an uncompressed point, ECDSA signatures are DER. Component keys are made for the composite and serve nothing else.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from pqcore.errors import KeyStoreError

DRAFT = 19
_PREFIX = b"CompositeAlgorithmSignatures2025"
_SEED = 32


@dataclass(frozen=True, slots=True)
class _Curve:
    """The classical half: curve (None: Ed25519), hash, order, lengths in bytes, and what an ECPrivateKey is made of.

    Attributes:
        public: length of a public key.
        signature: length of the longest signature.
        scalar: length of a private scalar.
        before: DER (RFC 5915) in front of the scalar.
        after: DER behind it, the curve's name; the draft leaves the public key out.
    """

    curve: type[ec.EllipticCurve] | None
    hash: hashes.HashAlgorithm | None
    order: int
    public: int
    signature: int
    scalar: int = 32
    before: bytes = b""
    after: bytes = b""


_ED25519 = _Curve(None, None, 0, 32, 64)
_P256 = _Curve(
    ec.SECP256R1,
    hashes.SHA256(),
    0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    65,
    72,
    32,
    bytes.fromhex("30310201010420"),
    bytes.fromhex("a00a06082a8648ce3d030107"),
)
_P384 = _Curve(
    ec.SECP384R1,
    hashes.SHA384(),
    0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
    97,
    104,
    48,
    bytes.fromhex("303e0201010430"),
    bytes.fromhex("a00706052b81040022"),
)


@dataclass(frozen=True, slots=True)
class Composite:
    """One composite algorithm.

    Attributes:
        number: the last arc of its OID under 1.3.6.1.5.5.7.6.
        label: the draft's label, bound into both signatures.
        digest: hash of the message.
    """

    number: int
    label: bytes
    digest: Callable[[bytes], Any]
    private: Any
    public: Any
    ml_public: int
    ml_signature: int
    half: _Curve

    @property
    def public_length(self) -> int:
        """Length of a public key in bytes."""
        return self.ml_public + self.half.public

    @property
    def signature_lengths(self) -> tuple[int, int]:
        """Least and greatest length of a signature in bytes."""
        least = 64 if self.half.curve is None else 8
        return self.ml_signature + least, self.ml_signature + self.half.signature


def _of(
    number: int, level: int, label: str, half: _Curve, digest: Callable[[bytes], Any] = hashlib.sha512
) -> Composite:
    private, public, key, signature = {
        44: (mldsa.MLDSA44PrivateKey, mldsa.MLDSA44PublicKey, 1312, 2420),
        65: (mldsa.MLDSA65PrivateKey, mldsa.MLDSA65PublicKey, 1952, 3309),
        87: (mldsa.MLDSA87PrivateKey, mldsa.MLDSA87PublicKey, 2592, 4627),
    }[level]
    return Composite(number, f"COMPSIG-MLDSA{level}-{label}".encode(), digest, private, public, key, signature, half)


COMPOSITES: dict[str, Composite] = {
    "ML-DSA-44+Ed25519": _of(39, 44, "Ed25519-SHA512", _ED25519),
    "ML-DSA-44+ECDSA-P256": _of(40, 44, "ECDSA-P256-SHA256", _P256, hashlib.sha256),
    "ML-DSA-65+Ed25519": _of(48, 65, "Ed25519-SHA512", _ED25519),
    "ML-DSA-65+ECDSA-P256": _of(45, 65, "ECDSA-P256-SHA512", _P256),
    "ML-DSA-65+ECDSA-P384": _of(46, 65, "ECDSA-P384-SHA512", _P384),
    "ML-DSA-87+ECDSA-P384": _of(49, 87, "ECDSA-P384-SHA512", _P384),
}


def generate(algorithm: str) -> bytes:
    """A new private key."""
    half = COMPOSITES[algorithm].half
    if half.curve is None:
        classical = secrets.token_bytes(32)
    else:
        scalar = ec.generate_private_key(half.curve()).private_numbers().private_value
        classical = half.before + scalar.to_bytes(half.scalar, "big") + half.after
    return secrets.token_bytes(_SEED) + classical


def public_of(algorithm: str, secret: bytes) -> bytes:
    """The public key of a private key. Raises KeyStoreError."""
    ml, classical = _private(algorithm, secret)
    public = classical.public_key()
    if isinstance(public, ed25519.Ed25519PublicKey):
        raw = public.public_bytes_raw()
    else:
        raw = public.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    return bytes(ml.public_key().public_bytes_raw()) + raw


def check_public(algorithm: str, public: bytes) -> None:
    """Raises KeyStoreError where the bytes are not a public key of the algorithm."""
    _public(algorithm, public)


def sign(algorithm: str, secret: bytes, message: bytes, context: bytes) -> bytes:
    """A composite signature; ECDSA's ``s`` is the smaller of the two that verify, so that it has one form."""
    composite = COMPOSITES[algorithm]
    ml, classical = _private(algorithm, secret)
    representative = _representative(composite, message, context)
    first = bytes(ml.sign(representative, composite.label))
    if isinstance(classical, ed25519.Ed25519PrivateKey):
        return first + classical.sign(representative)
    assert composite.half.hash is not None
    r, s = decode_dss_signature(classical.sign(representative, ec.ECDSA(composite.half.hash)))
    return first + encode_dss_signature(r, min(s, composite.half.order - s))


def verify(algorithm: str, public: bytes, message: bytes, signature: bytes, context: bytes) -> bool:
    """Whether both halves hold. Raises KeyStoreError for a wrong public key."""
    composite = COMPOSITES[algorithm]
    ml, classical = _public(algorithm, public)
    least, most = composite.signature_lengths
    if not least <= len(signature) <= most:
        return False
    representative = _representative(composite, message, context)
    first, second = signature[: composite.ml_signature], signature[composite.ml_signature :]
    try:
        ml.verify(first, representative, composite.label)
        if isinstance(classical, ed25519.Ed25519PublicKey):
            classical.verify(second, representative)
        else:
            assert composite.half.hash is not None
            classical.verify(second, representative, ec.ECDSA(composite.half.hash))
    except InvalidSignature:
        return False
    return True


def canonical(algorithm: str, signature: bytes) -> bool:
    """Whether ECDSA's half is the one that ``sign`` makes; (r, n - s) verifies too, and is refused where we read."""
    composite = COMPOSITES[algorithm]
    if composite.half.curve is None:
        return True
    try:
        _, s = decode_dss_signature(signature[composite.ml_signature :])
    except ValueError:
        return False
    return 2 * s <= composite.half.order


def _representative(composite: Composite, message: bytes, context: bytes) -> bytes:
    if len(context) > 255:
        raise ValueError("a context string has up to 255 bytes")
    return _PREFIX + composite.label + bytes((len(context),)) + context + bytes(composite.digest(message).digest())


@lru_cache(maxsize=128)
def _private(algorithm: str, secret: bytes) -> tuple[Any, ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey]:
    composite = COMPOSITES[algorithm]
    seed, classical = secret[:_SEED], secret[_SEED:]
    try:
        ml = composite.private.from_seed_bytes(seed)
        if composite.half.curve is None:
            return ml, ed25519.Ed25519PrivateKey.from_private_bytes(classical)
        key = serialization.load_der_private_key(classical, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise _wrong(algorithm, "private") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, composite.half.curve):
        raise _wrong(algorithm, "private")
    return ml, key


@lru_cache(maxsize=128)
def _public(algorithm: str, public: bytes) -> tuple[Any, ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey]:
    composite = COMPOSITES[algorithm]
    first, second = public[: composite.ml_public], public[composite.ml_public :]
    if len(public) != composite.public_length or (composite.half.curve is not None and second[0] != 4):
        raise _wrong(algorithm, "public")
    try:
        ml = composite.public.from_public_bytes(first)
        if composite.half.curve is None:
            return ml, ed25519.Ed25519PublicKey.from_public_bytes(second)
        return ml, ec.EllipticCurvePublicKey.from_encoded_point(composite.half.curve(), second)
    except ValueError:
        raise _wrong(algorithm, "public") from None


def _wrong(algorithm: str, part: str) -> KeyStoreError:
    return KeyStoreError(f"The {part} key is not a key of {algorithm}", "Import the key again")
