"""Old wraps and signatures against published vectors, and strict about everything around them."""

from __future__ import annotations

from itertools import islice

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from hypothesis import given, settings
from hypothesis import strategies as st

from pqcore.crypto import keys
from pqcore.errors import KeyStoreError
from pqcore.formats.errors import FormatError, NotAuthentic
from pqcore.formats.legacy_signature import LegacySignature, SaltLength, verify_legacy
from pqcore.formats.legacy_wrap import LegacyWrap, legacy_wrap, unwrap, wrap
from pqcore.keys.memory import MemoryKeyProvider
from tests.crypto.vectors import ROOT, records
from tests.formats.keyring import key

DATA_KEY = bytes(range(32))
PAYLOAD = b"pay 100 to alice"


def imported(data, algorithm=None):
    provider = MemoryKeyProvider()
    provider.import_key("k", data, algorithm=algorithm)
    return provider.get("k")


@pytest.mark.parametrize("bits", [128, 192, 256])
def test_aes_kw_vectors(bits):
    opened = refused = 0
    for vector in records(f"keywrap/kwtestvectors/KW_AD_{bits}.txt", "COUNT"):
        wrapped, kek = bytes.fromhex(vector["C"]), imported(bytes.fromhex(vector["K"]), f"AES-{bits}")
        if "FAIL" in vector:
            with pytest.raises(NotAuthentic):
                unwrap(LegacyWrap.AES_KW, wrapped, kek)
            refused += 1
        else:
            assert unwrap(LegacyWrap.AES_KW, wrapped, kek) == bytes.fromhex(vector["P"])
            opened += 1
    assert opened
    assert refused


def rsa_vectors(path):
    """(private key DER, label, message, ciphertext) of an OAEP vector file."""
    lines = [line.strip() for line in (ROOT / path).read_text().splitlines()]
    named: dict[str, str] = {}
    name = ""
    for line in lines:
        if line.startswith("#"):
            name = line.strip("# :").lower()
            named.pop(name, None)
        elif line:
            named[name] = named.get(name, "") + line.replace(" ", "")
            if name == "encryption":
                yield dict(named)


def oaep_key(vector):
    n, e, d, p, q = (int(vector[name], 16) for name in ("modulus", "public exponent", "exponent", "prime 1", "prime 2"))
    numbers = rsa.RSAPrivateNumbers(
        p, q, d, rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q), rsa.RSAPublicNumbers(e, n)
    )
    return keys._pkcs8(numbers.private_key())


@pytest.mark.parametrize("form", [LegacyWrap.RSA_OAEP_SHA256])
def test_rsa_oaep_vectors(form):
    vectors = list(islice(rsa_vectors("asymmetric/RSA/oaep-custom/oaep-sha256-sha256.txt"), 6))
    assert len(vectors) == 6
    for vector in vectors:
        kek = imported(oaep_key(vector))
        assert unwrap(form, bytes.fromhex(vector["encryption"]), kek) == bytes.fromhex(vector["message"])


@pytest.mark.parametrize("form", LegacyWrap)
@pytest.mark.parametrize("label", [b"", b"tenant 7"])
def test_wraps_open_with_their_own_parameters_only(form, label):
    kek, other = (key("aes-128"), key("aes")) if form is LegacyWrap.AES_KW else (key("rsa"), key("other-rsa"))
    wrapped = wrap(form, DATA_KEY, kek, label=label)
    assert unwrap(form, wrapped, kek, label=label) == DATA_KEY
    with pytest.raises(NotAuthentic):
        unwrap(form, wrapped, other, label=label)
    if form is not LegacyWrap.AES_KW:
        with pytest.raises(NotAuthentic):
            unwrap(form, wrapped, kek, label=b"another")
        hashed = {LegacyWrap.RSA_OAEP_SHA1: LegacyWrap.RSA_OAEP_SHA256}.get(form, LegacyWrap.RSA_OAEP_SHA1)
        with pytest.raises(NotAuthentic):
            unwrap(hashed, wrapped, kek, label=label)


@given(st.binary(max_size=64))
def test_any_bytes_are_refused_as_wraps(data):
    for form, name in ((LegacyWrap.AES_KW, "aes-192"), (LegacyWrap.RSA_OAEP_SHA256, "rsa")):
        with pytest.raises((FormatError, NotAuthentic)):
            unwrap(form, data, key(name))


def test_keys_of_the_wrong_kind_are_named():
    for form, name in ((LegacyWrap.AES_KW, "rsa"), (LegacyWrap.RSA_OAEP_SHA1, "ed")):
        with pytest.raises(KeyStoreError, match="needs an"):
            unwrap(form, bytes(256), key(name))
        with pytest.raises(KeyStoreError, match="needs an"):
            wrap(form, bytes(16), key(name))


def test_jose_names():
    assert legacy_wrap("RSA-OAEP") is LegacyWrap.RSA_OAEP_SHA1
    assert legacy_wrap("RSA-OAEP-256") is LegacyWrap.RSA_OAEP_SHA256
    with pytest.raises(FormatError):
        legacy_wrap("RSA1_5")


def sign(name, payload=PAYLOAD, salt=padding.PSS.DIGEST_LENGTH):
    private = keys.classical_private(key(name).algorithm, key(name).secret)
    if name == "rsa":
        return private.sign(payload, padding.PSS(padding.MGF1(hashes.SHA256()), salt), hashes.SHA256())
    if name.startswith("ecdsa"):
        return private.sign(payload, ec.ECDSA(hashes.SHA256()))
    return private.sign(payload)


FORMS = [
    (LegacySignature.ED25519, "ed"),
    (LegacySignature.ECDSA_P256, "ecdsa"),
    (LegacySignature.RSA_PSS_SHA256, "rsa"),
]


@pytest.mark.parametrize(("form", "name"), FORMS)
def test_signatures_verify_over_their_payload_only(form, name):
    signature = sign(name)
    verify_legacy(form, signature, PAYLOAD, key(name))
    with pytest.raises(NotAuthentic):
        verify_legacy(form, signature, PAYLOAD + b"0", key(name))


@pytest.mark.parametrize(("form", "name"), FORMS)
@settings(max_examples=40, deadline=None)
@given(data=st.binary(max_size=300))
def test_any_bytes_are_refused_as_signatures(form, name, data):
    with pytest.raises((FormatError, NotAuthentic)):
        verify_legacy(form, data, PAYLOAD, key(name))


def test_salt_lengths_are_held_to():
    longest = sign("rsa", salt=padding.PSS.MAX_LENGTH)
    for salt in (SaltLength.AUTO, SaltLength.MAX):
        verify_legacy(LegacySignature.RSA_PSS_SHA256, longest, PAYLOAD, key("rsa"), salt_length=salt)
    with pytest.raises(NotAuthentic):
        verify_legacy(LegacySignature.RSA_PSS_SHA256, longest, PAYLOAD, key("rsa"), salt_length=SaltLength.DIGEST)


def test_ecdsa_is_der_on_p256():
    der = sign("ecdsa")
    r, s = decode_dss_signature(der)
    with pytest.raises(FormatError):
        verify_legacy(LegacySignature.ECDSA_P256, r.to_bytes(32, "big") + s.to_bytes(32, "big"), PAYLOAD, key("ecdsa"))
    with pytest.raises((FormatError, NotAuthentic)):
        verify_legacy(LegacySignature.ECDSA_P256, der + b"\0", PAYLOAD, key("ecdsa"))
    with pytest.raises(NotAuthentic):
        verify_legacy(LegacySignature.ECDSA_P256, encode_dss_signature(0, 0), PAYLOAD, key("ecdsa"))
    with pytest.raises(KeyStoreError, match="ECDSA-P384"):
        verify_legacy(LegacySignature.ECDSA_P256, der, PAYLOAD, key("ecdsa-384"))
    with pytest.raises(KeyStoreError, match="no public part"):
        verify_legacy(LegacySignature.ECDSA_P256, der, PAYLOAD, key("aes"))


def test_ed25519_vectors():
    for count, line in enumerate((ROOT / "asymmetric/Ed25519/sign.input").read_text().splitlines()):
        _, public, message, signed, _ = line.split(":")
        spki = bytes.fromhex("302a300506032b6570032100" + public)
        verify_legacy(LegacySignature.ED25519, bytes.fromhex(signed)[:64], bytes.fromhex(message), imported(spki))
        if count == 63:
            break
    assert count == 63


def test_ecdsa_p256_vectors():
    text = (ROOT / "asymmetric/ECDSA/FIPS_186-3/SigVer.rsp").read_text()
    section = text.split("[P-256,SHA-256]")[1].split("\n[")[0]
    valid = invalid = 0
    record: dict[str, str] = {}
    for line in section.splitlines():
        name, _, value = (part.strip() for part in line.partition("="))
        record[name] = value
        if name != "Result":
            continue
        point = bytes.fromhex("04" + record["Qx"].zfill(64) + record["Qy"].zfill(64))
        spki = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200") + point
        der = encode_dss_signature(int(record["R"], 16), int(record["S"], 16))
        if value.startswith("P"):
            verify_legacy(LegacySignature.ECDSA_P256, der, bytes.fromhex(record["Msg"]), imported(spki))
            valid += 1
        else:
            with pytest.raises((NotAuthentic, FormatError)):
                verify_legacy(LegacySignature.ECDSA_P256, der, bytes.fromhex(record["Msg"]), imported(spki))
            invalid += 1
    assert valid
    assert invalid
