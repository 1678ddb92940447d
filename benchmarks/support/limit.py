"""The limit of this machine: the same cryptography alone, and the same SQL alone, in a process for each core.

CPU seconds per row are added up: cryptography, client side of the SQL, server side. Divided into the number of cores
they give the rows per second that no engine can pass on this machine, however well it overlaps the parts:

    limit = cores / (crypto + client SQL + server SQL)     [CPU seconds per row]

The cryptography is ``Migration.migrate`` (parse, verify, convert, prove, encode) on all cores at once. The SQL is one
select and one compare and swap of precomputed values for each page, a transaction each, on a connection that is kept,
without claims, checkpoints, counters or history. It waits for the disk as the engine does; that is not in the formula.
"""

from __future__ import annotations

import gc
import multiprocessing
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from threading import Event
from typing import Any

import sqlalchemy as sa
from benchmarks.support.machine import cores
from benchmarks.support.stock import Bench, Stock
from benchmarks.support.workloads import Step, Workload

from pqcore.actor import current
from pqcore.database.connect import Database
from pqcore.database.swap import Swap
from pqcore.engine.context import JobContext
from pqcore.engine.executors import Opening
from pqcore.engine.prepare import prepare
from pqcore.jobs.claims import claim_job, release
from pqcore.jobs.model import Status
from pqcore.jobs.repository import JobRepository
from pqcore.migrations.base import Migrated, Record

PAGE_ROWS = 1000


@dataclass(frozen=True)
class Part:
    """One phase over all rows: CPU seconds of the client's processes and of the server, seconds by the clock."""

    rows: int
    client: float
    server: float
    seconds: float


@dataclass(frozen=True)
class Limit:
    """CPU seconds per row, and what follows.

    Attributes:
        crypto: ``Migration.migrate``.
        primitives: of that, the bare cryptography.
        client: page reads and compare and swap, this side.
        server: the server's side; 0 for SQLite, and where the server is not ours to see.
        sql_rate: rows per second of reads and swaps alone, as they came, with their waiting.
    """

    crypto: float
    primitives: float
    client: float
    server: float
    sql_rate: float

    @property
    def cpu(self) -> float:
        """CPU seconds per row in all."""
        return self.crypto + self.client + self.server

    @property
    def rate(self) -> float:
        """Rows per second."""
        return cores() / self.cpu


def measure(bench: Bench, stock: Stock) -> Limit:
    """Measure the limit; the stock's rows are in the new form afterwards."""
    job = bench.new_job(stock.work, stock.table)
    claim = claim_job(bench.db, "limit", job)
    with _probes(bench, stock, job) as probes:
        read, _, bare, crypto = (_phase(bench, probes, name) for name in ("read", "arm", "primitives", "migrate"))
        # SQLite has one writer at a time
        swap = _phase(bench, probes, "swap", one_by_one=bench.place.kind == "sqlite")
    release(bench.db, claim, Status.CANCELLED)
    return Limit(
        crypto=crypto.client / crypto.rows,
        primitives=bare.client / bare.rows,
        client=read.client / read.rows + swap.client / swap.rows,
        server=read.server / read.rows + swap.server / swap.rows,
        sql_rate=1 / (read.seconds / read.rows + swap.seconds / swap.rows),
    )


@contextmanager
def _probes(bench: Bench, stock: Stock, job: int) -> Iterator[list[Connection]]:
    # spawn, as the engine's own processes; a fork would share connections
    spawn = multiprocessing.get_context("spawn")
    count = cores()
    started: list[Any] = []
    lines: list[Connection] = []
    try:
        for index in range(count):
            mine, theirs = spawn.Pipe()
            bounds = (stock.rows * index // count, stock.rows * (index + 1) // count)
            arguments = (theirs, bench.opening, type(stock.work), stock.work.size, job, bounds)
            process = spawn.Process(target=_probe, args=arguments, daemon=True)
            process.start()
            theirs.close()
            started.append(process)
            lines.append(mine)
        yield lines
        for line in lines:
            line.send(None)
        for process in started:
            process.join()
    finally:
        for process in started:
            process.kill()


def _phase(bench: Bench, probes: Sequence[Connection], name: str, *, one_by_one: bool = False) -> Part:
    before, began = bench.place.server_seconds(), time.perf_counter()
    answers: list[tuple[int, float]] = []
    for group in [[probe] for probe in probes] if one_by_one else [probes]:
        for probe in group:
            probe.send(name)
        answers += [probe.recv() for probe in group]
    seconds = time.perf_counter() - began
    server = bench.place.server_seconds() - before
    return Part(sum(rows for rows, _ in answers), sum(cpu for _, cpu in answers), server, seconds)


def _probe(
    line: Connection, opening: Opening, kind: type[Workload], size: int, job_id: int, bounds: tuple[int, int]
) -> None:
    gc.disable()  # millions of rows are held here; collecting them is no part of any limit
    db, keys = opening.database(), opening.keys()
    context = prepare(db, keys, JobRepository(db, current()).get(job_id), Event())
    work = _Probe(db, context, kind(keys, size), bounds)
    phases = {
        "read": work.read,
        "arm": work.arm,
        "primitives": work.primitives,
        "migrate": work.migrate,
        "swap": work.swap,
    }
    while (name := line.recv()) is not None:
        began = time.process_time()
        rows = phases[name]()
        line.send((rows, time.process_time() - began))
    db.close()


class _Probe:
    """A process's share of the rows, those with ``lower < id <= upper``."""

    def __init__(self, db: Database, context: JobContext, work: Workload, bounds: tuple[int, int]) -> None:
        self._context = context
        self._work = work
        self._lower, self._upper = bounds
        self._conn = db.engine.connect()
        self._pages: list[Sequence[sa.Row[Any]]] = []
        self._steps: list[Step] = []
        self._swaps: list[list[Swap]] = []
        # connected, and the statement compiled, before anything is measured
        self._page(self._upper)

    def read(self) -> int:
        after = self._lower
        while rows := self._page(after):
            self._pages.append(rows)
            after = rows[-1][0]
        return self._rows

    def arm(self) -> int:
        """Prepare the bare cryptography of some of the rows, so that only it is measured."""
        reads = self._context.migration.reads
        for page in self._pages:
            some = page[: max(1, len(page) // 4)]
            self._steps += [self._work.primitives(dict(zip(reads, row[1:], strict=True))) for row in some]
        self._steps[0]()  # keys are loaded with the first
        return len(self._steps)

    def primitives(self) -> int:
        for step in self._steps:
            step()
        return len(self._steps)

    def migrate(self) -> int:
        migration, plan = self._context.migration, self._context.swap_plan
        for page in self._pages:
            swaps = []
            for row in page:
                record = Record((row[0],), dict(zip(migration.reads, row[1:], strict=True)))
                outcome = migration.migrate(record)
                if not isinstance(outcome, Migrated):
                    raise SystemExit(f"row {row[0]} was not migrated: {outcome}")
                old = tuple(record.values[name] for name in plan.guards)
                swaps.append(Swap(record.key, old, tuple(outcome.values[name] for name in plan.writes)))
            self._swaps.append(swaps)
        return self._rows

    def swap(self) -> int:
        plan, dialect = self._context.swap_plan, self._context.db.dialect
        for swaps in self._swaps:
            with self._conn.begin():
                if dialect.compare_and_swap(self._conn, plan, swaps):
                    raise SystemExit("a row changed while the limit was measured")
        return self._rows

    @property
    def _rows(self) -> int:
        return sum(len(page) for page in self._pages)

    def _page(self, after: int) -> Sequence[sa.Row[Any]]:
        context = self._context
        key, dialect = context.target.key, context.db.dialect
        statement = (
            sa.select(*key, *(context.target.table.c[name] for name in context.migration.reads))
            .where(dialect.after(key, (after,)), dialect.up_to(key, (self._upper,)))
            .order_by(*key)
            .limit(PAGE_ROWS)
        )
        with self._conn.begin():
            return self._conn.execute(statement).all()
