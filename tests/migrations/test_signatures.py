from __future__ import annotations

import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given, settings
from hypothesis import strategies as st

from pqcore.crypto import keys
from pqcore.errors import UsageError
from pqcore.formats import signature
from pqcore.formats.encoding import Encoding, decode, encode
from pqcore.formats.legacy_signature import LegacySignature
from pqcore.formats.signature import verify_signature
from pqcore.migrations.base import Failed, Migrated, Scope, Skipped, SkipReason
from tests.formats.keyring import key, ring
from tests.formats.test_jose import detached, signed
from tests.formats.test_legacy_signature import FORMS, key_name, raw, sign
from tests.migrations.records import FIELD, WHEN, context, made, migrated, new_value, reason, row

PAYLOAD = "pay 100 to alice"
DONE = Skipped(SkipReason.ALREADY_MIGRATED)
ED = {"format": "Ed25519", "payload": "body", "old_key": "ed", "new_key": "dsa"}
OLD = sign("Ed25519", PAYLOAD.encode())
STORED = encode(OLD, Encoding.BASE64)


def migration(algorithm="ML-DSA-65", **options):
    chosen = {name: value for name, value in (ED | options).items() if value is not None}
    return made(Scope.SIGNATURES, algorithm, chosen)


def in_column(**options):
    return migration(signature_field="pq_signature", **options)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("algorithm", "name"), [("ML-DSA-44", "dsa-44"), ("ML-DSA-65", "dsa"), ("ML-DSA-87", "dsa-87")]
)
def test_old_signatures_are_countersigned_beside_the_row(form, algorithm, name):
    old_key = key_name(form)
    job = migration(algorithm, format=form.value, old_key=old_key, new_key=name)
    old = sign(form, PAYLOAD.encode())
    stored = encode(old, Encoding.BASE64)
    outcome = migrated(job.migrate(row(stored, body=PAYLOAD)))
    assert job.beside
    assert not outcome.values
    new = outcome.signature
    assert (new.field, new.algorithm, new.key_id) == (FIELD, algorithm, f"{name}:1")
    assert new.old_digest == hashlib.sha256(old).digest()
    form_read = verify_signature(new.value, PAYLOAD, old, ring(), context())
    assert (form_read.old_algorithm, form_read.old_key_id, form_read.time) == (form, f"{old_key}:1", WHEN)
    again = row(stored, signature=new, body=PAYLOAD)
    assert job.migrate(again) == job.verify(again) == DONE


@pytest.mark.parametrize("form", [form for form in LegacySignature if form.startswith("ECDSA")])
def test_raw_ecdsa_is_said_so(form):
    der = sign(form, PAYLOAD.encode())
    stored = encode(raw(form, der), Encoding.BASE64)
    options = {"format": form.value, "old_key": key_name(form)}
    migrated(migration(**options, ecdsa_encoding="raw").migrate(row(stored, body=PAYLOAD)))
    assert reason(migration(**options).migrate(row(stored, body=PAYLOAD))) == "unparseable"
    wrong = migration(**options, ecdsa_encoding="raw")
    assert reason(wrong.migrate(row(encode(der, Encoding.BASE64), body=PAYLOAD))) == "unparseable"


def test_another_hash_of_ecdsa_is_said_so():
    signer = key("ecdsa-384")
    private = keys.classical_private(signer.algorithm, signer.secret)
    stored = encode(private.sign(PAYLOAD.encode(), ECDSA(SHA256())), Encoding.BASE64)
    options = {"format": "ECDSA-P384", "old_key": "ecdsa-384"}
    migrated(migration(**options, ecdsa_hash="SHA-256").migrate(row(stored, body=PAYLOAD)))
    assert reason(migration(**options).migrate(row(stored, body=PAYLOAD))) == "unverifiable"
    assert reason(migration(**options, ecdsa_hash="SHA-384").migrate(row(stored, body=PAYLOAD))) == "unverifiable"


def test_a_high_s_is_a_dead_letter_where_it_is_refused():
    job = migration(format="ECDSA-P256", old_key="ecdsa", low_s="required")
    r, s = decode_dss_signature(sign("ECDSA-P256", PAYLOAD.encode()))
    low, high = (encode_dss_signature(r, one) for one in sorted((s, SECP256R1().group_order - s)))
    migrated(job.migrate(row(encode(low, Encoding.BASE64), body=PAYLOAD)))
    assert reason(job.migrate(row(encode(high, Encoding.BASE64), body=PAYLOAD))) == "unverifiable"


JWS = {"format": "JWS", "payload": None}
DETACHED = {"format": "JWS-detached"}


@pytest.mark.parametrize("stored_as", [str, bytes])
def test_a_jws_with_its_payload_needs_no_column(stored_as):
    token = signed("EdDSA", payload=PAYLOAD.encode())
    stored = token if stored_as is bytes else token.decode()
    job = migration(**JWS)
    assert job.reads == (FIELD,)
    new = migrated(job.migrate(row(stored))).signature
    form = verify_signature(new.value, PAYLOAD, token, ring(), context())
    assert (form.old_algorithm, form.old_key_id) == ("JWS", "ed:1")
    again = row(stored, signature=new)
    assert job.migrate(again) == job.verify(again) == DONE
    assert reason(migration(**JWS, old_key="other-ed").migrate(row(stored))) == "unverifiable"
    assert reason(migration(**JWS, old_key="rsa").migrate(row(stored))) == "unparseable"
    assert reason(job.migrate(row(detached(token).decode()))) == "unparseable"


@pytest.mark.parametrize("mode", ["countersign", "replace"])
def test_a_detached_jws_is_over_the_payload_column(mode):
    token = detached(signed("ES384", payload=PAYLOAD.encode()))
    job = migration(**DETACHED, old_key="ecdsa-384", mode=mode)
    outcome = migrated(job.migrate(row(token.decode(), body=PAYLOAD)))
    if mode == "countersign":
        verify_signature(outcome.signature.value, PAYLOAD, token, ring(), context())
    else:
        verify_signature(outcome.values[FIELD], PAYLOAD, None, ring(), context())
        assert len(outcome.values[FIELD]) <= job.max_width(FIELD)
        assert job.migrate(row(outcome.values[FIELD], body=PAYLOAD)) == DONE
    assert reason(job.migrate(row(token.decode(), body="another"))) == "unverifiable"
    assert reason(job.migrate(row(signed("ES384").decode(), body=PAYLOAD))) == "unparseable"


def test_a_payload_that_only_the_jws_has_is_never_replaced():
    with pytest.raises(UsageError, match=r"options\.mode"):
        migration(**JWS, mode="replace")


def test_prefixes_frame_old_signatures():
    text = "vault:v1:" + STORED
    migrated(migration(text_prefix="vault:v1:").migrate(row(text, body=PAYLOAD)))
    assert reason(migration(text_prefix="vault:v2:").migrate(row(text, body=PAYLOAD))) == "unparseable"
    tink = bytes.fromhex("01aabbccdd") + OLD
    new = migrated(migration(byte_prefix={"bytes": "01aabbccdd"}).migrate(row(tink, body=PAYLOAD))).signature
    verify_signature(new.value, PAYLOAD, OLD, ring(), context())
    assert reason(migration().migrate(row(tink, body=PAYLOAD))) == "unparseable"


@pytest.mark.parametrize("encoding", Encoding)
def test_the_new_signature_goes_to_the_named_column(encoding):
    job = in_column(signature_encoding=encoding.value)
    assert not job.beside
    assert job.writes == ("pq_signature",)
    assert set(job.guards) == {FIELD, "pq_signature"}
    new = migrated(job.migrate(row(STORED, body=PAYLOAD, pq_signature=None))).values["pq_signature"]
    assert isinstance(new, bytes) == (encoding is Encoding.RAW)
    assert len(new) <= job.max_width("pq_signature")
    (mark,) = job.marks
    assert new.startswith(mark.text)
    verify_signature(new, PAYLOAD, OLD, ring(), context())
    again = row(STORED, body=PAYLOAD, pq_signature=new)
    assert job.migrate(again) == job.verify(again) == DONE


@pytest.mark.parametrize("stored", [OLD, STORED], ids=["raw", "base64"])
def test_the_new_column_is_encoded_as_the_old_one_by_default(stored):
    new = migrated(in_column().migrate(row(stored, body=PAYLOAD, pq_signature=None))).values["pq_signature"]
    assert type(new) is type(stored)


@pytest.mark.parametrize("encoding", Encoding)
def test_replacing_is_an_explicit_choice(encoding):
    job = migration(mode="replace", encoding=encoding.value)
    assert job.writes == (FIELD,)
    new = new_value(job.migrate(row(encode(OLD, encoding), body=PAYLOAD)))
    form = verify_signature(new, PAYLOAD, None, ring(), context())
    assert form.mode is signature.Mode.REPLACE
    assert form.old_digest == hashlib.sha256(OLD).digest()
    assert len(new) <= job.max_width(FIELD)
    assert job.migrate(row(new, body=PAYLOAD)) == job.verify(row(new, body=PAYLOAD)) == DONE
    assert reason(job.migrate(row(new, body="another"))) == "unverifiable"


def test_a_replaced_signature_is_not_signed_again_by_another_key():
    new = new_value(migration(mode="replace").migrate(row(STORED, body=PAYLOAD)))
    job = migration("ML-DSA-87", mode="replace", new_key="dsa-87")
    assert job.migrate(row(new, body=PAYLOAD)) == Skipped(SkipReason.NOT_IN_SCOPE)
    assert reason(job.migrate(row(new, (8,), body=PAYLOAD))) == "unverifiable"


def test_a_new_target_or_a_new_old_signature_is_signed_again():
    first = migrated(migration().migrate(row(STORED, body=PAYLOAD))).signature
    other_target = migration("ML-DSA-87", new_key="dsa-87").migrate(row(STORED, signature=first, body=PAYLOAD))
    assert migrated(other_target).signature.algorithm == "ML-DSA-87"
    changed = sign("Ed25519", b"changed")
    again = row(encode(changed, Encoding.BASE64), signature=first, body="changed")
    assert reason(migration().verify(again)) == "unverifiable"
    second = migrated(migration().migrate(again)).signature
    verify_signature(second.value, "changed", changed, ring(), context())


def test_a_recorded_signature_that_does_not_verify_is_a_dead_letter():
    first = migrated(migration().migrate(row(STORED, (1,), body=PAYLOAD))).signature
    moved = row(STORED, (2,), signature=first, body=PAYLOAD)
    assert reason(migration().migrate(moved)) == "unverifiable"
    assert reason(migration().verify(moved)) == "unverifiable"


def test_old_signatures_that_do_not_verify_are_never_signed():
    job = migration()
    assert reason(job.migrate(row(STORED, body="pay 900 to mallory"))) == "unverifiable"
    assert reason(migration(old_key="other-ed").migrate(row(STORED, body=PAYLOAD))) == "unverifiable"
    assert reason(job.migrate(row("AAAA", body=PAYLOAD))) == "unparseable"
    assert reason(job.migrate(row(STORED, body=None))) == "unparseable"
    assert reason(job.migrate(row(STORED, body={"json": 1}))) == "unparseable"
    assert reason(job.verify(row(STORED, body=PAYLOAD))) == "unparseable"


def test_a_foreign_value_in_the_new_column_is_not_overwritten():
    assert reason(in_column().migrate(row(STORED, body=PAYLOAD, pq_signature="mine"))) == "unparseable"


def test_the_column_may_name_the_old_key():
    job = migration(old_key={"column": "signer"})
    assert set(job.guards) == {FIELD, "signer"}
    migrated(job.migrate(row(STORED, body=PAYLOAD, signer="ed")))
    assert reason(job.migrate(row(STORED, body=PAYLOAD, signer="nobody"))) == "key_missing"
    column = in_column(old_key={"column": "signer"})
    new = migrated(column.migrate(row(STORED, body=PAYLOAD, signer="ed", pq_signature=None))).values["pq_signature"]
    assert len(new) <= column.max_width("pq_signature")


def test_bytes_and_text_payloads_are_the_same_bytes():
    for body in (PAYLOAD, PAYLOAD.encode(), memoryview(PAYLOAD.encode())):
        value = migrated(migration().migrate(row(STORED, body=body))).signature.value
        verify_signature(value, PAYLOAD, OLD, ring(), context())


@pytest.mark.parametrize("value", [None, "", b""])
def test_empty_values_are_skipped(value):
    assert migration().migrate(row(value, body=PAYLOAD)) == Skipped(SkipReason.EMPTY)
    assert migration().verify(row(value, body=PAYLOAD)) == Skipped(SkipReason.EMPTY)


def test_nothing_is_returned_unproved(monkeypatch):
    good = signature.countersign
    monkeypatch.setattr(signature, "countersign", lambda payload, old, **more: good(payload + b"0", old, **more))
    for job, more in ((migration(), {}), (in_column(), {"pq_signature": None}), (migration(mode="replace"), {})):
        assert reason(job.migrate(row(STORED, body=PAYLOAD, **more))) == "unproved"


@settings(max_examples=150, deadline=None)
@given(st.none() | st.text(max_size=90) | st.binary(max_size=90) | st.integers(), st.none() | st.text() | st.binary())
def test_any_value_has_an_outcome(value, body):
    for job in (migration(), migration(mode="replace"), migration(encoding="raw")):
        assert isinstance(job.migrate(row(value, body=body)), Failed | Skipped)
        assert isinstance(job.verify(row(value, body=body)), Failed | Skipped)


def test_the_payload_digest_is_bound_so_it_needs_no_guard():
    outcome = migration().migrate(row(STORED, body=PAYLOAD))
    assert isinstance(outcome, Migrated)
    assert "body" not in migration().guards
    assert decode(STORED, Encoding.BASE64) == OLD
