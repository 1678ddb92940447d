"""What stored values are taken for: sure where they say it, all candidates where they do not, and never an error."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import uuid
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from pqcore.formats.blind_index import index_value, nested_value
from pqcore.formats.detection.detect import LONGEST, detect
from pqcore.formats.detection.forms import Basis, Detection, State, Use
from pqcore.formats.encoding import Encoding, encode
from tests.formats import libpass_hashes
from tests.formats.keyring import key
from tests.formats.old_passwords import MAKERS

GOLDEN = json.loads((Path(__file__).parent / "golden.json").read_text())
DIGEST_43 = "A" * 43  # of 32 bytes in the alphabets of crypt(3) and base64


def names(found: Detection) -> list[str]:
    return [candidate.form.name for candidate in found.candidates]


def only(value: str | bytes) -> str:
    found = detect(value)
    assert found.state is State.RECOGNISED, found
    return names(found)[0]


@pytest.mark.parametrize("encoding", Encoding)
def test_wrapped_keys_of_ours_say_suite_key_and_policy(encoding: Encoding) -> None:
    for sample in GOLDEN["wrapped_keys"]:
        found = detect(encode(base64.b64decode(sample["stored"]), encoding))
        (candidate,) = found.candidates
        assert (candidate.form.use, candidate.form.own, found.encoding) == (Use.WRAPPED_KEY, True, encoding)
        assert candidate.detail("key") == sample["key"]
        assert candidate.detail("policy") == sample["policy"]
        assert candidate.form.category in (3, 5)


@pytest.mark.parametrize("encoding", Encoding)
def test_signatures_of_ours_say_that_they_are_over_an_old_one(encoding: Encoding) -> None:
    for sample in GOLDEN["signatures"]:
        (candidate,) = detect(encode(base64.b64decode(sample["stored"]), encoding)).candidates
        assert (candidate.form.use, candidate.form.wraps_old) == (Use.SIGNATURE, True)
        assert candidate.detail("key") == sample["key"]


def test_wrapped_password_hashes_of_ours() -> None:
    for sample in GOLDEN["passwords"]:
        found = detect(sample["stored"])
        assert only(sample["stored"]).startswith("Argon2id over ")
        assert found.candidates[0].form.wraps_old
        assert isinstance(found.candidates[0].detail("m"), int)


def test_blind_indexes_of_ours_say_what_they_are_over() -> None:
    for value, over in (
        (index_value("mail", key("index")), ""),
        (nested_value(bytes(20), "SHA-1", key("index")), "SHA-1"),
    ):
        (candidate,) = detect(value).candidates
        assert only(value.encode()) == only(value) == "HMAC-SHA-512"
        assert (candidate.form.use, candidate.form.category, candidate.form.wraps_old) == (Use.MAC, 5, bool(over))
        assert (candidate.detail("key"), candidate.detail("over")) == ("index:1", over)


@pytest.mark.parametrize(
    "value", [b"pqcwk1", b"pqcwk1" + bytes(40), "cHFjd2sxAAAA", "pq1$", "pq1$1,1,1$$a$b$c", "pqbi1$HMAC-SHA-512$x$$"]
)
def test_what_begins_like_ours_and_does_not_parse_is_damaged(value: str | bytes) -> None:
    assert detect(value).state is State.DAMAGED


@pytest.mark.parametrize("maker", MAKERS)
def test_every_password_hash_that_can_be_migrated_is_recognised(maker: str) -> None:
    found = detect(MAKERS[maker](b"correct horse"))
    assert found.state is State.RECOGNISED
    assert found.candidates[0].form.use is Use.PASSWORD


@pytest.mark.parametrize("entry", libpass_hashes.ALL)
def test_every_hash_of_libpass_is_recognised_or_among_the_candidates(entry: str) -> None:
    found = detect(libpass_hashes.libpass_hash(entry, "correct horse"))
    says_so = libpass_hashes.ALL[entry][1].scheme is None
    assert found.state is (State.RECOGNISED if says_so else State.AMBIGUOUS), found
    assert any(candidate.form.use is Use.PASSWORD for candidate in found.candidates)


@pytest.mark.parametrize("prefix", ["{CRYPT}", "{crypt}", "{BLF-CRYPT}", "{bcrypt}"])
def test_an_envelope_takes_the_scheme_inside(prefix: str) -> None:
    assert only(f"{prefix}$2b$12$" + "a" * 53) == "bcrypt"
    assert detect(prefix + "???").state is State.DAMAGED


@pytest.mark.parametrize(
    ("value", "name", "detail"),
    [
        ("$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHRzb21l$" + DIGEST_43, "Argon2id", ("m", 65536)),
        ("argon2$argon2id$v=19$m=102400,t=2,p=8$c29tZXNhbHQ$" + DIGEST_43, "Argon2id", ("t", 2)),
        ("$argon2i$v=19$m=512,t=2,p=2$c29tZXNhbHQ$" + DIGEST_43, "Argon2i", ("p", 2)),
        ("$2y$10$" + "a" * 53, "bcrypt", ("cost", 10)),
        ("{CRYPT}$2a$08$" + "a" * 53, "bcrypt", ("cost", 8)),
        ("$wp$2y$10$" + "a" * 53, "bcrypt over HMAC-SHA-384", ("cost", 10)),
        ("$bcrypt-sha256$v=2,t=2b,r=12$" + "a" * 22 + "$" + "b" * 31, "bcrypt over SHA-256", ("cost", 12)),
        ("$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$" + DIGEST_43, "scrypt", ("n", 65536)),
        ("scrypt$salt$16384$8$5$" + "A" * 86 + "==", "scrypt", ("n", 16384)),
        ("scrypt:32768:8:1$abcdefgh$" + "0" * 128, "scrypt", ("n", 32768)),
        ("pbkdf2:sha256:600000$salt$" + "0" * 64, "PBKDF2-HMAC-SHA-256", ("iterations", 600000)),
        ("$pbkdf2-sha512$25000$abc$" + "a" * 86, "PBKDF2-HMAC-SHA-512", ("iterations", 25000)),
        ("$pbkdf2$131000$abc$" + "a" * 27, "PBKDF2-HMAC-SHA-1", ("iterations", 131000)),
        ("{PBKDF2-SHA256}10000$abc$" + DIGEST_43, "PBKDF2-HMAC-SHA-256", ("iterations", 10000)),
        ("{PKCS5S2}" + "A" * 64, "PBKDF2-HMAC-SHA-1", ("iterations", 10000)),
        (f"SCRAM-SHA-256$4096:c2FsdA==${DIGEST_43}=:{DIGEST_43}=", "SCRAM-SHA-256", ("iterations", 4096)),
        ("$5$rounds=80000$wnsT7Yr92oJoP28r$" + DIGEST_43, "sha256_crypt", ("iterations", 80000)),
        ("$6$saltstring$" + "a" * 86, "sha512_crypt", None),
        ("$1$abcdefgh$" + "a" * 22, "md5_crypt", None),
        ("$apr1$abcdefgh$" + "a" * 22, "md5_crypt", None),
        ("$P$B" + "a" * 30, "phpass (iterated MD5)", None),
        ("$H$9" + "a" * 30, "phpass (iterated MD5)", None),
        ("$S$D" + "a" * 51, "Drupal 7 (iterated SHA-512)", None),
        ("$y$j9T$saltsalt$" + DIGEST_43, "yescrypt", None),
        ("md5$salt$" + "0" * 32, "salted MD5", None),
        ("md5" + "0" * 32, "PostgreSQL md5", None),
        ("*" + "0" * 40, "MySQL 4.1 (SHA-1 twice)", None),
        ("{SSHA512}" + "A" * 96, "salted SHA-512", None),
        ("{sha}" + "A" * 27 + "=", "SHA-1 of the password", None),
        ("{noop}secret", "password in the clear", None),
    ],
)
def test_password_schemes(value: str, name: str, detail: tuple[str, int] | None) -> None:
    assert only(value) == name
    if detail is not None:
        assert detect(value).candidates[0].detail(detail[0]) == detail[1]
    assert detect(value.encode()) == detect(value)


@pytest.mark.parametrize("value", ["$2b$12$" + "a" * 40, "$argon2id$v=19$m=65536", "pbkdf2_sha256$1000$salt$AAAA"])
def test_a_hash_that_a_narrow_column_cut_is_damaged(value: str) -> None:
    assert detect(value).state is State.DAMAGED


@pytest.mark.parametrize("value", ["!", "!abc", "*", "*LK*"])
def test_unusable_passwords(value: str) -> None:
    assert detect(value).state is State.UNUSABLE


@pytest.mark.parametrize("value", [None, "", b""])
def test_empty(value: str | bytes | None) -> None:
    assert detect(value).state is State.EMPTY


@pytest.mark.parametrize("value", ["alice@example.com", "Hello, world", "2024-01-31", str(uuid.UUID(int=7)), "0" * 15])
def test_ordinary_text_is_not_recognised(value: str) -> None:
    assert detect(value).state is State.UNRECOGNISED


@pytest.mark.parametrize("encoding", Encoding)
def test_32_hexadecimal_digits_are_never_guessed(encoding: Encoding) -> None:
    found = detect(encode(hashlib.md5(b"x").digest(), encoding))
    assert found.state is State.AMBIGUOUS
    assert {"MD5", "NTLM", "HMAC-MD5", "UUID without hyphens"} <= set(names(found))
    assert (found.basis, found.encoding, found.length) == (Basis.LENGTH, encoding, 16)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (20, {"SHA-1", "HMAC-SHA-1"}),
        (32, {"SHA-256", "HMAC-SHA-256", "SHA-256 of the password"}),
        (64, {"SHA-512", "HMAC-SHA-512", "Ed25519", "ECDSA-P256"}),
        (40, {"AES-128-KW", "AES-256-KW"}),
        (60, {"AES-256-GCM key wrap"}),
        (80, {"HPKE X25519"}),
        (96, {"ECDSA-P384"}),
        (114, {"Ed448"}),
        (132, {"ECDSA-P521"}),
        (128, {"RSA-1024 encryption", "RSA-1024 signature"}),
        (256, {"RSA-2048 encryption", "RSA-2048 signature"}),
        (384, {"RSA-3072 encryption", "RSA-3072 signature"}),
        (512, {"RSA-4096 encryption", "RSA-4096 signature"}),
        (3309, {"ML-DSA-65"}),
        (7856, {"SLH-DSA-SHA2-128s", "SLH-DSA-SHAKE-128s"}),
        (1088, {"ML-KEM-768"}),
    ],
)
def test_lengths(size: int, expected: set[str]) -> None:
    data = b"\xfe" + os.urandom(size - 2) + b"\xfe"  # neither DER nor Tink nor printable
    for encoding in Encoding:
        found = detect(encode(data, encoding))
        assert expected <= set(names(found)), encoding
        assert found.length == size


@pytest.mark.parametrize(
    ("curve", "name"), [(ec.SECP256R1(), "ECDSA-P256"), (ec.SECP384R1(), "ECDSA-P384"), (ec.SECP521R1(), "ECDSA-P521")]
)
def test_der_signatures(curve: ec.EllipticCurve, name: str) -> None:
    key = ec.generate_private_key(curve)
    for payload in range(20):
        signature = key.sign(bytes([payload]), ec.ECDSA(hashes.SHA256()))
        found = detect(signature)
        assert names(found)[0] == name
        assert found.basis is Basis.STRUCTURE
        assert "ECDSA" not in " ".join(names(detect(signature + b"\0")))


def compact(header: dict[str, str], parts: int) -> str:
    text = base64.urlsafe_b64encode(json.dumps(header).encode()).decode().rstrip("=")
    return ".".join([text, *["AAAA"] * (parts - 1)])


@pytest.mark.parametrize(
    ("header", "parts", "name"),
    [
        ({"alg": "RSA-OAEP-256", "enc": "A256GCM"}, 5, "JWE RSA-OAEP-256"),
        ({"alg": "A128KW", "enc": "A128CBC-HS256"}, 5, "JWE A128KW"),
        ({"alg": "ECDH-ES+A256KW", "enc": "A256GCM"}, 5, "JWE ECDH-ES+A256KW"),
        ({"alg": "dir", "enc": "A256GCM"}, 5, "JWE dir A256GCM"),
        ({"alg": "ES256"}, 3, "JWS ES256"),
        ({"alg": "HS512"}, 3, "JWS HS512"),
        ({"alg": "none"}, 3, "JWS none"),
        ({"alg": "ML-DSA-65"}, 3, "JWS ML-DSA-65"),
    ],
)
def test_jose(header: dict[str, str], parts: int, name: str) -> None:
    assert only(compact(header, parts)) == name


def test_jose_with_a_header_that_says_nothing_is_damaged() -> None:
    assert detect(compact({"alg": "x" * 9, "enc": "y"}, 5)).state is State.DAMAGED
    assert detect("eyJhbGciOiJI.AAAA.AAAA").state is State.DAMAGED


def test_vault_and_tink_frames() -> None:
    sealed = detect("vault:v3:" + base64.b64encode(os.urandom(60)).decode())
    assert "Vault transit AES-256-GCM" in names(sealed)
    assert sealed.candidates[0].detail("version") == 3
    signed = detect("vault:v1:" + base64.b64encode(os.urandom(256)).decode())
    assert "Vault transit RSA-2048 signature" in names(signed)
    assert "Tink Ed25519" in names(detect(b"\x01\x12\x34\x56\xff" + os.urandom(64)))


def test_tagged_digests() -> None:
    assert only("sha3-512:" + "0" * 128) == "SHA3-512"
    assert detect("sha-256:" + "0" * 60).state is State.DAMAGED


@settings(deadline=None)
@given(st.binary(max_size=400) | st.text(max_size=400))
def test_no_value_makes_it_fail(value: str | bytes) -> None:
    found = detect(value)
    assert (found.state is State.EMPTY) == (len(value) == 0)
    if found.state is State.RECOGNISED:
        assert len(found.candidates) == 1
    if found.state is State.AMBIGUOUS:
        assert len(found.candidates) > 1


STARTS = [
    "$2b$",
    "$argon2id$",
    "pbkdf2_sha256$",
    "{SSHA}",
    "{FSHP",
    "$5$",
    "$md5",
    "eyJ",
    "vault:v1:",
    "pq1$",
    "sha-1:",
    "*",
]


@settings(deadline=None)
@given(st.sampled_from(STARTS), st.text("$:.{}|=,0129abcABC/+-_é\0", max_size=120))
def test_no_value_that_begins_like_a_scheme_makes_it_fail(start: str, rest: str) -> None:
    detect(start + rest)
    detect((start + rest).encode())


@settings(deadline=None)
@given(st.sampled_from([b"pqcwk1", b"pqcsg1", b"\x30", b"\x01"]), st.binary(max_size=300), st.sampled_from(Encoding))
def test_no_bytes_that_begin_like_a_form_make_it_fail(start: bytes, rest: bytes, encoding: Encoding) -> None:
    detect(encode(start + rest, encoding))


def test_a_value_of_megabytes_is_not_looked_at() -> None:
    assert detect("a" * (LONGEST + 1)) == Detection(State.UNRECOGNISED, length=LONGEST + 1)


@settings(deadline=None)
@given(st.integers(3, 300))  # base64 of fewer bytes fits old schemes, too
def test_the_same_bytes_are_the_same_forms_in_every_encoding(size: int) -> None:
    data = b"\xfe" + bytes(range(255, 0, -1)) * 2
    data = data[:size] + b"\xff" * 16
    forms = {tuple(names(detect(encode(data, encoding)))) for encoding in Encoding}
    assert len(forms) == 1
