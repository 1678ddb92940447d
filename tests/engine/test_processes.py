"""Batches in processes of their own: the same rows, the same proofs, and no job that dies with a process."""

from __future__ import annotations

import os
import signal
from functools import partial
from pathlib import Path

import pytest

from pqcore.database import install
from pqcore.database.connect import Database
from pqcore.engine import executors
from pqcore.engine.executors import Opening
from pqcore.engine.worker import Worker
from pqcore.formats.wrapped_key import open_wrapped_key
from pqcore.jobs.model import Job, Progress, Status
from pqcore.keys.file import FileKeyProvider
from pqcore.keys.sealing import Cost
from pqcore.migrations.base import Scope
from pqcore.targets import algorithm_id
from tests.engine.test_scopes import WRAP, Estate

ROWS = 700


@pytest.fixture
def keyring(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "keyring.json"


@pytest.fixture
def estate(database: Database, keyring: Path, monkeypatch: pytest.MonkeyPatch) -> Estate:
    monkeypatch.setattr(executors, "PROCESS_ROWS", 10)
    return Estate(database, FileKeyProvider(keyring, lambda: "secret", cost=Cost(8192, 1)), rows=ROWS)


def worker_of(estate: Estate, url: str) -> Worker:
    def opening() -> Opening | None:
        keys = estate.keys.handover()
        return None if keys is None else Opening(partial(Database.open, url), keys)

    return Worker(estate.db, estate.keys, estate.jobs, threads=2, opening=opening)


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


def test_large_jobs_whose_work_holds_the_interpreter_lock_are_worth_processes() -> None:
    large = Progress(total=10**6)
    for scope, mode, progress, wanted in (
        (Scope.WRAPPERS, "", large, True),
        (Scope.WRAPPERS, "", Progress(total=50), False),
        (Scope.WRAPPERS, "", Progress(total=10**6, migrated=10**6), False),
        (Scope.SIGNATURES, "countersign", large, False),
        (Scope.HASHES, "password", large, False),
        (Scope.HASHES, "digest", large, True),
        (Scope.HASHES, "digest", Progress(total=10**4), False),
    ):
        selection = {"table": "t", "field": "f", "options": {"mode": mode}}
        job = Job(id=1, scope=scope, status=Status.RUNNING, selection=selection, progress=progress)
        assert executors.wants_processes(job) is wanted
