"""One job for each family of old wraps and signatures, through the whole engine: what is whole is migrated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from pqcore import seeding
from pqcore.actor import Actor
from pqcore.database import install
from pqcore.database.connect import Database
from pqcore.database.tables import dead_letters, signatures
from pqcore.engine.worker import Worker
from pqcore.formats.context import Context
from pqcore.formats.legacy_gcm import GcmLayout, take_apart
from pqcore.formats.legacy_hpke import HpkeParameters
from pqcore.formats.legacy_wrap import LegacyWrap, WrapParameters, wrap
from pqcore.formats.signature import verify_signature
from pqcore.formats.wrapped_key import open_wrapped_key
from pqcore.jobs.model import Job, Status
from pqcore.jobs.repository import JobRepository
from pqcore.migrations.base import Scope
from pqcore.targets import algorithm_id
from tests.formats.keyring import key, ring
from tests.formats.test_jose import detached, signed
from tests.formats.test_legacy_signature import raw, sign

ROWS = 6
DAMAGED = 4  # the row whose value does not open or verify

Columns = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """A family: the options of its selection, and the columns of a row for a data key or a payload."""

    name: str
    options: dict[str, Any]
    columns: Callable[[bytes], Columns]
    reason: str = "unverifiable"


def oaep(data_key: bytes) -> Columns:
    parameters = WrapParameters(b"\0tenant", "SHA-1")
    return {"value": wrap(LegacyWrap.RSA_OAEP_SHA512, data_key, key("rsa"), parameters).hex()}


def gcm(data_key: bytes) -> Columns:
    stored = wrap(LegacyWrap.AES_GCM, data_key, key("aes"), WrapParameters(aad=b"%d" % int(data_key)))
    parts = take_apart(stored, GcmLayout.NONCE_CIPHERTEXT_TAG, 12)
    return {"value": (parts.tag + parts.ciphertext).hex(), "iv": parts.nonce}


def hpke(data_key: bytes) -> Columns:
    parameters = WrapParameters(hpke=HpkeParameters(aead="AES-256-GCM", info=b"app"))
    return {"value": (b"\x01\xaa\xbb\xcc\xdd" + wrap(LegacyWrap.HPKE, data_key, key("x25519"), parameters)).hex()}


WRAPS = (
    Case(
        "oaep",
        {
            "format": "RSA-OAEP-SHA512",
            "old_key": "rsa",
            "mgf1_hash": "SHA-1",
            "label": {"bytes": b"\0tenant".hex()},
            "encoding": "hex",
        },
        oaep,
    ),
    Case(
        "pkcs1",
        {"format": "RSA-PKCS1-v1.5", "old_key": "rsa", "key_bytes": 32, "encoding": "hex"},
        lambda data_key: {"value": wrap(LegacyWrap.RSA_PKCS1, data_key, key("rsa")).hex()},
    ),
    Case(
        "kwp",
        {"format": "AES-KWP", "old_key": "aes-192", "encoding": "hex"},
        lambda data_key: {"value": wrap(LegacyWrap.AES_KWP, data_key, key("aes-192")).hex()},
    ),
    Case(
        "gcm",
        {
            "format": "AES-GCM",
            "old_key": "aes",
            "encoding": "hex",
            "gcm_layout": "tag-ciphertext-nonce",
            "nonce_field": "iv",
            "aad_field": "id",
        },
        gcm,
    ),
    Case(
        "hpke",
        {
            "format": "HPKE",
            "old_key": "x25519",
            "hpke_aead": "AES-256-GCM",
            "info": "app",
            "byte_prefix": {"bytes": "01aabbccdd"},
            "encoding": "hex",
        },
        hpke,
    ),
    Case(
        "jwe",
        {"format": "JWE", "old_key": "ecdsa"},
        lambda data_key: {"value": wrap(LegacyWrap.JWE, data_key, key("ecdsa")).decode()},
    ),
    Case(
        "vault",
        {"format": "Vault", "old_key": "rsa"},
        lambda data_key: {"value": wrap(LegacyWrap.VAULT, data_key, key("rsa")).decode()},
    ),
)
SIGNED = (
    Case(
        "ecdsa",
        {"format": "ECDSA-P384", "old_key": "ecdsa-384", "ecdsa_encoding": "raw", "encoding": "hex"},
        lambda payload: {"value": raw("ECDSA-P384", sign("ECDSA-P384", payload)).hex(), "body": payload.decode()},
    ),
    Case(
        "ed448",
        {"format": "Ed448", "old_key": "ed448", "encoding": "hex", "text_prefix": "vault:v1:"},
        lambda payload: {"value": "vault:v1:" + sign("Ed448", payload).hex(), "body": payload.decode()},
    ),
    Case(
        "rsa",
        {"format": "RSA-PKCS1-SHA512", "old_key": "rsa", "encoding": "hex"},
        lambda payload: {"value": sign("RSA-PKCS1-SHA512", payload).hex(), "body": payload.decode()},
    ),
    Case(
        "jws",
        {"format": "JWS", "old_key": "rsa"},
        lambda payload: {"value": signed("PS256", payload=payload).decode(), "body": None},
    ),
    Case(
        "jws-detached",
        {"format": "JWS-detached", "old_key": "ecdsa"},
        lambda payload: {"value": detached(signed("ES256", payload=payload)).decode(), "body": payload.decode()},
    ),
)


class Estate:
    """A table of old values of one family, on SQLite."""

    table = sa.Table(
        "vault",
        sa.MetaData(),
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("iv", sa.LargeBinary),
        sa.Column("body", sa.Text),
    )

    def __init__(self, db: Database, case: Case) -> None:
        self.db, self.case = db, case
        self.jobs = JobRepository(db, Actor("tester", "host", None))
        install.apply(db, install.plan(db))
        seeding.fill(db)
        self.table.create(db.engine)
        self.secrets = {number: f"{number:032}".encode() for number in range(ROWS)}
        empty = dict.fromkeys(("iv", "body"))
        rows = [{"id": number, **empty, **case.columns(secret)} for number, secret in self.secrets.items()]
        rows[DAMAGED]["value"] = changed(rows[DAMAGED]["value"])
        with db.write() as conn:
            conn.execute(self.table.insert(), rows)

    def run(self, scope: Scope, algorithm: str, options: dict[str, Any]) -> Job:
        document = {"table": "vault", "field": "value", "options": {**self.case.options, **options}}
        job = self.jobs.create(scope, document, algorithm_id=algorithm_id(self.db, scope, algorithm))
        worker = Worker(self.db, ring(), self.jobs, threads=2)
        try:
            return worker.run_job(job.id)
        finally:
            worker.stop()

    def rows(self) -> dict[int, sa.Row[Any]]:
        with self.db.read() as conn:
            return {row.id: row for row in conn.execute(sa.select(self.table))}

    def dead(self) -> list[tuple[str, str]]:
        with self.db.read() as conn:
            return [(row.row_key, row.reason) for row in conn.execute(sa.select(dead_letters))]

    def context(self, number: int) -> Context:
        return Context(install.data_set_id(self.db), "vault", "value", (number,))


def changed(value: str) -> str:
    """The value with one digit near its end changed: hexadecimal stays hexadecimal, base64url base64url."""
    place = len(value) - 20
    other = "1" if value[place] != "1" else "2"
    return value[:place] + other + value[place + 1 :]


def opened(tmp_path: Path) -> Database:
    return Database.open(f"sqlite:///{tmp_path / 'old.sqlite'}")


@pytest.mark.parametrize("case", WRAPS, ids=lambda case: case.name)
def test_wrapped_keys(case: Case, tmp_path: Path) -> None:
    db = opened(tmp_path)
    try:
        estate = Estate(db, case)
        before = estate.rows()
        job = estate.run(Scope.WRAPPERS, "ML-KEM-768", {"new_key": "kem"})
        assert (job.status, job.progress.migrated) == (Status.DONE, ROWS - 1)
        assert estate.dead() == [(f"[{DAMAGED}]", case.reason)]
        rows = estate.rows()
        assert rows[DAMAGED] == before[DAMAGED]
        for number, data_key in estate.secrets.items():
            if number != DAMAGED:
                assert open_wrapped_key(rows[number].value, ring(), estate.context(number)) == data_key
    finally:
        db.close()


@pytest.mark.parametrize("case", SIGNED, ids=lambda case: case.name)
def test_signed_rows(case: Case, tmp_path: Path) -> None:
    db = opened(tmp_path)
    try:
        estate = Estate(db, case)
        before = estate.rows()
        payload = {} if case.options["format"] == "JWS" else {"payload": "body"}
        job = estate.run(Scope.SIGNATURES, "ML-DSA-44", {"new_key": "dsa-44", **payload})
        assert (job.status, job.progress.migrated) == (Status.DONE, ROWS - 1)
        assert estate.dead() == [(f"[{DAMAGED}]", case.reason)]
        assert estate.rows() == before
        with db.read() as conn:
            stored = {row.row_key: bytes(row.value) for row in conn.execute(sa.select(signatures))}
        assert len(stored) == ROWS - 1
        for number, secret in estate.secrets.items():
            if number == DAMAGED:
                continue
            value = before[number].value
            token = case.options["format"].startswith("JWS")
            old = value.encode() if token else bytes.fromhex(value.removeprefix("vault:v1:"))
            verify_signature(stored[f"[{number}]"], secret, old, ring(), estate.context(number))
    finally:
        db.close()
