from __future__ import annotations

import base64
import contextlib

import pytest
from argon2 import PasswordHasher
from hypothesis import given, settings
from hypothesis import strategies as st

from pqcore.crypto.argon2id import DEFAULT_COST, Cost
from pqcore.errors import KeyStoreError, PQConsoleError
from pqcore.formats import password as pw
from pqcore.formats.errors import FormatError
from pqcore.formats.legacy_password import parse_legacy
from pqcore.formats.legacy_scheme import MAX_PBKDF2_ITERATIONS
from pqcore.formats.password import Kind, Limits, PasswordCheck, check_password, classify, wrap_password_hash
from tests.formats import old_passwords
from tests.formats.keyring import key, ring
from tests.formats.old_passwords import MAKERS

# The least cost Argon2 takes: what is tested here is the form, not the hardness.
CHEAP = Cost(8, 1)
RIGHT, WRONG = "correct horse é", "correct horse e"
YES_AGAIN, NO = PasswordCheck(True, True), PasswordCheck(False, False)


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
@pytest.mark.parametrize("pepper", [None, "pepper"])
def test_logins_work_before_and_after(make, pepper):
    old = make(RIGHT.encode())
    wrapped = wrap_password_hash(old, CHEAP, key(pepper) if pepper else None)
    for stored in (old, wrapped, wrapped.encode()):
        assert check_password(stored, RIGHT, ring()) == YES_AGAIN
        assert check_password(stored, RIGHT.encode(), ring().get) == YES_AGAIN
        assert check_password(stored, WRONG, ring()) == NO
        assert check_password(stored, "", ring()) == NO


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_the_inner_digest_is_not_kept(make):
    old = parse_legacy(make(RIGHT.encode()))
    wrapped = wrap_password_hash(make(RIGHT.encode()), CHEAP)
    for shown in (old.digest, old.digest.hex().encode(), base64.b64encode(old.digest)[:-4]):
        assert shown not in wrapped.encode()
    assert repr(old).find(repr(old.digest)) == -1


@pytest.mark.parametrize("make", [MAKERS["bcrypt 2b"], MAKERS["bcrypt 2a"], MAKERS["bcrypt 2y"]])
def test_bcrypt_cuts_at_72_bytes_for_the_old_layer_alone(make):
    long = b"x" * 72
    wrapped = wrap_password_hash(make(long + b"tail"), CHEAP)
    assert check_password(wrapped, long + b"tail").ok
    assert check_password(wrapped, long + b"other").ok  # as the old system did
    assert not check_password(wrapped, long[:71]).ok
    plain = pw.hash_password(long + b"tail", CHEAP)
    assert check_password(plain, long + b"tail").ok
    assert not check_password(plain, long + b"other").ok


def test_bcrypt_salts_with_unused_bits_set_are_understood():
    """Programs that made up 22 characters themselves left bits that bcrypt ignores."""
    old = MAKERS["bcrypt 2y"](RIGHT.encode())
    loose = old[:28] + {".": "A", "O": "P", "e": "f", "u": "9"}[old[28]] + old[29:]
    assert loose != old
    for stored in (loose, wrap_password_hash(loose, CHEAP)):
        assert check_password(stored, RIGHT).ok
        assert not check_password(stored, WRONG).ok


def test_bcrypt_sha256_does_not_cut():
    wrapped = wrap_password_hash(old_passwords.django_bcrypt_sha256(b"x" * 72 + b"tail"), CHEAP)
    assert check_password(wrapped, b"x" * 72 + b"tail").ok
    assert not check_password(wrapped, b"x" * 72 + b"other").ok


def test_a_pepper_is_needed_and_has_to_be_the_right_one():
    wrapped = wrap_password_hash(MAKERS["sha1"](RIGHT.encode()), CHEAP, key("pepper"))
    assert pw.parse_wrapped(wrapped).pepper == "pepper:1"
    with pytest.raises(KeyStoreError, match="pepper:1"):
        check_password(wrapped, RIGHT)
    other = wrapped.replace("$pepper:1$", "$other-pepper:1$")
    assert check_password(other, RIGHT, ring()) == NO
    assert check_password(wrapped.replace("$pepper:1$", "$$"), RIGHT, ring()) == NO
    with pytest.raises(KeyStoreError, match="no pepper"):
        check_password(wrapped.replace("$pepper:1$", "$aes:1$"), RIGHT, ring())


@pytest.mark.parametrize(
    ("stored", "kind"),
    [
        (None, Kind.EMPTY),
        ("", Kind.EMPTY),
        (b"", Kind.EMPTY),
        ("!", Kind.UNUSABLE),
        ("!aB3dE6gH9jK2mN5pQ8sT1vaB3dE6gH9jK2mN5pQ8s", Kind.UNUSABLE),
        ("*", Kind.UNUSABLE),
        ("pq1$x", Kind.WRAPPED),
        ("$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA", Kind.ARGON2),
        ("argon2$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA", Kind.ARGON2),
        ("$argon2i$v=19$m=8,t=1,p=1$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA", Kind.ARGON2),
        ("md5$a$b", Kind.LEGACY),
        ("*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19", Kind.LEGACY),
        ("5f4dcc3b5aa765d61d8327deb882cf99", Kind.UNKNOWN),
    ],
)
def test_classify(stored, kind):
    assert classify(stored) is kind
    if kind in (Kind.EMPTY, Kind.UNUSABLE):
        assert check_password(stored, "") == NO
        assert check_password(stored, stored or "") == NO


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_old_hashes_are_classified_as_legacy(make):
    assert classify(make(b"x")) is Kind.LEGACY
    assert classify(wrap_password_hash(make(b"x"), CHEAP)) is Kind.WRAPPED


@pytest.mark.parametrize("prefix", ["", "argon2", "{ARGON2}", "{ARGON2ID}"])
def test_plain_argon2id_of_other_libraries(prefix):
    weak = prefix + PasswordHasher(time_cost=1, memory_cost=64, parallelism=2).hash(RIGHT)
    assert check_password(weak, RIGHT) == YES_AGAIN
    assert check_password(weak, WRONG) == NO
    fine = prefix + PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(RIGHT)
    assert check_password(fine, RIGHT, cost=Cost(64, 1)) == PasswordCheck(True, False)


def test_other_libraries_take_our_plain_hashes():
    stored = pw.hash_password(RIGHT)
    assert PasswordHasher().verify(stored, RIGHT)
    assert check_password(stored, RIGHT) == PasswordCheck(True, False)


ARGON2 = "$argon2id$v=19${}$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA"
B64 = "A" * 22, "A" * 43


@pytest.mark.parametrize(
    "stored",
    [
        ARGON2.format("m=4194304,t=1,p=1"),
        ARGON2.format("m=8,t=1000000,p=1"),
        ARGON2.format("m=8192,t=1,p=255"),
        ARGON2.format("m=7,t=1,p=1"),
        ARGON2.format("m=8,t=0,p=1"),
        ARGON2.format("m=8,t=1,p=0"),
        ARGON2.format(f"m={'9' * 5000},t=1,p=1"),
        f"pq1$4194304,1,1$${B64[0]}${B64[1]}$s1,0,salt",
        f"pq1$8,1000000,1$${B64[0]}${B64[1]}$s1,0,salt",
        f"pq1$8,1,1$${B64[0]}${B64[1]}$p256,{MAX_PBKDF2_ITERATIONS + 1},salt",
        f"pq1$8,1,1$${B64[0]}${B64[1]}$bc2b,31,{'A' * 22}",
        f"pq1$8,1,1$${B64[0]}${B64[1]}$bc2b,4,{'A' * 21}",
        f"pq1$8,1,1$${B64[0]}${B64[1]}$s1,1,salt",
        old_passwords.pbkdf2(b"x").replace("$1000$", "$4000000000$"),
        old_passwords.crypt_bcrypt(b"x").replace("$04$", "$31$"),
    ],
    ids=lambda stored: stored[:7],  # the same in every process: salts are not
)
def test_parameters_beyond_the_limits_are_refused_before_any_work(stored):
    with pytest.raises(FormatError):
        check_password(stored, RIGHT)


def test_limits_can_be_set():
    wrapped = wrap_password_hash(MAKERS["sha1"](RIGHT.encode()), Cost(64, 1))
    assert check_password(wrapped, RIGHT, limits=Limits(memory=64)).ok
    with pytest.raises(FormatError, match="bounds"):
        check_password(wrapped, RIGHT, limits=Limits(memory=63))


def test_it_fits_djangos_column():
    old = old_passwords.pbkdf2(RIGHT.encode(), iterations=1_000)
    assert len(old_passwords.SALT) == 22
    for cost, pepper in ((DEFAULT_COST, ""), (Cost(65536, 3), "pepper:1")):
        assert pw.wrapped_length(cost, pepper, 22) <= 128
    assert len(wrap_password_hash(old)) <= pw.wrapped_length(DEFAULT_COST, "", pw.inner_salt_chars(old))


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_the_announced_length_is_never_exceeded(make):
    old = make(b"x")
    wrapped = wrap_password_hash(old, CHEAP, key("pepper"))
    assert len(wrapped) <= pw.wrapped_length(CHEAP, "pepper:1", pw.inner_salt_chars(old))


def test_wraps_tells_whether_it_is_a_wrap_of_that_very_hash():
    old = MAKERS["pbkdf2_sha256"](b"one")
    wrapped = wrap_password_hash(old, CHEAP, key("pepper"))
    assert pw.wraps(wrapped, old, key("pepper"))
    assert not pw.wraps(wrapped, MAKERS["pbkdf2_sha256"](b"two"), key("pepper"))
    assert not pw.wraps(wrapped, old_passwords.pbkdf2(b"one", iterations=999), key("pepper"))
    assert not pw.wraps(wrapped, old)


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_a_changed_character_never_lets_a_login_through_or_crash(make):
    wrapped = wrap_password_hash(make(RIGHT.encode()), CHEAP, key("pepper"))
    for at in range(len(wrapped)):
        broken = wrapped[:at] + ("A" if wrapped[at] != "A" else "B") + wrapped[at + 1 :]
        with contextlib.suppress(PQConsoleError):
            assert not check_password(broken, RIGHT, ring()).ok


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(["", "pq1$", "$2b$", "{SSHA}", "sha1$", "pbkdf2_sha256$", "$argon2id$v=19$", "bcrypt$", "!"]),
    st.text(max_size=60) | st.text(alphabet="$,=.A1:", max_size=60),
)
def test_any_text_gives_an_answer_or_an_error_of_ours(prefix, rest):
    with contextlib.suppress(PQConsoleError):
        assert not check_password(prefix + rest, "password").ok


@given(st.binary(max_size=60))
def test_any_bytes_give_an_answer_or_an_error_of_ours(stored):
    with contextlib.suppress(PQConsoleError):
        assert not check_password(stored, "password").ok
