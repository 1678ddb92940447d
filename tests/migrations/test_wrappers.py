from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pqcore.errors import UsageError
from pqcore.formats import wrapped_key
from pqcore.formats.encoding import Encoding, encode
from pqcore.formats.key_check import KeyCheck, check_value
from pqcore.formats.legacy_gcm import GcmLayout, take_apart
from pqcore.formats.legacy_hpke import HpkeParameters
from pqcore.formats.legacy_wrap import OAEP_HASHES, LegacyWrap, WrapParameters, wrap
from pqcore.formats.wrapped_key import open_wrapped_key, parse, seal, seal_nested
from pqcore.keys.memory import MemoryKeyProvider
from pqcore.migrations.base import Failed, Scope, Skipped, SkipReason
from tests.formats.keyring import key, ring
from tests.migrations.records import FIELD, context, made, migrated, new_value, reason, row

DATA_KEY = bytes(range(32))
DONE = Skipped(SkipReason.ALREADY_MIGRATED)
RSA = {"format": "RSA-OAEP-SHA256", "old_key": "rsa", "new_key": "hybrid"}


OPENED_BY = {
    **dict.fromkeys(OAEP_HASHES, ("rsa", {}, WrapParameters())),
    LegacyWrap.RSA_PKCS1: ("rsa", {"key_bytes": len(DATA_KEY)}, WrapParameters()),
    LegacyWrap.HPKE: (
        "x25519",
        {"hpke_aead": "ChaCha20-Poly1305", "hpke_kdf": "HKDF-SHA512", "info": "app", "aad": {"bytes": "00"}},
        WrapParameters(aad=b"\0", hpke=HpkeParameters("HKDF-SHA512", "ChaCha20-Poly1305", b"app")),
    ),
}
GCM = {"format": "AES-GCM", "old_key": "aes"}


def migration(algorithm="x-wing", policy="", **options):
    return made(Scope.WRAPPERS, algorithm, RSA | options, policy=policy)


def rsa_wrapped(plaintext=DATA_KEY, encoding=Encoding.BASE64, form=LegacyWrap.RSA_OAEP_SHA256, **parameters):
    return encode(wrap(form, plaintext, key("rsa"), WrapParameters(**parameters)), encoding)


@pytest.mark.parametrize("form", LegacyWrap)
@pytest.mark.parametrize(
    ("algorithm", "name"),
    [
        ("ML-KEM-768+X25519", "hybrid"),
        ("ML-KEM-1024+P-384", "hybrid-1024"),
        ("ML-KEM-768", "kem"),
        ("ML-KEM-1024", "kem-1024"),
    ],
)
def test_old_wraps_become_envelopes_of_the_same_key(form, algorithm, name):
    old_key, options, parameters = OPENED_BY.get(form, ("aes-128", {}, WrapParameters()))
    job = migration(algorithm, format=form.value, old_key=old_key, new_key=name, **options)
    old = wrap(form, DATA_KEY, key(old_key), parameters)
    stored = old.decode() if form in (LegacyWrap.JWE, LegacyWrap.VAULT) else encode(old, Encoding.BASE64)
    new = new_value(job.migrate(row(stored)))
    assert open_wrapped_key(new, ring(), context()) == DATA_KEY
    assert parse(new).key_id == f"{name}:1"
    assert len(new) <= job.max_width(FIELD)
    assert job.migrate(row(new)) == job.verify(row(new)) == DONE


@pytest.mark.parametrize("encoding", Encoding)
@pytest.mark.parametrize("explicit", [True, False])
def test_the_column_keeps_its_encoding(encoding, explicit):
    if not explicit and encoding not in (Encoding.RAW, Encoding.BASE64):
        return
    job = migration(encoding=encoding.value) if explicit else migration()
    old = rsa_wrapped(encoding=encoding)
    new = new_value(job.migrate(row(old)))
    assert type(new) is type(old)
    assert new == encode(seal_bytes(new), encoding)
    assert open_wrapped_key(new, ring(), context()) == DATA_KEY
    assert len(new) <= job.max_width(FIELD)
    if explicit:
        (mark,) = job.marks
        assert new.startswith(mark.text)


def seal_bytes(stored):
    envelope = parse(stored)
    return envelope.signed_part + envelope.tag


def test_text_in_a_binary_column_stays_there():
    job = migration(encoding="hex")
    new = new_value(job.migrate(row(rsa_wrapped(encoding=Encoding.HEX).encode())))
    assert isinstance(new, bytes)
    assert open_wrapped_key(new, ring(), context()) == DATA_KEY


def test_line_breaks_in_base64_are_understood():
    old = rsa_wrapped()
    broken = "\n".join(old[at : at + 76] for at in range(0, len(old), 76))
    assert open_wrapped_key(new_value(migration().migrate(row(broken))), ring(), context()) == DATA_KEY


def test_the_new_value_belongs_to_its_row():
    new = new_value(migration().migrate(row(rsa_wrapped(), (1,))))
    assert reason(migration().verify(row(new, (2,)))) == "unverifiable"
    assert reason(migration().migrate(row(new, (2,)))) == "unverifiable"


def test_the_policy_is_stored():
    job = migration(policy="strict")
    new = new_value(job.migrate(row(rsa_wrapped())))
    assert parse(new).policy == "strict"
    assert open_wrapped_key(new, ring(), replace(context(), policy="strict")) == DATA_KEY


def test_the_column_may_name_the_old_key():
    job = migration(old_key={"column": "kek"})
    assert job.reads == job.guards == (FIELD, "kek")
    assert open_wrapped_key(new_value(job.migrate(row(rsa_wrapped(), kek="rsa"))), ring(), context()) == DATA_KEY
    assert open_wrapped_key(new_value(job.migrate(row(rsa_wrapped(), kek=b"rsa:1"))), ring(), context()) == DATA_KEY
    assert reason(job.migrate(row(rsa_wrapped(), kek="other-rsa"))) == "unverifiable"
    for missing in ("no such key", None, "ed", 7, True):
        assert reason(job.migrate(row(rsa_wrapped(), kek=missing))) == "key_missing"


def test_hash_and_label_are_held_to():
    sha1 = rsa_wrapped(form=LegacyWrap.RSA_OAEP_SHA1)
    assert reason(migration().migrate(row(sha1))) == "unverifiable"
    migrated(migration(format="RSA-OAEP").migrate(row(sha1)))
    labelled = rsa_wrapped(label=b"tenant 7")
    assert reason(migration().migrate(row(labelled))) == "unverifiable"
    migrated(migration(label="tenant 7").migrate(row(labelled)))
    migrated(migration(label={"bytes": b"tenant 7".hex()}).migrate(row(labelled)))
    mixed = rsa_wrapped(mgf1_hash="SHA-1")
    assert reason(migration().migrate(row(mixed))) == "unverifiable"
    migrated(migration(mgf1_hash="SHA-1").migrate(row(mixed)))


def test_a_wrong_key_under_pkcs1_is_a_dead_letter_and_not_a_new_key():
    job = migration(format="RSA-PKCS1-v1.5", key_bytes=32, old_key="other-rsa")
    for _ in range(20):
        old = wrap(LegacyWrap.RSA_PKCS1, DATA_KEY, key("rsa"))
        assert reason(job.migrate(row(encode(old, Encoding.BASE64)))) == "unverifiable"
    whole = encode(wrap(LegacyWrap.RSA_PKCS1, DATA_KEY, key("other-rsa")), Encoding.BASE64)
    assert open_wrapped_key(new_value(job.migrate(row(whole))), ring(), context()) == DATA_KEY
    longer = migration(format="RSA-PKCS1-v1.5", key_bytes=16, old_key="other-rsa")
    assert reason(longer.migrate(row(whole))) == "unverifiable"


@pytest.mark.parametrize("kind", KeyCheck)
def test_a_check_value_beside_tells_a_wrong_data_key(kind):
    """Two keys that both open a value are the case that nothing else can tell: e.g. two tenants' rows swapped."""
    job = migration(format="RSA-PKCS1-v1.5", key_bytes=32, check=kind.value, check_field="kcv")
    assert job.reads == (FIELD, "kcv")
    assert job.guards == (FIELD,)
    old = encode(wrap(LegacyWrap.RSA_PKCS1, DATA_KEY, key("rsa")), Encoding.BASE64)
    kcv = check_value(kind, DATA_KEY)[:3]
    for stored in (kcv, kcv.hex(), kcv.hex().upper()):
        new = new_value(job.migrate(row(old, kcv=stored)))
        assert open_wrapped_key(new, ring(), context()) == DATA_KEY
        assert job.migrate(row(new, kcv=stored)) == DONE
    swapped = encode(wrap(LegacyWrap.RSA_PKCS1, DATA_KEY[::-1], key("rsa")), Encoding.BASE64)
    assert reason(job.migrate(row(swapped, kcv=kcv))) == "unverifiable"
    for broken in (None, "", kcv[:2], "zzzzzz", 7):
        assert reason(job.migrate(row(old, kcv=broken))) == "unparseable"


@pytest.mark.parametrize("layout", GcmLayout)
def test_gcm_layouts_are_told_by_the_option_alone(layout):
    old = wrap(LegacyWrap.AES_GCM, DATA_KEY, key("aes"), WrapParameters(gcm_layout=layout, nonce_bytes=16))
    stored = encode(old, Encoding.BASE64)
    migrated(migration(**GCM, gcm_layout=layout.value, nonce_bytes=16).migrate(row(stored)))
    for other in GcmLayout:
        if other is not layout:
            job = migration(**GCM, gcm_layout=other.value, nonce_bytes=16)
            assert reason(job.migrate(row(stored))) == "unverifiable"


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [("hex", bytes.hex), ("hex", bytes), ("base64", lambda part: encode(part, Encoding.BASE64)), ("raw", bytes)],
)
def test_gcm_parts_may_be_in_columns_of_their_own(encoding, shown):
    parts = take_apart(wrap(LegacyWrap.AES_GCM, DATA_KEY, key("aes")), GcmLayout.NONCE_CIPHERTEXT_TAG, 12)
    stored = encode(parts.ciphertext, Encoding(encoding))
    job = migration(**GCM, encoding=encoding, nonce_field="iv", tag_field="tag")
    assert job.reads == job.guards == (FIELD, "iv", "tag")
    assert job.writes == (FIELD,)
    columns = {"iv": shown(parts.nonce), "tag": shown(parts.tag)}
    new = new_value(job.migrate(row(stored, **columns)))
    assert open_wrapped_key(new, ring(), context()) == DATA_KEY
    assert job.migrate(row(new, **columns)) == DONE
    assert reason(job.migrate(row(stored, **columns | {"iv": shown(bytes(12))}))) == "unverifiable"
    for broken in ({"iv": None}, {"tag": shown(parts.tag[:-1])}, {"iv": 7}, {"tag": ""}):
        assert reason(job.migrate(row(stored, **columns | broken))) == "unparseable"


def test_associated_data_is_an_option_or_a_column():
    fixed = encode(wrap(LegacyWrap.AES_GCM, DATA_KEY, key("aes"), WrapParameters(aad=b"app")), Encoding.BASE64)
    migrated(migration(**GCM, aad="app").migrate(row(fixed)))
    assert reason(migration(**GCM).migrate(row(fixed))) == "unverifiable"
    job = migration(**GCM, aad_field="owner")
    assert job.reads == (FIELD, "owner")
    assert job.guards == (FIELD,)
    for owner, aad in (("app", b"app"), (b"app", b"app"), (7, b"7"), (UUID(int=5), str(UUID(int=5)).encode())):
        old = encode(wrap(LegacyWrap.AES_GCM, DATA_KEY, key("aes"), WrapParameters(aad=aad)), Encoding.BASE64)
        migrated(job.migrate(row(old, owner=owner)))
        assert reason(job.migrate(row(old, owner="another"))) == "unverifiable"
    for owner in (None, 1.5, True, {}):
        assert reason(job.migrate(row(fixed, owner=owner))) == "unparseable"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"nonce_field": FIELD}, "options.nonce_field"),
        ({"tag_field": FIELD}, "options.tag_field"),
        ({"aad_field": FIELD}, "options.aad_field"),
        ({"aad_field": "owner", "aad": "app"}, "options.aad_field"),
        ({"nonce_field": "iv", "tag_field": "iv"}, "options.tag_field"),
    ],
)
def test_columns_that_cannot_be_are_refused(options, sentence):
    with pytest.raises(UsageError, match=sentence):
        migration(**GCM, **options)


@pytest.mark.parametrize("version", [1, 2])
def test_a_text_prefix_frames_the_value(version):
    """As HashiCorp Vault's transit engine writes it; other versions of its key are other keys."""
    job = migration(**GCM, text_prefix="vault:v1:")
    stored = f"vault:v{version}:" + encode(wrap(LegacyWrap.AES_GCM, DATA_KEY, key("aes")), Encoding.BASE64)
    if version == 2:
        assert reason(job.migrate(row(stored))) == "unparseable"
        return
    new = new_value(job.migrate(row(stored)))
    assert open_wrapped_key(new, ring(), context()) == DATA_KEY
    assert job.migrate(row(new)) == DONE
    as_bytes = migration(**GCM, text_prefix="vault:v1:", encoding="base64").migrate(row(stored.encode()))
    assert isinstance(new_value(as_bytes), bytes)
    assert reason(job.migrate(row(stored.removeprefix("vault:v1:")))) == "unparseable"


def vault_ring():
    """A key ``orders`` in two versions, as Vault counts them."""
    keys = MemoryKeyProvider()
    for algorithm in ("AES-256", "AES-256"):
        keys.generate("orders", algorithm)
    keys.generate("rsa-orders", "RSA-2048")
    keys.generate("kem", "ML-KEM-768")
    return keys


def of_vault(keys, old_key="orders", **options):
    chosen = {"format": "Vault", "old_key": old_key, "new_key": "kem"} | options
    return made(Scope.WRAPPERS, "ML-KEM-768", chosen, keys=keys)


@pytest.mark.parametrize("stored_as", [str, bytes])
@pytest.mark.parametrize("aad", ["", "tenant 7"])
def test_values_of_vault_name_the_version_of_their_key(stored_as, aad):
    keys = vault_ring()
    job = of_vault(keys, **({"aad_field": "tenant"} if aad else {}))
    for ref in ("orders:1", "orders:2"):
        token = wrap(LegacyWrap.VAULT, DATA_KEY, keys.get(ref), WrapParameters(aad=aad.encode()))
        assert token.startswith(f"vault:v{ref[-1]}:".encode())
        stored = token.decode() if stored_as is str else token
        new = new_value(job.migrate(row(stored, tenant=aad)))
        assert type(new) is stored_as
        assert open_wrapped_key(new, keys, context()) == DATA_KEY
        if aad:
            assert reason(job.migrate(row(stored, tenant="another"))) == "unverifiable"
    rsa = wrap(LegacyWrap.VAULT, DATA_KEY, keys.get("rsa-orders"))
    assert open_wrapped_key(new_value(of_vault(keys, "rsa-orders").migrate(row(rsa))), keys, context()) == DATA_KEY


def test_values_of_vault_are_read_strictly():
    keys = vault_ring()
    token = wrap(LegacyWrap.VAULT, DATA_KEY, keys.get("orders:1")).decode()
    job = of_vault(keys)
    for broken in (
        token.removeprefix("vault:v1:"),
        token.replace("v1", "v01", 1),
        token.replace("v1", "v0", 1),
        token.replace("vault", "Vault", 1),
        token + "\n",
        " " + token,
        token[:-4],
        token[:9],
        "vault:v1:",
    ):
        assert reason(job.migrate(row(broken))) in ("unparseable", "unverifiable")
    assert reason(job.migrate(row(token.replace("v1", "v2", 1)))) == "unverifiable"
    assert reason(job.migrate(row(token.replace("v1", "v3", 1)))) == "key_missing"
    assert reason(of_vault(keys, "orders:2").migrate(row(token))) == "unparseable"
    assert reason(of_vault(keys, {"column": "kek"}).migrate(row(token, kek="orders:2"))) == "unparseable"
    assert open_wrapped_key(
        new_value(of_vault(keys, {"column": "kek"}).migrate(row(token, kek="orders"))), keys, context()
    )


def test_a_byte_prefix_frames_the_value():
    """As Tink writes it: 01 and four bytes of key id."""
    prefix = bytes.fromhex("0112345678")
    sealed = wrap(LegacyWrap.HPKE, DATA_KEY, key("ecdsa"), WrapParameters(hpke=HpkeParameters()))
    options = {"format": "HPKE", "old_key": "ecdsa", "hpke_aead": "AES-128-GCM", "encoding": "raw"}
    job = migration(**options, byte_prefix={"bytes": prefix.hex()})
    assert open_wrapped_key(new_value(job.migrate(row(prefix + sealed))), ring(), context()) == DATA_KEY
    for other in (sealed, prefix[:4] + sealed, bytes.fromhex("0112345679") + sealed):
        assert reason(job.migrate(row(other))) == "unparseable"
    assert reason(migration(**options).migrate(row(prefix + sealed))) == "unverifiable"


@pytest.mark.parametrize("stored_as", [str, bytes])
@pytest.mark.parametrize("encoding", [None, "hex", "base64", "base64url"])
def test_the_encoding_beside_a_jwe_is_that_of_new_values(stored_as, encoding):
    job = migration(format="JWE", old_key="aes", **({"encoding": encoding} if encoding else {}))
    token = wrap(LegacyWrap.JWE, DATA_KEY, key("aes"))
    new = new_value(job.migrate(row(token if stored_as is bytes else token.decode())))
    assert isinstance(new, stored_as)
    assert open_wrapped_key(new, ring(), context()) == DATA_KEY
    assert job.migrate(row(new)) == DONE


def test_raw_bytes_cannot_take_the_place_of_a_text():
    token = wrap(LegacyWrap.JWE, DATA_KEY, key("aes")).decode()
    assert reason(migration(format="JWE", old_key="aes", encoding="raw").migrate(row(token))) == "unparseable"
    assert reason(migration(format="JWE", old_key="aes").migrate(row(token + "é"))) == "unparseable"


@pytest.mark.parametrize("value", [None, "", b""])
def test_empty_values_are_skipped(value):
    assert migration().migrate(row(value)) == Skipped(SkipReason.EMPTY)
    assert migration().verify(row(value)) == Skipped(SkipReason.EMPTY)


@pytest.mark.parametrize("value", ["not base64!", "AAAA", 7, {"a": 1}, b"\x00" * 255])
def test_what_does_not_parse_is_a_dead_letter(value):
    assert reason(migration().migrate(row(value))) == "unparseable"


def test_an_old_value_is_no_proof_of_the_new_form():
    assert reason(migration().verify(row(rsa_wrapped()))) == "unparseable"


def test_a_planted_envelope_is_neither_skipped_nor_sealed_anew():
    planted = seal(b"known", replace(key("hybrid"), seal_secret=bytes(32)), context())
    stored = encode(planted, Encoding.BASE64)
    assert reason(migration().migrate(row(stored))) == "unverifiable"
    assert reason(migration("ML-KEM-1024", new_key="kem-1024").migrate(row(stored))) == "unverifiable"


def test_envelopes_under_another_key_are_sealed_anew():
    first = new_value(migration().migrate(row(rsa_wrapped())))
    job = migration("ML-KEM-1024+P-384", new_key="hybrid-1024")
    second = new_value(job.migrate(row(first)))
    assert parse(second).key_id == "hybrid-1024:1"
    assert open_wrapped_key(second, ring(), context()) == DATA_KEY
    with_policy = new_value(migration(policy="strict").migrate(row(first)))
    assert parse(with_policy).policy == "strict"


def test_a_job_that_only_seals_anew_needs_no_old_format():
    first = new_value(migration().migrate(row(rsa_wrapped())))
    job = made(Scope.WRAPPERS, "ML-KEM-1024", {"new_key": "kem-1024"})
    assert job.reads == job.guards == (FIELD,)
    second = new_value(job.migrate(row(first)))
    assert parse(second).key_id == "kem-1024:1"
    assert open_wrapped_key(second, ring(), context()) == DATA_KEY
    assert job.migrate(row(second)) == job.verify(row(second)) == DONE
    outcome = job.migrate(row(rsa_wrapped()))
    assert reason(outcome) == "unparseable"
    assert "Name the format and old_key" in outcome.message


def test_a_data_key_longer_than_announced_is_a_dead_letter():
    long = rsa_wrapped(bytes(65))
    assert reason(migration().migrate(row(long))) == "too_wide"
    job = migration(max_key_bytes=65)
    assert len(new_value(job.migrate(row(long)))) <= job.max_width(FIELD)


def test_nothing_is_returned_unproved(monkeypatch):
    def reversed_key(plaintext, layers, context):
        return seal_nested(plaintext[::-1], layers, context)

    monkeypatch.setattr(wrapped_key, "seal_nested", reversed_key)
    assert reason(migration().migrate(row(rsa_wrapped()))) == "unproved"


def test_threads_share_a_migration():
    job = migration()
    rows = [row(rsa_wrapped(), (number,)) for number in range(16)]
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(job.migrate, rows))
    for number, outcome in enumerate(outcomes):
        assert open_wrapped_key(new_value(outcome), ring(), context((number,))) == DATA_KEY


@pytest.mark.parametrize("form", LegacyWrap)
@settings(max_examples=12, deadline=None)
@given(value=st.none() | st.text(max_size=60) | st.binary(max_size=60) | st.binary(min_size=256, max_size=256))
def test_any_value_has_an_outcome_in_every_form(form, value):
    old_key, options, _ = OPENED_BY.get(form, ("aes-128", {}, None))
    job = migration(format=form.value, old_key=old_key, **options)
    assert isinstance(job.migrate(row(value)), Failed | Skipped)


@settings(max_examples=150, deadline=None)
@given(
    st.none() | st.text(max_size=80) | st.binary(max_size=80) | st.integers() | st.binary(min_size=256, max_size=256),
    st.sampled_from([None, *Encoding]),
)
def test_any_value_has_an_outcome(value, encoding):
    job = migration() if encoding is None else migration(encoding=encoding.value)
    assert isinstance(job.migrate(row(value)), Failed | Skipped)
    assert isinstance(job.verify(row(value)), Failed | Skipped)
