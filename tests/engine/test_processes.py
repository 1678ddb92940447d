"""Batches in processes of their own: the same rows, the same proofs, and no job that dies with a process."""

from __future__ import annotations

import os
import signal
from concurrent.futures import BrokenExecutor
from contextlib import suppress
from functools import partial
from multiprocessing import Array, Value
from pathlib import Path
from threading import Event, Thread

import pytest

from pqcore.database import install
from pqcore.database.connect import Database
from pqcore.engine import executors
from pqcore.engine.executors import Opening, ProcessTurns, _Halts, _Member
from pqcore.engine.plan import Rest, plan_ranges
from pqcore.engine.points import Point
from pqcore.engine.prepare import prepare
from pqcore.engine.ranges import Ended
from pqcore.engine.worker import Worker
from pqcore.formats.wrapped_key import open_wrapped_key
from pqcore.jobs.claims import claim_job
from pqcore.jobs.model import Job, Progress, Purpose, Status
from pqcore.keys.file import FileKeyProvider
from pqcore.keys.sealing import Cost
from pqcore.migrations.base import Scope
from pqcore.targets import algorithm_id
from tests.engine.items import listening
from tests.engine.test_scopes import WRAP, Estate

ROWS = 700


@pytest.fixture
def keyring(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "keyring.json"


@pytest.fixture
def estate(database: Database, keyring: Path, monkeypatch: pytest.MonkeyPatch) -> Estate:
    monkeypatch.setattr(executors, "PROCESS_ROWS", 10)
    return Estate(database, FileKeyProvider(keyring, lambda: "secret", cost=Cost(8192, 1)), rows=ROWS)


def worker_of(estate: Estate, url: str, kind: str = "work") -> Worker:
    def opening() -> Opening | None:
        keys = estate.keys.handover()
        return None if keys is None else Opening(partial(Database.open, url), keys)

    return Worker(estate.db, estate.keys, estate.jobs, threads=2, kind=kind, opening=opening)


def opening_of(estate: Estate, url: str) -> Opening:
    keys = estate.keys.handover()
    assert keys is not None
    return Opening(partial(Database.open, url), keys)


def new_job(estate: Estate) -> int:
    target = algorithm_id(estate.db, Scope.WRAPPERS, "ML-KEM-768+X25519")
    return estate.jobs.create(Scope.WRAPPERS, {"table": "vault", **WRAP}, algorithm_id=target).id


def assert_all_open(estate: Estate) -> None:
    data_set = install.data_set_id(estate.db)
    rows = estate.rows()
    for key, data_key in estate.data_keys.items():
        context = estate.context("wrapped", key)
        assert context.data_set == data_set
        assert open_wrapped_key(rows[key].wrapped, estate.keys.get, context) == data_key


def test_rows_are_migrated_in_processes(estate: Estate, database_url: str) -> None:
    worker = worker_of(estate, database_url)
    job = worker.run_job(new_job(estate))
    used = worker._in_processes is not None
    worker.stop()
    assert used
    assert (job.status, job.progress.migrated, job.error) == (Status.DONE, ROWS, None)
    assert_all_open(estate)


def test_a_killed_process_costs_no_row_and_no_job(estate: Estate, database_url: str) -> None:
    worker = worker_of(estate, database_url)
    killed: list[int] = []

    def kill_one(job: Job) -> None:
        pool = worker._in_processes
        processes = list(pool._executor._processes.values()) if pool is not None else []  # type: ignore[attr-defined]
        if processes and not killed:
            killed.append(processes[0].pid)
            os.kill(processes[0].pid, signal.SIGKILL)

    job = worker.run_job(new_job(estate), kill_one)
    worker.stop()
    assert killed
    assert (job.status, job.progress.migrated, job.error) == (Status.DONE, ROWS, None)
    assert_all_open(estate)


def test_a_job_after_one_that_lost_its_processes_has_new_ones(estate: Estate, database_url: str) -> None:
    worker = worker_of(estate, database_url, kind="console")
    worker._pick(Job(id=1, scope=Scope.WRAPPERS, status=Status.RUNNING, selection={}, progress=Progress(total=ROWS)))
    pool = worker._in_processes
    assert pool is not None
    kill_a_process(pool, estate)
    job = worker.run_job(new_job(estate))
    assert worker._in_processes is not pool
    worker.stop()
    assert (job.status, job.progress.migrated, job.error) == (Status.DONE, ROWS, None)


def test_a_pool_that_lost_its_processes_still_stops(estate: Estate, database_url: str) -> None:
    pool = ProcessTurns(2, opening_of(estate, database_url), helping=False)
    kill_a_process(pool, estate)
    stopping = Thread(target=pool.shutdown, args=(True,), daemon=True)
    stopping.start()
    stopping.join(20)
    assert not stopping.is_alive()


def kill_a_process(pool: ProcessTurns, estate: Estate) -> None:
    """Kill one that is up and watches for a stop, which nearly all of its time goes into."""
    started = claim_job(estate.db, "nobody", new_job(estate))
    context = prepare(estate.db, estate.keys, estate.jobs.get(started.job_id), Event())
    assert pool._executor.submit(executors._turn, context.job_id, "nobody", Purpose.REQUEUE).result() is Ended.NOTHING
    pid = pool._executor.submit(os.getpid).result()
    os.kill(pid, signal.SIGKILL)
    while not pool.broken:
        with suppress(BrokenExecutor):
            pool.submit(context, "nobody", Purpose.REQUEUE).result()


class TestHalts:
    """A member of the pool, here in this process."""

    @pytest.mark.parametrize("everything", [True, False])
    def test_a_turn_that_waited_does_not_begin(self, estate: Estate, everything: bool) -> None:
        halts = _Halts(Value("b", everything, lock=False), Array("q", 4, lock=False))
        job_id = new_job(estate)
        if not everything:
            halts.jobs[2] = job_id
        claim = claim_job(estate.db, "w", job_id)
        context = prepare(estate.db, estate.keys, estate.jobs.get(job_id), Event())
        plan_ranges(context, claim, Purpose.MIGRATE)
        member = _Member(Opening(lambda: estate.db, lambda: estate.keys), halts, os.getppid())
        assert member.turn(job_id, "w", Purpose.MIGRATE) is Ended.STOPPED
        assert estate.jobs.get(job_id).progress.seen == 0
        halts.everything.value = 1

    def test_a_turn_under_way_stops_between_batches(self, estate: Estate) -> None:
        halts = _Halts(Value("b", 0, lock=False), Array("q", 4, lock=False))
        job_id = new_job(estate)
        claim = claim_job(estate.db, "w", job_id)
        context = prepare(estate.db, estate.keys, estate.jobs.get(job_id), Event())
        plan_ranges(context, claim, Purpose.MIGRATE, rest=Rest(ROWS * 4, 0, 2))
        member = _Member(Opening(lambda: estate.db, lambda: estate.keys), halts, os.getppid())

        def halt(point: Point) -> None:
            if point is Point.AFTER_WRITE and not halts.jobs[0]:
                halts.jobs[0] = job_id
            if point is Point.BEFORE_READ and halts.jobs[0]:
                member._contexts[job_id].stop.wait(20)

        with listening(halt):
            ended = member.turn(job_id, "w", Purpose.MIGRATE)
        halts.everything.value = 1
        assert ended is Ended.STOPPED
        assert 0 < estate.jobs.get(job_id).progress.seen < ROWS


def test_large_jobs_whose_work_holds_the_interpreter_lock_are_worth_processes() -> None:
    large = Progress(total=10**6)
    for scope, mode, progress, wanted in (
        (Scope.WRAPPERS, "", large, True),
        (Scope.WRAPPERS, "", Progress(total=50), False),
        (Scope.WRAPPERS, "", Progress(total=10**6, migrated=10**6), False),
        (Scope.SIGNATURES, "countersign", large, True),
        (Scope.SIGNATURES, "countersign", Progress(total=50), False),
        (Scope.HASHES, "password", large, False),
        (Scope.HASHES, "digest", large, True),
        (Scope.HASHES, "digest", Progress(total=10**4), False),
    ):
        selection = {"table": "t", "field": "f", "options": {"mode": mode}}
        job = Job(id=1, scope=scope, status=Status.RUNNING, selection=selection, progress=progress)
        assert executors.wants_processes(job) is wanted
