from __future__ import annotations

import pytest

from pqcore.errors import UsageError
from pqcore.migrations.base import Scope
from pqcore.migrations.options import (
    OPTIONS,
    OptionKind,
    columns_named,
    for_column,
    keys_named,
    octets,
    problems,
    resolve,
)

WRAPPERS = {"format": "RSA-OAEP-SHA256", "old_key": "kek", "new_key": "pq"}
SIGNATURES = {"format": "Ed25519", "payload": "body", "old_key": "signer", "new_key": "pq"}


@pytest.mark.parametrize("scope", Scope)
def test_the_table_of_options_is_sound(scope):
    specs = {spec.name: spec for spec in OPTIONS[scope]}
    assert len(specs) == len(OPTIONS[scope])
    for spec in specs.values():
        assert spec.help.endswith(".")
        assert (spec.kind is OptionKind.CHOICE) == bool(spec.choices)
        if spec.default is not None and spec.choices:
            assert spec.default in spec.choices
        if spec.when is not None:
            decider, *values = spec.when
            assert values
            assert set(values) <= set(specs[decider].choices)


@pytest.mark.parametrize(
    ("scope", "options", "path"),
    [
        (Scope.WRAPPERS, {}, "options.new_key"),
        (Scope.WRAPPERS, {"format": "AES-KW", "new_key": "pq"}, "options.old_key"),
        (Scope.WRAPPERS, {"old_key": "kek", "new_key": "pq"}, "options.format"),
        (Scope.WRAPPERS, {**WRAPPERS, "format": "RSA1_5"}, "options.format"),
        (Scope.WRAPPERS, {**WRAPPERS, "format": ["RSA-OAEP"]}, "options.format"),
        (Scope.WRAPPERS, {**WRAPPERS, "encodign": "hex"}, "options.encodign"),
        (Scope.WRAPPERS, {**WRAPPERS, "old_key": {"colum": "x"}}, "options.old_key"),
        (Scope.WRAPPERS, {**WRAPPERS, "old_key": {"column": 1}}, "options.old_key"),
        (Scope.WRAPPERS, {**WRAPPERS, "new_key": {"column": "x"}}, "options.new_key"),
        (Scope.WRAPPERS, {**WRAPPERS, "max_key_bytes": 0}, "options.max_key_bytes"),
        (Scope.WRAPPERS, {**WRAPPERS, "max_key_bytes": True}, "options.max_key_bytes"),
        (Scope.WRAPPERS, {**WRAPPERS, "label": 1}, "options.label"),
        (Scope.WRAPPERS, {**WRAPPERS, "label": {"bytes": "0"}}, "options.label"),
        (Scope.WRAPPERS, {**WRAPPERS, "label": {"hex": "00"}}, "options.label"),
        (Scope.WRAPPERS, {**WRAPPERS, "mgf1_hash": "MD5"}, "options.mgf1_hash"),
        (Scope.WRAPPERS, {**WRAPPERS, "format": "AES-KW", "label": "x"}, "options.label"),
        (Scope.WRAPPERS, {**WRAPPERS, "format": "AES-KWP", "mgf1_hash": "SHA-1"}, "options.mgf1_hash"),
        (Scope.WRAPPERS, {**WRAPPERS, "format": "RSA-PKCS1-v1.5"}, "options.key_bytes"),
        (Scope.WRAPPERS, {**WRAPPERS, "format": "RSA-PKCS1-v1.5", "key_bytes": 7}, "options.key_bytes"),
        (Scope.WRAPPERS, {**WRAPPERS, "key_bytes": 32}, "options.key_bytes"),
        (Scope.WRAPPERS, {**WRAPPERS, "format": "HPKE"}, "options.hpke_aead"),
        (Scope.WRAPPERS, {**WRAPPERS, "format": "AES-GCM", "gcm_layout": "nonce"}, "options.gcm_layout"),
        (Scope.WRAPPERS, {**WRAPPERS, "format": "JWE", "text_prefix": "vault:v1:"}, "options.text_prefix"),
        (Scope.WRAPPERS, {"new_key": "pq", "label": "x"}, "options.label"),
        (Scope.WRAPPERS, {**WRAPPERS, "check": "SHA-256"}, "options.check_field"),
        (Scope.WRAPPERS, {**WRAPPERS, "check_field": "kcv"}, "options.check"),
        (Scope.SIGNATURES, {**SIGNATURES, "format": "JWS"}, "options.payload"),
        (Scope.SIGNATURES, {**SIGNATURES, "format": "JWS-detached", "byte_prefix": "x"}, "options.byte_prefix"),
        (Scope.SIGNATURES, {"format": "JWS-detached", "old_key": "a", "new_key": "b"}, "options.payload"),
        (Scope.SIGNATURES, {**SIGNATURES, "ecdsa_encoding": "raw"}, "options.ecdsa_encoding"),
        (Scope.SIGNATURES, {**SIGNATURES, "format": "RSA-PKCS1-SHA256", "salt_length": "max"}, "options.salt_length"),
        (Scope.HASHES, {}, "options.mode"),
        (Scope.HASHES, {"mode": "password", "source": "body"}, "options.source"),
        (Scope.HASHES, {"mode": "digest"}, "options.source"),
        (Scope.HASHES, {"mode": "digest", "source": "body", "pepper": "p"}, "options.pepper"),
    ],
)
def test_what_is_wrong_is_named_with_a_remedy(scope, options, path):
    found = problems(scope, options)
    assert [problem.path for problem in found][:1] == [path]
    assert all(problem.remedy for problem in found)
    with pytest.raises(UsageError, match=path):
        resolve(scope, options)


def test_a_near_miss_is_suggested():
    (problem,) = problems(Scope.WRAPPERS, {**WRAPPERS, "encodign": "hex"})
    assert problem.remedy == "Did you mean encoding"


def test_defaults_and_aliases():
    chosen = resolve(Scope.WRAPPERS, {**WRAPPERS, "format": "RSA-OAEP", "old_key": {"column": "kek_id"}})
    assert chosen["format"] == "RSA-OAEP-SHA1"
    assert (chosen["max_key_bytes"], chosen["label"], chosen["encoding"]) == (64, "", None)
    signatures = resolve(Scope.SIGNATURES, SIGNATURES)
    assert signatures["mode"] == "countersign"


def test_an_option_may_go_with_an_alias():
    assert not problems(Scope.WRAPPERS, {**WRAPPERS, "format": "RSA-OAEP-512", "label": "x"})


def test_text_is_never_taken_for_an_alias():
    assert resolve(Scope.WRAPPERS, {**WRAPPERS, "label": "RSA-OAEP", "old_key": "RSA-OAEP"})["label"] == "RSA-OAEP"


def test_bytes_are_text_or_hexadecimal():
    assert octets("grün") == "grün".encode()
    assert octets({"bytes": "00fF"}) == b"\x00\xff"


def test_columns_and_keys_that_options_name():
    options = {**WRAPPERS, "old_key": {"column": "kek_id"}}
    assert columns_named(Scope.WRAPPERS, options) == {"options.old_key.column": "kek_id"}
    assert keys_named(Scope.WRAPPERS, options) == {"options.new_key": "pq"}
    assert columns_named(Scope.HASHES, {"mode": "digest", "source": "body"}) == {"options.source": "body"}


def test_the_encoding_follows_the_kind_of_column_unless_it_is_set():
    assert for_column(Scope.WRAPPERS, {}, binary=True)["encoding"] == "raw"
    assert for_column(Scope.WRAPPERS, {}, binary=False)["encoding"] == "base64"
    assert for_column(Scope.WRAPPERS, {"encoding": "hex"}, binary=True)["encoding"] == "hex"
    assert for_column(Scope.HASHES, {"mode": "digest"}, binary=False)["encoding"] == "hex"
    assert "encoding" not in for_column(Scope.HASHES, {"mode": "password"}, binary=True)
