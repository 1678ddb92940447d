"""Every old scheme against implementations that are not ours: libpass, Django, and hashes that others published."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac

import bcrypt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from passlib.registry import list_crypt_handlers

from pqcore.crypto.argon2id import Cost
from pqcore.errors import PQConsoleError
from pqcore.formats import legacy_text
from pqcore.formats import password as pw
from pqcore.formats.errors import FormatError
from pqcore.formats.legacy_password import NAMED, Scheme, is_legacy, parse_legacy
from pqcore.formats.legacy_scheme import RULES, LegacyHash, check_bounds, derive_legacy
from pqcore.formats.password import Kind, check_password, classify
from tests.formats.libpass_hashes import ALL, HANDLERS, NOT_READ, libpass_hash

CHEAP = Cost(8, 1)
RIGHT, WRONG = "7 hash cats", "8 hash cats"  # crypt(3) looks at 8 characters


def wrap(old: str | bytes, scheme: str | None = None, user: str | None = None) -> str:
    return pw.wrap_password_hash(parse_legacy(old, scheme, user), CHEAP)


def test_every_handler_of_libpass_is_read_or_named_as_not_read():
    assert set(list_crypt_handlers()) == set(HANDLERS) | set(NOT_READ)


@pytest.mark.parametrize("name", ALL)
def test_hashes_of_libpass_check_before_and_after(name):
    old, about = libpass_hash(name, RIGHT), ALL[name][1]
    assert classify(old, about.scheme) is Kind.LEGACY
    assert check_password(old, RIGHT, scheme=about.scheme, user=about.user).ok
    assert not check_password(old, WRONG, scheme=about.scheme, user=about.user).ok
    wrapped = wrap(old, about.scheme, about.user)
    assert check_password(wrapped, RIGHT) == pw.PasswordCheck(True, True)
    assert not check_password(wrapped, WRONG).ok
    assert not check_password(wrapped, "").ok


@pytest.mark.parametrize("name", ALL)
def test_the_inner_digest_is_nowhere_in_the_wrapped_form(name):
    old, about = libpass_hash(name, RIGHT), ALL[name][1]
    digest = parse_legacy(old, about.scheme, about.user).digest
    wrapped = wrap(old, about.scheme, about.user).encode()
    for shown in (digest, digest.hex().encode(), base64.b64encode(digest)[:-4], base64.urlsafe_b64encode(digest)[:-4]):
        assert shown not in wrapped
    assert repr(digest) not in repr(parse_legacy(old, about.scheme, about.user))


@pytest.mark.parametrize("name", ALL)
@settings(max_examples=8, deadline=None)
@given(st.text(st.characters(min_codepoint=1, max_codepoint=0x2FF), max_size=40))
def test_whatever_libpass_takes_comes_out_the_same_here(name, password):
    about = ALL[name][1]
    try:
        old = libpass_hash(name, password)
    except ValueError:
        return
    wrapped = wrap(old, about.scheme, about.user)
    assert check_password(wrapped, password).ok


# Published by hashcat for the password "hashcat"; the scheme, where it has to be named, and the user.
PUBLISHED = [
    ("$1$28772684$iEwNOgGugqO9.bIz5sk8k/", None, None),
    ("$apr1$71850310$gh9m4xcAn3MGxogwX/ztb.", None, None),
    ("$P$984478476IagS59wHZvyQMArzfx58u.", None, None),
    ("$S$C33783772bRXEx1aCsvY.dqgaaSu76XmVlKrW9Qu8IQlvxHlmzLf", None, None),
    (
        "$6$52450745$k5ka2p8bFuSmoVT1tzOyyuaREkkKBcCNqoDKzYiJL9RaE8yMnPgh2XzzF0NDrUhgrcLwg78xs1w5pJiypEdFX/",
        None,
        None,
    ),
    ("$5$rounds=5000$GX7BopJZJxPc/KEK$le16UF8I2Anb.rOrn22AUPWvzUETDGefUmAV8AZkGcD", None, None),
    ("48c/R8JAv757A", "des_crypt", None),
    ("_9G..8147mpcfKT8g0U.", None, None),
    ("*fcf7c1b8749cf99d88e5f34271d636178fb5d130", None, None),
    (
        "0x01002702560500000000000000000000000000000000000000008db43dd9b1972a636ad0c7d4b8c515cb8ce46578",
        None,
        None,
    ),
    ("0x010018102152f8f28c8499d8ef263c53f8be369d799f931b2fbe", None, None),
    (
        "0x02000102030434ea1b17802fd95ea6316bd61d2c94622ca3812793e8fb1672487b5c904a45a31b2ab4a78890d563d2fcf5663e46fe7"
        "97d71550494be50cf4915d3f4d55ec375",
        None,
        None,
    ),
    ("S:AC5F1E62D21FD0529428B84D42E8955B0496670338445748184477378130", None, None),
    ("7A963A529D2E3229", "oracle10", "3682427524"),
    ("sha1$fe76b$02d5916550edf7fc8c886f044887f4b1abf9b013", None, None),
    ("pbkdf2_sha256$20000$H0dPx8NeajVu$GiC4k5kqbbR9qWBlsRgDywNqC2vd9kqfk7zdorEnNas=", None, None),
    ("{SSHA}AZKja92fbuuB9SpRlHqaoXxbTc43Mzc2MDM1Ng==", None, None),
    (
        "{SSHA512}ALtwKGBdRgD+U0fPAy31C28RyKYx7+a8kmfksccsOeLknLHv2DBXYI7TDnTolQMBuPkWDISgZr2cHfnNPFjGZTEyNDU4OTkw",
        None,
        None,
    ),
    ("{PKCS5S2}NzIyNzM0NzY3NTIwNjI3MdDDis7wPxSbSzfFqDGf7u/L00kSEnupbz36XCL0m7wa", None, None),
    ("$8$TnGX/fE4KGHOVU$pEhnEvxrvaynpi8j4f.EMHr6M.FzU8xnZnBr/tJdFWk", None, None),
    ("$9$2MJBozw/9R3UsU$2lFhcKvpghcyw8deP25GOfyZaagyUOGBymkryvOdfo6", None, None),
    ("{BLF-CRYPT}$2a$05$LhayLxezLhK1LhWvKxCyLOj0j1u.Kj0jZ0pEmm134uzrQlFvQJLF6", None, None),
    ("dRRVnUmUHXOTt9nk", "cisco_pix", None),
    ("4dd8965d1d476fa0d026722989a6b772", "msdcc", "3060147285011"),
    ("b4b9b02e6f09a9bd760f388b67351e2b", "nthash", None),
    ("md5a6343a68d964ca596d9752250d54bb8a", None, "postgres"),
    ("8743b52063cd84097a65d1633f5c74f5", "MD5", None),
    ("b89eaac7e61417341b710b727768294d0e6a277b", "SHA-1", None),
    ("127e6fbfe24a750e72930c220a8e138275656b8e5d8f48a98c3c92df2caba935", "SHA-256", None),
]


@pytest.mark.parametrize(("stored", "scheme", "user"), PUBLISHED, ids=lambda value: str(value)[:16])
def test_published_hashes(stored, scheme, user):
    wrapped = wrap(stored, scheme, user)
    for value in (stored, stored.encode()):
        assert check_password(value, "hashcat", scheme=scheme, user=user).ok
        assert not check_password(value, "hashcat ", scheme=scheme, user=user).ok
    assert check_password(wrapped, "hashcat").ok
    assert not check_password(wrapped, "hashcat ").ok


def test_wordpress_since_6_8():
    """bcrypt of the base64 of HMAC-SHA-384 under the key "wp-sha384", behind "$wp"."""
    long = "x" * 80
    keyed = base64.b64encode(hmac.digest(b"wp-sha384", long.encode(), "sha384"))
    old = "$wp$2y" + bcrypt.hashpw(keyed, bcrypt.gensalt(4)).decode()[3:]
    for stored in (old, wrap(old)):
        assert check_password(stored, long).ok
        assert not check_password(stored, long + "x").ok


def test_drupal_hashes_made_from_md5():
    inner = hashlib.md5(b"hashcat").hexdigest()
    updated = LegacyHash(Scheme.DRUPAL, 7, b"abcdefgh")
    digest = derive_legacy(updated, inner.encode())
    assert digest is not None
    old = "U$S$5abcdefgh" + digest.decode()
    for stored in (old, wrap(old)):
        assert check_password(stored, "hashcat").ok
        assert not check_password(stored, inner).ok


@pytest.mark.parametrize(
    "old",
    [
        "pbkdf2:sha256:1000$salt$" + hashlib.pbkdf2_hmac("sha256", RIGHT.encode(), b"salt", 1000).hex(),
        "pbkdf2:sha1:1000$salt$" + hashlib.pbkdf2_hmac("sha1", RIGHT.encode(), b"salt", 1000).hex(),
        "scrypt:16:8:1$salt$" + hashlib.scrypt(RIGHT.encode(), salt=b"salt", n=16, r=8, p=1).hex(),
        "{bcrypt}" + bcrypt.hashpw(RIGHT.encode(), bcrypt.gensalt(4, b"2a")).decode(),
        "{SHA512}" + base64.b64encode(hashlib.sha512(RIGHT.encode()).digest()).decode(),
        "{ssha384}" + base64.b64encode(hashlib.sha384(RIGHT.encode() + b"salt").digest() + b"salt").decode(),
    ],
    ids=lambda value: value[:14],
)
def test_werkzeug_spring_and_other_ldap(old):
    for stored in (old, wrap(old)):
        assert check_password(stored, RIGHT).ok
        assert not check_password(stored, WRONG).ok


@pytest.mark.parametrize("size", [16, 20, 28, 32, 48, 64])
def test_plain_digests_are_read_in_any_encoding_under_their_name_alone(size):
    name = {16: "MD5", 20: "SHA-1", 28: "SHA-224", 32: "SHA-256", 48: "SHA-384", 64: "SHA-512"}[size]
    digest = hashlib.new(name.replace("-", ""), RIGHT.encode()).digest()
    url = base64.urlsafe_b64encode(digest).decode()
    for stored in (digest, digest.hex(), digest.hex().upper(), base64.b64encode(digest).decode(), url, url.rstrip("=")):
        assert classify(stored) is Kind.UNKNOWN or isinstance(stored, bytes)
        with pytest.raises(FormatError, match=f"could be .*{name}") as caught:
            parse_legacy(stored)
        assert "options.scheme" in caught.value.remedy
        for value in (stored, wrap(stored, name)):
            assert check_password(value, RIGHT, scheme=name).ok
            assert not check_password(value, WRONG, scheme=name).ok


def test_what_is_ambiguous_is_named_as_such():
    with pytest.raises(FormatError, match="MD5, MD4, nthash, lmhash, postgres_md5, msdcc, msdcc2"):
        parse_legacy("8743b52063cd84097a65d1633f5c74f5")
    with pytest.raises(FormatError, match="mysql323, oracle10, cisco_pix, cisco_asa"):
        parse_legacy("7a963a529d2e3229")
    with pytest.raises(FormatError, match="could be des_crypt,"):
        parse_legacy("48c/R8JAv757A")
    with pytest.raises(FormatError, match="not a password hash"):
        parse_legacy("correct horse")


def test_a_named_scheme_does_not_override_what_a_value_says():
    old = libpass_hash("phpass", RIGHT)
    assert parse_legacy(old, "MD5").scheme is Scheme.PHPASS
    assert check_password(old, RIGHT, scheme="MD5").ok


def test_a_raw_digest_is_no_unusable_value():
    for first in b"!*":
        digest = bytes([first]) + bytes(range(128, 143))
        assert classify(digest, "MD5") is Kind.LEGACY
        assert parse_legacy(digest, "MD5").digest == digest


@pytest.mark.parametrize("name", ["postgres_md5", "msdcc", "msdcc2", "oracle10"])
def test_the_user_name_is_asked_for(name):
    old, about = libpass_hash(name, RIGHT), ALL[name][1]
    with pytest.raises(FormatError) as caught:
        check_password(old, RIGHT, scheme=about.scheme)
    assert "options.user" in caught.value.remedy
    wrapped = wrap(old, about.scheme, about.user)
    assert check_password(wrapped, RIGHT).ok  # the wrapped form keeps the name
    assert not check_password(wrap(old, about.scheme, "Bob"), RIGHT).ok


@pytest.mark.parametrize(
    ("stored", "reason"),
    [
        ("SCRAM-SHA-256$4096:c2FsdA==$x:y", "SCRAM"),
        ("$scram$6400$salt$sha-1=x", "SCRAM"),
        ("$y$j9T$salt$digest", "yescrypt"),
        ("{CLEARTEXT}secret", "clear text"),
        ("{noop}secret", "clear text"),
        ("{unknown}secret", "known scheme"),
        ("$2x$04$" + "a" * 53, "bcrypt"),
        ("$md5$salt$" + "a" * 22, "sun_md5_crypt"),  # the salt without "$" behind it, which libpass cannot compute
    ],
)
def test_what_cannot_be_wrapped_is_refused_with_its_reason(stored, reason):
    assert is_legacy(stored)
    with pytest.raises(FormatError, match=reason) as caught:
        parse_legacy(stored)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("scheme", Scheme)
def test_costs_and_salts_beyond_the_bounds_are_refused_before_any_work(scheme):
    rules = RULES[scheme]
    good = {"block": (8, 1)} if rules.blocks else {}
    for rounds in (rules.least - 1, rules.most + 1):
        with pytest.raises(FormatError):
            derive_legacy(LegacyHash(scheme, rounds, b"", **good), b"x")
    with pytest.raises(FormatError):
        check_bounds(LegacyHash(scheme, rules.least, b"x" * 1025, **good))
    with pytest.raises(FormatError):
        check_bounds(LegacyHash(scheme, rules.least, b"", block=(8, 1, 1)))
    for block in [(33, 1), (8, 17), (0, 1), (8, 0), (32, 1)] if rules.blocks else []:
        with pytest.raises(FormatError):
            check_bounds(LegacyHash(scheme, rules.most, b"", block=block))


@pytest.mark.parametrize("name", ["md5_crypt", "sha512_crypt", "nthash", "phpass", "des_crypt"])
def test_passwords_that_a_scheme_refuses_are_wrong_not_an_error(name):
    wrapped = wrap(libpass_hash(name, RIGHT), ALL[name][1].scheme)
    for password in (b"\xff\xfe", b"a\0b", b"x" * 5000):
        assert not check_password(wrapped, password).ok


STARTS = [*legacy_text._DESCRIBED, "{SSHA512}", "{CRYPT}$6$", "{PKCS5S2}", "{FSHP1|8|1}", "0x0100", "S:", "_", "*"]


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(STARTS),
    st.text(max_size=60) | st.text(alphabet="$,=.A1:|{}", max_size=60),
    st.sampled_from([None, *NAMED]),
)
def test_any_text_gives_an_answer_or_an_error_of_ours(prefix, rest, scheme):
    for stored in (prefix + rest, rest, (prefix + rest).encode("utf-8", "surrogatepass")):
        with contextlib.suppress(PQConsoleError):
            assert not check_password(stored, "password", scheme=scheme, user="user").ok


@given(st.binary(max_size=70), st.sampled_from(NAMED))
def test_any_bytes_give_an_answer_or_an_error_of_ours(stored, scheme):
    with contextlib.suppress(PQConsoleError):
        assert not check_password(stored, "password", scheme=scheme, user="user").ok
