from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pqcore.formats import wrapped_key
from pqcore.formats.encoding import Encoding, encode
from pqcore.formats.legacy_wrap import OAEP_HASHES, LegacyWrap, WrapParameters, wrap
from pqcore.formats.wrapped_key import open_wrapped_key, parse, seal, seal_nested
from pqcore.migrations.base import Failed, Scope, Skipped, SkipReason
from tests.formats.keyring import key, ring
from tests.migrations.records import FIELD, context, made, migrated, new_value, reason, row

DATA_KEY = bytes(range(32))
DONE = Skipped(SkipReason.ALREADY_MIGRATED)
RSA = {"format": "RSA-OAEP-SHA256", "old_key": "rsa", "new_key": "hybrid"}


def migration(algorithm="x-wing", policy="", **options):
    return made(Scope.WRAPPERS, algorithm, RSA | options, policy=policy)


def rsa_wrapped(plaintext=DATA_KEY, encoding=Encoding.BASE64, form=LegacyWrap.RSA_OAEP_SHA256, **parameters):
    return encode(wrap(form, plaintext, key("rsa"), WrapParameters(**parameters)), encoding)


@pytest.mark.parametrize("form", LegacyWrap)
@pytest.mark.parametrize(
    ("algorithm", "name"),
    [
        ("ML-KEM-768+X25519", "hybrid"),
        ("ML-KEM-1024+P-384", "hybrid-1024"),
        ("ML-KEM-768", "kem"),
        ("ML-KEM-1024", "kem-1024"),
    ],
)
def test_old_wraps_become_envelopes_of_the_same_key(form, algorithm, name):
    old_key = "rsa" if form in OAEP_HASHES else "aes-128"
    job = migration(algorithm, format=form.value, old_key=old_key, new_key=name)
    new = new_value(job.migrate(row(encode(wrap(form, DATA_KEY, key(old_key)), Encoding.BASE64))))
    assert open_wrapped_key(new, ring(), context()) == DATA_KEY
    assert parse(new).key_id == f"{name}:1"
    assert len(new) <= job.max_width(FIELD)
    assert job.migrate(row(new)) == job.verify(row(new)) == DONE


@pytest.mark.parametrize("encoding", Encoding)
@pytest.mark.parametrize("explicit", [True, False])
def test_the_column_keeps_its_encoding(encoding, explicit):
    if not explicit and encoding not in (Encoding.RAW, Encoding.BASE64):
        return
    job = migration(encoding=encoding.value) if explicit else migration()
    old = rsa_wrapped(encoding=encoding)
    new = new_value(job.migrate(row(old)))
    assert type(new) is type(old)
    assert new == encode(seal_bytes(new), encoding)
    assert open_wrapped_key(new, ring(), context()) == DATA_KEY
    assert len(new) <= job.max_width(FIELD)
    if explicit:
        (mark,) = job.marks
        assert new.startswith(mark.text)


def seal_bytes(stored):
    envelope = parse(stored)
    return envelope.signed_part + envelope.tag


def test_text_in_a_binary_column_stays_there():
    job = migration(encoding="hex")
    new = new_value(job.migrate(row(rsa_wrapped(encoding=Encoding.HEX).encode())))
    assert isinstance(new, bytes)
    assert open_wrapped_key(new, ring(), context()) == DATA_KEY


def test_line_breaks_in_base64_are_understood():
    old = rsa_wrapped()
    broken = "\n".join(old[at : at + 76] for at in range(0, len(old), 76))
    assert open_wrapped_key(new_value(migration().migrate(row(broken))), ring(), context()) == DATA_KEY


def test_the_new_value_belongs_to_its_row():
    new = new_value(migration().migrate(row(rsa_wrapped(), (1,))))
    assert reason(migration().verify(row(new, (2,)))) == "unverifiable"
    assert reason(migration().migrate(row(new, (2,)))) == "unverifiable"


def test_the_policy_is_stored():
    job = migration(policy="strict")
    new = new_value(job.migrate(row(rsa_wrapped())))
    assert parse(new).policy == "strict"
    assert open_wrapped_key(new, ring(), replace(context(), policy="strict")) == DATA_KEY


def test_the_column_may_name_the_old_key():
    job = migration(old_key={"column": "kek"})
    assert job.reads == job.guards == (FIELD, "kek")
    assert open_wrapped_key(new_value(job.migrate(row(rsa_wrapped(), kek="rsa"))), ring(), context()) == DATA_KEY
    assert open_wrapped_key(new_value(job.migrate(row(rsa_wrapped(), kek=b"rsa:1"))), ring(), context()) == DATA_KEY
    assert reason(job.migrate(row(rsa_wrapped(), kek="other-rsa"))) == "unverifiable"
    for missing in ("no such key", None, "ed", 7, True):
        assert reason(job.migrate(row(rsa_wrapped(), kek=missing))) == "key_missing"


def test_hash_and_label_are_held_to():
    sha1 = rsa_wrapped(form=LegacyWrap.RSA_OAEP_SHA1)
    assert reason(migration().migrate(row(sha1))) == "unverifiable"
    migrated(migration(format="RSA-OAEP").migrate(row(sha1)))
    labelled = rsa_wrapped(label=b"tenant 7")
    assert reason(migration().migrate(row(labelled))) == "unverifiable"
    migrated(migration(label="tenant 7").migrate(row(labelled)))
    migrated(migration(label={"bytes": b"tenant 7".hex()}).migrate(row(labelled)))
    mixed = rsa_wrapped(mgf1_hash="SHA-1")
    assert reason(migration().migrate(row(mixed))) == "unverifiable"
    migrated(migration(mgf1_hash="SHA-1").migrate(row(mixed)))


@pytest.mark.parametrize("value", [None, "", b""])
def test_empty_values_are_skipped(value):
    assert migration().migrate(row(value)) == Skipped(SkipReason.EMPTY)
    assert migration().verify(row(value)) == Skipped(SkipReason.EMPTY)


@pytest.mark.parametrize("value", ["not base64!", "AAAA", 7, {"a": 1}, b"\x00" * 255])
def test_what_does_not_parse_is_a_dead_letter(value):
    assert reason(migration().migrate(row(value))) == "unparseable"


def test_an_old_value_is_no_proof_of_the_new_form():
    assert reason(migration().verify(row(rsa_wrapped()))) == "unparseable"


def test_a_planted_envelope_is_neither_skipped_nor_sealed_anew():
    planted = seal(b"known", replace(key("hybrid"), seal_secret=bytes(32)), context())
    stored = encode(planted, Encoding.BASE64)
    assert reason(migration().migrate(row(stored))) == "unverifiable"
    assert reason(migration("ML-KEM-1024", new_key="kem-1024").migrate(row(stored))) == "unverifiable"


def test_envelopes_under_another_key_are_sealed_anew():
    first = new_value(migration().migrate(row(rsa_wrapped())))
    job = migration("ML-KEM-1024+P-384", new_key="hybrid-1024")
    second = new_value(job.migrate(row(first)))
    assert parse(second).key_id == "hybrid-1024:1"
    assert open_wrapped_key(second, ring(), context()) == DATA_KEY
    with_policy = new_value(migration(policy="strict").migrate(row(first)))
    assert parse(with_policy).policy == "strict"


def test_a_job_that_only_seals_anew_needs_no_old_format():
    first = new_value(migration().migrate(row(rsa_wrapped())))
    job = made(Scope.WRAPPERS, "ML-KEM-1024", {"new_key": "kem-1024"})
    assert job.reads == job.guards == (FIELD,)
    second = new_value(job.migrate(row(first)))
    assert parse(second).key_id == "kem-1024:1"
    assert open_wrapped_key(second, ring(), context()) == DATA_KEY
    assert job.migrate(row(second)) == job.verify(row(second)) == DONE
    outcome = job.migrate(row(rsa_wrapped()))
    assert reason(outcome) == "unparseable"
    assert "Name the format and old_key" in outcome.message


def test_a_data_key_longer_than_announced_is_a_dead_letter():
    long = rsa_wrapped(bytes(65))
    assert reason(migration().migrate(row(long))) == "too_wide"
    job = migration(max_key_bytes=65)
    assert len(new_value(job.migrate(row(long)))) <= job.max_width(FIELD)


def test_nothing_is_returned_unproved(monkeypatch):
    def reversed_key(plaintext, layers, context):
        return seal_nested(plaintext[::-1], layers, context)

    monkeypatch.setattr(wrapped_key, "seal_nested", reversed_key)
    assert reason(migration().migrate(row(rsa_wrapped()))) == "unproved"


def test_threads_share_a_migration():
    job = migration()
    rows = [row(rsa_wrapped(), (number,)) for number in range(16)]
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(job.migrate, rows))
    for number, outcome in enumerate(outcomes):
        assert open_wrapped_key(new_value(outcome), ring(), context((number,))) == DATA_KEY


@settings(max_examples=150, deadline=None)
@given(
    st.none() | st.text(max_size=80) | st.binary(max_size=80) | st.integers() | st.binary(min_size=256, max_size=256),
    st.sampled_from([None, *Encoding]),
)
def test_any_value_has_an_outcome(value, encoding):
    job = migration() if encoding is None else migration(encoding=encoding.value)
    assert isinstance(job.migrate(row(value)), Failed | Skipped)
    assert isinstance(job.verify(row(value)), Failed | Skipped)
