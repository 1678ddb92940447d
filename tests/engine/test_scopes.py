"""Wrappers and signatures through the whole engine, on every database; hashes are in test_worker."""

from __future__ import annotations

import base64
import os
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.keywrap import aes_key_wrap
from cryptography.hazmat.primitives.serialization import load_der_private_key

from pqcore import seeding
from pqcore.actor import Actor
from pqcore.database import install
from pqcore.database.connect import Database
from pqcore.database.tables import originals, runs, signatures
from pqcore.engine.worker import Worker
from pqcore.formats.context import Context
from pqcore.formats.errors import NotAuthentic
from pqcore.formats.signature import verify_signature
from pqcore.formats.wrapped_key import Accept, open_wrapped_key, parse
from pqcore.jobs.model import Job, Status
from pqcore.jobs.repository import JobRepository
from pqcore.keys.memory import MemoryKeyProvider
from pqcore.keys.provider import KeyProvider
from pqcore.migrations.base import Scope
from pqcore.targets import algorithm_id, policy_id

ROWS = 60


class Estate:
    """A table with a composite key: wrapped data keys and signed records."""

    table = sa.Table(
        "vault",
        sa.MetaData(),
        sa.Column("tenant", sa.String(20), primary_key=True),
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("wrapped", sa.String(6000), nullable=False),
        sa.Column("record", sa.String(100), nullable=False),
        sa.Column("signature", sa.LargeBinary(200), nullable=False),
        sa.Column("pq_signature", sa.LargeBinary(9000)),
    )

    def __init__(self, db: Database, keys: KeyProvider | None = None, rows: int = ROWS) -> None:
        self.db = db
        self.keys = keys or MemoryKeyProvider()
        self.jobs = JobRepository(db, Actor("tester", "host", None))
        install.apply(db, install.plan(db))
        seeding.fill(db)
        self.table.create(db.engine)
        for name, algorithm in (
            ("kek", "AES-128"),
            ("signer", "Ed25519"),
            ("kem", "ML-KEM-768+X25519"),
            ("pq-signer", "ML-DSA-44"),
        ):
            self.keys.generate(name, algorithm)
        kek = self.keys.get("kek").secret
        signer = load_der_private_key(self.keys.get("signer").secret or b"", None)
        assert isinstance(signer, Ed25519PrivateKey)
        assert kek is not None
        self.data_keys = {self.key_of(n): os.urandom(32) for n in range(rows)}
        with db.write() as conn:
            conn.execute(
                self.table.insert(),
                [
                    {
                        "tenant": key[0],
                        "number": key[1],
                        "wrapped": base64.b64encode(aes_key_wrap(kek, data_key)).decode(),
                        "record": f"record {key}",
                        "signature": signer.sign(f"record {key}".encode()),
                    }
                    for key, data_key in self.data_keys.items()
                ],
            )

    @staticmethod
    def key_of(number: int) -> tuple[str, int]:
        return (f"tenant {number % 3}", number)

    def run(self, scope: Scope, algorithm: str, **selection: Any) -> Job:
        job = self.jobs.create(
            scope, {"table": "vault", **selection}, algorithm_id=algorithm_id(self.db, scope, algorithm)
        )
        worker = Worker(self.db, self.keys, self.jobs, threads=2)
        try:
            return worker.run_job(job.id)
        finally:
            worker.stop()

    def rows(self) -> dict[tuple[str, int], sa.Row[Any]]:
        with self.db.read() as conn:
            return {(r.tenant, r.number): r for r in conn.execute(sa.select(self.table))}

    def context(self, column: str, key: tuple[str, int]) -> Context:
        return Context(install.data_set_id(self.db), "vault", column, key)


@pytest.fixture
def estate(database: Database) -> Estate:
    return Estate(database)


WRAP = {"field": "wrapped", "options": {"format": "AES-KW", "old_key": "kek", "new_key": "kem"}}
SIGN = {"format": "Ed25519", "payload": "record", "old_key": "signer", "new_key": "pq-signer"}


def test_every_wrapped_key_opens_in_its_place_and_nowhere_else(estate: Estate) -> None:
    job = estate.run(Scope.WRAPPERS, "ML-KEM-768+X25519", **WRAP)
    assert (job.status, job.progress.migrated, job.error) == (Status.DONE, ROWS, None)
    rows = estate.rows()
    for key, data_key in estate.data_keys.items():
        assert open_wrapped_key(rows[key].wrapped, estate.keys.get, estate.context("wrapped", key)) == data_key
    moved = estate.context("wrapped", estate.key_of(1))
    with pytest.raises(NotAuthentic):
        open_wrapped_key(rows[estate.key_of(0)].wrapped, estate.keys.get, moved)


def test_originals_are_kept_sealed(estate: Estate) -> None:
    before = estate.rows()
    job = estate.run(Scope.WRAPPERS, "ML-KEM-768+X25519", **WRAP, keep_originals=True)
    assert job.status is Status.DONE
    with estate.db.read() as conn:
        kept = conn.execute(sa.select(originals)).all()
    assert len(kept) == ROWS
    old = {row.wrapped.encode() for row in before.values()}
    assert not any(value in bytes(row.sealed) for row in kept for value in old)


def test_signatures_beside_the_table_verify(estate: Estate) -> None:
    before = estate.rows()
    job = estate.run(Scope.SIGNATURES, "ML-DSA-44", field="signature", options=SIGN)
    assert (job.status, job.progress.migrated, job.error) == (Status.DONE, ROWS, None)
    assert estate.rows() == before
    with estate.db.read() as conn:
        stored = {row.row_key: bytes(row.value) for row in conn.execute(sa.select(signatures))}
    assert len(stored) == ROWS
    for key, row in before.items():
        value = stored[f'["{key[0]}",{key[1]}]']
        context = estate.context("signature", key)
        verify_signature(value, row.record.encode(), bytes(row.signature), estate.keys.get, context)
        with pytest.raises(NotAuthentic):
            verify_signature(value, b"another", bytes(row.signature), estate.keys.get, context)
    again = estate.run(Scope.SIGNATURES, "ML-DSA-44", field="signature", options=SIGN)
    assert (again.progress.migrated, again.progress.skipped) == (0, ROWS)


def test_signatures_in_a_column_verify(estate: Estate) -> None:
    options = {**SIGN, "signature_field": "pq_signature"}
    job = estate.run(Scope.SIGNATURES, "ML-DSA-44", field="signature", options=options)
    assert (job.status, job.progress.migrated, job.error) == (Status.DONE, ROWS, None)
    for key, row in estate.rows().items():
        verify_signature(
            bytes(row.pq_signature),
            row.record.encode(),
            bytes(row.signature),
            estate.keys.get,
            estate.context("signature", key),
        )


def test_a_policy_of_two_layers_is_held_to_from_its_rows_to_the_stored_values(estate: Estate) -> None:
    for name, algorithm in (("inner", "ML-KEM-1024+P-384"), ("outer", "ML-KEM-1024")):
        estate.keys.generate(name, algorithm)
    options = {**WRAP["options"], "new_key": "inner"}

    def run(**more: str) -> Job:
        selection = {"table": "vault", "field": "wrapped", "options": {**options, **more}}
        job = estate.jobs.create(Scope.WRAPPERS, selection, policy_id=policy_id(estate.db, "two-layers"))
        worker = Worker(estate.db, estate.keys, estate.jobs, threads=2)
        try:
            return worker.run_job(job.id)
        finally:
            worker.stop()

    refused = run()
    assert refused.status is Status.FAILED
    assert "The policy two-layers asks for 2 to 3 layers, the job has 1." in (refused.error or "")
    job = run(layer2_key="outer")
    assert (job.status, job.progress.migrated, job.error) == (Status.DONE, ROWS, None)
    strict = Accept(frozenset({"ML-KEM-1024", "ML-KEM-1024+P-384"}), min_layers=2)
    rows = estate.rows()
    for key, data_key in estate.data_keys.items():
        context = replace(estate.context("wrapped", key), policy="two-layers")
        assert open_wrapped_key(rows[key].wrapped, estate.keys.get, context, strict) == data_key


def test_the_versions_of_all_layers_keys_are_fixed_at_the_first_start(estate: Estate) -> None:
    estate.keys.generate("outer", "ML-KEM-1024")
    layered = {**WRAP, "options": {**WRAP["options"], "layer2_key": "outer"}}
    first = estate.run(Scope.WRAPPERS, "ML-KEM-768+X25519", **layered)
    with estate.db.read() as conn:
        fixed = conn.execute(sa.select(runs.c.target).where(runs.c.job_id == first.id)).scalar_one()
    assert (fixed["key_id"], fixed["layer_keys"]) == ("kem:1", {"layer2_key": "outer:1"})
    estate.keys.generate("outer", "ML-KEM-1024")
    again = estate.run(Scope.WRAPPERS, "ML-KEM-768+X25519", **layered)
    assert again.progress.migrated == ROWS
    assert {parse(row.wrapped).key_ids for row in estate.rows().values()} == {("outer:2", "kem:1")}
