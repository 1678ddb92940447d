from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pqcore.crypto import keys as crypto_keys
from pqcore.errors import KeyStoreError
from pqcore.formats import signature
from pqcore.formats.context import Context
from pqcore.formats.encoding import Encoding, encode
from pqcore.formats.errors import FormatError, NotAuthentic
from pqcore.formats.framing import frame
from pqcore.formats.signature import Mode, countersign, parse, stored_length, verify_signature
from tests.formats.keyring import key, ring

HERE = Context("data set", "audit_log", "signature", (1, "a"))
WHEN = datetime(2026, 3, 4, 5, 6, 7, 89, tzinfo=UTC)
SIGNERS = ["dsa-44", "dsa", "dsa-87", "composite", "composite-ecdsa"]
PAYLOAD, OLD = b"pay 100 to alice", b"old signature"


def signed(name="dsa", *, mode=Mode.COUNTERSIGN, context=HERE, time=WHEN):
    return countersign(
        PAYLOAD,
        OLD,
        key=key(name),
        context=context,
        old_algorithm="Ed25519",
        old_key_id="audit:3",
        time=time,
        mode=mode,
    )


@pytest.fixture(scope="module")
def value():
    return signed()


@pytest.mark.parametrize("name", SIGNERS)
@pytest.mark.parametrize("encoding", Encoding)
def test_what_was_signed_verifies_in_every_encoding(name, encoding):
    stored = encode(signed(name), encoding)
    form = verify_signature(stored, PAYLOAD, OLD, ring(), HERE)
    assert verify_signature(stored, PAYLOAD.decode(), OLD, ring().get, HERE) == form
    assert (form.algorithm, form.key_id, form.mode) == (key(name).algorithm, key(name).id, Mode.COUNTERSIGN)
    assert (form.old_algorithm, form.old_key_id) == ("Ed25519", "audit:3")
    assert form.time == WHEN
    assert form.old_digest == hashlib.sha256(OLD).digest()
    longest = stored_length(key(name).algorithm, key(name).id, "Ed25519", "audit:3")
    assert longest - (8 if "ecdsa" in name else 0) <= len(signed(name)) <= longest


def test_time_is_kept_in_utc():
    form = parse(signed(time=WHEN.astimezone(timezone(timedelta(hours=5)))))
    assert form.time == WHEN
    assert form.time.utcoffset() == timedelta(0)
    with pytest.raises(FormatError, match="zone"):
        signed(time=WHEN.replace(tzinfo=None))
    with pytest.raises(FormatError, match="1970"):
        signed(time=datetime(1969, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    "there",
    [
        replace(HERE, row_key=(2, "a")),
        replace(HERE, table="app.audit_log"),
        replace(HERE, column="sig"),
        replace(HERE, data_set="another"),
    ],
)
def test_a_signature_that_was_moved_does_not_verify(value, there):
    with pytest.raises(NotAuthentic):
        verify_signature(value, PAYLOAD, OLD, ring(), there)


def test_payload_and_old_signature_are_bound(value):
    with pytest.raises(NotAuthentic, match="payload"):
        verify_signature(value, PAYLOAD + b"0", OLD, ring(), HERE)
    with pytest.raises(NotAuthentic, match="another old signature"):
        verify_signature(value, PAYLOAD, OLD + b"0", ring(), HERE)
    with pytest.raises(FormatError, match="missing"):
        verify_signature(value, PAYLOAD, None, ring(), HERE)


def test_a_replacing_signature_needs_no_old_one_but_knows_it():
    value = signed(mode=Mode.REPLACE)
    verify_signature(value, PAYLOAD, None, ring(), HERE)
    verify_signature(value, PAYLOAD, OLD, ring(), HERE)
    with pytest.raises(NotAuthentic):
        verify_signature(value, PAYLOAD, b"another", ring(), HERE)


def test_a_counter_signature_cannot_be_turned_into_a_replacement(value):
    assert value[7] == Mode.COUNTERSIGN
    with pytest.raises(NotAuthentic):
        verify_signature(value[:7] + bytes((Mode.REPLACE,)) + value[8:], PAYLOAD, None, ring(), HERE)


def test_every_byte_is_bound(value):
    ends = [*range(120), *range(len(value) - 40, len(value)), *range(120, len(value) - 40, 37)]
    for at in ends:
        broken = value[:at] + bytes((value[at] ^ 1,)) + value[at + 1 :]
        with pytest.raises((FormatError, NotAuthentic, KeyStoreError)):
            verify_signature(broken, PAYLOAD, OLD, ring(), HERE)


def test_truncation_and_trailing_bytes_are_refused(value):
    for length in range(0, len(value), 7):
        with pytest.raises(FormatError):
            parse(value[:length])
    with pytest.raises(FormatError, match="followed by"):
        parse(value + b"\0")


def test_a_signature_by_the_same_key_under_another_context_string_is_none_of_ours(value):
    form = parse(value)
    body = value[len(form.header) : -len(form.signature) - 2]
    statement = signature._statement(form.header, body, PAYLOAD, HERE)
    private = crypto_keys.mldsa_private("ML-DSA-65", key("dsa").secret)
    other = value[: -len(form.signature)] + private.sign(statement, b"another protocol")
    with pytest.raises(NotAuthentic):
        verify_signature(other, PAYLOAD, OLD, ring(), HERE)


def test_the_statement_is_what_the_specification_says(value):
    """docs/FORMATS.md: whoever follows it with any ML-DSA library verifies our signatures."""
    form = parse(value)
    header = b"pqcsg1" + bytes((18, 0, 1, 5)) + b"dsa:1"
    header += bytes(-len(header) % 3)
    micros = (WHEN - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    body = micros.to_bytes(8, "big") + hashlib.sha256(OLD).digest() + b"\x07Ed25519" + b"\x07audit:3"
    assert value == header + body + len(form.signature).to_bytes(2, "big") + form.signature
    statement = frame(
        b"pqconsole statement v1",
        b"data set",
        b"audit_log",
        b"signature",
        b'[1,"a"]',
        header,
        body,
        b"SHA-512",
        hashlib.sha512(PAYLOAD).digest(),
    )
    public = crypto_keys.mldsa_public("ML-DSA-65", key("dsa").public)
    public.verify(form.signature, statement, b"pqconsole signature v1")


def test_wrong_keys_are_named(value):
    other = replace(key("other-dsa"), info=key("dsa").info)
    with pytest.raises(NotAuthentic):
        verify_signature(value, PAYLOAD, OLD, lambda _: other, HERE)
    with pytest.raises(KeyStoreError, match="by ML-DSA-65"):
        signature.verify_parsed(value, PAYLOAD, OLD, key("dsa-44"), HERE)
    with pytest.raises(KeyStoreError, match="public part"):
        countersign(
            PAYLOAD,
            OLD,
            key=replace(key("dsa"), secret=None),
            context=HERE,
            old_algorithm="Ed25519",
            old_key_id="k:1",
            time=WHEN,
        )
    with pytest.raises(FormatError, match="not supported"):
        signed("ed")


@pytest.mark.parametrize("name", SIGNERS)
def test_signatures_of_one_job_share_their_header(name):
    start = signature.header(key(name).algorithm, Mode.COUNTERSIGN, key(name).id)
    assert len(start) % 3 == 0
    for encoding in Encoding:
        assert encode(signed(name), encoding).startswith(encode(start, encoding))


@settings(deadline=None)
@given(st.binary(max_size=80), st.sampled_from(Encoding), st.booleans())
def test_parsing_anything_gives_a_format_error(data, encoding, magic):
    with pytest.raises(FormatError):
        parse(encode(signature.MAGIC + data if magic else data, encoding))
