"""Wrapper jobs that seal with another KDF or in nested layers, within what a policy asks for."""

from __future__ import annotations

import pytest

from pqcore.crypto import suites
from pqcore.errors import KeyStoreError, UsageError
from pqcore.formats import wrapped_key
from pqcore.formats.encoding import Encoding, encode
from pqcore.formats.legacy_wrap import LegacyWrap, wrap
from pqcore.formats.wrapped_key import open_wrapped_key, parse
from pqcore.migrations import options
from pqcore.migrations.base import Scope, Skipped, SkipReason
from pqcore.migrations.build import layer_keys
from pqcore.migrations.rules import NO_POLICY, LayerRules
from tests.formats.keyring import key, ring
from tests.migrations.records import FIELD, context, made, new_value, reason, row

DATA_KEY = bytes(range(32))
DONE = Skipped(SkipReason.ALREADY_MIGRATED)
TWO = LayerRules("two-layers", 2, 3, frozenset({"ML-KEM-1024", "ML-KEM-768+X25519"}))


def migration(algorithm="ML-KEM-768+X25519", rules=NO_POLICY, **options):
    chosen = {"format": "RSA-OAEP-SHA256", "old_key": "rsa", "new_key": "hybrid"} | options
    return made(Scope.WRAPPERS, algorithm, chosen, rules=rules)


def old_wrap(plaintext=DATA_KEY):
    return encode(wrap(LegacyWrap.RSA_OAEP_SHA256, plaintext, key("rsa")), Encoding.BASE64)


@pytest.mark.parametrize("kdf", ["HKDF-SHA384", "HKDF-SHA512", "SHAKE256"])
def test_the_targets_kdf_is_used_and_another_one_is_sealed_anew(kdf):
    job, default = migration(f"ML-KEM-768+X25519/{kdf}"), migration()
    new = new_value(job.migrate(row(old_wrap())))
    assert parse(new).layers[0].suite.variant == kdf
    assert open_wrapped_key(new, ring(), context()) == DATA_KEY
    assert len(new) <= job.max_width(FIELD)
    assert job.migrate(row(new)) == job.verify(row(new)) == DONE
    again = new_value(default.migrate(row(new)))
    assert parse(again).layers[0].suite.variant == ""
    assert parse(new_value(job.migrate(row(again)))).layers[0].suite.variant == kdf


def test_layers_nest_in_the_order_of_their_options():
    job = migration(layer2_key="kem-1024", layer3_key="hybrid-1024")
    new = new_value(job.migrate(row(old_wrap())))
    assert parse(new).key_ids == ("hybrid-1024:1", "kem-1024:1", "hybrid:1")
    assert open_wrapped_key(new, ring(), context()) == DATA_KEY
    assert len(new) <= job.max_width(FIELD)
    assert job.migrate(row(new)) == job.verify(row(new)) == DONE
    assert not job.marks or new.startswith(job.marks[0].text)


def test_each_layer_has_the_kdf_that_its_option_names():
    job = migration(
        "ML-KEM-768+X25519/SHAKE256",
        layer2_key="kem-1024",
        layer2_kdf="HKDF-SHA512",
        layer3_key="hybrid-1024",
        layer3_kdf="HKDF-SHA384",
    )
    new = new_value(job.migrate(row(old_wrap())))
    labels = [layer.suite.label for layer in parse(new).layers]
    # the default one of a KEM is not said
    assert labels == ["ML-KEM-1024+P-384", "ML-KEM-1024/HKDF-SHA512", "ML-KEM-768+X25519/SHAKE256"]
    assert open_wrapped_key(new, ring(), context()) == DATA_KEY
    assert job.migrate(row(new)) == job.verify(row(new)) == DONE
    plain = migration("ML-KEM-768+X25519/SHAKE256", layer2_key="kem-1024", layer3_key="hybrid-1024")
    again = new_value(plain.migrate(row(new)))
    assert [layer.suite.variant for layer in parse(again).layers] == ["", "", "SHAKE256"]


def test_the_kdfs_that_options_name_are_those_of_the_suites():
    assert tuple(suites.KDFS) == options.KDFS


def test_one_layer_becomes_two_and_two_become_one():
    single, double = migration(), migration(layer2_key="kem-1024")
    first = new_value(single.migrate(row(old_wrap())))
    second = new_value(double.migrate(row(first)))
    assert len(parse(second).layers) == 2
    third = new_value(single.migrate(row(second)))
    assert open_wrapped_key(third, ring(), context()) == open_wrapped_key(second, ring(), context()) == DATA_KEY
    assert len(parse(third).layers) == 1


def test_a_nested_value_of_another_row_is_neither_skipped_nor_sealed_anew():
    job = migration(layer2_key="kem-1024")
    new = new_value(job.migrate(row(old_wrap(), (1,))))
    for other in (job, migration()):
        assert reason(other.migrate(row(new, (2,)))) == "unverifiable"
        assert reason(other.verify(row(new, (2,)))) == "unverifiable"


def test_every_layer_is_proved(monkeypatch):
    """What opens through its outer layer and not through its inner one is not returned."""
    real = wrapped_key.seal_nested

    def inner_for_nobody(plaintext, layers, context):
        broken = wrapped_key.SealKey(Sealer(layers[-1].key), layers[-1].suite)
        return real(plaintext, [*layers[:-1], broken], context)

    job = migration(layer2_key="kem-1024")
    monkeypatch.setattr(wrapped_key, "seal_nested", inner_for_nobody)
    assert reason(job.migrate(row(old_wrap()))) == "unproved"


class Sealer:
    """A key under the id of another one, with a public key that the other cannot open for."""

    def __init__(self, posed):
        self.id, self.algorithm, self.seal_secret = posed.id, posed.algorithm, posed.seal_secret
        self.secret, self.public = None, key("other-hybrid").public


@pytest.mark.parametrize(
    ("options", "rules", "error", "sentence"),
    [
        ({"layer3_key": "kem-1024"}, NO_POLICY, UsageError, "options.layer3_key: The layer inside"),
        ({"layer2_key": "hybrid"}, NO_POLICY, UsageError, "options.layer2_key: .* serves another layer"),
        ({"layer2_kdf": "SHAKE256"}, NO_POLICY, UsageError, "options.layer2_key: .*required with layer2_kdf"),
        (
            {"layer2_key": "kem-1024", "layer2_kdf": "HKDF-SHA256"},
            NO_POLICY,
            UsageError,
            "options.layer2_kdf: HKDF-SHA256 is weaker than ML-KEM-1024",
        ),
        ({"layer2_key": "kem-1024", "layer2_kdf": "SHAKE128"}, NO_POLICY, UsageError, "options.layer2_kdf"),
        ({"layer2_key": "kem-1024", "layer2_kdf": "SHAKE256"}, TWO, UsageError, "does not allow ML-KEM-1024/SHAKE256"),
        ({"layer2_key": "rsa", "layer2_kdf": "SHAKE256"}, NO_POLICY, KeyStoreError, "options.layer2_key: .*seal"),
        ({"layer2_key": "rsa"}, NO_POLICY, KeyStoreError, "options.layer2_key: .*seal"),
        ({"layer2_key": "none"}, NO_POLICY, KeyStoreError, "options.layer2_key: .*none"),
        ({}, TWO, UsageError, "policy two-layers asks for 2 to 3 layers, the job has 1"),
        ({"layer2_key": "kem"}, TWO, UsageError, "policy two-layers does not allow ML-KEM-768"),
        ({"layer2_key": "kem-1024"}, LayerRules("one", 1, 1), UsageError, "asks for 1 layer, the job has 2"),
        ({"layer2_key": "kem-1024"}, LayerRules("many", 5, 9), UsageError, "asks for 5 to 9 layers"),
    ],
)
def test_what_breaks_the_policy_or_cannot_nest_is_refused_with_the_reason(options, rules, error, sentence):
    with pytest.raises(error, match=sentence):
        migration(rules=rules, **options)


def test_what_the_policy_asks_for_is_taken():
    assert len(migration(rules=TWO, layer2_key="kem-1024").layers) == 2


@pytest.mark.parametrize("rules", [NO_POLICY, TWO, LayerRules("p", 1, 2)])
def test_rules_are_kept_with_a_job_that_has_started(rules):
    assert LayerRules.of(rules.document) == rules
    assert LayerRules.of(None) == NO_POLICY


def test_the_keys_of_layers_are_told_apart_from_the_first_one():
    assert layer_keys(Scope.WRAPPERS, {"new_key": "a", "layer2_key": "b", "layer3_key": None}) == {"layer2_key": "b"}
    assert layer_keys(Scope.HASHES, {"layer2_key": "b"}) == {}
