"""One job by the engine, measured: with threads or with processes, warmed up, from its claim to ``done``."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any
from unittest import mock

from benchmarks.support.machine import children_seconds, cores
from benchmarks.support.stock import Bench, Stock

from pqcore.engine import worker as worker_module
from pqcore.engine.executors import wants_processes
from pqcore.engine.worker import Worker
from pqcore.garbage import collect_seldom
from pqcore.jobs.model import Job, Progress, Status
from pqcore.migrations.base import Scope


@dataclass(frozen=True)
class Way:
    """How the engine runs: so many threads, or a process for each core."""

    name: str
    threads: int
    processes: bool


@dataclass(frozen=True)
class Run:
    """One measured job.

    Attributes:
        rows: migrated.
        seconds: from the claim to ``done``, with the sweep that looks for rows left behind.
        cpu: CPU seconds of the engine (all its processes) and of the server.
    """

    rows: int
    seconds: float
    cpu: float

    @property
    def rate(self) -> float:
        """Rows per second."""
        return self.rows / self.seconds

    @property
    def busy(self) -> float:
        """Share of the cores that was busy with the job."""
        return self.cpu / self.seconds / cores()


def ways() -> list[Way]:
    """1, 2 and 4 threads, and a process for each core."""
    threads = [Way(f"{n} thread{'s' * (n > 1)}", n, processes=False) for n in (1, 2, 4)]
    return [*threads, Way(f"{cores()} processes", cores(), processes=True)]


def by_engine(bench: Bench, stock: Stock, way: Way, watched: AbstractContextManager[object] | None = None) -> Run:
    """Run the stock's job, within ``watched``; it has to end with every row migrated."""
    with _worker(bench, way) as worker:
        # connections, statements, compiled and prepared, and processes, so that a short run tells of a long one
        _ended(worker.run_job(bench.new_job(stock.work, stock.warm)))
        job = bench.new_job(stock.work, stock.table)
        began, server, own = time.perf_counter(), bench.place.server_seconds(), _own_seconds(bench)
        with watched or nullcontext():
            ended = _ended(worker.run_job(job))
        seconds = time.perf_counter() - began
        cpu = bench.place.server_seconds() - server + _own_seconds(bench) - own
    if ended.progress.migrated != stock.rows:
        raise SystemExit(f"{ended.progress.migrated} of {stock.rows} rows were migrated")
    return Run(stock.rows, seconds, cpu)


def takes_processes(scope: Scope, document: Mapping[str, Any]) -> bool:
    """Whether the engine, left alone, takes processes for a large job with this selection."""
    large = Progress(total=10**8)
    return wants_processes(Job(id=1, scope=scope, status=Status.RUNNING, selection=dict(document), progress=large))


@contextmanager
def _worker(bench: Bench, way: Way) -> Iterator[Worker]:
    # what the engine would choose for this scope and these few rows is not asked
    with mock.patch.object(worker_module, "wants_processes", return_value=way.processes):
        collect_seldom()  # as the command does
        worker = Worker(bench.db, bench.keys, bench.jobs, threads=way.threads, opening=lambda: bench.opening)
        try:
            if way.processes:
                _start_all(worker, way.threads)
            yield worker
        finally:
            worker.stop()


def _start_all(worker: Worker, processes: int) -> None:
    """Have every process of the pool started: it makes one only where none is idle."""
    turns = worker._pick(mock.Mock())
    executor: Executor = turns._executor  # type: ignore[attr-defined]
    for started in [executor.submit(time.sleep, 0.5) for _ in range(processes - 1)]:
        started.result()


def _own_seconds(bench: Bench) -> float:
    """CPU seconds of this process and its children, without the server's."""
    return time.process_time() + children_seconds(but=bench.place.server_pid)


def _ended(job: Job) -> Job:
    if job.status is not Status.DONE or job.progress.failed or job.progress.conflicted:
        raise SystemExit(f"job {job.id}: {job.status}, {job.error}")
    return job
