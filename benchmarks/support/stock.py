"""A workload's table in a database: filled once, put back into the old form before each run."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import sqlalchemy as sa
from benchmarks.support.places import Place
from benchmarks.support.workloads import KEYS, Workload

from pqcore import seeding
from pqcore.actor import current
from pqcore.database import install
from pqcore.database.connect import Database
from pqcore.engine.executors import Opening
from pqcore.jobs.repository import JobRepository
from pqcore.keys.file import FileKeyProvider
from pqcore.keys.sealing import Cost
from pqcore.targets import algorithm_id

_CHUNK = 2000


def _passphrase() -> str:
    return "benchmark"


def open_keys(path: Any) -> FileKeyProvider:
    """The benchmark's keyring; the cost of its own passphrase is not what is measured."""
    return FileKeyProvider(path, _passphrase, cost=Cost(8192, 1))


class Bench:
    """A place with pqconsole's tables, keys, and jobs."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.db = place.db
        self._keyring = place.folder / "keys" / "keyring.json"
        self.keys = open_keys(self._keyring)
        for name, algorithm in KEYS.items():
            self.keys.generate(name, algorithm)
        install.apply(self.db, install.plan(self.db))
        seeding.fill(self.db)
        self.jobs = JobRepository(self.db, current())
        self.opening = Opening(partial(Database.open, place.url), partial(open_keys, self._keyring))

    def new_job(self, work: Workload, table: str, **more: Any) -> int:
        """A pending job over a table."""
        document: Mapping[str, Any] = {"table": table, **work.document, **more}
        return self.jobs.create(work.scope, document, algorithm_id=algorithm_id(self.db, work.scope, work.algorithm)).id


class Stock:
    """The table ``stock``, its unchanged copy, and a few rows more to warm up with."""

    table = "stock"
    warm = "stock_warm"
    _pristine = "stock_old"

    def __init__(self, bench: Bench, work: Workload, rows: int) -> None:
        self.bench = bench
        self.work = work
        self.rows = rows
        self._tables = {name: self._described(name) for name in (self.table, self.warm, self._pristine)}
        with bench.db.write() as conn:
            for described in self._tables.values():
                described.drop(conn, checkfirst=True)
                described.create(conn)
        self._fill(self._pristine, rows)
        self._fill(self.warm, min(rows, 64))

    def restore(self) -> None:
        """Every row in its old form again, in a table that was never updated."""
        fresh = self._tables[self.table]
        with self.bench.db.write() as conn:
            fresh.drop(conn)
            fresh.create(conn)
        with self.bench.db.write() as conn:
            columns = list(fresh.columns)
            source = self._tables[self._pristine]
            conn.execute(sa.insert(fresh).from_select(columns, sa.select(source).order_by(source.c.id)))
        self.bench.place.settle(self.table)

    def drop(self) -> None:
        """Leave nothing behind."""
        with self.bench.db.write() as conn:
            for described in self._tables.values():
                described.drop(conn)

    def _described(self, name: str) -> sa.Table:
        key = sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False)
        return sa.Table(name, sa.MetaData(), key, *self.work.columns())

    def _fill(self, name: str, rows: int) -> None:
        table = self._tables[name]
        for start in range(1, rows + 1, _CHUNK):
            numbers = range(start, min(start + _CHUNK, rows + 1))
            values = [{"id": number, **self.work.row(number)} for number in numbers]
            with self.bench.db.write() as conn:
                conn.execute(sa.insert(table), values)
