"""Values that Tink wrote under keys of its own, with its prefix: recognised, chosen by a selection, and migrated."""

from __future__ import annotations

import pytest

tink = pytest.importorskip("tink")

from cryptography.hazmat.primitives import serialization  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, x25519  # noqa: E402
from tink import aead, hybrid, secret_key_access, signature  # noqa: E402
from tink.proto import aes_gcm_pb2, ecdsa_pb2, ed25519_pb2, hpke_pb2, tink_pb2  # noqa: E402

from pqcore.formats.detection.detect import detect  # noqa: E402
from pqcore.formats.wrapped_key import open_wrapped_key  # noqa: E402
from pqcore.inspection import hints  # noqa: E402
from pqcore.inspection.lineage import Lineage  # noqa: E402
from pqcore.inspection.propose import propose  # noqa: E402
from pqcore.inspection.rating import level_of  # noqa: E402
from pqcore.inspection.report import Column, report_of  # noqa: E402
from pqcore.inspection.sample import Method  # noqa: E402
from pqcore.inspection.tally import Tally  # noqa: E402
from pqcore.keys.memory import MemoryKeyProvider  # noqa: E402
from pqcore.migrations.base import Scope  # noqa: E402
from pqcore.policies import POLICIES  # noqa: E402
from tests.migrations.records import context, made, migrated, new_value, reason, row  # noqa: E402

DATA_KEY = bytes(range(32))
PAYLOAD = b"pay 100 to alice"
STRICTEST = level_of(POLICIES[2])


@pytest.fixture(scope="module", autouse=True)
def registered():
    aead.register()
    hybrid.register()
    signature.register()


def made_by_tink(template):
    """A new keyset, the id of its one key, and that key's message."""
    keyset_handle = tink.new_keyset_handle(template)
    keyset = tink_pb2.Keyset.FromString(tink.proto_keyset_format.serialize(keyset_handle, secret_key_access.TOKEN))
    return keyset_handle, keyset.primary_key_id, keyset.key[0].key_data.value


def pkcs8(private):
    return private.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def holding(name, data, algorithm=None):
    keys = MemoryKeyProvider()
    keys.import_key(name, data, algorithm=algorithm)
    keys.generate("kem", "ML-KEM-768")
    keys.generate("dsa", "ML-DSA-44")
    return keys


def proposed(column, stored):
    """The one selection for such a value in a column of this name."""
    tally = Tally()
    tally.add(hints.narrow(detect(stored), hints.uses(column), None))
    report = report_of(
        Column(None, "t", column, "BLOB", binary=True), tally, total=1, method=Method.ALL, level=STRICTEST,
        lineage=Lineage(),
    )  # fmt: skip
    (proposal,) = propose(report)
    return proposal.document


def test_a_data_key_under_an_aead_of_tink():
    theirs, key_id, key = made_by_tink(aead.aead_key_templates.AES256_GCM)
    stored = theirs.primitive(aead.Aead).encrypt(DATA_KEY, b"tenant")
    document = proposed("wrapped_key", stored)
    assert stored.startswith(bytes.fromhex(document["where"]["value"]["bytes"]))
    assert document["where"]["value"]["bytes"] == f"01{key_id:08x}"
    keys = holding("theirs", aes_gcm_pb2.AesGcmKey.FromString(key).key_value, "AES-256")
    options = document["options"] | {"old_key": "theirs", "new_key": "kem", "aad": "tenant"}
    new = new_value(made(Scope.WRAPPERS, "ML-KEM-768", options, keys=keys).migrate(row(stored)))
    assert open_wrapped_key(new, keys, context()) == DATA_KEY


def test_a_data_key_under_a_hybrid_key_of_tink():
    template = hybrid.hybrid_key_templates.DHKEM_X25519_HKDF_SHA256_HKDF_SHA256_AES_256_GCM
    theirs, key_id, key = made_by_tink(template)
    stored = theirs.public_keyset_handle().primitive(hybrid.HybridEncrypt).encrypt(DATA_KEY, b"app")
    assert [c.form.name for c in detect(stored).candidates] == ["Tink HPKE X25519"]
    document = proposed("wrapped_key", stored)
    assert document["options"]["byte_prefix"] == {"bytes": f"01{key_id:08x}"}
    private = hpke_pb2.HpkePrivateKey.FromString(key).private_key
    keys = holding("theirs", pkcs8(x25519.X25519PrivateKey.from_private_bytes(private)))
    options = document["options"] | {"old_key": "theirs", "new_key": "kem", "hpke_aead": "AES-256-GCM", "info": "app"}
    assert options["format"] == "HPKE"
    new = new_value(made(Scope.WRAPPERS, "ML-KEM-768", options, keys=keys).migrate(row(stored)))
    assert open_wrapped_key(new, keys, context()) == DATA_KEY


ECDSA = {"format": "ECDSA-P256"}


@pytest.mark.parametrize(
    ("template", "curve", "chosen"),
    [
        ("ECDSA_P256", ec.SECP256R1(), ECDSA),
        ("ECDSA_P256_IEEE_P1363", ec.SECP256R1(), ECDSA | {"ecdsa_encoding": "raw"}),
        ("ECDSA_P384", ec.SECP384R1(), {"format": "ECDSA-P384", "ecdsa_hash": "SHA-512"}),
        ("ED25519", None, {"format": "Ed25519"}),
    ],
)
def test_a_signature_by_a_key_of_tink(template, curve, chosen):
    theirs, key_id, key = made_by_tink(getattr(signature.signature_key_templates, template))
    stored = theirs.primitive(signature.PublicKeySign).sign(PAYLOAD)
    assert any(c.form.frame == "Tink" and c.detail("key") == f"{key_id:08x}" for c in detect(stored).candidates)
    if curve is None:
        private = ed25519.Ed25519PrivateKey.from_private_bytes(ed25519_pb2.Ed25519PrivateKey.FromString(key).key_value)
    else:
        number = int.from_bytes(ecdsa_pb2.EcdsaPrivateKey.FromString(key).key_value, "big")
        private = ec.derive_private_key(number, curve)
    keys = holding("theirs", pkcs8(private))
    options = {"byte_prefix": {"bytes": f"01{key_id:08x}"}, "payload": "body", "old_key": "theirs", "new_key": "dsa"}
    job = made(Scope.SIGNATURES, "ML-DSA-44", options | chosen, keys=keys)
    migrated(job.migrate(row(stored, body=PAYLOAD)))
    assert reason(job.migrate(row(stored, body=PAYLOAD + b"0"))) == "unverifiable"
