"""The primitives we rely on, reached through our own loaders, against published vectors."""

from __future__ import annotations

import json

import pytest
from cryptography.hazmat.bindings._rust import openssl as rust_openssl
from cryptography.hazmat.primitives import hpke

from pqcore.crypto import argon2id, keys, suites
from tests.crypto.vectors import ROOT, records

HPKE = json.loads((ROOT / "HPKE/hpke-pq-test-vectors.json").read_text())
KEMS = {
    0x647A: ("ML-KEM-768+X25519", hpke.KEM.MLKEM768_X25519),
    0x0051: ("ML-KEM-1024+P-384", hpke.KEM.MLKEM1024_P384),
    0x0041: ("ML-KEM-768", hpke.KEM.MLKEM768),
    0x0042: ("ML-KEM-1024", hpke.KEM.MLKEM1024),
}
KDFS = {
    0x0001: hpke.KDF.HKDF_SHA256,
    0x0002: hpke.KDF.HKDF_SHA384,
    0x0003: hpke.KDF.HKDF_SHA512,
    0x0011: hpke.KDF.SHAKE256,
}
AEADS = {1: hpke.AEAD.AES_128_GCM, 2: hpke.AEAD.AES_256_GCM, 3: hpke.AEAD.CHACHA20_POLY1305}
OURS = [v for v in HPKE if v["kem_id"] in KEMS]


@pytest.mark.parametrize("vector", OURS, ids=lambda v: f"{v['kem_id']:#06x}-{v['kdf_id']}")
def test_hpke_seeds_expand_to_the_public_keys_of_the_draft(vector):
    algorithm, _ = KEMS[vector["kem_id"]]
    assert keys.public_of(algorithm, bytes.fromhex(vector["skRm"])) == bytes.fromhex(vector["pkRm"])


@pytest.mark.parametrize(
    "vector",
    [v for v in OURS if v["kdf_id"] in KDFS],
    ids=lambda v: f"{v['kem_id']:#06x}-{v['kdf_id']:#x}-{v['aead_id']}",
)
def test_hpke_ciphertexts_of_the_draft_open_with_our_keys(vector):
    algorithm, kem = KEMS[vector["kem_id"]]
    first = vector["encryptions"][0]
    private = keys.kem_private(algorithm, bytes.fromhex(vector["skRm"]))
    suite = hpke.Suite(kem, KDFS[vector["kdf_id"]], AEADS[vector["aead_id"]])
    opened = rust_openssl.hpke._decrypt_with_aad(
        suite,
        bytes.fromhex(vector["enc"] + first["ct"]),
        private,
        info=bytes.fromhex(vector["info"]),
        aad=bytes.fromhex(first["aad"]),
    )
    assert opened == bytes.fromhex(first["pt"])


def test_the_draft_covers_all_our_kems_and_shake256():
    assert {v["kem_id"] for v in OURS} == set(KEMS) == {suite.kem for suite in suites.SUITES}
    assert 0x0011 in {v["kdf_id"] for v in OURS}
    assert set(KDFS) == {suite.kdf for suite in suites.SUITES}


@pytest.mark.parametrize("algorithm", keys.MLKEM_ALGORITHMS)
def test_ml_kem(algorithm):
    path = f"asymmetric/MLKEM/kat_{algorithm.replace('-', '_').replace('ML_KEM', 'MLKEM')}.rsp"
    for count, vector in enumerate(records(path, "count")):
        seed = bytes.fromhex(vector["d"] + vector["z"])
        assert keys.public_of(algorithm, seed) == bytes.fromhex(vector["pk"])
        private = keys.kem_private(algorithm, seed)
        assert private.decapsulate(bytes.fromhex(vector["ct"])) == bytes.fromhex(vector["ss"])
        if count == 19:
            break
    assert count == 19


@pytest.mark.parametrize("algorithm", keys.MLDSA_ALGORITHMS)
def test_ml_dsa(algorithm):
    path = f"asymmetric/MLDSA/kat_MLDSA_{algorithm.removeprefix('ML-DSA-')}_det_pure.rsp"
    for count, vector in enumerate(records(path, "count")):
        public = bytes.fromhex(vector["pk"])
        assert keys.public_of(algorithm, bytes.fromhex(vector["xi"])) == public
        length = len(bytes.fromhex(vector["sm"])) - int(vector["mlen"])
        keys.mldsa_public(algorithm, public).verify(
            bytes.fromhex(vector["sm"])[:length], bytes.fromhex(vector["msg"]), bytes.fromhex(vector["ctx"])
        )
        if count == 19:
            break
    assert count == 19


def test_argon2id():
    seen = 0
    for vector in records("KDF/argon2id.txt", "COUNT"):
        if vector.get("secret") or vector.get("ad"):
            continue  # we use neither
        cost = argon2id.Cost(int(vector["memcost"]), int(vector["iter"]), int(vector["lanes"]))
        salt = bytes.fromhex(vector["salt"])
        if len(salt) < 8:
            continue
        expected = bytes.fromhex(vector["output"])
        assert argon2id.derive(bytes.fromhex(vector["pass"]), salt, cost, int(vector["length"])) == expected
        seen += 1
    assert seen > 3
