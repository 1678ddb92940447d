"""The algorithms this program knows, under the names of their standards.

One entry a parameter set. A name typed by a person, or found in another product's ``crypto_algorithms`` table, is
resolved by ``find``: ``ML-KEM-768``, ``ML-KEM/768``, ``kyber768`` are the same entry.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from pqcore.crypto import liboqs
from pqcore.errors import UsageError

HYBRID_DRAFT = "draft-ietf-hpke-pq-03"
COMPOSITE_DRAFT = "draft-ietf-lamps-pq-composite-sigs-19"


class AlgorithmClass(StrEnum):
    """What an algorithm is for, in the words of ``crypto_algorithms.class`` and of policy roles."""

    KEM = "kem"
    SIG = "sig"
    HASH = "hash"
    SYMMETRIC = "symmetric"


class AlgorithmStatus(StrEnum):
    """Whether an algorithm is to be used."""

    ACTIVE = "active"
    DEPRECATED = "deprecated"  # broken today, or by a quantum computer; listed so that it can be reported
    EXPERIMENTAL = "experimental"  # no final standard yet


@dataclass(frozen=True, slots=True)
class Algorithm:
    """One parameter set. Sizes are bytes, None where they do not apply.

    Attributes:
        klass: what it is for.
        name: the standard's name of the parameter set.
        variant: cost parameters (Argon2id) or the KDF (KEMs, where it is not the default one), else empty.
        nist_level: security category 1 to 5; None where quantum computers break it or none was assigned.
        standard: where it is defined; drafts with their number.
        secret_key: the standard's expanded private key, or the seed where the standard's private key is the seed.
        signature: the largest signature.
        aliases: other spellings, compared without case, ``-``, ``_`` and spaces.
    """

    klass: AlgorithmClass
    name: str
    standard: str
    variant: str = ""
    nist_level: int | None = None
    status: AlgorithmStatus = AlgorithmStatus.ACTIVE
    public_key: int | None = None
    secret_key: int | None = None
    ciphertext: int | None = None
    shared_secret: int | None = None
    signature: int | None = None
    digest: int | None = None
    aliases: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """``NAME`` or ``NAME/VARIANT``; ``find`` takes it back."""
        return f"{self.name}/{self.variant}" if self.variant else self.name

    @property
    def sizes(self) -> dict[str, int]:
        """The sizes that apply, in bytes, by name."""
        names = ("public_key", "secret_key", "ciphertext", "shared_secret", "signature", "digest")
        return {name: size for name in names if (size := getattr(self, name)) is not None}


_KEM, _SIG, _HASH, _SYMMETRIC = AlgorithmClass
_ACTIVE, _DEPRECATED, _EXPERIMENTAL = AlgorithmStatus


def _ml_kem(bits: int, level: int, public: int, secret: int, ciphertext: int) -> Algorithm:
    return Algorithm(
        _KEM,
        f"ML-KEM-{bits}",
        "FIPS 203",
        nist_level=level,
        public_key=public,
        secret_key=secret,
        ciphertext=ciphertext,
        shared_secret=32,
        aliases=(f"kyber{bits}", f"crystals-kyber-{bits}"),
    )


def _hybrid(name: str, level: int, public: int, ciphertext: int, aliases: tuple[str, ...]) -> Algorithm:
    return Algorithm(
        _KEM,
        name,
        HYBRID_DRAFT,
        nist_level=level,
        public_key=public,
        secret_key=32,
        ciphertext=ciphertext,
        shared_secret=32,
        aliases=aliases,
    )


def _with_kdfs(kem: Algorithm) -> Iterator[Algorithm]:
    """The KEM with its default KDF (HKDF-SHA256 at category 3, HKDF-SHA384 at 5), and with each other one of HPKE."""
    yield kem
    for kdf in ("HKDF-SHA384", "HKDF-SHA512", "SHAKE256") if kem.nist_level == 3 else ("HKDF-SHA512", "SHAKE256"):
        yield replace(kem, variant=kdf, aliases=())


def _ml_dsa(number: int, dilithium: int, level: int, public: int, secret: int, signature: int) -> Algorithm:
    return Algorithm(
        _SIG,
        f"ML-DSA-{number}",
        "FIPS 204",
        nist_level=level,
        public_key=public,
        secret_key=secret,
        signature=signature,
        aliases=(f"dilithium{dilithium}", f"crystals-dilithium-{dilithium}"),
    )


def _composite(number: int, curve: str, level: int, public: int, signature: int, ietf: str) -> Algorithm:
    return Algorithm(
        _SIG,
        f"ML-DSA-{number}+{curve}",
        COMPOSITE_DRAFT,
        nist_level=level,
        status=_EXPERIMENTAL,
        public_key=public,
        signature=signature,
        aliases=(f"id-MLDSA{number}-{ietf}",),
    )


def _slh_dsa() -> Iterator[Algorithm]:
    signature = {"128s": 7856, "128f": 17088, "192s": 16224, "192f": 35664, "256s": 29792, "256f": 49856}
    for function in ("SHA2", "SHAKE"):
        for size, length in signature.items():
            n = int(size[:3]) // 8
            yield Algorithm(
                _SIG,
                f"SLH-DSA-{function}-{size}",
                "FIPS 205",
                nist_level={16: 1, 24: 3, 32: 5}[n],
                public_key=2 * n,
                secret_key=4 * n,
                signature=length,
                aliases=(f"sphincs+-{function}-{size}-simple", f"sphincs-{function}-{size}"),
            )


def _hash(name: str, digest: int, level: int | None, standard: str, *aliases: str) -> Algorithm:
    status = _ACTIVE if level is not None else _DEPRECATED
    return Algorithm(_HASH, name, standard, nist_level=level, status=status, digest=digest, aliases=aliases)


def _argon2id(memory: int, passes: int) -> Algorithm:
    return Algorithm(_HASH, "Argon2id", "RFC 9106", variant=f"m={memory},t={passes},p=1", digest=32)


def _rsa(bits: int) -> Algorithm:
    return Algorithm(
        _KEM,
        f"RSA-{bits}",
        "RFC 8017",
        status=_DEPRECATED,
        ciphertext=bits // 8,
        signature=bits // 8,
        aliases=(f"RSA-OAEP-{bits}", f"RSA-PSS-{bits}"),
    )


def _ecdsa(curve: int, der_signature: int) -> Algorithm:
    return Algorithm(
        _SIG,
        f"ECDSA-P{curve}",
        "FIPS 186-5",
        status=_DEPRECATED,
        signature=der_signature,
        aliases=(f"secp{curve}r1",),
    )


CATALOGUE: tuple[Algorithm, ...] = (
    *_with_kdfs(_hybrid("ML-KEM-768+X25519", 3, 1216, 1120, ("MLKEM768-X25519", "X25519-MLKEM768", "X-Wing"))),
    *_with_kdfs(
        _hybrid("ML-KEM-1024+P-384", 5, 1665, 1665, ("MLKEM1024-P384", "P384-MLKEM1024", "SecP384r1MLKEM1024"))
    ),
    _ml_kem(512, 1, 800, 1632, 768),
    *_with_kdfs(_ml_kem(768, 3, 1184, 2400, 1088)),
    *_with_kdfs(_ml_kem(1024, 5, 1568, 3168, 1568)),
    _ml_dsa(44, 2, 2, 1312, 2560, 2420),
    _ml_dsa(65, 3, 3, 1952, 4032, 3309),
    _ml_dsa(87, 5, 5, 2592, 4896, 4627),
    _composite(44, "Ed25519", 2, 1344, 2484, "Ed25519-SHA512"),
    _composite(44, "ECDSA-P256", 2, 1377, 2492, "ECDSA-P256-SHA256"),
    _composite(65, "Ed25519", 3, 1984, 3373, "Ed25519-SHA512"),
    _composite(65, "ECDSA-P256", 3, 2017, 3381, "ECDSA-P256-SHA512"),
    _composite(65, "ECDSA-P384", 3, 2049, 3413, "ECDSA-P384-SHA512"),
    _composite(87, "ECDSA-P384", 5, 2689, 4731, "ECDSA-P384-SHA512"),
    *_slh_dsa(),
    Algorithm(
        _SIG, "Falcon-512", "FIPS 206 (draft)", nist_level=1, status=_EXPERIMENTAL,
        public_key=897, secret_key=1281, signature=752, aliases=("FN-DSA-512",),
    ),
    Algorithm(
        _SIG, "Falcon-1024", "FIPS 206 (draft)", nist_level=5, status=_EXPERIMENTAL,
        public_key=1793, secret_key=2305, signature=1462, aliases=("FN-DSA-1024",),
    ),
    _argon2id(19456, 2),
    _argon2id(65536, 3),
    _hash("SHA-384", 48, 4, "FIPS 180-4"),
    _hash("SHA-512", 64, 5, "FIPS 180-4"),
    _hash("SHA3-384", 48, 4, "FIPS 202"),
    _hash("SHA3-512", 64, 5, "FIPS 202"),
    _hash("HMAC-SHA-384", 48, 4, "FIPS 198-1", "HS384"),
    _hash("HMAC-SHA-512", 64, 5, "FIPS 198-1", "HS512"),
    _hash("HMAC-SHA3-256", 32, 2, "FIPS 198-1"),
    _hash("HMAC-SHA3-384", 48, 4, "FIPS 198-1"),
    _hash("HMAC-SHA3-512", 64, 5, "FIPS 198-1"),
    # Not broken by a quantum computer: listed as active, never a target.
    _hash("SHA-256", 32, 2, "FIPS 180-4"),
    _hash("HMAC-SHA-256", 32, 2, "FIPS 198-1", "HS256"),
    _hash("SHA-1", 20, None, "FIPS 180-4"),
    Algorithm(_SYMMETRIC, "AES-256-GCM", "SP 800-38D", nist_level=5, secret_key=32, aliases=("A256GCM",)),
    Algorithm(_SYMMETRIC, "AES-256-KW", "RFC 3394", nist_level=5, secret_key=32, aliases=("A256KW",)),
    Algorithm(_SYMMETRIC, "AES-192-KW", "RFC 3394", nist_level=3, secret_key=24, aliases=("A192KW",)),
    Algorithm(_SYMMETRIC, "AES-128-KW", "RFC 3394", nist_level=1, secret_key=16, aliases=("A128KW",)),
    _rsa(2048),
    _rsa(3072),
    _rsa(4096),
    _ecdsa(256, 72),
    _ecdsa(384, 104),
    _ecdsa(521, 139),
    Algorithm(
        _SIG, "Ed25519", "RFC 8032", status=_DEPRECATED, public_key=32, secret_key=32, signature=64,
        aliases=("EdDSA",),
    ),
)  # fmt: skip

_TARGETS: dict[str, tuple[str, ...]] = {
    "wrappers": ("ML-KEM-768+X25519", "ML-KEM-1024+P-384", "ML-KEM-768", "ML-KEM-1024"),
    "signatures": (
        "ML-DSA-44",
        "ML-DSA-65",
        "ML-DSA-87",
        "ML-DSA-44+Ed25519",
        "ML-DSA-44+ECDSA-P256",
        "ML-DSA-65+Ed25519",
        "ML-DSA-65+ECDSA-P256",
        "ML-DSA-65+ECDSA-P384",
        "ML-DSA-87+ECDSA-P384",
    ),
    "hashes": (
        "Argon2id",
        "SHA-384",
        "SHA-512",
        "SHA3-384",
        "SHA3-512",
        "HMAC-SHA-384",
        "HMAC-SHA-512",
        "HMAC-SHA3-256",
        "HMAC-SHA3-384",
        "HMAC-SHA3-512",
    ),
}

CLASS_OF_SCOPE: dict[str, AlgorithmClass] = {
    "wrappers": AlgorithmClass.KEM,
    "signatures": AlgorithmClass.SIG,
    "hashes": AlgorithmClass.HASH,
}


def migratable_to(scope: str) -> tuple[Algorithm, ...]:
    """The targets that can be written here for a scope (``hashes``, ``wrappers``, ``signatures``), preferred first.

    SLH-DSA and Falcon are targets of signatures where liboqs has them.
    """
    order = _TARGETS[scope]
    if scope == "signatures":
        order += tuple(name for name in (*liboqs.SLH_DSA, *liboqs.FALCON) if liboqs.has(name))
    return tuple(a for name in order for a in CATALOGUE if a.name == name)


def find(text: str) -> Algorithm:
    """The entry that ``text`` names: NAME, NAME/VARIANT, FAMILY/SET or an alias, in any case.

    ``Argon2id`` alone is its first variant. Raises UsageError, which names near matches, for anything else.
    """
    entry = _INDEX.get(_folded(text))
    if entry is not None:
        return entry
    near = difflib.get_close_matches(_folded(text), _INDEX, n=6, cutoff=0.6)
    names = list(dict.fromkeys(_INDEX[key].label for key in near))[:3]
    remedy = f"Did you mean {' or '.join(names)}" if names else "List the known ones with `pqconsole algorithms`"
    shown = "".join(c if c.isprintable() else "?" for c in text[:64])
    raise UsageError(f"No algorithm is called {shown!r}", remedy)


def _folded(text: str) -> str:
    # "ML-KEM/768", "ml_kem 768" and "MLKEM768" are one spelling; "+", "=" and "," keep their meaning.
    return re.sub(r"[-_/\s]", "", text).casefold()


def _index() -> dict[str, Algorithm]:
    index: dict[str, Algorithm] = {}
    for entry in CATALOGUE:
        for spelling in (entry.label, entry.name, *entry.aliases):
            index.setdefault(_folded(spelling), entry)
    return index


_INDEX = _index()
