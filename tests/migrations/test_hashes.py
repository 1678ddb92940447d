from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pqcore.formats import digest, password
from pqcore.formats.digest import verify_digest
from pqcore.formats.encoding import Encoding, encode
from pqcore.formats.password import check_password
from pqcore.migrations.base import Failed, Prefix, Scope, Skipped, SkipReason
from tests.formats import libpass_hashes, old_passwords
from tests.formats.keyring import ring
from tests.formats.old_passwords import MAKERS
from tests.migrations.records import FIELD, made, migrated, new_value, reason, row

DONE = Skipped(SkipReason.ALREADY_MIGRATED)
CONTENT = "Grüße".encode()


def passwords(algorithm="Argon2id", **options):
    return made(Scope.HASHES, algorithm, {"mode": "password"} | options)


def digests(algorithm="SHA3-512", **options):
    return made(Scope.HASHES, algorithm, {"mode": "digest", "source": "body"} | options)


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_password_hashes_are_wrapped_and_still_check(make):
    job = passwords()
    old = make(b"right")
    new = new_value(job.migrate(row(old)))
    assert len(new) <= job.max_width(FIELD)
    assert check_password(new, "right").ok
    assert not check_password(new, "wrong").ok
    assert job.migrate(row(new)) == job.verify(row(new)) == DONE
    assert any(isinstance(mark, Prefix) and new.startswith(mark.text) for mark in job.marks)
    assert not any(old.startswith(mark.text) for mark in job.marks)


def test_cost_and_pepper_are_those_of_the_job():
    job = passwords("Argon2id/m=65536,t=3,p=1", pepper="pepper")
    new = new_value(job.migrate(row(MAKERS["sha1"](b"right"))))
    parsed = password.parse_wrapped(new)
    assert (parsed.cost.text, parsed.pepper) == ("m=65536,t=3,p=1", "pepper:1")
    assert check_password(new, "right", ring()).ok
    assert job.max_width(FIELD) <= 128


# Of every kind one; that all of them are read is tested with the formats, at a cheaper cost.
@pytest.mark.parametrize(
    "name", ["sha512_crypt", "phpass", "ldap_salted_sha512", "scrypt", "pbkdf2_sha512", "nthash", "msdcc2", "oracle10"]
)
def test_hashes_of_other_systems_are_wrapped_and_still_check(name):
    about = libpass_hashes.ALL[name][1]
    told = {"scheme": about.scheme, "user": about.user and "login"}
    job = passwords(**{option: value for option, value in told.items() if value})
    new = new_value(job.migrate(row(libpass_hashes.libpass_hash(name, "Right"), login=about.user)))
    assert len(new) <= job.max_width(FIELD)
    assert check_password(new, "Right").ok
    assert not check_password(new, "Wrong").ok


def test_a_scheme_that_is_not_named_is_not_guessed():
    old = hashlib.md5(b"right").hexdigest()
    outcome = passwords().migrate(row(old))
    assert reason(outcome) == "unparseable"
    assert "could be MD5" in outcome.message
    assert "options.scheme" in outcome.message
    assert check_password(new_value(passwords(scheme="MD5").migrate(row(old))), "right").ok
    raw = new_value(passwords(scheme="MD5").migrate(row(bytes.fromhex(old))))
    assert isinstance(raw, bytes)
    assert check_password(raw, "right").ok


def test_the_user_name_is_read_and_guarded():
    old = "md5" + hashlib.md5(b"rightalice").hexdigest()
    assert "options.user" in passwords().migrate(row(old)).message
    job = passwords(user="login")
    assert job.reads == job.guards == (FIELD, "login")
    assert check_password(new_value(job.migrate(row(old, login="alice"))), "right").ok
    assert reason(job.migrate(row(old, login=None))) == "unparseable"
    assert reason(job.migrate(row(old, login=7))) == "unparseable"


@pytest.mark.parametrize("name", ["md5", "sha1", "sha256", "sha512"])
@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("salt", ["k3Xz9", b"\x00\xff$,"])
def test_a_salt_in_a_column_of_its_own(name, before, salt):
    raw = salt if isinstance(salt, bytes) else salt.encode()
    old = hashlib.new(name, raw + b"right" if before else b"right" + raw).hexdigest()
    label = {"md5": "MD5", "sha1": "SHA-1", "sha256": "SHA-256", "sha512": "SHA-512"}[name]
    scheme = f"{label}({'salt+password' if before else 'password+salt'})"
    assert check_password(old, "right", scheme=scheme, salt=salt).ok
    job = passwords(scheme=scheme, salt="salt")
    assert job.reads == job.guards == (FIELD, "salt")
    new = new_value(job.migrate(row(old, salt=salt)))
    assert check_password(new, "right").ok
    assert not check_password(new, "wrong").ok
    assert reason(job.migrate(row(old, salt=None))) == "unparseable"
    assert job.migrate(row(new, salt=None)) == DONE


def test_bytes_stay_bytes():
    new = new_value(passwords().migrate(row(MAKERS["sha1"](b"right").encode())))
    assert isinstance(new, bytes)
    assert check_password(new, "right").ok


@pytest.mark.parametrize(
    ("value", "outcome"),
    [
        (None, SkipReason.EMPTY),
        ("", SkipReason.EMPTY),
        ("!", SkipReason.UNUSABLE),
        ("!unusable", SkipReason.UNUSABLE),
        (password.hash_password("x"), SkipReason.NOT_IN_SCOPE),
        ("argon2" + password.hash_password("x"), SkipReason.NOT_IN_SCOPE),
    ],
    ids=lambda value: str(value)[:12],  # the same in every process: salts are not
)
def test_values_that_need_no_work_are_skipped(value, outcome):
    assert passwords().migrate(row(value)) == passwords().verify(row(value)) == Skipped(outcome)


@pytest.mark.parametrize("value", ["md5$x$y", "pq1$broken", "$2b$04$short", "plain text", b"\xff\xfe", 7])
def test_broken_and_unknown_hashes_are_dead_letters(value):
    assert reason(passwords().migrate(row(value))) == "unparseable"


def test_a_salt_longer_than_announced_is_a_dead_letter():
    old = old_passwords.pbkdf2(b"right", salt="s" * 24)
    assert reason(passwords().migrate(row(old))) == "too_wide"
    job = passwords(max_salt_chars=24)
    assert len(new_value(job.migrate(row(old)))) <= job.max_width(FIELD)


def test_a_legacy_row_is_no_proof_of_the_new_form():
    assert reason(passwords().verify(row(MAKERS["sha1"](b"x")))) == "unparseable"


def test_no_password_hash_is_returned_unproved(monkeypatch):
    wrap, other = password.wrap_password_hash, MAKERS["sha1"](b"another")
    monkeypatch.setattr(password, "wrap_password_hash", lambda old, cost, pepper: wrap(other, cost, pepper))
    assert reason(passwords().migrate(row(MAKERS["sha1"](b"right")))) == "unproved"


@pytest.mark.parametrize("algorithm", ["SHA-384", "SHA-512", "SHA3-384", "SHA3-512"])
@pytest.mark.parametrize("old", ["md5", "sha1", "sha224", "sha256"])
@pytest.mark.parametrize("encoding", Encoding)
@pytest.mark.parametrize("style", ["tagged", "plain", None])
def test_digests_are_recomputed_from_their_content(algorithm, old, encoding, style):
    if encoding is Encoding.RAW and style == "tagged":
        return
    job = digests(algorithm, encoding=encoding.value, **({"style": style} if style else {}))
    stored = encode(hashlib.new(old, CONTENT).digest(), encoding)
    new = new_value(job.migrate(row(stored, body=CONTENT)))
    assert type(new) is type(stored)
    assert len(new) <= job.max_width(FIELD)
    plain = style == "plain" or encoding is Encoding.RAW
    assert verify_digest(new, CONTENT, algorithm=algorithm, encoding=encoding if plain else None).ok
    assert job.migrate(row(new, body=CONTENT)) == job.verify(row(new, body=CONTENT)) == DONE
    assert reason(job.migrate(row(new, body=b"changed"))) == "unverifiable"
    assert reason(job.verify(row(stored, body=CONTENT))) == "unparseable"
    for mark in job.marks:
        if isinstance(mark, Prefix):
            assert plain or new.startswith(mark.text)
            assert not isinstance(stored, str) or not stored.startswith(mark.text)
        else:
            assert len(new) == mark.length != len(stored)


def test_digests_by_the_type_of_the_value():
    sha1 = hashlib.sha1(CONTENT)
    assert new_value(digests().migrate(row(sha1.hexdigest(), body=CONTENT.decode()))) == (
        "sha3-512:" + hashlib.sha3_512(CONTENT).hexdigest()
    )
    assert new_value(digests().migrate(row(sha1.digest(), body=CONTENT))) == hashlib.sha3_512(CONTENT).digest()


def test_a_tagged_digest_by_another_algorithm_is_recomputed():
    first = new_value(digests("SHA-384").migrate(row(hashlib.sha1(CONTENT).hexdigest(), body=CONTENT)))
    second = new_value(digests("SHA3-512").migrate(row(first, body=CONTENT)))
    assert second.startswith("sha3-512:")
    assert reason(digests("SHA3-512").migrate(row(first, body=b"changed"))) == "unverifiable"


def test_old_digests_that_do_not_match_are_never_replaced():
    sha1 = hashlib.sha1(CONTENT)
    assert reason(digests().migrate(row(sha1.hexdigest(), body=b"changed"))) == "unverifiable"
    assert reason(digests(format="SHA-256").migrate(row(sha1.hexdigest(), body=CONTENT))) == "unparseable"
    assert reason(digests().migrate(row("d41d8cd98f00b204", body=b""))) == "unparseable"
    assert reason(digests().migrate(row(sha1.hexdigest(), body=None))) == "unparseable"
    assert digests().migrate(row(None, body=CONTENT)) == Skipped(SkipReason.EMPTY)
    migrated(digests(format="SHA-1").migrate(row(sha1.hexdigest().upper(), body=CONTENT)))
    base64_sha1 = base64.b64encode(sha1.digest()).decode()
    migrated(digests(encoding="base64").migrate(row(base64_sha1, body=CONTENT)))


def test_no_digest_is_returned_unproved(monkeypatch):
    stored = digest.stored
    monkeypatch.setattr(digest, "stored", lambda name, data, *more: stored(name, data[::-1], *more))
    assert reason(digests().migrate(row(hashlib.sha1(CONTENT).hexdigest(), body=CONTENT))) == "unproved"


@settings(max_examples=150, deadline=None)
@given(
    st.none() | st.text(max_size=90) | st.binary(max_size=90) | st.integers(),
    st.none() | st.binary(max_size=9) | st.text(max_size=9),
)
def test_any_value_has_an_outcome(value, body):
    for job in (passwords(), digests(), digests(encoding="base64", style="plain")):
        assert isinstance(job.migrate(row(value, body=body)), Failed | Skipped)
        assert isinstance(job.verify(row(value, body=body)), Failed | Skipped)
