"""Old wraps and signatures against Project Wycheproof: what it calls invalid is refused, each in our own way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import islice

import pytest

from pqcore.formats.errors import FormatError, NotAuthentic
from pqcore.formats.legacy_signature import (
    EcdsaEncoding,
    LegacySignature,
    LowS,
    SaltLength,
    SignatureParameters,
    verify_legacy,
)
from pqcore.formats.legacy_wrap import LegacyWrap, WrapParameters, unwrap
from pqcore.keys.provider import Key
from tests.crypto.wycheproof import Case, cases
from tests.formats.keyring import imported

HASHES = {"SHA-1": "sha1", "SHA-224": "sha224", "SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512"}


@lru_cache(maxsize=64)
def held(data: bytes, algorithm: str | None = None) -> Key:
    return imported(data, algorithm)


def judge(found: Iterable[Case], opened: Callable[[Case], bytes], unsupported: Callable[[Case], bool]) -> Counter[str]:
    """Open every case; whatever is refused is refused as data, never by another error.

    Args:
        opened: gives the content of the field ``msg``.
        unsupported: cases that are right and beyond what the form takes here: those have to be refused.

    How many were taken and refused.
    """
    counts: Counter[str] = Counter()
    for case in found:
        try:
            content = opened(case)
        except (FormatError, NotAuthentic):
            assert not case.valid or unsupported(case), case.name
            counts["refused"] += 1
            continue
        assert case.valid or case.acceptable, case.name
        assert not unsupported(case), case.name
        assert content == case.octets("msg"), case.name
        counts["taken"] += 1
    return counts


def never(case: Case) -> bool:
    return False


@pytest.mark.parametrize(("form", "name"), [(LegacyWrap.AES_KW, "aes_wrap"), (LegacyWrap.AES_KWP, "aes_kwp")])
def test_aes_wraps(form: LegacyWrap, name: str) -> None:
    def opened(case: Case) -> bytes:
        kek = held(case.octets("key"), f"AES-{case.group['keySize']}")
        return unwrap(form, case.octets("ct"), kek)

    counts = judge(cases("Cipher", name), opened, never)
    assert counts["taken"] > 30
    assert counts["refused"] > 120


def test_aes_gcm() -> None:
    def opened(case: Case) -> bytes:
        kek = held(case.octets("key"), f"AES-{case.group['keySize']}")
        parameters = WrapParameters(nonce_bytes=case.group["ivSize"] // 8, aad=case.octets("aad"))
        return unwrap(LegacyWrap.AES_GCM, case.octets("iv") + case.octets("ct") + case.octets("tag"), kek, parameters)

    # nonces of other lengths are no choice of the option, and there is no data key without bytes
    found = [case for case in cases("Cipher", "aes_gcm") if 64 <= case.group["ivSize"] <= 1024]
    counts = judge(found, opened, lambda case: not case.fields["msg"])
    assert counts["taken"] > 150
    assert counts["refused"] > 60


@pytest.mark.parametrize("mgf1", ["its own", "SHA-1"])
@pytest.mark.parametrize("name", HASHES)
def test_rsa_oaep(name: str, mgf1: str) -> None:
    mgf1_hash = name if mgf1 == "its own" else mgf1
    form = LegacyWrap(f"RSA-OAEP-{name.replace('-', '')}")

    def opened(case: Case) -> bytes:
        kek = held(case.octets("privateKeyPkcs8"))
        return unwrap(form, case.octets("ct"), kek, WrapParameters(case.octets("label"), mgf1_hash))

    found = cases("Cipher", f"rsa_oaep_2048_{HASHES[name]}_mgf1{HASHES[mgf1_hash]}")
    counts = judge(found, opened, never)
    assert counts["taken"] >= 13
    assert counts["refused"] >= 18


def test_rsa_pkcs1_opens_only_to_what_was_wrapped() -> None:
    """Each is opened as a data key of the length that it has, the wrong ones as one of 16 bytes."""

    def opened(case: Case) -> bytes:
        length = len(case.octets("msg")) if case.valid else 16
        return unwrap(
            LegacyWrap.RSA_PKCS1,
            case.octets("ct"),
            held(case.octets("privateKeyPkcs8")),
            WrapParameters(key_bytes=length),
        )

    counts = judge(islice(cases("Cipher", "rsa_pkcs1_2048"), 45), opened, never)
    assert counts["taken"] > 15
    assert counts["refused"] > 20


def verified(form: LegacySignature, parameters: SignatureParameters) -> Callable[[Case], bytes]:
    def opened(case: Case) -> bytes:
        der = case.group.get("publicKeyDer") or case.group["publicKeyAsn"]
        verify_legacy(form, case.octets("sig"), case.octets("msg"), held(bytes.fromhex(der)), parameters)
        return case.octets("msg")

    return opened


@pytest.mark.parametrize("encoding", EcdsaEncoding)
@pytest.mark.parametrize(
    ("form", "name"),
    [
        (LegacySignature.ECDSA_P256, "ecdsa_secp256r1_sha256"),
        (LegacySignature.ECDSA_P384, "ecdsa_secp384r1_sha384"),
        (LegacySignature.ECDSA_P521, "ecdsa_secp521r1_sha512"),
    ],
)
def test_ecdsa(form: LegacySignature, name: str, encoding: EcdsaEncoding) -> None:
    found = list(cases("Signature", f"{name}_p1363" if encoding is EcdsaEncoding.RAW else name))
    counts = judge(found, verified(form, SignatureParameters(ecdsa_encoding=encoding)), never)
    assert counts["taken"] > 150
    assert counts["refused"] > 80
    strict = SignatureParameters(ecdsa_encoding=encoding, low_s=LowS.REQUIRED)
    lower = Counter[str]()
    for case in found:
        try:
            verified(form, strict)(case)
        except (FormatError, NotAuthentic):
            continue
        lower["taken"] += 1
    assert 0 < lower["taken"] < counts["taken"]


@pytest.mark.parametrize(
    ("form", "name", "digest", "encoding"),
    [
        (LegacySignature.ECDSA_P256, "ecdsa_secp256r1_sha512", "SHA-512", EcdsaEncoding.DER),
        (LegacySignature.ECDSA_P256, "ecdsa_secp256r1_sha512_p1363", "SHA-512", EcdsaEncoding.RAW),
        (LegacySignature.ECDSA_P384, "ecdsa_secp384r1_sha512", "SHA-512", EcdsaEncoding.DER),
        (LegacySignature.ECDSA_P384, "ecdsa_secp384r1_sha512_p1363", "SHA-512", EcdsaEncoding.RAW),
        (LegacySignature.ECDSA_P384, "ecdsa_secp384r1_sha256", "SHA-256", EcdsaEncoding.DER),
    ],
)
def test_ecdsa_with_another_hash(form: LegacySignature, name: str, digest: str, encoding: EcdsaEncoding) -> None:
    found = list(cases("Signature", name))
    counts = judge(found, verified(form, SignatureParameters(ecdsa_encoding=encoding, ecdsa_hash=digest)), never)
    assert counts["taken"] > 150
    with pytest.raises(NotAuthentic):
        verified(form, SignatureParameters(ecdsa_encoding=encoding))(next(case for case in found if case.valid))


@pytest.mark.parametrize(
    ("form", "name"), [(LegacySignature.ED25519, "ed25519"), (LegacySignature.ED448, "ed448")], ids=str
)
def test_edwards_curves(form: LegacySignature, name: str) -> None:
    counts = judge(cases("Signature", name), verified(form, SignatureParameters()), never)
    assert counts["taken"] > 15
    assert counts["refused"] > 60


@pytest.mark.parametrize(
    ("name", "salt"),
    [
        ("2048_sha256_mgf1_0", SaltLength.AUTO),
        ("2048_sha256_mgf1_32", SaltLength.DIGEST),
        ("2048_sha384_mgf1_48", SaltLength.DIGEST),
        ("4096_sha512_mgf1_32", SaltLength.AUTO),
        ("4096_sha512_mgf1_64", SaltLength.DIGEST),
    ],
)
def test_rsa_pss(name: str, salt: SaltLength) -> None:
    form = LegacySignature(f"RSA-PSS-{name.split('_')[1].upper()}")
    found = list(cases("Signature", f"rsa_pss_{name}"))
    if salt is SaltLength.AUTO:  # which is to take a salt of any length
        found = [case for case in found if "s_len changed" not in case.name]
    counts = judge(found, verified(form, SignatureParameters(salt)), never)
    assert counts["taken"] > 50
    assert counts["refused"] > 30


@pytest.mark.parametrize("digest", ["sha256", "sha384", "sha512"])
@pytest.mark.parametrize("bits", [2048, 3072])
def test_rsa_pkcs1_signatures(bits: int, digest: str) -> None:
    form = LegacySignature(f"RSA-PKCS1-{digest.upper()}")
    counts = judge(cases("Signature", f"rsa_signature_{bits}_{digest}"), verified(form, SignatureParameters()), never)
    assert counts["taken"] >= 7
    assert counts["refused"] > 230
