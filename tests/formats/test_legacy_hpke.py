"""HPKE with X25519 and P-256 against RFC 9180, and against any change."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, x25519
from hypothesis import given, settings
from hypothesis import strategies as st

from pqcore.errors import KeyStoreError
from pqcore.formats import legacy_hpke
from pqcore.formats.errors import FormatError, NotAuthentic
from pqcore.formats.legacy_hpke import AEADS, KDFS, HpkeParameters
from pqcore.formats.legacy_wrap import LegacyWrap, WrapParameters, unwrap, wrap
from tests.crypto.vectors import ROOT
from tests.formats.keyring import imported, key

FORM = LegacyWrap.HPKE
DATA_KEY = bytes(range(32))
KDF_NUMBERS = {1: "HKDF-SHA256", 2: "HKDF-SHA384", 3: "HKDF-SHA512"}
AEAD_NUMBERS = {1: "AES-128-GCM", 2: "AES-256-GCM", 3: "ChaCha20-Poly1305"}
VECTORS = [
    v
    for v in json.loads((ROOT / "HPKE/test-vectors.json").read_text())
    if v["mode"] == 0 and v["kem_id"] in (16, 32) and v["aead_id"] in AEAD_NUMBERS
]


def private_key(vector):
    secret = bytes.fromhex(vector["skRm"])
    if vector["kem_id"] == 32:
        private = x25519.X25519PrivateKey.from_private_bytes(secret)
    else:
        private = ec.derive_private_key(int.from_bytes(secret, "big"), ec.SECP256R1())
    return private.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: f"{v['kem_id']}-{v['kdf_id']}-{v['aead_id']}")
def test_vectors_of_rfc_9180(vector):
    first = vector["encryptions"][0]
    kek, wrapped = imported(private_key(vector)), bytes.fromhex(vector["enc"] + first["ct"])
    suite = HpkeParameters(
        KDF_NUMBERS[vector["kdf_id"]], AEAD_NUMBERS[vector["aead_id"]], bytes.fromhex(vector["info"])
    )
    parameters = WrapParameters(aad=bytes.fromhex(first["aad"]), hpke=suite)
    assert unwrap(FORM, wrapped, kek, parameters) == bytes.fromhex(first["pt"])
    for wrong in (
        replace(parameters, aad=b""),
        replace(parameters, hpke=replace(suite, info=b"")),
        *(replace(parameters, hpke=replace(suite, kdf=kdf)) for kdf in KDFS if kdf != suite.kdf),
        *(replace(parameters, hpke=replace(suite, aead=aead)) for aead in AEADS if aead != suite.aead),
    ):
        with pytest.raises(NotAuthentic):
            unwrap(FORM, wrapped, kek, wrong)


def test_the_vectors_cover_both_kems_and_all_aeads():
    assert {(v["kem_id"], v["aead_id"]) for v in VECTORS} == {(kem, aead) for kem in (16, 32) for aead in (1, 2, 3)}


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(["x25519", "ecdsa"]),
    st.sampled_from(KDFS),
    st.sampled_from(AEADS),
    st.binary(max_size=16),
    st.binary(max_size=16),
    st.data(),
)
def test_values_come_back_and_tell_any_change(name, kdf, aead, info, aad, data):
    parameters = WrapParameters(aad=aad, hpke=HpkeParameters(kdf, aead, info))
    wrapped = wrap(FORM, DATA_KEY, key(name), parameters)
    assert unwrap(FORM, wrapped, key(name), parameters) == DATA_KEY
    place = data.draw(st.integers(0, len(wrapped) - 1))
    changed = bytearray(wrapped)
    # X25519 does not look at the highest bit of a point; HPKE binds enc, so the change is told all the same
    changed[place] ^= data.draw(st.sampled_from([1, 0x80]))
    for damaged in (bytes(changed), wrapped[:-1], wrapped[1:], wrapped + b"\0", b"\0" + wrapped):
        with pytest.raises((FormatError, NotAuthentic)):
            unwrap(FORM, damaged, key(name), parameters)
    with pytest.raises((FormatError, NotAuthentic)):
        unwrap(FORM, wrapped, key("other-x25519"), parameters)


@given(st.sampled_from(["x25519", "ecdsa"]), st.binary(max_size=120))
def test_any_bytes_are_refused(name, data):
    with pytest.raises((FormatError, NotAuthentic)):
        unwrap(FORM, data, key(name), WrapParameters(hpke=HpkeParameters()))


def test_points_of_small_order_are_refused():
    with pytest.raises(NotAuthentic):
        unwrap(FORM, bytes(32) + bytes(48), key("x25519"), WrapParameters(hpke=HpkeParameters()))


def test_associated_data_needs_a_library_that_has_it(monkeypatch):
    monkeypatch.setattr(legacy_hpke.rust_openssl, "hpke", object())
    with pytest.raises(KeyStoreError, match="associated data"):
        unwrap(FORM, bytes(100), key("x25519"), WrapParameters(aad=b"a"))
