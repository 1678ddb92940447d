"""Old values put back: the old wrap, the old signature, an envelope under a retired key."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pqcore.crypto.argon2id import Cost
from pqcore.errors import KeyStoreError
from pqcore.formats.encoding import Encoding, encode
from pqcore.formats.errors import FormatError, NotAuthentic
from pqcore.formats.legacy_wrap import LegacyWrap, wrap
from pqcore.formats.password import check_password, wrap_password_hash
from pqcore.formats.signature import verify_signature
from pqcore.formats.wrapped_key import open_wrapped_key, recognise, seal
from pqcore.migrations.base import Scope
from tests.formats.keyring import key, ring
from tests.formats.old_passwords import MAKERS
from tests.migrations.records import made, reason, row
from tests.tamper.forms import DATA_KEY, HERE, OLD, PAYLOAD, SIGNED, each_signature, stored_here

OPTIONS = {"format": "RSA-OAEP-SHA256", "old_key": "rsa", "new_key": "kem"}


@pytest.mark.parametrize("form", ["RSA-OAEP-SHA1", "RSA-OAEP-SHA256", "AES-KW"])
@pytest.mark.parametrize("encoding", Encoding)
def test_an_old_wrap_put_back_is_not_taken_for_a_wrapped_key(form, encoding):
    """The reader of the new form never falls back to the old one by itself: that would undo the migration."""
    old = encode(wrap(LegacyWrap(form), DATA_KEY, key("aes" if form == "AES-KW" else "rsa")), encoding)
    assert not recognise(old)
    with pytest.raises(FormatError, match="not a wrapped key"):
        open_wrapped_key(old, ring(), HERE)


def test_verifying_a_job_finds_old_wraps_that_were_put_back():
    job = made(Scope.WRAPPERS, "ML-KEM-768", OPTIONS)
    assert reason(job.verify(row(wrap(LegacyWrap.RSA_OAEP_SHA256, DATA_KEY, key("rsa"))))) == "unparseable"


def test_an_envelope_under_a_key_that_is_gone_does_not_open():
    stored = seal(DATA_KEY, key("other-hybrid"), HERE)
    held = {"hybrid:1": key("hybrid")}
    with pytest.raises(KeyStoreError, match="other-hybrid:1 is not available"):
        open_wrapped_key(stored, held.__getitem__, HERE)


def test_a_reader_that_names_the_key_refuses_an_older_envelope_of_the_row():
    """Both were written for this row and open: only who insists on the key tells the older from the newer one."""
    older, newer = seal(DATA_KEY, key("hybrid"), HERE), seal(DATA_KEY, key("other-hybrid"), HERE)
    now = replace(HERE, key_id="other-hybrid:1")
    assert open_wrapped_key(newer, ring(), now) == open_wrapped_key(older, ring(), HERE) == DATA_KEY
    with pytest.raises(FormatError, match="another key"):
        open_wrapped_key(older, ring(), now)


@each_signature
def test_an_old_signature_is_no_signature_of_the_new_form(form):
    with pytest.raises(FormatError):
        form.read(OLD, HERE)


def test_a_counter_signature_over_another_old_signature_of_the_row_is_refused():
    with pytest.raises(NotAuthentic, match="another old signature"):
        verify_signature(stored_here(SIGNED[1]), PAYLOAD, OLD + b"!", ring(), HERE)


@each_signature
def test_a_signature_of_an_earlier_payload_of_the_row_is_refused(form):
    with pytest.raises(NotAuthentic):
        verify_signature(stored_here(form), b"pay 1 to alice", OLD, ring(), HERE)


def test_an_old_hash_put_back_still_asks_for_its_own_password():
    """An old hash that was put back is an old hash: it checks its password and asks to be replaced, nothing more."""
    old = MAKERS["pbkdf2_sha256"](b"former password")
    assert check_password(old, "former password").rehash
    assert not check_password(wrap_password_hash(MAKERS["pbkdf2_sha256"](b"new"), Cost(8, 1)), "former password").ok
