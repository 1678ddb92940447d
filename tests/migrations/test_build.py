from __future__ import annotations

import pytest

from pqcore.crypto.catalogue import CATALOGUE, migratable_to
from pqcore.errors import KeyStoreError, UsageError
from pqcore.migrations.base import Migration, Scope
from pqcore.migrations.build import check_target, target_key
from tests.migrations.records import FIELD, made

WRAPPERS = {"format": "RSA-OAEP-SHA256", "old_key": "rsa", "new_key": "hybrid"}
SIGNATURES = {"format": "Ed25519", "payload": "body", "old_key": "ed", "new_key": "dsa"}


@pytest.mark.parametrize("scope", Scope)
def test_every_other_algorithm_is_refused(scope):
    for algorithm in CATALOGUE:
        if algorithm in migratable_to(scope):
            check_target(scope, algorithm)
        else:
            with pytest.raises(UsageError) as caught:
                check_target(scope, algorithm)
            assert migratable_to(scope)[0].label in caught.value.remedy


def test_an_algorithm_of_the_wrong_class_is_called_so():
    with pytest.raises(UsageError, match="needs an algorithm of class kem, ML-DSA-65 is of class sig"):
        made(Scope.WRAPPERS, "ML-DSA-65", WRAPPERS)
    with pytest.raises(UsageError, match="cannot write SLH-DSA"):
        made(Scope.SIGNATURES, "SLH-DSA-SHA2-128s", SIGNATURES)


@pytest.mark.parametrize(
    ("scope", "algorithm", "options", "error", "sentence"),
    [
        (Scope.WRAPPERS, "ML-KEM-768", WRAPPERS, KeyStoreError, "options.new_key: .* is of ML-KEM-768\\+X25519"),
        (Scope.WRAPPERS, "ML-KEM-768", {**WRAPPERS, "new_key": "no"}, KeyStoreError, "^options.new_key: .*no"),
        (Scope.WRAPPERS, "x-wing", {**WRAPPERS, "old_key": "no"}, KeyStoreError, "^options.old_key: .*no"),
        (Scope.HASHES, "Argon2id", {"mode": "password", "pepper": "no"}, KeyStoreError, "^options.pepper: .*no"),
        (Scope.WRAPPERS, "x-wing", {**WRAPPERS, "old_key": "ed"}, KeyStoreError, "options.old_key: .* RSA is needed"),
        (Scope.WRAPPERS, "x-wing", {**WRAPPERS, "format": "AES-KW"}, KeyStoreError, "AES is needed"),
        (Scope.SIGNATURES, "ML-DSA-65", {**SIGNATURES, "old_key": "ecdsa"}, KeyStoreError, "Ed25519 is needed"),
        (Scope.SIGNATURES, "ML-DSA-65", {**SIGNATURES, "payload": FIELD}, UsageError, "options.payload"),
        (Scope.SIGNATURES, "ML-DSA-65", {**SIGNATURES, "signature_field": FIELD}, UsageError, "signature_field"),
        (Scope.SIGNATURES, "ML-DSA-65", {**SIGNATURES, "signature_field": "body"}, UsageError, "signature_field"),
        (Scope.SIGNATURES, "ML-DSA-65", {**SIGNATURES, "signature_encoding": "hex"}, UsageError, "no signature_field"),
        (Scope.HASHES, "SHA3-512", {"mode": "password"}, UsageError, "options.mode"),
        (Scope.HASHES, "Argon2id", {"mode": "digest", "source": "body"}, UsageError, "options.mode"),
        (Scope.HASHES, "Argon2id", {"mode": "password", "pepper": "aes"}, KeyStoreError, "a PEPPER is needed"),
        (Scope.HASHES, "Argon2id", {"mode": "password", "user": FIELD}, UsageError, "options.user"),
        (Scope.HASHES, "Argon2id", {"mode": "password", "scheme": "msdcc"}, UsageError, "options.user"),
        (Scope.HASHES, "Argon2id", {"mode": "password", "scheme": "md6"}, UsageError, "options.scheme"),
        (Scope.HASHES, "Argon2id", {"mode": "password", "salt": "salt"}, UsageError, "options.salt"),
        (Scope.HASHES, "Argon2id", {"mode": "password", "scheme": "MD5(salt+password)"}, UsageError, "options.salt"),
        (
            Scope.HASHES,
            "Argon2id",
            {"mode": "password", "scheme": "MD5(salt+password)", "salt": FIELD},
            UsageError,
            "options.salt",
        ),
        (Scope.HASHES, "SHA-512", {"mode": "digest", "source": FIELD}, UsageError, "options.source"),
        (
            Scope.HASHES,
            "SHA-512",
            {"mode": "digest", "source": "body", "format": "HMAC-SHA-1"},
            UsageError,
            "options.format",
        ),
        (
            Scope.HASHES,
            "SHA-512",
            {"mode": "digest", "source": "body", "style": "tagged", "encoding": "raw"},
            UsageError,
            "options.style",
        ),
    ],
)
def test_options_that_cannot_be_used_are_named(scope, algorithm, options, error, sentence):
    with pytest.raises(error, match=sentence):
        made(scope, algorithm, options)


def test_the_key_fixed_at_the_first_start_is_used():
    migration = made(Scope.WRAPPERS, "x-wing", WRAPPERS, target_key_id="hybrid:1")
    assert migration.max_width(FIELD) > 1120
    with pytest.raises(UsageError, match="writes with the key other-hybrid:1"):
        made(Scope.WRAPPERS, "x-wing", WRAPPERS, target_key_id="other-hybrid:1")


def test_target_key_names_the_option_that_writes():
    assert target_key(Scope.WRAPPERS, WRAPPERS) == "hybrid"
    assert target_key(Scope.HASHES, {"mode": "password", "pepper": "p"}) == "p"
    assert target_key(Scope.HASHES, {"mode": "password"}) is None


@pytest.mark.parametrize(
    ("scope", "algorithm", "options"),
    [
        (Scope.WRAPPERS, "x-wing", WRAPPERS),
        (Scope.SIGNATURES, "ML-DSA-65", SIGNATURES),
        (Scope.HASHES, "Argon2id", {"mode": "password"}),
        (Scope.HASHES, "SHA3-512", {"mode": "digest", "source": "body"}),
    ],
)
def test_each_keeps_the_promises_of_the_interface(scope, algorithm, options):
    migration: Migration = made(scope, algorithm, options)
    assert migration.reads[0] == FIELD
    assert set(migration.guards) <= set(migration.reads)
    assert FIELD in migration.guards
    assert bool(migration.writes) != migration.beside
    for column in migration.writes:
        assert migration.max_width(column) > 0
    with pytest.raises(ValueError, match="not written"):
        migration.max_width("another column")
    assert {mark.column for mark in migration.marks} <= set(migration.reads)
