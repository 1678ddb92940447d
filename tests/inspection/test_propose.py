"""Selections from reports: what is known is filled in, what is not is named by the parser at its place."""

from __future__ import annotations

import base64
import hashlib
import random

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from passlib import hash as handlers

from pqcore.crypto import keys
from pqcore.formats.detection.detect import detect
from pqcore.formats.encoding import Encoding, encode
from pqcore.formats.legacy_wrap import LegacyWrap, wrap
from pqcore.inspection import hints
from pqcore.inspection.lineage import Lineage
from pqcore.inspection.propose import Proposal, propose
from pqcore.inspection.rating import Standing, level_of
from pqcore.inspection.report import Column, report_of
from pqcore.inspection.sample import Method
from pqcore.inspection.tally import Tally
from pqcore.migrations.base import Scope
from pqcore.policies import POLICIES
from pqcore.selection.document import parse
from pqcore.selection.problem import SelectionError
from tests.formats.keyring import key
from tests.formats.libpass_hashes import NOT_READ
from tests.migrations.records import made, migrated, reason, row

BYTES = random.Random(7).randbytes
LEVEL = level_of(POLICIES[2])  # the strictest


def proposals(name: str, *values: str | bytes, declared: str = "") -> list[Proposal]:
    column = Column(None, "t", name, "BLOB", binary=True, neighbour="alg" if declared else "")
    tally = Tally()
    for value in values:
        found = hints.narrow(detect(value), hints.uses(name), hints.declared(declared))
        tally.add(found, declared)
    read = len(values)
    return propose(report_of(column, tally, total=read, method=Method.ALL, level=LEVEL, lineage=Lineage()))


@pytest.mark.parametrize(
    ("name", "value", "declared", "scope", "options", "left"),
    [
        ("password", "$1$abcdefgh$" + "a" * 22, "", Scope.HASHES, {"mode": "password"}, ()),
        (
            "password",
            hashlib.md5(b"x").hexdigest(),
            "",
            Scope.HASHES,
            {"mode": "password", "scheme": ""},
            ("options.scheme",),
        ),
        (
            "digest",
            hashlib.sha1(b"x").hexdigest(),
            "",
            Scope.HASHES,
            {"mode": "digest", "source": "", "format": "SHA-1", "encoding": "hex"},
            ("options.source",),
        ),
        (
            "email_hmac",
            hashlib.sha256(b"x").digest(),
            "",
            Scope.HASHES,
            {
                "mode": "blind-index",
                "source": "",
                "old_key": "",
                "new_key": "",
                "format": "HMAC-SHA-256",
                "encoding": "raw",
            },
            ("options.source", "options.old_key", "options.new_key"),
        ),
        (
            "wrapped_key",
            b"\xfe" * 256,
            "",
            Scope.WRAPPERS,
            {"format": "", "encoding": "raw", "old_key": "", "new_key": ""},
            ("options.format", "options.old_key", "options.new_key"),
        ),
        (
            "wrapped_key",
            b"\xfe" * 40,
            "A128KW",
            Scope.WRAPPERS,
            {"format": "AES-KW", "encoding": "raw", "old_key": "", "new_key": ""},
            ("options.old_key", "options.new_key"),
        ),
        (
            "wrapped_key",
            b"\xfe" * 256,
            "RSA1_5",
            Scope.WRAPPERS,
            {"format": "RSA-PKCS1-v1.5", "encoding": "raw", "old_key": "", "new_key": ""},
            ("options.key_bytes", "options.old_key", "options.new_key"),
        ),
        (
            "signature",
            b"\xfe" * 64,
            "ES256",
            Scope.SIGNATURES,
            {
                "format": "ECDSA-P256",
                "encoding": "raw",
                "payload": "",
                "old_key": "",
                "new_key": "",
                "ecdsa_encoding": "raw",
            },
            ("options.payload", "options.old_key", "options.new_key"),
        ),
        (
            "signature",
            b"\xfe" * 256,
            "RS256",
            Scope.SIGNATURES,
            {"format": "RSA-PKCS1-SHA256", "encoding": "raw", "payload": "", "old_key": "", "new_key": ""},
            ("options.payload", "options.old_key", "options.new_key"),
        ),
    ],
)
def test_what_is_known_is_filled_in(
    name: str, value: str | bytes, declared: str, scope: Scope, options: dict[str, str], left: tuple[str, ...]
) -> None:
    (found,) = proposals(name, value, declared=declared)
    assert (found.scope, found.document["options"], sorted(found.left)) == (scope, options, sorted(left))
    if left:
        with pytest.raises(SelectionError) as caught:
            parse(found.document, scope=scope)
        assert {problem.path for problem in caught.value.problems} == set(left)
        assert all(problem.remedy for problem in caught.value.problems)


def test_several_forms_that_nothing_tells_apart_are_said_to_be_so() -> None:
    found = proposals("wrapped_key", b"\xfe" * 256, b"\xfe" + BYTES(39))
    assert [p.values for p in found] == [2] or all(p.notes for p in found)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("password", "$argon2id$v=19$m=65536,t=3,p=1$c29tZXNhbHRzb21l$" + "A" * 43),
        ("wrapped_key", b"\xfe" * 333),
        ("digest", "sha-512:" + "0" * 128),
        ("note", "nothing"),
        ("password", "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHRzb21l$" + "A" * 43),  # below, and Argon2 already
        ("password", "{noop}secret"),
        ("identifier", hashlib.md5(b"x").hexdigest()),
        ("signature", b"\x01\xaa\xbb\xcc\xdd" + b"\xfe" * 64),  # Ed25519, ECDSA or an HMAC
    ],
)
def test_what_is_fine_not_known_or_not_read_by_any_job_gets_none(name: str, value: str | bytes) -> None:
    assert proposals(name, value) == []


@pytest.mark.parametrize("name", NOT_READ)
def test_what_libpass_writes_and_no_job_reads_gets_none(name: str) -> None:
    handler = getattr(handlers, name)
    context = {word: "x" for word in ("user", "realm") if word in handler.context_kwds}
    stored = handler.hash("7 hash cats", **context)
    named = [p for p in proposals("password", stored) if p.document["options"].get("scheme") != ""]
    assert named == []


def test_what_may_be_aes_gcm_is_proposed_with_its_format_left_open() -> None:
    (found,) = proposals("wrapped_key", b"\xfe" * 60)
    assert found.scope is Scope.WRAPPERS
    assert "options.format" in found.left


def test_names_of_files_hold_no_signs_of_paths() -> None:
    column = Column("../a", "b/c", "password", "TEXT")
    assert "/" not in Proposal(column, Scope.HASHES, (), {}, ()).name


@pytest.mark.parametrize(
    ("name", "value", "scope", "options", "left"),
    [
        (
            "wrapped_key",
            "eyJhbGciOiJSU0EtT0FFUC0yNTYiLCJlbmMiOiJBMjU2R0NNIn0.AA.AA.AA.AA",
            Scope.WRAPPERS,
            {"format": "JWE", "old_key": "", "new_key": ""},
            {"options.old_key", "options.new_key"},
        ),
        (
            "wrapped_key",
            b"\xfe" * 80,
            Scope.WRAPPERS,
            {"format": "HPKE", "encoding": "raw", "old_key": "", "new_key": ""},
            {"options.old_key", "options.new_key", "options.hpke_aead"},
        ),
        (
            "signature",
            "eyJhbGciOiJFUzI1NiJ9.AA.AA",
            Scope.SIGNATURES,
            {"format": "JWS", "old_key": "", "new_key": ""},
            {"options.old_key", "options.new_key"},
        ),
    ],
)
def test_a_form_that_says_its_format(
    name: str, value: str | bytes, scope: Scope, options: dict[str, str], left: set[str]
) -> None:
    (found,) = proposals(name, value)
    assert (found.scope, found.document["options"], set(found.left)) == (scope, options, left)


WRAPPED = bytes(range(32))


def vault_value(version: int) -> str:
    wrapped = wrap(LegacyWrap.RSA_OAEP_SHA256, WRAPPED, key("rsa"))
    return f"vault:v{version}:{encode(wrapped, Encoding.BASE64)!s}"


@pytest.mark.parametrize("declared", ["", "RSA-OAEP-256"])
def test_values_of_vault_are_one_selection_whatever_their_versions(declared: str) -> None:
    values = [vault_value(1), vault_value(1), vault_value(12)]
    found = proposals(
        "wrapped_key", *values, "eyJhbGciOiJBMjU2S1ciLCJlbmMiOiJBMjU2R0NNIn0.AA.AA.AA.AA", declared=declared
    )
    (proposal,) = [p for p in found if p.document["options"]["format"] == "Vault"]
    start = {"column": "wrapped_key", "op": "prefix", "value": {"bytes": b"vault:v".hex()}}
    assert proposal.values == 3
    assert start in (proposal.document["where"], *proposal.document["where"].get("all", ()))
    assert set(proposal.left) == {"options.old_key", "options.new_key"}
    options = proposal.document["options"] | {"old_key": "rsa", "new_key": "kem"}
    parse(proposal.document | {"options": options}, scope=Scope.WRAPPERS)
    job = made(Scope.WRAPPERS, "ML-KEM-768", options)
    migrated(job.migrate(row(values[0].encode())))
    assert reason(job.migrate(row(values[2].encode()))) == "key_missing"


@pytest.mark.parametrize("encoding", Encoding)
def test_values_behind_tinks_prefix_are_chosen_by_it_and_opened(encoding: Encoding) -> None:
    prefix = bytes.fromhex("01aabbccdd")
    stored = encode(prefix + wrap(LegacyWrap.AES_GCM, WRAPPED, key("aes")), encoding)
    (found,) = proposals("wrapped_key", stored)
    options = found.document["options"] | {"old_key": "aes", "new_key": "kem"}
    assert options["format"] == "AES-GCM"
    assert options["byte_prefix"] == {"bytes": "01aabbccdd"}
    assert f"the key {0xAABBCCDD} of a keyset" in found.notes[0]
    parse(found.document | {"options": options}, scope=Scope.WRAPPERS)
    migrated(made(Scope.WRAPPERS, "ML-KEM-768", options).migrate(row(stored)))
    where = found.document["where"]
    starts = [bytes.fromhex(c["value"]["bytes"]) for c in where.get("any", [where])]
    held = stored if isinstance(stored, bytes) else stored.encode()
    assert any(held.startswith(start) for start in starts)
    another = encode(bytes.fromhex("02") + prefix[1:] + bytes(60), encoding)
    assert not any((another if isinstance(another, bytes) else another.encode()).startswith(s) for s in starts)


@pytest.mark.parametrize(
    ("stored", "declared", "options"),
    [
        ("vault:v1:" + base64.b64encode(b"\xfe" * 64).decode(), "", {"format": "Ed25519", "text_prefix": "vault:v1:"}),
        (
            b"\x01\xaa\xbb\xcc\xdd" + b"\xfe" * 96,
            "",
            {"format": "ECDSA-P384", "byte_prefix": {"bytes": "01aabbccdd"}, "ecdsa_encoding": "raw"},
        ),
        (
            b"\x01\xaa\xbb\xcc\xdd" + b"\xfe" * 64,
            "ES256",
            {"format": "ECDSA-P256", "byte_prefix": {"bytes": "01aabbccdd"}, "ecdsa_encoding": "raw"},
        ),
    ],
)
def test_signatures_behind_a_prefix(stored: str | bytes, declared: str, options: dict[str, object]) -> None:
    (found,) = proposals("signature", stored, declared=declared)
    assert found.scope is Scope.SIGNATURES
    assert options.items() <= found.document["options"].items()


def test_the_hash_of_transits_signatures_is_asked_for() -> None:
    signature = keys.classical_private("ECDSA-P384", key("ecdsa-384").secret or b"")
    assert isinstance(signature, ec.EllipticCurvePrivateKey)
    der = signature.sign(b"x", ec.ECDSA(hashes.SHA256()))
    (found,) = proposals("signature", "vault:v1:" + base64.b64encode(der).decode())
    assert found.document["options"]["format"] == "ECDSA-P384"
    assert any("ecdsa_hash" in note for note in found.notes)


def test_what_tink_wrote_post_quantum_and_what_vault_wraps_with_aes_256_is_fine() -> None:
    column = Column(None, "t", "wrapped_key", "BLOB")
    sealed = b"\x01\xaa\xbb\xcc\xdd" + b"\xfe" * (1120 + 48)
    under_aes = "vault:v1:" + base64.b64encode(b"\xfe" * 60).decode()
    for value, level in ((sealed, level_of(POLICIES[0])), (under_aes, level_of(POLICIES[0]))):
        tally = Tally()
        tally.add(hints.narrow(detect(value), hints.uses("wrapped_key"), None))
        report = report_of(column, tally, total=1, method=Method.ALL, level=level, lineage=Lineage())
        assert [form.rating.standing for form in report.forms] == [Standing.FINE]
        assert propose(report) == []
