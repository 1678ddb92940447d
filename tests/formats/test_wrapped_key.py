from __future__ import annotations

import hmac
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pqcore.errors import KeyStoreError
from pqcore.formats import wrapped_key
from pqcore.formats.context import Context
from pqcore.formats.encoding import Encoding, encode
from pqcore.formats.errors import FormatError, NotAuthentic
from pqcore.formats.framing import frame
from pqcore.formats.wrapped_key import SealKey, open_wrapped_key, parse, seal, sealed_length
from tests.formats.keyring import key, ring

HERE = Context("data set", "documents", "wrapped_key", (42,))


def tag_over(key, bound, body):
    """The tag of docs/FORMATS.md, as its own lines."""
    return hmac.digest(key.seal_secret, frame(b"pqconsole wrapped key tag v1", bound, body), "sha256")


KEM_KEYS = ["hybrid", "hybrid-1024", "kem", "kem-1024"]
DATA_KEY = bytes(range(32))


@pytest.fixture(scope="module")
def value():
    return seal(DATA_KEY, key("hybrid"), HERE)


@pytest.mark.parametrize("name", KEM_KEYS)
@pytest.mark.parametrize("encoding", Encoding)
def test_what_was_sealed_opens_in_every_encoding(name, encoding):
    sealed = seal(DATA_KEY, key(name), replace(HERE, policy="strict"))
    stored = encode(sealed, encoding)
    assert open_wrapped_key(stored, ring(), HERE) == DATA_KEY
    assert open_wrapped_key(stored, ring().get, HERE) == DATA_KEY
    assert parse(stored) == parse(sealed)
    assert len(sealed) == sealed_length([SealKey.of(key(name)).layer], "strict", len(DATA_KEY))


@settings(max_examples=25, deadline=None)
@given(st.binary(min_size=1, max_size=300), st.text(max_size=20), st.text(max_size=20))
def test_round_trip(plaintext, table, policy):
    here = Context("d", table, "c", ("row", 1), policy=policy)
    if len(policy.encode()) > 255:
        return
    sealed = seal(plaintext, key("kem"), here)
    assert open_wrapped_key(sealed, ring(), here) == plaintext


@pytest.mark.parametrize("name", KEM_KEYS)
@pytest.mark.parametrize("encoding", Encoding)
def test_values_of_one_job_share_their_header_in_every_encoding(name, encoding):
    start = wrapped_key.header(key(name).algorithm, key(name).id, "p")
    assert len(start) % 3 == 0
    stored = encode(seal(DATA_KEY, key(name), replace(HERE, policy="p")), encoding)
    assert stored.startswith(encode(start, encoding))


def test_one_key_version_is_not_a_prefix_of_another():
    starts = [wrapped_key.header("ML-KEM-768", f"kek:{version}") for version in (1, 2, 11)]
    for encoding in Encoding:
        texts = [encode(start, encoding) for start in starts]
        assert not any(a.startswith(b) for a in texts for b in texts if a is not b)


@pytest.mark.parametrize(
    "there",
    [
        replace(HERE, row_key=(43,)),
        replace(HERE, row_key=("42",)),
        replace(HERE, table="app.documents"),
        replace(HERE, column="other"),
        replace(HERE, data_set="another"),
    ],
)
def test_a_value_that_was_moved_does_not_open(value, there):
    with pytest.raises(NotAuthentic, match="row"):
        open_wrapped_key(value, ring(), there)


def test_a_reader_may_insist_on_key_and_policy(value):
    assert open_wrapped_key(value, ring(), replace(HERE, key_id="hybrid:1")) == DATA_KEY
    with pytest.raises(FormatError, match="another key"):
        open_wrapped_key(value, ring(), replace(HERE, key_id="hybrid:2"))
    with pytest.raises(FormatError, match="another policy"):
        open_wrapped_key(value, ring(), replace(HERE, policy="strict"))


def test_every_byte_is_bound(value):
    for at in range(len(value)):
        broken = value[:at] + bytes((value[at] ^ 1,)) + value[at + 1 :]
        with pytest.raises((FormatError, NotAuthentic, KeyStoreError)):
            open_wrapped_key(broken, ring(), HERE)


def test_every_truncation_and_trailing_bytes_are_refused(value):
    for length in range(len(value)):
        with pytest.raises(FormatError):
            parse(value[:length])
    with pytest.raises(FormatError, match="followed by"):
        parse(value + b"\0")


def test_an_envelope_planted_with_the_public_key_alone_is_refused(value):
    """Write access to the database and the public key are not enough to plant a key."""
    public_only = replace(key("hybrid"), seal_secret=bytes(32))
    planted = seal(b"known to the attacker", public_only, HERE)
    with pytest.raises(NotAuthentic, match="sealed"):
        open_wrapped_key(planted, ring(), HERE)


def test_the_tag_is_checked_before_anything_is_opened(value):
    without_secret = replace(key("hybrid"), secret=None)
    with pytest.raises(NotAuthentic):
        open_wrapped_key(value[:-1] + bytes((value[-1] ^ 1,)), lambda _: without_secret, HERE)
    with pytest.raises(KeyStoreError, match="public part"):
        open_wrapped_key(value, lambda _: without_secret, HERE)


def test_a_tag_by_the_right_sealer_over_another_suite_does_not_open(value):
    """Even the sealer cannot pass a ciphertext off under another suite: the header is part of HPKE's info."""
    envelope = parse(value)
    forged = envelope.signed_part.replace(b"hybrid:1", b"hybrid:2", 1)
    bound = HERE.under("hybrid:2", "").encode()
    forged += tag_over(key("hybrid"), bound, forged)
    with pytest.raises(NotAuthentic, match="does not open"):
        open_wrapped_key(forged, lambda _: replace(key("hybrid"), info=replace(key("hybrid").info, version=2)), HERE)


def test_wrong_keys_are_named(value):
    kem = replace(key("kem"), info=replace(key("kem").info, name="hybrid"))
    with pytest.raises(KeyStoreError, match="needs ML-KEM-768"):
        open_wrapped_key(value, lambda _: kem, HERE)
    with pytest.raises(KeyStoreError, match="came back"):
        open_wrapped_key(value, lambda _: key("kem"), HERE)
    with pytest.raises(KeyStoreError, match="not available"):
        open_wrapped_key(value, {}.__getitem__, HERE)
    with pytest.raises(KeyStoreError, match="no seal secret"):
        open_wrapped_key(value, lambda _: replace(key("hybrid"), seal_secret=None), HERE)
    with pytest.raises(KeyStoreError, match="does not seal"):
        seal(DATA_KEY, key("rsa"), HERE)
    with pytest.raises(FormatError, match="32768"):
        seal(b"", key("kem"), HERE)


@pytest.mark.parametrize(
    ("at", "new", "sentence"),
    [
        (6, b"\x00\x20", "suite"),  # X25519 alone
        (8, b"\x00\x10", "suite"),  # SHAKE128, weaker than the KEM
        (10, b"\x00\x01", "suite"),
        (12, b"\x04", "draft 4"),
    ],
)
def test_unknown_suites_and_drafts_are_refused(value, at, new, sentence):
    with pytest.raises(FormatError, match=sentence):
        parse(value[:at] + new + value[at + len(new) :])


def test_padding_has_to_be_zero():
    sealed = seal(DATA_KEY, key("kem"), HERE)
    end = sealed.index(b"kem:1") + 5
    assert sealed[end] == 0
    with pytest.raises(FormatError, match="padding"):
        parse(sealed[:end] + b"\1" + sealed[end + 1 :])


@given(st.binary(max_size=80), st.sampled_from(["raw", "hex", "base64", "base64url"]), st.booleans())
def test_parsing_anything_gives_an_envelope_or_a_format_error(data, encoding, magic):
    stored = encode(wrapped_key.MAGIC + data if magic else data, Encoding(encoding))
    with pytest.raises(FormatError):
        parse(stored)


@given(st.text(max_size=80))
def test_parsing_any_text_is_a_format_error(text):
    with pytest.raises(FormatError):
        parse(text)
