"""Bytes without a mark of their own: what their length fits."""

from __future__ import annotations

from collections.abc import Mapping

from pqcore.crypto.catalogue import CATALOGUE, AlgorithmClass
from pqcore.crypto.suites import AEAD_TAG, SUITES
from pqcore.formats.detection import forms
from pqcore.formats.detection.forms import Candidate, Form, Use, curve, post_quantum, rsa, symmetric

_AES_BITS = (128, 192, 256)
_DATA_KEYS = (16, 24, 32, 48, 64)  # bytes of a data key
_RSA_BITS = (1024, 2048, 3072, 4096)

_DIGESTS: Mapping[int, tuple[Form, ...]] = {
    16: (
        forms.MD5,
        forms.HMAC_MD5,
        forms.RAW_MD5,
        forms.NTLM,
        forms.LM,
        forms.RAW_MD4,
        forms.MSDCC,
        forms.MSDCC2,
        forms.UUID,
    ),
    20: (forms.SHA_1, forms.RIPEMD_160, forms.HMAC_SHA_1, forms.RAW_SHA_1),
    28: (forms.SHA_224, forms.SHA3_224, forms.HMAC_SHA_224, forms.RAW_SHA_224),
    32: (forms.SHA_256, forms.SHA3_256, forms.BLAKE2S, forms.HMAC_SHA_256, forms.HMAC_SHA3_256, forms.RAW_SHA_256),
    48: (forms.SHA_384, forms.SHA3_384, forms.HMAC_SHA_384, forms.HMAC_SHA3_384, forms.RAW_SHA_384),
    64: (forms.SHA_512, forms.SHA3_512, forms.BLAKE2B, forms.HMAC_SHA_512, forms.HMAC_SHA3_512, forms.RAW_SHA_512),
}
_SIGNATURES: Mapping[int, tuple[str, ...]] = {
    64: ("Ed25519", "ECDSA-P256"),
    96: ("ECDSA-P384",),
    114: ("Ed448",),
    132: ("ECDSA-P521",),
}
_X25519_POINT, _P256_POINT = 32, 65
_GCM = 28  # bytes of nonce and tag
_RANDOM_UP_TO = 64  # bytes that applications make at random for many ends


def _table() -> dict[int, tuple[Candidate, ...]]:
    found: dict[int, list[Form]] = {size: list(known) for size, known in _DIGESTS.items()}

    def add(size: int, form: Form) -> None:
        found.setdefault(size, []).append(form)

    for size, names in _SIGNATURES.items():
        for name in names:
            add(size, curve(name, Use.SIGNATURE))
    for key in _DATA_KEYS:
        for bits in _AES_BITS:
            add(key + 8, symmetric(f"AES-{bits}-KW", Use.WRAPPED_KEY, bits))
            add(key + _GCM, symmetric(f"AES-{bits}-GCM key wrap", Use.WRAPPED_KEY, bits))
        add(_X25519_POINT + key + AEAD_TAG, curve("HPKE X25519", Use.WRAPPED_KEY))
        for suite in SUITES:
            add(suite.enc + key + AEAD_TAG, _kem(f"HPKE {suite.algorithm}", suite.algorithm))
    for bits in _RSA_BITS:
        add(bits // 8, rsa(bits, Use.WRAPPED_KEY))
        add(bits // 8, rsa(bits, Use.SIGNATURE))
    for algorithm in CATALOGUE:
        if algorithm.nist_level is None:
            continue
        if algorithm.klass is AlgorithmClass.SIG and algorithm.signature is not None:
            add(algorithm.signature, post_quantum(algorithm.name, Use.SIGNATURE, algorithm.nist_level))
        if algorithm.klass is AlgorithmClass.KEM and algorithm.ciphertext is not None:
            add(algorithm.ciphertext, post_quantum(algorithm.name, Use.WRAPPED_KEY, algorithm.nist_level))
    for size, known in found.items():
        if size <= _RANDOM_UP_TO and forms.RANDOM not in known:
            known.append(forms.RANDOM)
    return {size: tuple(Candidate(form) for form in dict.fromkeys(known)) for size, known in found.items()}


def _kem(name: str, algorithm: str) -> Form:
    category = next(a.nist_level for a in CATALOGUE if a.name == algorithm)
    return post_quantum(name, Use.WRAPPED_KEY, category)


_BY_LENGTH = _table()
# An uncompressed point says so in its first byte.
_P256_LENGTHS = frozenset(_P256_POINT + key + AEAD_TAG for key in _DATA_KEYS)
_HPKE_P256 = Candidate(curve("HPKE P-256", Use.WRAPPED_KEY))
LONGEST = max(_BY_LENGTH)
SHORTEST = min(_BY_LENGTH)


def by_length(data: bytes) -> tuple[Candidate, ...]:
    """Every form that has this many bytes."""
    known = _BY_LENGTH.get(len(data), ())
    if len(data) in _P256_LENGTHS and data[0] == 4:
        return (*known, _HPKE_P256)
    return known
