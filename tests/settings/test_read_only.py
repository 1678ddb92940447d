"""A read-only session writes nothing, whichever way it is asked: pqcore refuses, not a screen."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from pqcore.actor import Actor
from pqcore.database.connect import Database
from pqcore.errors import ExitCode, ReadOnlySession
from pqcore.jobs.model import Purpose
from pqcore.keys.memory import MemoryKeyProvider
from pqcore.migrations.base import Scope
from pqcore.settings import load
from pqcore.workspace import NewJob, Workspace
from tests.console.world import add_job, open_world

DIGEST: dict[str, Any] = {"table": "people", "field": "password", "options": {"mode": "password"}}

WRITES: dict[str, Callable[[Workspace], object]] = {
    "pause": lambda w: w.jobs.pause(1),
    "resume": lambda w: w.jobs.resume(2),
    "cancel": lambda w: w.jobs.cancel(1),
    "retry": lambda w: w.jobs.retry(3),
    "retry from scratch": lambda w: w.jobs.retry(3, from_scratch=True),
    "requeue": lambda w: w.jobs.requeue(3),
    "tune": lambda w: w.jobs.tune(1, {"throttle": {"rows_per_second": 5}}),
    "note": lambda w: w.jobs.note(1, "started", "Started"),
    "create": lambda w: w.create_job(NewJob(Scope.HASHES, DIGEST, algorithm="Argon2id")),
    "run": lambda w: w.worker().run_job(1),
    "submit": lambda w: w.worker().submit(1),
    "drain": lambda w: w.worker().drain(),
    "work": lambda w: w.worker().run_forever(),
    "verify": lambda w: w.worker().operate(4, Purpose.VERIFY),
    "roll back": lambda w: w.worker().operate(4, Purpose.ROLLBACK),
    "finalize": lambda w: w.worker().operate(4, Purpose.FINALIZE),
    "any statement": lambda w: _write(w.db),
}


def _write(db: Database) -> None:
    with db.write() as conn:
        conn.execute(sa.text("DELETE FROM people"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("read-only")
    workspace = open_world(folder)
    add_job(workspace, 1)
    add_job(workspace, 2, request="pause", total=5)
    add_job(workspace, 3, status="failed", total=5, failed=1, letters=(("[1]", "unparseable", "It is no digest"),))
    add_job(workspace, 4, status="done", total=5, migrated=5)
    with workspace.db.engine.connect() as conn:
        conn.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    workspace.close()
    return folder


@pytest.fixture
def read_only(folder: Path) -> Iterator[Workspace]:
    settings = load(url=f"sqlite:///{folder / 'world.sqlite'}", read_only=True, env={"PQCONSOLE_HOME": str(folder)})
    db = Database.open(settings.url, read_only=settings.read_only)
    workspace = Workspace(settings, db, MemoryKeyProvider(), Actor("ada", "ops1"))
    yield workspace
    workspace.close()


@pytest.mark.parametrize("write", WRITES)
def test_every_way_to_write_is_refused(read_only: Workspace, folder: Path, write: str) -> None:
    before = _content(folder)
    with pytest.raises(ReadOnlySession) as refused:
        WRITES[write](read_only)
    assert refused.value.exit_code is ExitCode.READ_ONLY == 7
    assert _content(folder) == before


def _content(folder: Path) -> str:
    return hashlib.sha256((folder / "world.sqlite").read_bytes()).hexdigest()


def test_the_session_itself_refuses(read_only: Workspace) -> None:
    with read_only.db.read() as conn, pytest.raises(sa.exc.OperationalError, match="readonly"):
        conn.execute(sa.text("DELETE FROM people"))


def test_reading_is_not_refused(read_only: Workspace) -> None:
    assert len(read_only.jobs.page().jobs) == 4
    assert read_only.preflight(Scope.HASHES, DIGEST, algorithm="Argon2id").ok
    assert replace(read_only.settings).read_only
