"""HPKE suites (RFC 9180) of the KEMs this program seals with, under the numbers of the IANA HPKE registry.

KEM numbers of ML-KEM and the hybrids and KDF numbers of SHAKE come from draft-ietf-hpke-pq, so the draft's number is
kept with every value. The numbers ``cryptography`` gives its enumerations are its own and are never stored.

A KDF is offered where it is no weaker than the KEM: SHAKE128 (128 bits) is under no KEM of ours, HKDF-SHA256 under
none of category 5. The AEAD is always AES-256-GCM.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke

from pqcore.crypto import keys

DRAFT = 3  # draft-ietf-hpke-pq-03
AEAD_TAG = 16


@dataclass(frozen=True, slots=True)
class Suite:
    """KEM, KDF and AEAD by IANA number.

    Attributes:
        algorithm: the KEM's name, that of its keys.
        variant: the KDF's name; empty for the KDF that the KEM goes with by default.
        enc: length of ``enc`` in bytes.
    """

    algorithm: str
    variant: str
    kem: int
    kdf: int
    aead: int
    enc: int

    @property
    def label(self) -> str:
        """As the catalogue has it: ``ML-KEM-768`` or ``ML-KEM-768/SHAKE256``."""
        return f"{self.algorithm}/{self.variant}" if self.variant else self.algorithm

    def encode(self) -> bytes:
        """The three numbers, two bytes each, big endian."""
        return b"".join(number.to_bytes(2, "big") for number in (self.kem, self.kdf, self.aead))


_AES_256_GCM = 0x0002
# The KDFs by name.
KDFS = {"HKDF-SHA256": 0x0001, "HKDF-SHA384": 0x0002, "HKDF-SHA512": 0x0003, "SHAKE256": 0x0011}
# Number, length of enc, and the KDFs, the default one first.
_KEM_NUMBERS: dict[str, tuple[int, int, tuple[str, ...]]] = {
    "ML-KEM-768+X25519": (0x647A, 1120, ("HKDF-SHA256", "HKDF-SHA384", "HKDF-SHA512", "SHAKE256")),
    "ML-KEM-1024+P-384": (0x0051, 1665, ("HKDF-SHA384", "HKDF-SHA512", "SHAKE256")),
    "ML-KEM-768": (0x0041, 1088, ("HKDF-SHA256", "HKDF-SHA384", "HKDF-SHA512", "SHAKE256")),
    "ML-KEM-1024": (0x0042, 1568, ("HKDF-SHA384", "HKDF-SHA512", "SHAKE256")),
}

SUITES: tuple[Suite, ...] = tuple(
    Suite(algorithm, "" if kdf == kdfs[0] else kdf, number, KDFS[kdf], _AES_256_GCM, enc)
    for algorithm, (number, enc, kdfs) in _KEM_NUMBERS.items()
    for kdf in kdfs
)

_KEMS = {
    0x647A: hpke.KEM.MLKEM768_X25519,
    0x0051: hpke.KEM.MLKEM1024_P384,
    0x0041: hpke.KEM.MLKEM768,
    0x0042: hpke.KEM.MLKEM1024,
}
_KDFS = {
    0x0001: hpke.KDF.HKDF_SHA256,
    0x0002: hpke.KDF.HKDF_SHA384,
    0x0003: hpke.KDF.HKDF_SHA512,
    0x0011: hpke.KDF.SHAKE256,
}


def suite_of(algorithm: str, variant: str = "") -> Suite | None:
    """The suite of a KEM and the name of a KDF (empty: its default); None where this build does not have it."""
    return next((suite for suite in SUITES if (suite.algorithm, suite.variant) == (algorithm, variant)), None)


def kdfs_of(algorithm: str) -> tuple[str, ...]:
    """The KDFs that a KEM goes with, the default one first; empty for what is no KEM of this build."""
    return _KEM_NUMBERS[algorithm][2] if algorithm in _KEM_NUMBERS else ()


def suite_numbered(kem: int, kdf: int, aead: int) -> Suite | None:
    """The suite of these IANA numbers, None where this build does not have it."""
    return next((s for s in SUITES if (s.kem, s.kdf, s.aead) == (kem, kdf, aead)), None)


def seal(suite: Suite, public: bytes, plaintext: bytes, info: bytes) -> bytes:
    """HPKE base mode, single shot, empty associated data: ``enc || ct``. Raises KeyStoreError for a bad key."""
    return _engine(suite).encrypt(plaintext, keys.kem_public(suite.algorithm, public), info)


def open_sealed(suite: Suite, secret: bytes, enc_ct: bytes, info: bytes) -> bytes | None:
    """The plaintext, or None where key, ``info`` or ciphertext do not belong together."""
    if len(enc_ct) < suite.enc + AEAD_TAG:
        return None
    try:
        return _engine(suite).decrypt(enc_ct, keys.kem_private(suite.algorithm, secret), info)
    except (InvalidTag, ValueError):  # ValueError: a point of the hybrid's classical half is not on its curve
        return None


@lru_cache(maxsize=len(SUITES))
def _engine(suite: Suite) -> hpke.Suite:
    return hpke.Suite(_KEMS[suite.kem], _KDFS[suite.kdf], hpke.AEAD.AES_256_GCM)
