"""The hasher in a real Django project: logins through its authentication, and its own old hashes wrapped."""

from __future__ import annotations

import hashlib

import pytest
from django.contrib.auth import authenticate, get_user_model
from django.contrib.auth.hashers import check_password, get_hasher, identify_hasher
from django.core.management import call_command

from pqcore.crypto.argon2id import Cost
from pqcore.errors import KeyStoreError
from pqcore.formats import password as pw
from pqcore.formats.legacy_password import parse_legacy
from pqcore.shims.django import WrappedPasswordHasher
from tests.formats.keyring import key

CHEAP = Cost(8, 1)
RIGHT, WRONG = "correct horse é", "correct horse e"
OLD = ["pbkdf2_sha256", "pbkdf2_sha1", "bcrypt_sha256", "bcrypt", "scrypt", "md5"]


def cheap(algorithm: str) -> object:
    """Django's hasher of this name, at a cost for tests."""
    hasher = get_hasher(algorithm)
    for name, value in (("iterations", 10), ("rounds", 4), ("work_factor", 2)):
        if hasattr(hasher, name):
            setattr(hasher, name, value)
    return hasher


def old_hash(algorithm: str, password: str = RIGHT) -> str:
    hasher = cheap(algorithm)
    return hasher.encode(password, hasher.salt())


@pytest.fixture(scope="module")
def users():
    call_command("migrate", verbosity=0)
    return get_user_model().objects


@pytest.mark.parametrize("algorithm", OLD)
def test_djangos_own_hashes_check_before_and_after(algorithm):
    old = old_hash(algorithm)
    for stored in (old, pw.wrap_password_hash(old, CHEAP)):
        assert pw.check_password(stored, RIGHT).ok
        assert not pw.check_password(stored, WRONG).ok
        assert check_password(RIGHT, stored)
        assert not check_password(WRONG, stored)
        assert len(stored) <= 128


@pytest.mark.parametrize("stored", ["md5$${}", "{}"])
def test_hashes_of_ancient_versions_are_wrapped(stored):
    old = stored.format(hashlib.md5(RIGHT.encode()).hexdigest())
    wrapped = pw.wrap_password_hash(parse_legacy(old, "MD5"), CHEAP)
    assert check_password(RIGHT, wrapped)
    assert not check_password(WRONG, wrapped)


@pytest.mark.parametrize("pepper", [None, "pepper"])
def test_a_login_works_and_stores_a_plain_hash(users, pepper):
    users.all().delete()
    wrapped = pw.wrap_password_hash(old_hash("pbkdf2_sha256"), CHEAP, key(pepper) if pepper else None)
    users.create(username="alice", password=wrapped)
    assert authenticate(username="alice", password=WRONG) is None
    assert users.get().password == wrapped
    assert authenticate(username="alice", password=RIGHT) is not None
    stored = users.get().password
    assert stored.startswith("argon2$argon2id$")
    assert authenticate(username="alice", password=RIGHT) is not None
    assert users.get().password == stored
    assert pw.check_password(stored, RIGHT).ok


def test_what_the_hasher_says_of_a_value():
    wrapped = pw.wrap_password_hash(old_hash("pbkdf2_sha256"), CHEAP, key("pepper"))
    hasher = identify_hasher(wrapped)
    assert isinstance(hasher, WrappedPasswordHasher)
    assert hasher.must_update(wrapped)
    form = hasher.decode(wrapped)
    assert (form["algorithm"], form["inner"], form["memory_cost"], form["pepper"]) == ("pq1", "p256", 8, "pepper:1")
    shown = str(hasher.safe_summary(wrapped))
    assert form["hash"] not in shown
    assert form["salt"] not in shown
    hasher.harden_runtime(RIGHT, wrapped)
    with pytest.raises(NotImplementedError, match="prefer another hasher"):
        hasher.encode(RIGHT, "salt")


def test_broken_values_match_no_password_and_a_missing_pepper_is_an_error():
    wrapped = pw.wrap_password_hash(old_hash("md5"), CHEAP, key("pepper"))
    assert not check_password(RIGHT, wrapped[:-1] + "$")
    assert not check_password(RIGHT, wrapped.replace("$8,1,1$", "$4194304,1,1$"))
    with pytest.raises(KeyStoreError, match="pepper:1"):
        WrappedPasswordHasher().verify(RIGHT, wrapped)
