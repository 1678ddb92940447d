from __future__ import annotations

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa, x448

from pqcore.crypto import catalogue, keys, suites
from pqcore.errors import KeyStoreError

PEM, DER = serialization.Encoding.PEM, serialization.Encoding.DER
SPKI = serialization.PublicFormat.SubjectPublicKeyInfo
KEM = (*keys.HYBRID_ALGORITHMS, *keys.MLKEM_ALGORITHMS)
FAST = [a for a in keys.GENERATED if a not in ("RSA-3072", "RSA-4096")]


@pytest.fixture(scope="module")
def material():
    return {algorithm: keys.generate(algorithm) for algorithm in FAST}


@pytest.mark.parametrize("algorithm", FAST)
def test_a_generated_key_has_its_public_part_and_kem_keys_a_seal_secret(algorithm, material):
    key = material[algorithm]
    assert keys.public_of(algorithm, key.secret) == key.public
    assert (key.seal_secret is not None) == (algorithm in KEM)
    if key.seal_secret is not None:
        assert len(key.seal_secret) == 32
    assert key.secret.hex() not in repr(key)
    assert repr(key) == "KeyMaterial()"


@pytest.mark.parametrize("algorithm", KEM)
def test_kem_keys_seal_and_open(algorithm, material):
    suite, key = suites.suite_of(algorithm), material[algorithm]
    sealed = suites.seal(suite, key.public, b"data key", b"info")
    assert suites.open_sealed(suite, key.secret, sealed, b"info") == b"data key"
    assert suites.open_sealed(suite, key.secret, sealed, b"other") is None
    assert suites.open_sealed(suite, key.secret, sealed[:-1], b"info") is None
    assert suites.open_sealed(suite, key.secret, sealed[: suite.enc], b"info") is None
    assert suites.open_sealed(suite, keys.generate(algorithm).secret, sealed, b"info") is None


@pytest.mark.parametrize("algorithm", KEM)
@pytest.mark.parametrize("change", [-1, 1], ids=["short", "long"])
def test_kem_key_lengths_are_checked(algorithm, change, material):
    key = material[algorithm]

    def resized(data):
        return data[:-1] if change < 0 else data + b"\0"

    with pytest.raises(KeyStoreError, match="bytes"):
        keys.kem_private(algorithm, resized(key.secret))
    with pytest.raises(KeyStoreError, match="bytes"):
        keys.kem_public(algorithm, resized(key.public))


def test_a_hybrid_public_key_with_a_point_off_the_curve_is_refused(material):
    public = bytearray(material["ML-KEM-1024+P-384"].public)
    public[-1] ^= 1
    with pytest.raises(KeyStoreError, match="not a key"):
        keys.kem_public("ML-KEM-1024+P-384", bytes(public))


@pytest.mark.parametrize("algorithm", keys.MLDSA_ALGORITHMS)
def test_mldsa_lengths_are_checked(algorithm, material):
    with pytest.raises(KeyStoreError):
        keys.mldsa_private(algorithm, material[algorithm].secret + b"\0")
    with pytest.raises(KeyStoreError):
        keys.mldsa_public(algorithm, material[algorithm].public[:-1])
    with pytest.raises(KeyStoreError):
        keys.mldsa_private("ML-KEM-768", material[algorithm].secret)


@pytest.mark.parametrize(
    "algorithm", ["RSA-2048", "ECDSA-P256", "ECDSA-P384", "ECDSA-P521", "Ed25519", "Ed448", "X25519"]
)
def test_pem_and_der_are_identified(algorithm, material):
    key = material[algorithm]
    private = keys.classical_private(algorithm, key.secret)
    pem = private.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    for data in (pem, key.secret):
        assert keys.identify(data) == (algorithm, key.secret, key.public)
        assert keys.identify(data, algorithm.lower()) == (algorithm, key.secret, key.public)
    for encoding in (PEM, DER):
        assert keys.identify(private.public_key().public_bytes(encoding, SPKI)) == (algorithm, None, key.public)


@pytest.mark.parametrize("algorithm", [*keys.MLKEM_ALGORITHMS, *keys.MLDSA_ALGORITHMS])
def test_post_quantum_pem_is_identified_by_its_seed(algorithm, material):
    key = material[algorithm]
    load = keys.mldsa_private if algorithm.startswith("ML-DSA") else keys.kem_private
    private = load(algorithm, key.secret)
    pem = private.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    assert keys.identify(pem) == (algorithm, key.secret, key.public)
    assert keys.identify(private.public_key().public_bytes(DER, SPKI)) == (algorithm, None, key.public)


@pytest.mark.parametrize("algorithm", ["AES-128", "AES-256", "PEPPER", "HMAC-SHA-256", *KEM, *keys.MLDSA_ALGORITHMS])
def test_raw_bytes_are_taken_with_their_algorithm(algorithm, material):
    key = material[algorithm]
    assert keys.identify(key.secret, algorithm) == (algorithm, key.secret, key.public)
    if key.public is not None:
        assert keys.identify(key.public, algorithm) == (algorithm, None, key.public)


@pytest.mark.parametrize(
    ("data", "algorithm", "sentence"),
    [
        (b"", None, "no key"),
        (b"\0" * 32, None, "no key"),
        (b"\0" * 15, "AES-128", "has 16 bytes"),
        (b"\0" * 8, "PEPPER", "16 to 1024"),
        (b"\0" * 31, "ML-DSA-65", "seed of 32 bytes"),
        (b"\0" * 32, "RSA-2048", "no key of RSA-2048"),
        (b"\0" * 32, "ROT13", "no keys of the algorithm"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", None, "no key"),
    ],
)
def test_what_is_no_key_is_refused(data, algorithm, sentence):
    with pytest.raises(KeyStoreError, match=sentence):
        keys.identify(data, algorithm)


def test_a_key_of_another_algorithm_than_named_is_refused(material):
    with pytest.raises(KeyStoreError, match="is of Ed25519, not of ECDSA-P256"):
        keys.identify(material["Ed25519"].secret, "ECDSA-P256")
    with pytest.raises(KeyStoreError, match="is of RSA-2048"):
        keys.classical_private("RSA-4096", material["RSA-2048"].secret)


def test_encrypted_and_unsupported_keys_are_refused():
    key = ec.generate_private_key(ec.SECP256R1())
    locked = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"pw"))
    with pytest.raises(KeyStoreError, match="encrypted"):
        keys.identify(locked)
    other = x448.X448PrivateKey.generate()
    with pytest.raises(KeyStoreError, match="not supported"):
        keys.identify(other.private_bytes(DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    odd = ec.generate_private_key(ec.SECP256K1()).public_key().public_bytes(DER, SPKI)
    with pytest.raises(KeyStoreError, match="secp256k1"):
        keys.identify(odd)


def test_old_rsa_sizes_can_be_imported_though_not_generated():
    key = rsa.generate_private_key(65537, 1024)
    data = key.private_bytes(DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    assert keys.identify(data).algorithm == "RSA-1024"
    assert keys.identify(data, "RSA-1024").algorithm == "RSA-1024"
    with pytest.raises(KeyStoreError):
        keys.generate("RSA-1024")


def test_stored_suite_numbers_are_those_of_the_iana_registry():
    assert {(s.algorithm, s.kem, s.kdf, s.aead) for s in suites.SUITES if not s.variant} == {
        ("ML-KEM-768+X25519", 0x647A, 1, 2),
        ("ML-KEM-1024+P-384", 0x0051, 2, 2),
        ("ML-KEM-768", 0x0041, 1, 2),
        ("ML-KEM-1024", 0x0042, 2, 2),
    }
    assert {(s.variant, s.kdf) for s in suites.SUITES if s.variant} == {
        ("HKDF-SHA384", 2),
        ("HKDF-SHA512", 3),
        ("SHAKE256", 0x11),
    }
    assert all(suites.suite_numbered(s.kem, s.kdf, s.aead) is s for s in suites.SUITES)
    assert suites.suite_numbered(0x0020, 1, 2) is None


def test_no_suite_has_a_kdf_weaker_than_its_kem():
    assert suites.suite_numbered(0x0041, 0x0010, 2) is None  # SHAKE128: 128 bits under category 3
    assert suites.suite_numbered(0x0042, 0x0001, 2) is None  # HKDF-SHA256 under category 5
    assert {(s.label) for s in suites.SUITES} == {a.label for a in catalogue.migratable_to("wrappers")}


@pytest.mark.parametrize("suite", suites.SUITES, ids=lambda suite: suite.label)
def test_each_suite_opens_its_own_ciphertexts_alone(suite, material):
    key = material[suite.algorithm]
    sealed = suites.seal(suite, key.public, b"data key", b"info")
    assert len(sealed) == suite.enc + len(b"data key") + suites.AEAD_TAG
    for other in suites.SUITES:
        if other.algorithm == suite.algorithm:
            opened = suites.open_sealed(other, key.secret, sealed, b"info")
            assert opened == (b"data key" if other is suite else None)
