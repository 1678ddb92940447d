from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pqcore.errors import KeyStoreError, UsageError
from pqcore.formats import blind_index
from pqcore.formats.blind_index import index_value, lookup_values, nested_value, verify_index
from pqcore.formats.encoding import Encoding, encode
from pqcore.formats.errors import FormatError
from pqcore.migrations.base import Failed, Scope, Skipped, SkipReason
from pqcore.migrations.build import target_key
from tests.formats.keyring import key, ring
from tests.migrations.records import FIELD, made, migrated, new_value, reason, row

DONE = Skipped(SkipReason.ALREADY_MIGRATED)
MAIL = "Grüße@Example.org"
HASHES = {
    "HMAC-MD5": "md5",
    "HMAC-SHA-1": "sha1",
    "HMAC-SHA-224": "sha224",
    "HMAC-SHA-256": "sha256",
    "HMAC-SHA-384": "sha384",
    "HMAC-SHA-512": "sha512",
    "HMAC-SHA3-256": "sha3_256",
    "HMAC-SHA3-384": "sha3_384",
    "HMAC-SHA3-512": "sha3_512",
}


def old(form: str = "HMAC-SHA-256", content: str = MAIL) -> bytes:
    """An index as old applications made them, without our code."""
    if form in HASHES:
        return hmac.new(key("old-index").secret, content.encode(), HASHES[form]).digest()
    return hashlib.new(form.replace("SHA-", "sha").replace("-", "_").lower(), content.encode()).digest()


def recomputing(algorithm: str = "HMAC-SHA-512", **options):
    chosen = {"mode": "blind-index", "source": "mail", "old_key": "old-index", "new_key": "index"} | options
    return made(Scope.HASHES, algorithm, {name: value for name, value in chosen.items() if value is not None})


def nesting(algorithm: str = "HMAC-SHA-512", **options):
    chosen = {"mode": "nested-index", "format": "HMAC-SHA-256", "new_key": "index"} | options
    return made(Scope.HASHES, algorithm, chosen)


# The length alone means SHA-2.
NAMED = [(form, named) for form in blind_index.OLD_SIZES for named in (True, False) if named or "SHA3" not in form]


@pytest.mark.parametrize(("form", "named"), NAMED)
@pytest.mark.parametrize("encoding", Encoding)
def test_indexes_are_recomputed_from_their_content(form, encoding, named):
    keyed = {} if form in HASHES else {"old_key": None}
    job = recomputing(encoding=encoding.value, **({"format": form} if named else {}), **keyed)
    stored = encode(old(form), encoding)
    new = new_value(job.migrate(row(stored, mail=MAIL)))
    assert type(new) is type(stored)
    assert len(new) == job.max_width(FIELD)
    text = new if isinstance(new, str) else new.decode()
    assert text == index_value(MAIL, key("index"))
    assert verify_index(new, MAIL, ring())
    assert not verify_index(new, MAIL + ".", ring())
    assert job.migrate(row(new, mail=MAIL)) == job.verify(row(new, mail=MAIL)) == DONE
    assert text.startswith(job.marks[0].text)
    assert reason(job.verify(row(stored, mail=MAIL))) == "unparseable"
    assert reason(job.migrate(row(stored, mail="other"))) == "unverifiable"
    assert reason(job.verify(row(new, mail="other"))) == "unverifiable"


@pytest.mark.parametrize(
    ("name", "algorithm", "hash_of_it"),
    [
        ("index", "HMAC-SHA-512", hashlib.sha512),
        ("index-384", "HMAC-SHA-384", hashlib.sha384),
        ("index-sha3-256", "HMAC-SHA3-256", hashlib.sha3_256),
        ("index-sha3-384", "HMAC-SHA3-384", hashlib.sha3_384),
        ("index-sha3-512", "HMAC-SHA3-512", hashlib.sha3_512),
    ],
)
def test_the_digest_is_plain_hmac(name, algorithm, hash_of_it):
    digest = hmac.new(key(name).secret, MAIL.encode(), hash_of_it).digest()
    job = recomputing(algorithm, new_key=name)
    new = new_value(job.migrate(row(old().hex(), mail=MAIL)))
    assert (
        new == index_value(MAIL, key(name)) == f"pqbi1${algorithm}${name}:1$$" + str(encode(digest, Encoding.BASE64URL))
    )
    assert len(new) == job.max_width(FIELD)
    assert blind_index.parse(new).digest == digest
    assert job.verify(row(new, mail=MAIL)) == DONE
    nested = nested_value(old(), "HMAC-SHA-256", key(name))
    assert new_value(nesting(algorithm, new_key=name).migrate(row(old().hex()))) == nested
    assert verify_index(nested, MAIL, ring(), key("old-index"))


def test_equal_contents_are_found_and_others_are_not():
    job = recomputing("HMAC-SHA-384", new_key="index-384")
    first, again = (new_value(job.migrate(row(old().hex(), mail=MAIL))) for _ in range(2))
    assert first == again == index_value(MAIL, key("index-384"))
    assert index_value("other", key("index-384")) != first


@pytest.mark.parametrize(
    ("normalize", "stored"), [("lower", MAIL.lower()), ("trim", MAIL), ("trim-lower", MAIL.lower()), ("none", None)]
)
def test_what_the_application_does_before_is_done(normalize, stored):
    content = f" {MAIL} " if normalize != "lower" else MAIL
    job = recomputing(normalize=normalize)
    new = new_value(job.migrate(row(old(content=stored or content).hex(), mail=content)))
    assert verify_index(new, stored or content, ring())
    assert reason(job.migrate(row(old(content="x").hex(), mail=b"\xff"))) in ("unparseable", "unverifiable")


def test_indexes_without_their_content_are_nested():
    job = nesting()
    new = new_value(job.migrate(row(old().hex())))
    assert len(new) == job.max_width(FIELD)
    assert new.startswith("pqbi1$HMAC-SHA-512$index:1$HMAC-SHA-256$")
    assert new == nested_value(old(), "HMAC-SHA-256", key("index"))
    assert new != index_value(old(), key("index"))
    assert job.migrate(row(new)) == job.verify(row(new)) == DONE
    assert verify_index(new, MAIL, ring(), key("old-index"))
    assert not verify_index(new, "other", ring(), key("old-index"))
    with pytest.raises(KeyStoreError, match="needs its key"):
        verify_index(new, MAIL, ring())
    assert reason(job.migrate(row(old("HMAC-SHA-1").hex()))) == "unparseable"
    assert reason(nesting(new_key="other-index").migrate(row(new))) == "unparseable"


def test_nested_and_older_indexes_are_recomputed_once_their_content_can_be_read():
    nested = new_value(nesting().migrate(row(old().hex())))
    job = recomputing()
    assert not nested.startswith(job.marks[0].text)
    direct = new_value(job.migrate(row(nested, mail=MAIL)))
    assert direct == index_value(MAIL, key("index"))
    rotated = new_value(recomputing(new_key="other-index").migrate(row(direct, mail=MAIL)))
    assert rotated == index_value(MAIL, key("other-index"))
    assert reason(recomputing(new_key="other-index").migrate(row(direct, mail="other"))) == "unverifiable"


def test_an_application_finds_its_rows_at_every_moment():
    values = lookup_values(MAIL, key("index"), old="HMAC-SHA-256", old_key=key("old-index"))
    assert old().hex() in values
    assert new_value(nesting().migrate(row(old().hex()))) in values
    assert new_value(recomputing().migrate(row(old().hex(), mail=MAIL))) in values
    raw = lookup_values(MAIL, key("index"), old="SHA-256", encoding=Encoding.RAW)
    assert hashlib.sha256(MAIL.encode()).digest() in raw


@pytest.mark.parametrize(
    ("make", "options", "error", "sentence"),
    [
        (recomputing, {"source": FIELD}, UsageError, "options.source"),
        (recomputing, {"source": None}, UsageError, "options.source"),
        (recomputing, {"new_key": None}, UsageError, "options.new_key"),
        (recomputing, {"new_key": "index-384"}, KeyStoreError, "options.new_key: .* is of HMAC-SHA-384"),
        (recomputing, {"old_key": "aes"}, KeyStoreError, "options.old_key: .* a key of an HMAC"),
        (recomputing, {"old_key": None, "format": "HMAC-SHA-1"}, UsageError, "options.old_key: .* needs its key"),
        (recomputing, {"format": "SHA-256"}, UsageError, "options.old_key: .* has no key"),
        (recomputing, {"pepper": "pepper"}, UsageError, "options.pepper"),
        (nesting, {"format": "auto"}, UsageError, "options.format"),
        (nesting, {"source": "mail"}, UsageError, "options.source"),
        (nesting, {"algorithm": "SHA-512"}, UsageError, "options.mode"),
        (recomputing, {"algorithm": "Argon2id"}, UsageError, "options.mode"),
    ],
)
def test_options_that_cannot_be_used_are_named(make, options, error, sentence):
    with pytest.raises(error, match=sentence):
        make(**options)


def test_the_key_that_writes_is_new_key():
    assert target_key(Scope.HASHES, {"mode": "nested-index", "new_key": "index"}) == "index"


def test_keys_of_the_wrong_kind_and_unknown_forms_are_refused():
    with pytest.raises(KeyStoreError, match=r"HMAC-SHA-384 or HMAC-SHA-512 or .* is needed"):
        index_value(MAIL, key("old-index"))
    with pytest.raises(KeyStoreError, match="HMAC is needed"):
        blind_index.old_index(MAIL, "HMAC-SHA-1", key("aes"))
    with pytest.raises(FormatError, match="no old index"):
        blind_index.old_index(MAIL, "CRC-32", None)
    with pytest.raises(FormatError, match="which is no"):
        nested_value(b"short", "HMAC-SHA-256", key("index"))


def test_a_changed_character_is_refused_or_no_match():
    value = nested_value(old(), "HMAC-SHA-256", key("index"))
    for at in range(len(value)):
        changed = value[:at] + ("A" if value[at] != "A" else "B") + value[at + 1 :]
        try:
            assert not verify_index(changed, MAIL, ring(), key("old-index"))
        except (FormatError, KeyStoreError):
            continue


@settings(max_examples=150, deadline=None)
@given(
    st.none()
    | st.text(max_size=90)
    | st.binary(max_size=90)
    | st.integers()
    | st.text(max_size=60).map("pqbi1$".__add__),
    st.none() | st.binary(max_size=9) | st.text(max_size=9),
)
def test_any_value_has_an_outcome(value, content):
    for job in (recomputing(), recomputing(normalize="trim-lower", encoding="base64")):
        assert isinstance(job.migrate(row(value, mail=content)), Failed | Skipped)
        assert isinstance(job.verify(row(value, mail=content)), Failed | Skipped)
    outcome = nesting(format="MD5").migrate(row(value))
    assert isinstance(outcome, Failed | Skipped) or migrated(outcome)
