"""Parameters that would make a reader compute for ever, or take all memory; and layers taken off."""

from __future__ import annotations

import pytest

from pqcore.crypto import argon2id
from pqcore.crypto.argon2id import Cost
from pqcore.errors import KeyStoreError
from pqcore.formats import legacy_scheme
from pqcore.formats.errors import FormatError
from pqcore.formats.password import check_password, parse_wrapped, wrap_password_hash
from tests.formats.keyring import key, ring
from tests.formats.old_passwords import MAKERS

RIGHT = "correct horse"
SALT, TAG = "AAAAAAAAAAAAAAAAAAAAAA", "A" * 43
BOMBS = {
    "memory": f"pq1$4294967295,1,1$${SALT}${TAG}$s1,0,a",
    "4 GiB": f"pq1$4194304,1,1$${SALT}${TAG}$s1,0,a",
    "passes": f"pq1$64,4294967295,1$${SALT}${TAG}$s1,0,a",
    "lanes": f"pq1$262144,1,16777215$${SALT}${TAG}$s1,0,a",
    "inner PBKDF2": f"pq1$64,1,1$${SALT}${TAG}$p256,4294967295,a",
    "inner bcrypt": f"pq1$64,1,1$${SALT}${TAG}$bc2b,31,{'a' * 22}",
    "PHC memory": "$argon2id$v=19$m=4194304,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
    "PHC passes": "$argon2id$v=19$m=64,t=4294967295,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
    "PHC lanes": "$argon2id$v=19$m=262144,t=1,p=16777215$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
    "PHC endless number": f"$argon2id$v=19$m={'9' * 5000},t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
    "Django's PHC": "argon2$argon2id$v=19$m=4194304,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
    "PBKDF2": "pbkdf2_sha256$4294967295$salt$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    "bcrypt": f"$2b$31${'a' * 53}",
    "sha512_crypt": f"$6$rounds=999999999$salt${'a' * 86}",
    "phpass": f"$P$R{'a' * 30}",
    "bsdi_crypt": f"_zzzz{'a' * 15}",
    "scrypt memory": f"scrypt$1048576$salt$32$1${'A' * 86}==",
    "scrypt lanes": f"scrypt:16:8:4294967295$salt${'0' * 128}",
    "inner sha512_crypt": f"pq1$64,1,1$${SALT}${TAG}$c6,4294967295,a",
    "inner scrypt": f"pq1$64,1,1$${SALT}${TAG}$sc64,20.32.16,a",
}


@pytest.mark.parametrize("stored", BOMBS.values(), ids=BOMBS)
def test_a_bomb_is_refused_before_anything_is_computed(stored, monkeypatch):
    def computed(*args, **kwargs):
        raise AssertionError("the parameters were used before they were checked")

    monkeypatch.setattr(argon2id, "hash_secret_raw", computed)
    monkeypatch.setattr(legacy_scheme.bcrypt, "hashpw", computed)
    monkeypatch.setattr(legacy_scheme, "_handler", computed)
    for name in ("pbkdf2_hmac", "scrypt", "sha512"):
        monkeypatch.setattr(legacy_scheme.hashlib, name, computed)
    with pytest.raises(FormatError):
        check_password(stored, RIGHT, ring())


def wrapped(pepper: str | None = "pepper") -> str:
    return wrap_password_hash(MAKERS["pbkdf2_sha256"](RIGHT.encode()), Cost(8, 1), key(pepper) if pepper else None)


def refused(stored: str) -> bool:
    """Whether a login with the right password fails: by a value that is refused, or as a wrong password."""
    try:
        return not check_password(stored, RIGHT, ring()).ok
    except (FormatError, KeyStoreError):
        return True


def test_every_changed_character_of_a_wrapped_hash_locks_its_login_out():
    stored = wrapped()
    assert check_password(stored, RIGHT, ring()).ok
    for at, old in enumerate(stored):
        for new in {"A", "1", "$"} - {old}:
            assert refused(stored[:at] + new + stored[at + 1 :]), at


def test_every_truncation_of_a_wrapped_hash_is_refused():
    stored = wrapped()
    for length in range(1, len(stored)):
        assert refused(stored[:length])


def test_the_pepper_cannot_be_taken_off_or_swapped():
    stored = wrapped()
    assert refused(stored.replace("$pepper:1$", "$$"))
    assert refused(stored.replace("$pepper:1$", "$other-pepper:1$"))
    assert refused(stored.replace("$pepper:1$", "$aes:1$"))
    assert refused(wrapped(None).replace("$$", "$pepper:1$", 1))


def test_a_cheaper_cost_in_the_header_is_another_hash():
    stored = wrap_password_hash(MAKERS["sha256"](RIGHT.encode()), Cost(16, 2))
    assert refused(stored.replace("$16,2,1$", "$16,1,1$"))
    assert refused(stored.replace("$16,2,1$", "$8,2,1$"))


def test_the_outer_layer_cannot_be_stripped():
    """What lies under Argon2id is not in the value: a row made of its other parts is no hash that anything matches."""
    parsed = parse_wrapped(wrapped(None))
    inner = f"pbkdf2_sha256${parsed.inner.rounds}${parsed.inner.salt.decode()}$"
    for digest in ("", TAG + "=", "A" * 43 + "="):
        assert refused(inner + digest)
