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
from pqcore.jobs.limits import Sections
from pqcore.jobs.model import Phase, Purpose, Status
from pqcore.keys.file import FileKeyProvider
from pqcore.settings import load
from pqcore.workspace import Workspace
from pqtui import hand_over
from pqtui.local_work import LocalWork
from tests.console import world
from tests.console.test_pty import Terminal

PASSPHRASE = "correct horse battery"
SLOW: Sections = {"throttle": {"rows_per_second": 1}}  # some go at once, the rest a minute later


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """Jobs that are held back, so that none of them ends before it is handed over, and a keyring with a passphrase.

    1 is pending; 2 is done, with its originals kept.
    """
    made = world.open_world(tmp_path)
    world.add_files(made)
    with made.db.write() as conn:
        rows = [{"id": n, "password": f"sha1$s{n}${'0' * 40}"} for n in range(100, 400)]
        conn.execute(sa.text("INSERT INTO people (id, password) VALUES (:id, :password)"), rows)
    world.add_job(made, 1)
    made.jobs.tune(1, SLOW)
    made.close()
    monkeypatch.setenv("PQCONSOLE_PASSPHRASE", PASSPHRASE)
    monkeypatch.setenv("SSH_CONNECTION", "192.0.2.9 50000 192.0.2.1 22")
    settings = load(url=f"sqlite:///{tmp_path / 'world.sqlite'}", env={"PQCONSOLE_HOME": str(tmp_path)})
    FileKeyProvider(settings.keyring, lambda: PASSPHRASE).generate("pepper", "PEPPER")
    opened = Workspace.open(settings)
    assert world.file_job(opened, keep_originals=True) == 2
    world.run_to_end(opened, 2)
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


@pytest.mark.parametrize("purpose", [Purpose.VERIFY, Purpose.ROLLBACK, Purpose.FINALIZE])
def test_what_is_done_with_an_ended_job_goes_on_too(workspace: Workspace, purpose: Purpose) -> None:
    if purpose is Purpose.FINALIZE:
        operate(workspace, Purpose.VERIFY)
    other = world.file_job(workspace, keep_originals=True)
    local, told = LocalWork(workspace), []
    workspace.jobs.tune(2, SLOW)
    local.operate(2, purpose, told.append)
    until(lambda: workspace.jobs.operated(2, purpose).migrated > 0)
    done = local.hand_over({2})
    try:
        assert (done.claimed, done.ended, done.refused) == ((2,), (), ())
        job = workspace.jobs.get(2)
        assert job.operation is purpose
        assert f":{done.pid}:" in (job.held_by or "")
        assert workspace.jobs.operated(2, purpose).migrated < world.FILES
        local.stop()  # the console is gone
        workspace.jobs.tune(2, None)
        until(lambda: workspace.jobs.get(2).held_by is None)
    finally:
        assert _gone(done.pid) == 0
    assert told == []  # it did not end here
    assert workspace.jobs.get(2).operation is None
    assert workspace.jobs.operated(2, purpose).migrated == world.FILES
    assert workspace.jobs.get(other).status is Status.PENDING  # what nobody asked for stays as it is
    said = [event for event in workspace.jobs.events(2) if event.kind != "tune"][:4]
    ended, by_worker, stopped, by_console = (event.message for event in said)
    assert ended.split(":")[0] in ("Verified", "Rolled back", "Finalized")
    assert f"{purpose.value.capitalize()} started by " in by_worker
    assert f":{done.pid}:" in by_worker
    assert stopped == "Stopped between batches, ready to be resumed"
    assert f":{os.getpid()}:" in by_console
    assert {(event.actor, event.ssh_client) for event in said} == {(workspace.actor.user, "192.0.2.9")}
    log = done.log.read_text()
    assert f"Job 2: {world.FILES}" in log
    assert PASSPHRASE not in log


def test_what_ended_before_it_was_taken_is_not_done_once_more(workspace: Workspace) -> None:
    """Verified, it would be a new verification; what was confirmed once is done once."""
    operate(workspace, Purpose.VERIFY)
    before = workspace.jobs.events(2)
    with hand_over.successor(workspace) as other:
        done = other.take([], {2: Purpose.VERIFY})
    assert (done.claimed, done.ended, done.refused) == ((), (2,), ())
    assert _gone(done.pid) == 0
    assert workspace.jobs.events(2) == before
    assert workspace.jobs.get(2).phase is Phase.VERIFIED


def test_what_was_never_begun_is_refused(workspace: Workspace) -> None:
    """Whoever takes over goes on; it never begins what nobody confirmed."""
    with hand_over.successor(workspace) as other:
        done = other.take([], {2: Purpose.ROLLBACK, 1: Purpose.VERIFY})
    assert (done.claimed, len(done.refused)) == ((), 1)
    assert _gone(done.pid) == 0
    assert workspace.jobs.get(2).keeps_originals
    assert workspace.jobs.operated(2, Purpose.ROLLBACK).migrated == 0


def test_a_worker_that_dies_says_how_to_go_on(workspace: Workspace) -> None:
    workspace.jobs.tune(2, SLOW)
    with hand_over.successor(workspace) as other:
        process = hand_over._started[-1]
        process.kill()
        process.wait(30)
        with pytest.raises(OperationFailed, match=r"pqconsole work, pqconsole finalize 2 --yes, pqconsole verify 3\.$"):
            other.take([1], {3: Purpose.VERIFY, 2: Purpose.FINALIZE})


def test_a_finalize_is_confirmed_handed_over_and_seen_again(workspace: Workspace) -> None:
    """By keys in a terminal: passphrase, typed number, quit; the console that is opened next says what came of it."""
    operate(workspace, Purpose.VERIFY)
    workspace.jobs.tune(2, SLOW)
    terminal = Terminal(workspace.settings.data_dir, workspace.settings.url)
    terminal.shows("done")
    terminal.keys("F")
    terminal.shows("Finalize")
    terminal.keys("2", "\r")
    terminal.shows("Passphrase")
    terminal.keys(PASSPHRASE, "\r")
    terminal.shows("1 here")
    terminal.until(lambda: workspace.jobs.operated(2, Purpose.FINALIZE).migrated > 0)
    terminal.keys("q")
    terminal.shows("1 job runs in this console: 2; finalizing 2", "the same key resumes")
    terminal.keys("\x1b[B", "\x1b[B", "\r")
    assert terminal.gone(60)
    assert terminal.program.exitstatus == 0
    held_by = workspace.jobs.get(2).held_by
    assert held_by is not None
    assert int(held_by.split(":")[1]) != terminal.program.pid
    workspace.jobs.tune(2, None)
    until(lambda: workspace.jobs.get(2).phase is Phase.FINALIZED)
    assert not workspace.jobs.get(2).keeps_originals
    terminal = Terminal(workspace.settings.data_dir, workspace.settings.url)
    terminal.shows("Since you left", "1 finalized (2)")
    terminal.keys("q")
    assert terminal.gone(30)


def operate(workspace: Workspace, purpose: Purpose) -> None:
    worker = workspace.worker(threads=1)
    try:
        worker.operate(2, purpose)
    finally:
        worker.stop()


def _gone(pid: int) -> int:
    process = next(p for p in hand_over._started if p.pid == pid)
    return process.wait(60)
