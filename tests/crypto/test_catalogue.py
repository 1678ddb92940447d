from __future__ import annotations

import pytest

from pqcore.crypto import keys, signing, suites
from pqcore.crypto.argon2id import parse_cost
from pqcore.crypto.catalogue import CATALOGUE, CLASS_OF_SCOPE, AlgorithmStatus, find, migratable_to
from pqcore.errors import UsageError


@pytest.mark.parametrize("algorithm", CATALOGUE, ids=lambda a: a.label)
def test_each_entry_is_found_by_its_label_and_aliases(algorithm):
    for spelling in (algorithm.label, algorithm.label.lower(), *algorithm.aliases):
        assert find(spelling) is algorithm


def test_labels_are_unique():
    assert len({a.label for a in CATALOGUE}) == len(CATALOGUE)


@pytest.mark.parametrize(
    ("spelling", "label"),
    [
        ("ML-KEM/768", "ML-KEM-768"),
        ("kyber768", "ML-KEM-768"),
        ("Kyber-1024", "ML-KEM-1024"),
        ("dilithium3", "ML-DSA-65"),
        ("mldsa87", "ML-DSA-87"),
        ("x-wing", "ML-KEM-768+X25519"),
        ("SPHINCS+-SHA2-128s-simple", "SLH-DSA-SHA2-128s"),
        ("Argon2id", "Argon2id/m=19456,t=2,p=1"),
        ("argon2id/m=65536,t=3,p=1", "Argon2id/m=65536,t=3,p=1"),
        ("sha3_512", "SHA3-512"),
        ("ECDSA P-256", "ECDSA-P256"),
    ],
)
def test_other_spellings(spelling, label):
    assert find(spelling).label == label


def test_sha_3_family_and_sha_2_are_not_mixed_up():
    assert find("SHA-384").standard == "FIPS 180-4"
    assert find("SHA3-384").standard == "FIPS 202"


def test_an_unknown_name_gets_near_matches():
    with pytest.raises(UsageError) as caught:
        find("ML-KEM-76")
    assert "ML-KEM-768" in caught.value.remedy
    with pytest.raises(UsageError) as caught:
        find("\x1b[2Jzzzzzz")
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize("scope", CLASS_OF_SCOPE)
def test_targets_are_active_and_of_the_scopes_class(scope):
    targets = migratable_to(scope)
    assert targets
    for target in targets:
        assert target.klass is CLASS_OF_SCOPE[scope]
        assert target.status is not AlgorithmStatus.DEPRECATED


@pytest.mark.parametrize("algorithm", [a.name for s in ("wrappers", "signatures") for a in migratable_to(s)])
def test_listed_sizes_are_those_of_real_keys(algorithm):
    entry, material = find(algorithm), keys.generate(algorithm)
    assert len(material.public) == entry.public_key
    suite = suites.suite_of(algorithm)
    if suite is not None:
        assert (
            len(suites.seal(suite, material.public, b"", b"")) == entry.ciphertext + suites.AEAD_TAG == suite.enc + 16
        )
    else:
        signature = signing.sign(algorithm, material.secret, b"m", b"c")
        least, most = signing.lengths(algorithm)
        assert least <= len(signature) <= most == entry.signature


def test_argon2id_variants_parse():
    for target in migratable_to("hashes"):
        if target.name == "Argon2id":
            assert parse_cost(target.variant).text == target.variant
    for broken in ("m=1", "m=19456,t=2,p=0", "m=-1,t=2,p=1", "m=19456,t=2,p=1 ", ""):
        with pytest.raises(UsageError):
            parse_cost(broken)
