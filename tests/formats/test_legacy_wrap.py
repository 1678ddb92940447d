"""Old wraps against published vectors, and strict about everything around them."""

from __future__ import annotations

from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pqcore.errors import KeyStoreError
from pqcore.formats.errors import FormatError, NotAuthentic
from pqcore.formats.legacy_hpke import HpkeParameters
from pqcore.formats.legacy_wrap import OAEP_HASHES, LegacyWrap, WrapParameters, legacy_wrap, unwrap, wrap
from tests.crypto.vectors import records, rsa_private, rsa_records
from tests.formats.keyring import imported, key

DATA_KEY = bytes(range(32))
AES_FORMS = (LegacyWrap.AES_KW, LegacyWrap.AES_KWP)
HPKE = WrapParameters(hpke=HpkeParameters(aead="AES-256-GCM"))
# The key that opens each form, and what the form leaves open.
KEYS = {
    **dict.fromkeys(AES_FORMS, ("aes-192", WrapParameters())),
    LegacyWrap.AES_GCM: ("aes", WrapParameters()),
    LegacyWrap.HPKE: ("x25519", HPKE),
    LegacyWrap.JWE: ("aes", WrapParameters()),
    LegacyWrap.VAULT: ("aes", WrapParameters()),
}
RSA = ("rsa", WrapParameters(key_bytes=32))
RSA_FORMS = tuple(OAEP_HASHES)
HASHES = tuple(OAEP_HASHES.values())


@pytest.mark.parametrize("bits", [128, 192, 256])
@pytest.mark.parametrize(("form", "name"), [(LegacyWrap.AES_KW, "KW"), (LegacyWrap.AES_KWP, "KWP")])
def test_aes_wrap_vectors_of_nist(form, name, bits):
    opened = refused = 0
    for vector in records(f"keywrap/kwtestvectors/{name}_AD_{bits}.txt", "COUNT"):
        wrapped, kek = bytes.fromhex(vector["C"]), imported(bytes.fromhex(vector["K"]), f"AES-{bits}")
        if "FAIL" in vector:
            with pytest.raises(NotAuthentic):
                unwrap(form, wrapped, kek)
            refused += 1
        else:
            assert unwrap(form, wrapped, kek) == bytes.fromhex(vector["P"])
            assert wrap(form, bytes.fromhex(vector["P"]), kek) == wrapped
            opened += 1
    assert opened
    assert refused


def test_aes_kwp_vectors_of_rfc_5649():
    vectors = list(islice(records("keywrap/kwp_botan.txt", "COUNT"), 2))
    for vector in vectors:
        kek = imported(bytes.fromhex(vector["Key"]), "AES-192")
        assert unwrap(LegacyWrap.AES_KWP, bytes.fromhex(vector["Output"]), kek).hex() == vector["Input"]
    assert len(vectors) == 2


@pytest.mark.parametrize("mgf1_hash", HASHES)
@pytest.mark.parametrize("form", RSA_FORMS)
def test_rsa_oaep_vectors_of_every_pair_of_hashes(form, mgf1_hash):
    names = [name.replace("-", "").lower() for name in (mgf1_hash, OAEP_HASHES[form])]
    path = f"asymmetric/RSA/oaep-custom/oaep-{'-'.join(names)}.txt"
    if names == ["sha1", "sha1"]:
        path = "asymmetric/RSA/pkcs-1v2-1d2-vec/oaep-vect.txt"
    vectors = list(islice(rsa_records(path, "encryption"), 2))
    assert len(vectors) == 2
    for vector in vectors:
        kek, wrapped = imported(rsa_private(vector)), bytes.fromhex(vector["encryption"])
        assert unwrap(form, wrapped, kek, WrapParameters(mgf1_hash=mgf1_hash)) == bytes.fromhex(vector["message"])
        if mgf1_hash != OAEP_HASHES[form]:
            with pytest.raises(NotAuthentic):
                unwrap(form, wrapped, kek)


def test_keys_whose_size_is_no_multiple_of_eight_bits():
    vectors = list(rsa_records("asymmetric/RSA/pkcs-1v2-1d2-vec/oaep-vect.txt", "encryption"))
    kek = imported(rsa_private(vectors[6]))
    assert kek.algorithm == "RSA-1025"
    opened = unwrap(LegacyWrap.RSA_OAEP_SHA1, bytes.fromhex(vectors[6]["encryption"]), kek)
    assert opened == bytes.fromhex(vectors[6]["message"])


def test_a_label_of_boringssl():
    (vector,) = records("asymmetric/RSA/oaep-label.txt", "COUNT")
    label = WrapParameters(bytes.fromhex(vector["OAEPLabel"]))
    kek, wrapped = imported(bytes.fromhex(vector["KEY"])), bytes.fromhex(vector["Input"])
    assert unwrap(LegacyWrap.RSA_OAEP_SHA512, wrapped, kek, label) == vector["Output"].strip('"').encode()
    with pytest.raises(NotAuthentic):
        unwrap(LegacyWrap.RSA_OAEP_SHA512, wrapped, kek)


@pytest.mark.parametrize("form", RSA_FORMS)
@pytest.mark.parametrize("mgf1_hash", [None, "SHA-1", "SHA-384"])
@pytest.mark.parametrize("label", [b"", b"tenant 7", b"\x00\xff"])
def test_oaep_opens_with_its_own_parameters_only(form, mgf1_hash, label):
    parameters = WrapParameters(label, mgf1_hash)
    wrapped = wrap(form, DATA_KEY, key("rsa"), parameters)
    assert unwrap(form, wrapped, key("rsa"), parameters) == DATA_KEY
    others = [(other, parameters) for other in RSA_FORMS if other is not form]
    another_hash = next(name for name in HASHES if name not in (mgf1_hash, OAEP_HASHES[form]))
    others += [(form, WrapParameters(b"another", mgf1_hash)), (form, WrapParameters(label, another_hash))]
    for other, parameter in others:
        with pytest.raises(NotAuthentic):
            unwrap(other, wrapped, key("rsa"), parameter)
    with pytest.raises(NotAuthentic):
        unwrap(form, wrapped, key("other-rsa"), parameters)


@pytest.mark.parametrize("form", AES_FORMS)
@pytest.mark.parametrize("name", ["aes-128", "aes-192", "aes"])
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_aes_wraps_come_back_and_tell_any_change(form, name, data):
    plaintext = data.draw(st.binary(min_size=1, max_size=72))
    if form is LegacyWrap.AES_KW and (len(plaintext) < 16 or len(plaintext) % 8):
        with pytest.raises(FormatError):
            wrap(form, plaintext, key(name))
        return
    wrapped = wrap(form, plaintext, key(name))
    assert unwrap(form, wrapped, key(name)) == plaintext
    bit = data.draw(st.integers(0, 8 * len(wrapped) - 1))
    changed = bytearray(wrapped)
    changed[bit // 8] ^= 1 << bit % 8
    for damaged in (bytes(changed), wrapped[:-8], wrapped[:-1], wrapped + bytes(1), wrapped + bytes(8)):
        with pytest.raises((FormatError, NotAuthentic)):
            unwrap(form, damaged, key(name))
    other = LegacyWrap.AES_KW if form is LegacyWrap.AES_KWP else LegacyWrap.AES_KWP
    with pytest.raises((FormatError, NotAuthentic)):
        unwrap(other, wrapped, key(name))


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(RSA_FORMS), st.integers(0, 2047))
def test_oaep_tells_any_change(form, bit):
    wrapped = wrap(form, DATA_KEY, key("rsa"))
    changed = bytearray(wrapped)
    changed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(NotAuthentic):
        unwrap(form, bytes(changed), key("rsa"))
    for damaged in (wrapped[:-1], wrapped + b"\0", b"\0" + wrapped):
        with pytest.raises(FormatError, match="bytes"):
            unwrap(form, damaged, key("rsa"))


@given(st.sampled_from(LegacyWrap), st.binary(max_size=64) | st.binary(min_size=256, max_size=256))
def test_any_bytes_are_refused_as_wraps(form, data):
    name, parameters = KEYS.get(form, RSA)
    with pytest.raises((FormatError, NotAuthentic)):
        unwrap(form, data, key(name), parameters)


@pytest.mark.parametrize("form", LegacyWrap)
def test_keys_of_the_wrong_kind_are_named(form):
    _, parameters = KEYS.get(form, RSA)
    value = wrap(form, DATA_KEY, key(KEYS.get(form, RSA)[0]), parameters)
    for name in ("ed", "kem", "aes" if form not in KEYS or form is LegacyWrap.HPKE else "ed448"):
        with pytest.raises(KeyStoreError, match="needs an"):
            unwrap(form, value, key(name), parameters)
        with pytest.raises(KeyStoreError, match="needs an"):
            wrap(form, bytes(16), key(name), parameters)


@pytest.mark.parametrize("form", [*RSA_FORMS, LegacyWrap.RSA_PKCS1])
def test_what_is_too_long_for_the_key_is_refused(form):
    with pytest.raises(FormatError, match="too many"):
        wrap(form, bytes(246), key("rsa"))


def test_jose_names():
    assert legacy_wrap("RSA-OAEP") is LegacyWrap.RSA_OAEP_SHA1
    assert legacy_wrap("RSA-OAEP-256") is LegacyWrap.RSA_OAEP_SHA256
    assert legacy_wrap("RSA-OAEP-512") is LegacyWrap.RSA_OAEP_SHA512
    with pytest.raises(FormatError):
        legacy_wrap("RSA1_5")
