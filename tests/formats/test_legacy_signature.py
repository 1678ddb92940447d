"""Old signatures against published vectors, and strict about everything around them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from hypothesis import given, settings
from hypothesis import strategies as st

from pqcore.crypto import keys
from pqcore.errors import KeyStoreError
from pqcore.formats.errors import FormatError, NotAuthentic
from pqcore.formats.legacy_signature import (
    TOKENS,
    EcdsaEncoding,
    LegacySignature,
    LowS,
    SaltLength,
    SignatureParameters,
    key_kinds,
    verify_legacy,
)
from tests.crypto.vectors import ROOT, records
from tests.formats.keyring import imported, key

PAYLOAD = b"pay 100 to alice"
RAW = SignatureParameters(ecdsa_encoding=EcdsaEncoding.RAW)
DIGESTS = {"SHA256": hashes.SHA256(), "SHA384": hashes.SHA384(), "SHA512": hashes.SHA512()}
CURVES = {
    LegacySignature.ECDSA_P256: ("ecdsa", "SHA256", ec.SECP256R1()),
    LegacySignature.ECDSA_P384: ("ecdsa-384", "SHA384", ec.SECP384R1()),
    LegacySignature.ECDSA_P521: ("ecdsa-521", "SHA512", ec.SECP521R1()),
}
FORMS = tuple(form for form in LegacySignature if form not in TOKENS)
RSA_FORMS = tuple(form for form in LegacySignature if form.startswith("RSA-"))


def key_name(form: LegacySignature) -> str:
    """The key of the tests that signs in this form."""
    if form in CURVES:
        return CURVES[form][0]
    return {LegacySignature.ED25519: "ed", LegacySignature.ED448: "ed448"}.get(form, "rsa")


def sign(form: LegacySignature | str, payload: bytes = PAYLOAD, salt: object = padding.PSS.DIGEST_LENGTH) -> bytes:
    """A signature as an old application made it (ECDSA in DER)."""
    form = LegacySignature(form)
    signer = key(key_name(form))
    private = keys.classical_private(signer.algorithm, signer.secret)
    if form in CURVES:
        return private.sign(payload, ec.ECDSA(DIGESTS[CURVES[form][1]]))
    if form not in RSA_FORMS:
        return private.sign(payload)
    digest = DIGESTS[form[-6:]]
    pad = padding.PSS(padding.MGF1(digest), salt) if "PSS" in form else padding.PKCS1v15()
    return private.sign(payload, pad, digest)


@lru_cache
def signed_once(form: LegacySignature) -> bytes:
    """The same signature at every call; ECDSA and PSS never sign twice alike."""
    return sign(form)


def raw(form: LegacySignature, der: bytes) -> bytes:
    """The same ECDSA signature as r || s."""
    size = (CURVES[form][2].key_size + 7) // 8
    return b"".join(number.to_bytes(size, "big") for number in decode_dss_signature(der))


@pytest.mark.parametrize("form", FORMS)
def test_signatures_verify_over_their_payload_only(form):
    signature = sign(form)
    verify_legacy(form, signature, PAYLOAD, key(key_name(form)))
    with pytest.raises(NotAuthentic):
        verify_legacy(form, signature, PAYLOAD + b"0", key(key_name(form)))


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_any_change_is_told(form, data):
    signature = signed_once(form)
    bit = data.draw(st.integers(0, 8 * len(signature) - 1))
    changed = bytearray(signature)
    changed[bit // 8] ^= 1 << bit % 8
    for damaged in (bytes(changed), signature[:-1], signature[1:], signature + b"\0", b"\0" + signature):
        with pytest.raises((FormatError, NotAuthentic)):
            verify_legacy(form, damaged, PAYLOAD, key(key_name(form)))


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=30, deadline=None)
@given(data=st.binary(max_size=300))
def test_any_bytes_are_refused(form, data):
    for parameters in (SignatureParameters(), RAW):
        with pytest.raises((FormatError, NotAuthentic)):
            verify_legacy(form, data, PAYLOAD, key(key_name(form)), parameters)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("other", FORMS)
def test_no_form_passes_for_another(form, other):
    if form is other:
        return
    signature = sign(form)
    with pytest.raises((FormatError, NotAuthentic, KeyStoreError)):
        verify_legacy(other, signature, PAYLOAD, key(key_name(form)))
    if key_kinds(form) != key_kinds(other):
        with pytest.raises(KeyStoreError, match="needs another"):
            verify_legacy(other, signature, PAYLOAD, key(key_name(form)))


@pytest.mark.parametrize("name", ["aes", "x25519"])
def test_keys_that_verify_nothing_are_named(name):
    with pytest.raises(KeyStoreError, match=r"no public part|needs another"):
        verify_legacy(LegacySignature.ED25519, bytes(64), PAYLOAD, key(name))


@pytest.mark.parametrize("form", [form for form in RSA_FORMS if "PSS" in form])
def test_salt_lengths_are_held_to(form):
    longest = sign(form, salt=padding.PSS.MAX_LENGTH)
    for salt in (SaltLength.AUTO, SaltLength.MAX):
        verify_legacy(form, longest, PAYLOAD, key("rsa"), SignatureParameters(salt))
    with pytest.raises(NotAuthentic):
        verify_legacy(form, longest, PAYLOAD, key("rsa"), SignatureParameters(SaltLength.DIGEST))


@pytest.mark.parametrize("form", CURVES)
def test_raw_and_der_are_never_taken_for_each_other(form):
    der = sign(form)
    verify_legacy(form, raw(form, der), PAYLOAD, key(key_name(form)), RAW)
    with pytest.raises(FormatError):
        verify_legacy(form, raw(form, der), PAYLOAD, key(key_name(form)))
    with pytest.raises(FormatError):
        verify_legacy(form, der, PAYLOAD, key(key_name(form)), RAW)


@pytest.mark.parametrize("form", CURVES)
def test_numbers_out_of_range_are_refused(form):
    r, s = decode_dss_signature(sign(form))
    order = CURVES[form][2].group_order
    for numbers in ((0, s), (r, 0), (0, 0), (r, order), (order, s), (r, s + order)):
        with pytest.raises((FormatError, NotAuthentic)):
            verify_legacy(form, encode_dss_signature(*numbers), PAYLOAD, key(key_name(form)))


def test_der_has_one_spelling():
    form = LegacySignature.ECDSA_P256
    der = sign(form)
    padded = der[:2] + bytes((2, der[3] + 1, 0)) + der[4:]
    for other in (
        bytes((0x30, 0x81, der[1])) + der[2:],  # the length in its long form
        bytes((0x30, der[1] + 1)) + padded[2:],  # r with a zero too many
        bytes((0x30, 0x80)) + der[2:] + b"\0\0",  # indefinite length
        der + b"\0",
        bytes((0x30, der[1] + 2)) + der[2:] + b"\5\0",  # a third element
    ):
        with pytest.raises(FormatError):
            verify_legacy(form, other, PAYLOAD, key("ecdsa"))


@pytest.mark.parametrize("form", CURVES)
@pytest.mark.parametrize("encoding", EcdsaEncoding)
def test_the_second_s_verifies_unless_low_s_is_required(form, encoding):
    order = CURVES[form][2].group_order
    r, s = decode_dss_signature(sign(form))
    low, high = (encode_dss_signature(r, one) for one in sorted((s, order - s)))
    if encoding is EcdsaEncoding.RAW:
        low, high = raw(form, low), raw(form, high)
    for signature in (low, high):
        verify_legacy(form, signature, PAYLOAD, key(key_name(form)), SignatureParameters(ecdsa_encoding=encoding))
    strict = SignatureParameters(ecdsa_encoding=encoding, low_s=LowS.REQUIRED)
    verify_legacy(form, low, PAYLOAD, key(key_name(form)), strict)
    with pytest.raises(NotAuthentic, match="higher s"):
        verify_legacy(form, high, PAYLOAD, key(key_name(form)), strict)


def test_ed25519_vectors():
    for count, line in enumerate((ROOT / "asymmetric/Ed25519/sign.input").read_text().splitlines()):
        _, public, message, signed, _ = line.split(":")
        spki = bytes.fromhex("302a300506032b6570032100" + public)
        verify_legacy(LegacySignature.ED25519, bytes.fromhex(signed)[:64], bytes.fromhex(message), imported(spki))
        if count == 63:
            break
    assert count == 63


def test_ed448_vectors_of_rfc_8032():
    valid = refused = 0
    for vector in records("asymmetric/Ed448/rfc8032.txt", "COUNT"):
        spki = bytes.fromhex("3043300506032b6571033a00" + vector["PUBLIC"])
        arguments = (bytes.fromhex(vector["SIGNATURE"]), bytes.fromhex(vector["MESSAGE"]), imported(spki))
        if "CONTEXT" in vector:
            with pytest.raises(NotAuthentic):
                verify_legacy(LegacySignature.ED448, *arguments)
            refused += 1
        else:
            verify_legacy(LegacySignature.ED448, *arguments)
            valid += 1
    assert valid > 5
    assert refused


@pytest.mark.parametrize("form", CURVES)
@pytest.mark.parametrize("encoding", EcdsaEncoding)
def test_ecdsa_vectors(form, encoding):
    _, digest, curve = CURVES[form]
    section = (
        (ROOT / "asymmetric/ECDSA/FIPS_186-3/SigVer.rsp").read_text().split(f"[P-{form[-3:]},SHA-{digest[3:]}]")[1]
    )
    valid = invalid = 0
    record: dict[str, str] = {}
    for line in section.split("\n[")[0].splitlines():
        name, _, value = (part.strip() for part in line.partition("="))
        record[name] = value
        if name != "Result":
            continue
        public = ec.EllipticCurvePublicNumbers(int(record["Qx"], 16), int(record["Qy"], 16), curve).public_key()
        spki = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        signature = encode_dss_signature(int(record["R"], 16), int(record["S"], 16))
        parameters = SignatureParameters(ecdsa_encoding=encoding)
        if encoding is EcdsaEncoding.RAW:
            signature = raw(form, signature)
        arguments = (form, signature, bytes.fromhex(record["Msg"]), imported(spki), parameters)
        if value.startswith("P"):
            verify_legacy(*arguments)
            valid += 1
        else:
            with pytest.raises((NotAuthentic, FormatError)):
                verify_legacy(*arguments)
            invalid += 1
    assert valid
    assert invalid


def rsa_vectors(path: str, digest: str) -> Iterator[dict[str, str]]:
    """Records of NIST's RSA verification vectors of one hash, for keys of 2048 bits and more."""
    record: dict[str, str] = {}
    for line in (ROOT / path).read_text().splitlines():
        name, _, value = (part.strip() for part in line.partition("="))
        record[name] = value
        if name == "Result" and record["SHAAlg"] == digest and len(record["n"]) >= 512:
            yield dict(record)


@pytest.mark.parametrize("form", RSA_FORMS)
def test_rsa_vectors(form):
    path = f"asymmetric/RSA/FIPS_186-2/SigVer{'PSS' if 'PSS' in form else '15'}_186-3.rsp"
    results = []
    for vector in rsa_vectors(path, form[-6:]):
        public = rsa.RSAPublicNumbers(int(vector["e"], 16), int(vector["n"], 16)).public_key()
        spki = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        arguments = (form, bytes.fromhex(vector["S"]), bytes.fromhex(vector["Msg"]), imported(spki))
        results.append(vector["Result"][:1])
        if vector["Result"].startswith("P"):
            verify_legacy(*arguments)
        else:
            with pytest.raises(NotAuthentic):
                verify_legacy(*arguments)
    assert {"P", "F"} == set(results)
