"""The handler in a libpass context, as an application has it."""

from __future__ import annotations

import pytest
from passlib.context import CryptContext

from pqcore.crypto.argon2id import Cost
from pqcore.errors import KeyStoreError
from pqcore.formats import password as pw
from pqcore.shims.libpass import pqconsole_wrapped
from tests.formats.keyring import key, ring
from tests.formats.libpass_hashes import libpass_hash

CHEAP = Cost(8, 1)
RIGHT, WRONG = "correct horse é", "correct horse e"


def context(handler=pqconsole_wrapped) -> CryptContext:
    return CryptContext(
        schemes=["argon2", handler, "sha512_crypt", "phpass"],
        deprecated="auto",
        argon2__memory_cost=8,
        argon2__time_cost=1,
        argon2__parallelism=1,
    )


@pytest.mark.parametrize("scheme", ["sha512_crypt", "phpass", "ldap_salted_sha1"])
@pytest.mark.parametrize("pepper", [None, "pepper"])
@pytest.mark.parametrize("keys", [ring(), ring().get], ids=["provider", "function"])
def test_a_login_works_and_gives_a_plain_hash(scheme, pepper, keys):
    chosen = context(pqconsole_wrapped.with_keys(keys) if pepper else pqconsole_wrapped)
    wrapped = pw.wrap_password_hash(libpass_hash(scheme, RIGHT), CHEAP, key(pepper) if pepper else None)
    for stored in (wrapped, wrapped.encode()):
        assert chosen.identify(stored) == "pqconsole_wrapped"
        assert chosen.needs_update(stored)
        assert chosen.verify_and_update(WRONG, stored) == (False, None)
        ok, new = chosen.verify_and_update(RIGHT, stored)
        assert ok
        assert new.startswith("$argon2id$")
        assert chosen.verify_and_update(RIGHT, new) == (True, None)
        assert pw.check_password(new, RIGHT).ok


def test_rows_not_migrated_yet_are_left_to_their_own_handlers():
    old = libpass_hash("sha512_crypt", RIGHT)
    assert context().identify(old) == "sha512_crypt"
    assert context().verify(RIGHT, old)
    assert not pqconsole_wrapped.identify(old)
    with pytest.raises(ValueError, match="not a valid"):
        pqconsole_wrapped.verify(RIGHT, old)


def test_broken_values_and_a_missing_pepper_are_errors():
    wrapped = pw.wrap_password_hash(libpass_hash("phpass", RIGHT), CHEAP, key("pepper"))
    with pytest.raises(ValueError, match="broken"):
        pqconsole_wrapped.verify(RIGHT, wrapped[:-1] + "$")
    with pytest.raises(KeyStoreError, match="pepper:1"):
        pqconsole_wrapped.verify(RIGHT, wrapped)
    with pytest.raises(TypeError):
        pqconsole_wrapped.verify(7, wrapped)
    with pytest.raises(TypeError):
        pqconsole_wrapped.identify(None)


def test_it_makes_no_hashes():
    with pytest.raises(NotImplementedError, match="another scheme as the default"):
        pqconsole_wrapped.hash("x")
    with pytest.raises(NotImplementedError):
        pqconsole_wrapped.genhash("x", "pq1$")
    with pytest.raises(NotImplementedError):
        pqconsole_wrapped.genconfig()
