"""ML-KEM and ML-DSA, reached through our own loaders, against Project Wycheproof."""

from __future__ import annotations

import pytest

from pqcore.crypto import keys, signing
from pqcore.errors import KeyStoreError
from tests.crypto.wycheproof import cases

KEMS = ("ML-KEM-768", "ML-KEM-1024")


@pytest.mark.parametrize("algorithm", KEMS)
def test_ml_kem_seeds_give_their_public_keys(algorithm: str) -> None:
    found = list(cases("Protocol", f"{algorithm.replace('ML-KEM', 'mlkem').replace('-', '_')}_keygen_seed"))
    for case in found:
        assert keys.public_of(algorithm, case.octets("seed")) == case.octets("ek"), case.name
    assert len(found) == 100


@pytest.mark.parametrize("algorithm", KEMS)
def test_ml_kem_ciphertexts(algorithm: str) -> None:
    """Valid ones, those of the Fujisaki-Okamoto rejection among them, give their secret; the others are refused."""
    opened = refused = 0
    for case in cases("Protocol", algorithm.replace("ML-KEM", "mlkem").replace("-", "_")):
        seed, ciphertext = case.octets("seed"), case.octets("c")
        try:
            secret = keys.kem_private(algorithm, seed).decapsulate(ciphertext)
        except (KeyStoreError, ValueError):
            assert not case.valid, case.name
            refused += 1
            continue
        assert case.valid, case.name
        assert secret == case.octets("K"), case.name
        assert keys.public_of(algorithm, seed) == case.octets("ek"), case.name
        opened += 1
    assert opened > 150
    assert refused > 30


@pytest.mark.parametrize("algorithm", keys.MLDSA_ALGORITHMS)
def test_ml_dsa_signatures(algorithm: str) -> None:
    taken = refused = 0
    for case in cases("Signature", f"{algorithm.replace('ML-DSA', 'mldsa').replace('-', '_')}_verify"):
        context = bytes.fromhex(case.fields.get("ctx", ""))
        try:
            right = signing.verify(algorithm, case.octets("publicKey"), case.octets("msg"), case.octets("sig"), context)
        except (KeyStoreError, ValueError):  # a key of another length, a context of more than 255 bytes
            right = False
        assert right == case.valid, case.name
        taken, refused = taken + right, refused + (not right)
    assert taken > 60
    assert refused > 90


@pytest.mark.parametrize("algorithm", keys.MLDSA_ALGORITHMS)
def test_ml_dsa_seeds_are_the_keys_that_signed(algorithm: str) -> None:
    verified = 0
    for case in cases("Signature", f"{algorithm.replace('ML-DSA', 'mldsa').replace('-', '_')}_sign_seed"):
        if not case.valid or not case.fields.get("msg"):  # of some only a digest is given
            continue
        public = keys.public_of(algorithm, case.octets("privateSeed"))
        assert public == case.octets("publicKey"), case.name
        context = bytes.fromhex(case.fields.get("ctx", ""))
        assert signing.verify(algorithm, public, case.octets("msg"), case.octets("sig"), context), case.name
        verified += 1
    assert verified > 50
