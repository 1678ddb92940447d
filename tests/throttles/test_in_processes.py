"""Throttles of jobs whose turns run in processes: a hold reaches them, and a rate brings the turns back.

On SQLite alone, since it takes a while: the way is the same for all databases, and processes are tested on all.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from pqcore.database.connect import Database
from pqcore.database.tables import ranges
from pqcore.engine import executors
from pqcore.engine.executors import Opening
from pqcore.engine.worker import Worker
from pqcore.formats.wrapped_key import open_wrapped_key
from pqcore.jobs.model import Job, Status
from pqcore.keys.file import FileKeyProvider
from pqcore.keys.sealing import Cost
from pqcore.migrations.base import Scope
from pqcore.targets import algorithm_id
from tests.engine.test_scopes import WRAP, Estate
from tests.throttles.test_running_job import WINDOW

ROWS = 900


@pytest.fixture
def keyring(tmp_path: Path) -> Path:
    return tmp_path / "keyring.json"


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'test.db'}"


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = Database.open(database_url)
    yield opened
    opened.close()


@pytest.fixture
def estate(database: Database, keyring: Path, monkeypatch: pytest.MonkeyPatch) -> Estate:
    monkeypatch.setattr(executors, "PROCESS_ROWS", 10)
    return Estate(database, FileKeyProvider(keyring, lambda: "secret", cost=Cost(8192, 1)), rows=ROWS)


@pytest.fixture
def worker(estate: Estate, database_url: str) -> Worker:
    def opening() -> Opening | None:
        keys = estate.keys.handover()
        return None if keys is None else Opening(partial(Database.open, database_url), keys)

    return Worker(estate.db, estate.keys, estate.jobs, threads=2, opening=opening)


class Steering:
    """Limits a job as soon as rows were migrated in processes, and lets it go once that is seen to hold."""

    def __init__(self, estate: Estate, **throttle: Any) -> None:
        self.held: Job | None = None
        self.began: int | None = None
        self._estate, self._throttle = estate, throttle

    def __call__(self, job: Job) -> None:
        if self.began is None:
            if job.progress.migrated:
                self.began = job.progress.migrated
                self._estate.jobs.tune(job.id, {"throttle": self._throttle})
        elif self.held is None and job.throttle_reason is not None and not self._leases():
            self.held = job
            self._estate.jobs.tune(job.id, {"throttle": dict.fromkeys(self._throttle), "batch": {"rows": None}})

    def _leases(self) -> int:
        with self._estate.db.read() as conn:
            held = sa.select(sa.func.count()).select_from(ranges).where(ranges.c.state == "open")
            return int(conn.execute(held.where(ranges.c.lease_owner.is_not(None))).scalar_one())


@pytest.mark.parametrize(
    ("throttle", "reason"),
    [({"windows": [WINDOW]}, f"outside {WINDOW}"), ({"rows_per_second": 1}, "rate 1/s")],
    ids=["window", "rate"],
)
def test_a_throttle_reaches_processes(estate: Estate, worker: Worker, throttle: dict[str, Any], reason: str) -> None:
    target = algorithm_id(estate.db, Scope.WRAPPERS, "ML-KEM-768+X25519")
    # small batches, so that the job is not over before it is limited
    job_id = estate.jobs.create(
        Scope.WRAPPERS, {"table": "vault", **WRAP, "batch": {"rows": 1}}, algorithm_id=target
    ).id
    steering = Steering(estate, **throttle)
    job = worker.run_job(job_id, steering)
    used = worker._in_processes is not None
    worker.stop()
    assert used
    assert steering.held is not None, "the job was over before it was held"
    assert steering.held.throttle_reason == reason
    assert steering.held.progress.migrated < ROWS
    assert (job.status, job.progress.migrated, job.error) == (Status.DONE, ROWS, None)
    assert job.throttled_seconds > 0
    rows = estate.rows()
    for key, data_key in estate.data_keys.items():
        assert open_wrapped_key(rows[key].wrapped, estate.keys.get, estate.context("wrapped", key)) == data_key
