"""A small table of contents with SHA-1 digests, jobs on it, and the proof of what became of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from pqcore import seeding
from pqcore.actor import Actor
from pqcore.database import install
from pqcore.database.connect import Database
from pqcore.engine import points
from pqcore.engine.worker import Worker
from pqcore.jobs.model import Job
from pqcore.jobs.repository import JobRepository
from pqcore.keys.memory import MemoryKeyProvider
from pqcore.migrations.base import Scope
from pqcore.targets import algorithm_id

ITEMS = sa.Table(
    "items",
    sa.MetaData(),
    sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("body", sa.String(200), nullable=False),
    sa.Column("digest", sa.String(200)),
)


def sha1(body: str) -> str:
    return hashlib.sha1(body.encode()).hexdigest()


def sha512(body: str) -> str:
    return "sha-512:" + hashlib.sha512(body.encode()).hexdigest()


def body_of(number: int) -> str:
    return f"content of {number}"


def old_row(number: int) -> dict[str, Any]:
    return {"id": number, "body": body_of(number), "digest": sha1(body_of(number))}


class Bench:
    """A database with ``items``, the schema installed, and workers on it."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.keys = MemoryKeyProvider()
        self.jobs = JobRepository(db, Actor("tester", "host", None))
        install.apply(db, install.plan(db))
        seeding.fill(db)
        ITEMS.create(db.engine)

    def fill(self, rows: int) -> None:
        with self.db.write() as conn:
            conn.execute(ITEMS.insert(), [old_row(n) for n in range(1, rows + 1)])

    def job(self, scope: Scope = Scope.HASHES, **selection: Any) -> int:
        document: Mapping[str, Any] = {
            "table": "items",
            "field": "digest",
            "options": {"mode": "digest", "source": "body"},
            **selection,
        }
        return self.jobs.create(scope, document, algorithm_id=algorithm_id(self.db, scope, "SHA-512")).id

    def worker(self, threads: int = 2) -> Worker:
        return Worker(self.db, self.keys, self.jobs, threads=threads)

    def run(self, job_id: int, threads: int = 2) -> Job:
        worker = self.worker(threads)
        try:
            return worker.run_job(job_id)
        finally:
            worker.stop()

    def rows(self) -> dict[int, tuple[str, str | None]]:
        with self.db.read() as conn:
            return {r.id: (r.body, r.digest) for r in conn.execute(sa.select(ITEMS))}

    def assert_all_new(self) -> None:
        wrong = {key: row for key, row in self.rows().items() if row[1] != sha512(row[0])}
        assert wrong == {}


@contextmanager
def listening(listener: points.Listener) -> Iterator[None]:
    points.listen(listener)
    try:
        yield
    finally:
        points.listen(None)
