"""Keys as bytes and as objects: generating, loading and identifying them.

Encodings are those of ``pqcore.keys.provider``. A hybrid HPKE private key is the 32-byte seed of
draft-ietf-hpke-pq-03: SHAKE256 stretches it to the ML-KEM seed (64 bytes) followed by the X25519 private key
(32 bytes) or the P-384 scalar (48 bytes, big endian); the public key is both public keys, ML-KEM's first.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hpke, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, mldsa, mlkem, rsa, x25519

from pqcore.crypto import catalogue, composite, liboqs
from pqcore.errors import KeyStoreError, PQConsoleError

RSA_SIZES = (2048, 3072, 4096)
SYMMETRIC_SIZES = {"AES-128": 16, "AES-192": 24, "AES-256": 32}
# Generated length; an imported one may have any length from MIN_SHARED_SECRET to MAX_SHARED_SECRET.
SHARED_SECRETS = {
    "HMAC-SHA-256": 32,
    "HMAC-SHA-384": 48,
    "HMAC-SHA-512": 64,
    "HMAC-SHA3-256": 32,
    "HMAC-SHA3-384": 48,
    "HMAC-SHA3-512": 64,
    "PEPPER": 32,
}
MIN_SHARED_SECRET = 16
MAX_SHARED_SECRET = 1024
SEAL_SECRET = 32

MLKEM_ALGORITHMS = ("ML-KEM-768", "ML-KEM-1024")
HYBRID_ALGORITHMS = ("ML-KEM-768+X25519", "ML-KEM-1024+P-384")
MLDSA_ALGORITHMS = ("ML-DSA-44", "ML-DSA-65", "ML-DSA-87")
_SEEDS = dict.fromkeys(MLKEM_ALGORITHMS, 64) | dict.fromkeys((*HYBRID_ALGORITHMS, *MLDSA_ALGORITHMS), 32)
_CURVES: dict[str, type[ec.EllipticCurve]] = {
    "ECDSA-P256": ec.SECP256R1,
    "ECDSA-P384": ec.SECP384R1,
    "ECDSA-P521": ec.SECP521R1,
}
# Curves whose keys are of one kind only: signing with the Edwards curves, key agreement with X25519.
_FIXED: dict[str, type[ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey | x25519.X25519PrivateKey]] = {
    "Ed25519": ed25519.Ed25519PrivateKey,
    "Ed448": ed448.Ed448PrivateKey,
    "X25519": x25519.X25519PrivateKey,
}

GENERATED: tuple[str, ...] = (
    *HYBRID_ALGORITHMS,
    *MLKEM_ALGORITHMS,
    *MLDSA_ALGORITHMS,
    *composite.COMPOSITES,
    *SYMMETRIC_SIZES,
    *SHARED_SECRETS,
    *(f"RSA-{bits}" for bits in RSA_SIZES),
    *_CURVES,
    *_FIXED,
)

# Made and used where liboqs is installed; they can be held and moved anywhere.
LIBOQS_ALGORITHMS = (*liboqs.SLH_DSA, *liboqs.FALCON)

HybridPrivateKey = hpke.MLKEM768X25519PrivateKey | hpke.MLKEM1024P384PrivateKey
HybridPublicKey = hpke.MLKEM768X25519PublicKey | hpke.MLKEM1024P384PublicKey
KemPrivateKey = mlkem.MLKEM768PrivateKey | mlkem.MLKEM1024PrivateKey | HybridPrivateKey
KemPublicKey = mlkem.MLKEM768PublicKey | mlkem.MLKEM1024PublicKey | HybridPublicKey
MldsaPrivateKey = mldsa.MLDSA44PrivateKey | mldsa.MLDSA65PrivateKey | mldsa.MLDSA87PrivateKey
MldsaPublicKey = mldsa.MLDSA44PublicKey | mldsa.MLDSA65PublicKey | mldsa.MLDSA87PublicKey
ClassicalPrivateKey = (
    rsa.RSAPrivateKey
    | ec.EllipticCurvePrivateKey
    | ed25519.Ed25519PrivateKey
    | ed448.Ed448PrivateKey
    | x25519.X25519PrivateKey
)
ClassicalPublicKey = (
    rsa.RSAPublicKey
    | ec.EllipticCurvePublicKey
    | ed25519.Ed25519PublicKey
    | ed448.Ed448PublicKey
    | x25519.X25519PublicKey
)


@dataclass(frozen=True, slots=True)
class KeyMaterial:
    """The bytes of a key; never printed. ``seal_secret`` is set for KEM keys."""

    secret: bytes = field(repr=False)
    public: bytes | None = field(default=None, repr=False)
    seal_secret: bytes | None = field(default=None, repr=False)


class Identified(NamedTuple):
    """What an imported file holds: ``secret`` is None for a public key, ``public`` for a symmetric one."""

    algorithm: str
    secret: bytes | None
    public: bytes | None


def canonical_name(algorithm: str) -> str:
    """The key algorithm that a person means: ``aes-128``, ``kyber768`` and ``pepper`` are understood too.

    Raises KeyStoreError for an algorithm that has no keys here.
    """
    for name in (*GENERATED, *LIBOQS_ALGORITHMS):
        if algorithm.casefold() == name.casefold():
            return name
    try:
        name = catalogue.find(algorithm).name
    except PQConsoleError:
        name = ""
    if name in GENERATED or name in LIBOQS_ALGORITHMS:
        return name
    raise KeyStoreError(
        f"There are no keys of the algorithm {algorithm[:64]!r}", f"Choose one of {', '.join(GENERATED)}"
    )


def generate(algorithm: str, *, expanded: bool = False) -> KeyMaterial:
    """A new key. Raises KeyStoreError for an unknown algorithm, or one that needs liboqs where that is missing.

    Args:
        expanded: an ML-DSA key in the form that liboqs signs with, some eight times faster; it signs nowhere else.
    """
    name = canonical_name(algorithm)
    if expanded and name not in MLDSA_ALGORITHMS:
        raise KeyStoreError(
            f"Keys of {name} have one form only", f"Expanded keys are those of {' and '.join(MLDSA_ALGORITHMS)}"
        )
    if name in SYMMETRIC_SIZES or name in SHARED_SECRETS:
        return KeyMaterial(secrets.token_bytes((SYMMETRIC_SIZES | SHARED_SECRETS)[name]))
    if expanded:
        secret, public = liboqs.generate(name)
        return KeyMaterial(secret + public, public)
    if name in _SEEDS:
        secret = secrets.token_bytes(_SEEDS[name])
    elif name in composite.COMPOSITES:
        secret = composite.generate(name)
    elif name in LIBOQS_ALGORITHMS:
        secret, public = liboqs.generate(name)
        return KeyMaterial(secret + public if name in liboqs.FALCON else secret, public)
    elif name.startswith("RSA-"):
        secret = _pkcs8(rsa.generate_private_key(65537, int(name.removeprefix("RSA-"))))
    elif name in _CURVES:
        secret = _pkcs8(ec.generate_private_key(_CURVES[name]()))
    else:
        secret = _pkcs8(_FIXED[name].generate())
    return KeyMaterial(secret, public_of(name, secret), seal_secret_for(name))


def seal_secret_for(algorithm: str) -> bytes | None:
    """32 random bytes for a KEM key (generated or imported), None for any other."""
    return secrets.token_bytes(SEAL_SECRET) if is_kem(algorithm) else None


def is_kem(algorithm: str) -> bool:
    """Whether keys of this algorithm seal wrapped keys."""
    return algorithm in MLKEM_ALGORITHMS or algorithm in HYBRID_ALGORITHMS


def public_of(algorithm: str, secret: bytes) -> bytes | None:
    """The public key of a private key; None for symmetric algorithms. Raises KeyStoreError."""
    if algorithm in SYMMETRIC_SIZES or algorithm in SHARED_SECRETS:
        check_symmetric(algorithm, secret)
        return None
    if algorithm in HYBRID_ALGORITHMS:
        return _expand_hybrid(algorithm, secret)[2]
    if algorithm in MLKEM_ALGORITHMS:
        return _mlkem_private(algorithm, secret).public_key().public_bytes_raw()
    if algorithm in MLDSA_ALGORITHMS:
        parts = expanded_parts(algorithm, secret)
        return parts[1] if parts else mldsa_private(algorithm, secret).public_key().public_bytes_raw()
    if algorithm in composite.COMPOSITES:
        return composite.public_of(algorithm, secret)
    if algorithm in liboqs.FALCON:
        return falcon_parts(algorithm, secret)[1]
    if algorithm in liboqs.SLH_DSA:  # FIPS 205: the public key is the second half of the private one
        _length(algorithm, "private key", secret, catalogue.find(algorithm).secret_key or 0)
        return secret[len(secret) // 2 :]
    return _spki(classical_private(algorithm, secret).public_key())


def falcon_parts(algorithm: str, secret: bytes) -> tuple[bytes, bytes]:
    """Private and public key: Falcon's private key does not hold the public one, so it is kept behind it."""
    entry = catalogue.find(algorithm)
    private, public = entry.secret_key or 0, entry.public_key or 0
    _length(algorithm, "private key with its public key", secret, private + public)
    return secret[:private], secret[private:]


def expanded_parts(algorithm: str, secret: bytes) -> tuple[bytes, bytes] | None:
    """Private and public key of an ML-DSA key in the expanded form of FIPS 204; None for a seed.

    The expanded key does not hold the whole public one, so that is kept behind it.
    """
    entry = catalogue.find(algorithm)
    private, public = entry.secret_key or 0, entry.public_key or 0
    if algorithm not in MLDSA_ALGORITHMS or len(secret) != private + public:
        return None
    return secret[:private], secret[private:]


def check_symmetric(algorithm: str, secret: bytes) -> bytes:
    """``secret``, checked for its length. Raises KeyStoreError."""
    if algorithm in SYMMETRIC_SIZES:
        _length(algorithm, "key", secret, SYMMETRIC_SIZES[algorithm])
    elif algorithm not in SHARED_SECRETS:
        raise _wrong_kind(algorithm, "a symmetric key")
    elif not MIN_SHARED_SECRET <= len(secret) <= MAX_SHARED_SECRET:
        raise KeyStoreError(
            f"A key of {algorithm} has {MIN_SHARED_SECRET} to {MAX_SHARED_SECRET} bytes, this one has {len(secret)}",
            "Import the key as raw bytes, not as text",
        )
    return secret


# The loaders cache: expanding a seed or checking an RSA key costs more than using it. The objects are safe to share.


@lru_cache(maxsize=128)
def kem_private(algorithm: str, secret: bytes) -> KemPrivateKey:
    """The private key object for HPKE. Raises KeyStoreError for a wrong algorithm or length."""
    if algorithm in HYBRID_ALGORITHMS:
        return _expand_hybrid(algorithm, secret)[0]
    return _mlkem_private(algorithm, secret)


def mlkem_pair(
    algorithm: str, seed: bytes
) -> tuple[mlkem.MLKEM768PrivateKey | mlkem.MLKEM1024PrivateKey, mlkem.MLKEM768PublicKey | mlkem.MLKEM1024PublicKey]:
    """Private and public key object of a plain ML-KEM seed. Raises KeyStoreError for a wrong algorithm or length."""
    private = _mlkem_private(algorithm, seed)
    return private, private.public_key()


@lru_cache(maxsize=128)
def kem_public(algorithm: str, public: bytes) -> KemPublicKey:
    """The public key object for HPKE. Raises KeyStoreError for a wrong algorithm, length or point."""
    if not is_kem(algorithm):
        raise _wrong_kind(algorithm, "a KEM key")
    _length(algorithm, "public key", public, catalogue.find(algorithm).public_key or 0)
    try:
        match algorithm:
            case "ML-KEM-768":
                return mlkem.MLKEM768PublicKey.from_public_bytes(public)
            case "ML-KEM-1024":
                return mlkem.MLKEM1024PublicKey.from_public_bytes(public)
            case "ML-KEM-768+X25519":
                return hpke.MLKEM768X25519PublicKey(
                    mlkem.MLKEM768PublicKey.from_public_bytes(public[:1184]),
                    x25519.X25519PublicKey.from_public_bytes(public[1184:]),
                )
            case _:
                return hpke.MLKEM1024P384PublicKey(
                    mlkem.MLKEM1024PublicKey.from_public_bytes(public[:1568]),
                    ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP384R1(), public[1568:]),
                )
    except ValueError:
        raise KeyStoreError(f"The public key is not a key of {algorithm}", "Import the key again") from None


@lru_cache(maxsize=128)
def mldsa_private(algorithm: str, secret: bytes) -> MldsaPrivateKey:
    """The signing key of a 32-byte seed (FIPS 204). Raises KeyStoreError for a wrong algorithm or length."""
    _check_mldsa(algorithm)
    _length(algorithm, "seed", secret, 32)
    match algorithm:
        case "ML-DSA-44":
            return mldsa.MLDSA44PrivateKey.from_seed_bytes(secret)
        case "ML-DSA-65":
            return mldsa.MLDSA65PrivateKey.from_seed_bytes(secret)
        case _:
            return mldsa.MLDSA87PrivateKey.from_seed_bytes(secret)


@lru_cache(maxsize=128)
def mldsa_public(algorithm: str, public: bytes) -> MldsaPublicKey:
    """The verification key (FIPS 204 encoding). Raises KeyStoreError for a wrong algorithm or length."""
    _check_mldsa(algorithm)
    _length(algorithm, "public key", public, catalogue.find(algorithm).public_key or 0)
    match algorithm:
        case "ML-DSA-44":
            return mldsa.MLDSA44PublicKey.from_public_bytes(public)
        case "ML-DSA-65":
            return mldsa.MLDSA65PublicKey.from_public_bytes(public)
        case _:
            return mldsa.MLDSA87PublicKey.from_public_bytes(public)


@lru_cache(maxsize=128)
def classical_private(algorithm: str, secret: bytes) -> ClassicalPrivateKey:
    """An RSA, ECDSA, Ed25519, Ed448 or X25519 private key from PKCS#8 DER. Raises KeyStoreError for another kind."""
    try:
        key = serialization.load_der_private_key(secret, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise KeyStoreError(f"The private key of {algorithm} cannot be read", "Import the key again") from None
    if not isinstance(key, ClassicalPrivateKey):
        raise _wrong_kind(algorithm, "an RSA, elliptic curve or Edwards curve key")
    _same_kind(algorithm, key.public_key())
    return key


@lru_cache(maxsize=128)
def classical_public(algorithm: str, public: bytes) -> ClassicalPublicKey:
    """An RSA, ECDSA, Ed25519, Ed448 or X25519 public key from SubjectPublicKeyInfo DER. Raises KeyStoreError."""
    try:
        key = serialization.load_der_public_key(public)
    except (ValueError, UnsupportedAlgorithm):
        raise KeyStoreError(f"The public key of {algorithm} cannot be read", "Import the key again") from None
    if not isinstance(key, ClassicalPublicKey):
        raise _wrong_kind(algorithm, "an RSA, elliptic curve or Edwards curve key")
    _same_kind(algorithm, key)
    return key


def identify(data: bytes, algorithm: str | None = None) -> Identified:
    """What an imported key is: PEM or DER (private or public), or raw bytes of the named algorithm.

    Raises KeyStoreError where it is none of these, is encrypted, or is not of the algorithm that was named.
    """
    named = canonical_name(algorithm) if algorithm is not None and not _is_rsa_name(algorithm) else algorithm
    parsed = _parse_private(data) or _parse_public(data)
    if parsed is None:
        parsed = _raw(data, named)
    if named is not None and parsed.algorithm.casefold() != named.casefold():
        raise KeyStoreError(f"The key is of {parsed.algorithm}, not of {named}", f"Import it as {parsed.algorithm}")
    return parsed


def _parse_private(data: bytes) -> Identified | None:
    load = serialization.load_pem_private_key if _is_pem(data) else serialization.load_der_private_key
    try:
        key = load(data, password=None)
    except TypeError:
        raise KeyStoreError(
            "The private key is encrypted with a passphrase", "Decrypt it first, e.g. with `openssl pkey`"
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        return None
    if isinstance(key, ClassicalPrivateKey):
        public = key.public_key()
        return Identified(_classical_name(public), _pkcs8(key), _spki(public))
    name = _SEEDED.get(type(key).__name__)
    if name is None:
        raise _unsupported(key)
    seed: bytes = getattr(key, "private_bytes_raw")()  # noqa: B009 - no common type declares it
    return Identified(name, seed, public_of(name, seed))


def _parse_public(data: bytes) -> Identified | None:
    load = serialization.load_pem_public_key if _is_pem(data) else serialization.load_der_public_key
    try:
        key = load(data)
    except (ValueError, UnsupportedAlgorithm):
        return None
    if isinstance(key, ClassicalPublicKey):
        return Identified(_classical_name(key), None, _spki(key))
    name = _SEEDED.get(type(key).__name__.replace("Public", "Private"))
    if name is None:
        raise _unsupported(key)
    raw: bytes = getattr(key, "public_bytes_raw")()  # noqa: B009
    return Identified(name, None, raw)


_SEEDED = {
    "MLKEM768PrivateKey": "ML-KEM-768",
    "MLKEM1024PrivateKey": "ML-KEM-1024",
    "MLDSA44PrivateKey": "ML-DSA-44",
    "MLDSA65PrivateKey": "ML-DSA-65",
    "MLDSA87PrivateKey": "ML-DSA-87",
}


def _raw(data: bytes, algorithm: str | None) -> Identified:
    if algorithm is None or _is_pem(data):
        raise KeyStoreError(
            "The file holds no key that can be read",
            "Give a PEM or DER key, or raw bytes together with their algorithm",
        )
    if algorithm in SYMMETRIC_SIZES or algorithm in SHARED_SECRETS:
        return Identified(algorithm, check_symmetric(algorithm, data), None)
    if algorithm in composite.COMPOSITES or algorithm in LIBOQS_ALGORITHMS:
        return _raw_signature_key(data, algorithm)
    if algorithm not in _SEEDS:
        raise KeyStoreError(f"The file holds no key of {algorithm}", "Give it as PEM or DER")
    if len(data) == _SEEDS[algorithm] or expanded_parts(algorithm, data):
        return Identified(algorithm, data, public_of(algorithm, data))
    if len(data) == catalogue.find(algorithm).public_key:
        (kem_public if is_kem(algorithm) else mldsa_public)(algorithm, data)
        return Identified(algorithm, None, data)
    raise KeyStoreError(
        f"A private key of {algorithm} is its seed of {_SEEDS[algorithm]} bytes, this one has {len(data)}",
        "Export the seed, not the expanded key",
    )


def _raw_signature_key(data: bytes, algorithm: str) -> Identified:
    if len(data) != catalogue.find(algorithm).public_key:
        return Identified(algorithm, data, public_of(algorithm, data))
    if algorithm in composite.COMPOSITES:
        composite.check_public(algorithm, data)
    return Identified(algorithm, None, data)


def _expand_hybrid(algorithm: str, seed: bytes) -> tuple[HybridPrivateKey, HybridPublicKey, bytes]:
    """Private key, public key and public key bytes of a hybrid seed (draft-ietf-hpke-pq-03)."""
    _length(algorithm, "seed", seed, 32)
    if algorithm == "ML-KEM-768+X25519":
        stretched = hashlib.shake_256(seed).digest(64 + 32)
        pq768 = mlkem.MLKEM768PrivateKey.from_seed_bytes(stretched[:64])
        x = x25519.X25519PrivateKey.from_private_bytes(stretched[64:])
        pair768 = hpke.MLKEM768X25519PrivateKey(pq768, x)
        raw = pq768.public_key().public_bytes_raw() + x.public_key().public_bytes_raw()
        return pair768, pair768.public_key(), raw
    stretched = hashlib.shake_256(seed).digest(64 + 48)
    pq1024 = mlkem.MLKEM1024PrivateKey.from_seed_bytes(stretched[:64])
    try:
        p = ec.derive_private_key(int.from_bytes(stretched[64:], "big"), ec.SECP384R1())
    except ValueError:  # the scalar is zero or beyond the order: once in 2^190 seeds
        raise KeyStoreError("The seed gives no P-384 key", "Generate another key") from None
    pair1024 = hpke.MLKEM1024P384PrivateKey(pq1024, p)
    point = p.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    return pair1024, pair1024.public_key(), pq1024.public_key().public_bytes_raw() + point


def _mlkem_private(algorithm: str, secret: bytes) -> mlkem.MLKEM768PrivateKey | mlkem.MLKEM1024PrivateKey:
    if algorithm not in MLKEM_ALGORITHMS:
        raise _wrong_kind(algorithm, "a KEM key")
    _length(algorithm, "seed", secret, 64)
    if algorithm == "ML-KEM-768":
        return mlkem.MLKEM768PrivateKey.from_seed_bytes(secret)
    return mlkem.MLKEM1024PrivateKey.from_seed_bytes(secret)


def _classical_name(key: ClassicalPublicKey) -> str:
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA-{key.key_size}"
    if isinstance(key, ed25519.Ed25519PublicKey):
        return "Ed25519"
    if isinstance(key, ed448.Ed448PublicKey):
        return "Ed448"
    if isinstance(key, x25519.X25519PublicKey):
        return "X25519"
    for name, curve in _CURVES.items():
        if isinstance(key.curve, curve):
            return name
    raise KeyStoreError(f"Keys on the curve {key.curve.name} are not supported", "Use P-256, P-384 or P-521")


def _same_kind(algorithm: str, key: ClassicalPublicKey) -> None:
    if _classical_name(key) != algorithm:
        raise KeyStoreError(f"The key is of {_classical_name(key)}, not of {algorithm}", "Import the key again")


def _check_mldsa(algorithm: str) -> None:
    if algorithm not in MLDSA_ALGORITHMS:
        raise _wrong_kind(algorithm, "an ML-DSA key")


def _length(algorithm: str, what: str, data: bytes, expected: int) -> None:
    if len(data) != expected:
        raise KeyStoreError(
            f"The {what} of {algorithm} has {expected} bytes, this one has {len(data)}", "Import the key again"
        )


def _wrong_kind(algorithm: str, wanted: str) -> KeyStoreError:
    return KeyStoreError(f"A key of {algorithm} is not {wanted}", "Name a key of the right kind")


def _unsupported(key: object) -> KeyStoreError:
    kind = type(key).__name__.removesuffix("PrivateKey").removesuffix("PublicKey")
    return KeyStoreError(f"Keys of the kind {kind} are not supported", f"Choose one of {', '.join(GENERATED)}")


def _is_rsa_name(algorithm: str) -> bool:
    # Old RSA keys come in every size; they can be imported though never generated.
    return algorithm.upper().startswith("RSA-") and algorithm[4:].isdigit()


def _is_pem(data: bytes) -> bool:
    return b"-----BEGIN " in data


def _pkcs8(key: ClassicalPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _spki(key: ClassicalPublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
