"""Interoperability with Tink, both ways: HPKE under X-Wing and ML-KEM, ML-DSA, and SLH-DSA where liboqs is installed.

Tink 1.16.1 for Python has HPKE with X-Wing, ML-KEM-768 and ML-KEM-1024, each with HKDF-SHA256 alone, ML-DSA-44/65/87
and SLH-DSA-SHA2-128s. It has no ML-KEM-1024 with P-384 and no SHAKE, and registers no manager for composite ML-DSA.
"""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives import hpke

tink = pytest.importorskip("tink")

from tink import hybrid, secret_key_access, signature  # noqa: E402
from tink.proto import hpke_pb2, ml_dsa_pb2, slh_dsa_pb2, tink_pb2  # noqa: E402

from pqcore.crypto import keys, liboqs, signing, suites  # noqa: E402

PREFIX = "type.googleapis.com/google.crypto.tink."
RAW = tink_pb2.OutputPrefixType.RAW
KEMS = {
    "ML-KEM-768+X25519": hpke_pb2.HpkeKem.X_WING,
    "ML-KEM-768": hpke_pb2.HpkeKem.ML_KEM768,
    "ML-KEM-1024": hpke_pb2.HpkeKem.ML_KEM1024,
}
HKDF_SHA256 = 0x0001
SHARED = [suite for suite in suites.SUITES if suite.algorithm in KEMS and suite.kdf == HKDF_SHA256]
ENGINES = {
    "ML-KEM-768+X25519": hpke.KEM.MLKEM768_X25519,
    "ML-KEM-768": hpke.KEM.MLKEM768,
    "ML-KEM-1024": hpke.KEM.MLKEM1024,
}
INSTANCES = {
    "ML-DSA-44": ml_dsa_pb2.MlDsaInstance.ML_DSA_44,
    "ML-DSA-65": ml_dsa_pb2.MlDsaInstance.ML_DSA_65,
    "ML-DSA-87": ml_dsa_pb2.MlDsaInstance.ML_DSA_87,
}
INFO, DATA_KEY = b"context of one row", bytes(range(32))


@pytest.fixture(scope="module", autouse=True)
def registered():
    hybrid.register()
    signature.register()


def handle(type_name, key):
    """A keyset of Tink with this one private key, without a prefix before what it makes."""
    data = tink_pb2.KeyData(
        type_url=PREFIX + type_name,
        value=key.SerializeToString(),
        key_material_type=tink_pb2.KeyData.ASYMMETRIC_PRIVATE,
    )
    entry = tink_pb2.Keyset.Key(key_data=data, status=tink_pb2.KeyStatusType.ENABLED, key_id=1, output_prefix_type=RAW)
    keyset = tink_pb2.Keyset(primary_key_id=1, key=[entry])
    return tink.proto_keyset_format.parse(keyset.SerializeToString(), secret_key_access.TOKEN)


def value_of(keyset_handle, message):
    """The one key of a keyset that Tink made, as its message."""
    keyset = tink_pb2.Keyset.FromString(tink.proto_keyset_format.serialize(keyset_handle, secret_key_access.TOKEN))
    return message.FromString(keyset.key[0].key_data.value)


def template(type_name, key_format):
    return tink_pb2.KeyTemplate(
        type_url=PREFIX + type_name, value=key_format.SerializeToString(), output_prefix_type=RAW
    )


def hpke_params(algorithm):
    return hpke_pb2.HpkeParams(
        kem=KEMS[algorithm], kdf=hpke_pb2.HpkeKdf.HKDF_SHA256, aead=hpke_pb2.HpkeAead.AES_256_GCM
    )


def ours_for_tink(algorithm, material):
    public = hpke_pb2.HpkePublicKey(params=hpke_params(algorithm), public_key=material.public)
    return handle("HpkePrivateKey", hpke_pb2.HpkePrivateKey(public_key=public, private_key=material.secret))


@pytest.mark.parametrize("suite", SHARED, ids=lambda suite: suite.label)
def test_tink_opens_what_we_seal_and_we_open_what_tink_seals(suite):
    material = keys.generate(suite.algorithm)
    theirs = ours_for_tink(suite.algorithm, material)
    sealed = suites.seal(suite, material.public, DATA_KEY, INFO)
    assert theirs.primitive(hybrid.HybridDecrypt).decrypt(sealed, INFO) == DATA_KEY
    with pytest.raises(tink.TinkError):
        theirs.primitive(hybrid.HybridDecrypt).decrypt(sealed, b"another row")
    made = theirs.public_keyset_handle().primitive(hybrid.HybridEncrypt).encrypt(DATA_KEY, INFO)
    assert suites.open_sealed(suite, material.secret, made, INFO) == DATA_KEY
    assert suites.open_sealed(suite, material.secret, made, b"another row") is None


def test_the_shared_suites_are_the_defaults_of_category_3():
    assert [suite.label for suite in SHARED] == ["ML-KEM-768+X25519", "ML-KEM-768"]


@pytest.mark.parametrize("algorithm", KEMS)
def test_keys_that_tink_made_are_our_keys(algorithm):
    """Tink's private keys are the same seeds; ML-KEM-1024 too, which it has with a KDF that we do not seal with."""
    made = tink.new_keyset_handle(template("HpkePrivateKey", hpke_pb2.HpkeKeyFormat(params=hpke_params(algorithm))))
    key = value_of(made, hpke_pb2.HpkePrivateKey)
    assert keys.public_of(algorithm, key.private_key) == key.public_key.public_key
    engine = hpke.Suite(ENGINES[algorithm], hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)
    sealed = made.public_keyset_handle().primitive(hybrid.HybridEncrypt).encrypt(DATA_KEY, INFO)
    assert engine.decrypt(sealed, keys.kem_private(algorithm, key.private_key), INFO) == DATA_KEY
    back = engine.encrypt(DATA_KEY, keys.kem_public(algorithm, key.public_key.public_key), INFO)
    assert made.primitive(hybrid.HybridDecrypt).decrypt(back, INFO) == DATA_KEY


@pytest.mark.parametrize("algorithm", INSTANCES)
def test_ml_dsa_both_ways(algorithm):
    """Tink's ML-DSA has an empty context string."""
    params = ml_dsa_pb2.MlDsaParams(ml_dsa_instance=INSTANCES[algorithm])
    material = keys.generate(algorithm)
    public = ml_dsa_pb2.MlDsaPublicKey(key_value=material.public, params=params)
    theirs = handle("MlDsaPrivateKey", ml_dsa_pb2.MlDsaPrivateKey(key_value=material.secret, public_key=public))
    signed = signing.sign(algorithm, material.secret, b"message", b"")
    verifier = theirs.public_keyset_handle().primitive(signature.PublicKeyVerify)
    verifier.verify(signed, b"message")
    for wrong in (b"another", b""):
        with pytest.raises(tink.TinkError):
            verifier.verify(signed, wrong)
    with pytest.raises(tink.TinkError):
        verifier.verify(signing.sign(algorithm, material.secret, b"message", b"context"), b"message")
    made = theirs.primitive(signature.PublicKeySign).sign(b"message")
    assert signing.verify(algorithm, material.public, b"message", made, b"")
    assert not signing.verify(algorithm, material.public, b"message", made, b"context")


@pytest.mark.parametrize("algorithm", INSTANCES)
def test_ml_dsa_keys_that_tink_made_are_our_keys(algorithm):
    params = ml_dsa_pb2.MlDsaParams(ml_dsa_instance=INSTANCES[algorithm])
    made = tink.new_keyset_handle(template("MlDsaPrivateKey", ml_dsa_pb2.MlDsaKeyFormat(params=params)))
    key = value_of(made, ml_dsa_pb2.MlDsaPrivateKey)
    assert keys.public_of(algorithm, key.key_value) == key.public_key.key_value


@pytest.mark.skipif(
    not liboqs.has("SLH-DSA-SHA2-128s"), reason=f"liboqs is not available: {liboqs.status().reason or 'no SLH-DSA'}"
)
def test_slh_dsa_both_ways():
    algorithm = "SLH-DSA-SHA2-128s"
    params = slh_dsa_pb2.SlhDsaParams(
        key_size=64, hash_type=slh_dsa_pb2.SlhDsaHashType.SHA2, sig_type=slh_dsa_pb2.SlhDsaSignatureType.SMALL_SIGNATURE
    )
    material = keys.generate(algorithm)
    public = slh_dsa_pb2.SlhDsaPublicKey(key_value=material.public, params=params)
    theirs = handle("SlhDsaPrivateKey", slh_dsa_pb2.SlhDsaPrivateKey(key_value=material.secret, public_key=public))
    signed = signing.sign(algorithm, material.secret, b"message", b"")
    theirs.public_keyset_handle().primitive(signature.PublicKeyVerify).verify(signed, b"message")
    made = theirs.primitive(signature.PublicKeySign).sign(b"message")
    assert signing.verify(algorithm, material.public, b"message", made, b"")
    assert not signing.verify(algorithm, material.public, b"another", made, b"")
