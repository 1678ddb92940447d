"""Wraps made by somebody who may write to the database and has public keys, and no secret of ours."""

from __future__ import annotations

import hmac
from dataclasses import replace

import pytest

from pqcore.crypto import suites
from pqcore.formats import wrapped_key
from pqcore.formats.errors import FormatError, NotAuthentic
from pqcore.formats.framing import frame
from pqcore.migrations.base import Scope
from tests.formats.keyring import key, ring
from tests.migrations.records import made, reason, row
from tests.tamper.forms import HERE, each_wrap, refuses, stored_here

KNOWN = b"a key that the attacker knows"


def planted(name: str, seal_secret: bytes, context=HERE) -> bytes:
    """A wrap as anybody makes it who has the public key and follows docs/FORMATS.md."""
    return wrapped_key.seal(KNOWN, replace(key(name), secret=None, seal_secret=seal_secret), context)


@pytest.mark.parametrize("name", ["hybrid", "hybrid-1024", "kem", "kem-1024"])
@pytest.mark.parametrize("guess", [bytes(32), b"\xff" * 32, b"other"], ids=["zeros", "ones", "another key's"])
def test_a_wrap_sealed_with_the_public_key_alone_is_refused(name, guess):
    secret = key("other-hybrid").seal_secret if guess == b"other" else guess
    with pytest.raises(NotAuthentic, match="sealed"):
        wrapped_key.open_wrapped_key(planted(name, secret), ring(), HERE)


@each_wrap
def test_the_tag_of_a_true_value_does_not_pass_for_a_planted_one(form):
    """Neither the tag of the value it displaces nor that of another row makes a planted ciphertext pass."""
    true = wrapped_key.parse(stored_here(form))
    name = true.key_id.partition(":")[0]
    forged = wrapped_key.parse(planted(name, bytes(32)))
    elsewhere = wrapped_key.parse(form.write(replace(HERE, row_key=(8, "a"))))
    for tag in (true.tag, elsewhere.tag):
        refuses(form, forged.signed_part + tag)


@each_wrap
def test_no_tag_at_all_is_refused(form):
    true = stored_here(form)
    for tag in (b"", bytes(32), true[-32:][::-1]):
        refuses(form, true[:-32] + tag)


def test_the_ciphertext_of_another_protocol_under_our_public_key_is_refused():
    """HPKE to the same public key with another info, as some other program may make it."""
    suite = suites.suite_of("ML-KEM-768")
    enc_ct = suites.seal(suite, key("kem").public, KNOWN, b"another protocol")
    start = wrapped_key.header("ML-KEM-768", "kem:1", "strict")
    body = start + len(enc_ct).to_bytes(2, "big") + enc_ct
    bound = HERE.under("kem:1", "strict").encode()
    tagged = body + hmac.digest(key("kem").seal_secret, frame(b"pqconsole wrapped key tag v1", bound, body), "sha256")
    with pytest.raises(NotAuthentic, match="does not open"):
        wrapped_key.open_wrapped_key(tagged, ring(), HERE)


def test_the_seal_secret_signs_wrapped_keys_and_nothing_else():
    """The tag's label keeps it apart from any other use of HMAC under the same secret."""
    true = wrapped_key.seal(KNOWN, key("kem"), HERE)
    bound = HERE.under("kem:1", "strict").encode()
    for label in (b"", b"pqconsole wrapped key v1", b"pqconsole key fingerprint"):
        tag = hmac.digest(key("kem").seal_secret, frame(label, bound, true[:-32]), "sha256")
        with pytest.raises(NotAuthentic):
            wrapped_key.open_wrapped_key(true[:-32] + tag, ring(), HERE)


def test_a_job_neither_skips_nor_seals_anew_what_was_planted():
    options = {"format": "RSA-OAEP-SHA256", "old_key": "rsa", "new_key": "kem"}
    same, other = (
        made(Scope.WRAPPERS, "ML-KEM-768", options),
        made(Scope.WRAPPERS, "ML-KEM-1024", options | {"new_key": "kem-1024"}),
    )
    forged = planted("kem", bytes(32), replace(HERE, data_set="data set", row_key=(7,), policy=""))
    for job in (same, other):
        assert reason(job.migrate(row(forged))) == "unverifiable"
        assert reason(job.verify(row(forged))) == "unverifiable"


@each_wrap
def test_bytes_of_nobody_are_refused(form):
    header = wrapped_key.parse(stored_here(form)).header
    for length in (0, 1, 32, 1000, 1137, 1169, 1617, 1714, 65535):
        with pytest.raises((FormatError, NotAuthentic)):
            form.read(header + length.to_bytes(2, "big") + bytes(length) + bytes(32), HERE)
