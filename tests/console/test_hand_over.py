"""Handing running jobs to a process of its own: nothing is lost, and no secret is seen on the way."""

from __future__ import annotations

import os
import signal
import stat
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep

import pytest
import sqlalchemy as sa

from pqcore import handover
from pqcore.errors import OperationFailed
from pqcore.jobs.model import Status
from pqcore.keys.file import FileKeyProvider
from pqcore.settings import load
from pqcore.workspace import Workspace
from pqtui import hand_over
from pqtui.local_work import LocalWork
from tests.console import world

PASSPHRASE = "correct horse battery"


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """A job that takes a while, and a keyring with a passphrase."""
    made = world.open_world(tmp_path)
    with made.db.write() as conn:
        rows = [{"id": n, "password": f"sha1$s{n}${'0' * 40}"} for n in range(100, 1100)]
        conn.execute(sa.text("INSERT INTO people (id, password) VALUES (:id, :password)"), rows)
    world.add_job(made, 1)
    made.close()
    monkeypatch.setenv("PQCONSOLE_PASSPHRASE", PASSPHRASE)
    settings = load(url=f"sqlite:///{tmp_path / 'world.sqlite'}", env={"PQCONSOLE_HOME": str(tmp_path)})
    FileKeyProvider(settings.keyring, lambda: PASSPHRASE).generate("pepper", "PEPPER")
    opened = Workspace.open(settings)
    yield opened
    opened.close()


def until(happened: object, seconds: float = 60.0) -> None:
    assert callable(happened)
    end = monotonic() + seconds
    while not happened():
        assert monotonic() < end
        sleep(0.02)


def test_a_process_of_its_own_goes_on_where_the_console_stopped(workspace: Workspace) -> None:
    local = LocalWork(workspace)
    local.run(1)
    until(lambda: workspace.jobs.get(1).progress.migrated > 0)
    done = local.hand_over({1})
    try:
        assert done.claimed == (1,)
        assert done.refused == ()
        assert not local.active
        held_by = workspace.jobs.get(1).held_by
        assert held_by is not None
        assert f":{done.pid}:" in held_by
        proc = Path(f"/proc/{done.pid}")
        if proc.exists():
            seen = (proc / "cmdline").read_bytes() + (proc / "environ").read_bytes()
            assert PASSPHRASE.encode() not in seen
            assert b"sqlite" not in seen
            assert os.getsid(done.pid) == done.pid
        assert stat.S_IMODE(done.log.stat().st_mode) == 0o600
        assert PASSPHRASE not in done.log.read_text()
        # stopped, it leaves the job to others, as any worker does
        os.kill(done.pid, signal.SIGTERM)
        until(lambda: workspace.jobs.get(1).held_by is None)
        job = workspace.jobs.get(1)
        assert job.status is Status.PENDING
        assert job.progress.seen == job.processed_count
    finally:
        local.stop()
        _gone(done.pid)


def test_a_process_that_cannot_open_the_database_leaves_the_job_here(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document_of = handover.document_of
    lost = f"sqlite:///{tmp_path / 'none' / 'world.sqlite'}"
    monkeypatch.setattr(handover, "document_of", lambda w: {**document_of(w), "url": lost})
    local = LocalWork(workspace)
    local.run(1)
    try:
        with pytest.raises(OperationFailed, match="No worker could be started: "):
            local.hand_over({1})
        assert local.active == {1}
    finally:
        local.stop()
        _gone(hand_over._started[-1].pid)


def test_a_job_that_another_program_took_is_named(workspace: Workspace) -> None:
    workspace.jobs.cancel(1)
    local = LocalWork(workspace)
    done = local.hand_over({1, 99})
    try:
        assert done.claimed == ()
        assert len(done.refused) == 2
    finally:
        _gone(done.pid)


def _gone(pid: int) -> None:
    process = next(p for p in hand_over._started if p.pid == pid)
    process.wait(30)
