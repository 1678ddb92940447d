"""HPKE suites (RFC 9180) of the KEMs this program seals with, under the numbers of the IANA HPKE registry.

KEM numbers of ML-KEM and the hybrids come from draft-ietf-hpke-pq, so the draft's number is kept with every value.
The numbers ``cryptography`` gives its enumerations are its own and are never stored.
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
    """KEM, KDF and AEAD by IANA number; ``algorithm`` is the KEM's name and ``enc`` the length of ``enc`` in bytes."""

    algorithm: str
    kem: int
    kdf: int
    aead: int
    enc: int

    def encode(self) -> bytes:
        """The three numbers, two bytes each, big endian."""
        return b"".join(number.to_bytes(2, "big") for number in (self.kem, self.kdf, self.aead))


_HKDF_SHA256, _HKDF_SHA384 = 0x0001, 0x0002
_AES_256_GCM = 0x0002

SUITES: tuple[Suite, ...] = (
    Suite("ML-KEM-768+X25519", 0x647A, _HKDF_SHA256, _AES_256_GCM, 1120),
    Suite("ML-KEM-1024+P-384", 0x0051, _HKDF_SHA384, _AES_256_GCM, 1665),
    Suite("ML-KEM-768", 0x0041, _HKDF_SHA256, _AES_256_GCM, 1088),
    Suite("ML-KEM-1024", 0x0042, _HKDF_SHA384, _AES_256_GCM, 1568),
)

_KEMS = {
    0x647A: hpke.KEM.MLKEM768_X25519,
    0x0051: hpke.KEM.MLKEM1024_P384,
    0x0041: hpke.KEM.MLKEM768,
    0x0042: hpke.KEM.MLKEM1024,
}
_KDFS = {_HKDF_SHA256: hpke.KDF.HKDF_SHA256, _HKDF_SHA384: hpke.KDF.HKDF_SHA384}


def suite_of(algorithm: str) -> Suite | None:
    """The suite that keys of this algorithm seal with; None where it is no KEM of ours."""
    return next((suite for suite in SUITES if suite.algorithm == algorithm), None)


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
