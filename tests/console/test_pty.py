"""The real program in a pseudo-terminal, driven by keys alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pexpect
import pyte
import pytest
import sqlalchemy as sa

from pqcore.jobs.model import Purpose, Status
from pqcore.workspace import Workspace
from tests.console import world

SELECTION = '{"table": "people", "field": "password", "options": {"mode": "password"}}'


class Terminal:
    """A program and the terminal it believes to have."""

    def __init__(self, folder: Path, url: str, columns: int = 100, lines: int = 30) -> None:
        self.screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self.screen)
        env = {
            **{k: v for k, v in os.environ.items() if not k.startswith("PQCONSOLE_")},
            "PQCONSOLE_HOME": str(folder),
            "PQCONSOLE_CONFIG": "",
            "TERM": "xterm-256color",
            "COLORTERM": "truecolor",
            "LC_ALL": "C.UTF-8",
        }
        arguments = ["-m", "pqtui", "--url", url]
        self.program = pexpect.spawn(sys.executable, arguments, env=env, dimensions=(lines, columns), timeout=30)

    @property
    def text(self) -> str:
        """What the terminal shows."""
        return "\n".join(line.rstrip() for line in self.screen.display)

    def read(self) -> None:
        """Draw what the program has written by now."""
        with suppress(pexpect.TIMEOUT, pexpect.EOF):
            self._stream.feed(self.program.read_nonblocking(65536, timeout=0.05))

    def until(self, happened: Callable[[], object], seconds: float = 30.0) -> None:
        """Read until something holds; fail where it never does."""
        end = time.monotonic() + seconds
        while not happened():
            assert time.monotonic() < end, f"this did not happen; the terminal shows:\n{self.text}"
            self.read()

    def shows(self, *texts: str) -> None:
        """Read until all of these are shown."""
        self.until(lambda: all(text in self.text for text in texts))

    def keys(self, *keys: str) -> None:
        """Press keys."""
        for key in keys:
            self.program.send(key)

    def gone(self, seconds: float) -> bool:
        """Whether the program ends in time."""
        self.until(lambda: not self.program.isalive(), seconds)
        return True


@pytest.fixture
def terminal(empty: Workspace) -> Iterator[Terminal]:
    started = Terminal(empty.settings.data_dir, empty.settings.url)
    yield started
    started.program.close(force=True)


def test_a_job_is_created_by_keys_alone_and_reaches_done(terminal: Terminal, empty: Workspace) -> None:
    terminal.shows("No jobs yet. Press n to create the first one.")
    terminal.keys("n")
    terminal.shows("New job", "Argon2id")
    terminal.keys("\t", "\t")  # past scope and target, to the table
    terminal.shows("Table: the table whose values are migrated")
    terminal.keys("peo")
    terminal.shows("Table *        people")
    terminal.keys("\x1b[C", "\t")  # the right arrow takes the suggestion
    terminal.shows('"table": "people"')
    terminal.keys("password", "\t")
    terminal.shows('"field": "password"')
    terminal.keys(" ")
    terminal.shows("digest")
    terminal.keys("\x1b[B", "\r")
    terminal.shows('"mode": "password"', "24 rows, key id")
    terminal.keys("\x13")  # ctrl+s
    terminal.shows("Tried on 20 rows", "Now, in this console")
    terminal.keys("\r", "\r")
    terminal.shows("Job 1 is created.")
    terminal.shows("✓ done", "100%")
    assert empty.jobs.get(1).progress.migrated == world.PEOPLE
    terminal.keys("q")
    assert terminal.gone(10)
    assert terminal.program.exitstatus == 0


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_a_signal_leaves_the_job_resumable(terminal: Terminal, empty: Workspace, number: signal.Signals) -> None:
    with empty.db.write() as conn:
        rows = [{"id": n, "password": f"sha1$s{n}${'0' * 40}"} for n in range(100, 2100)]
        conn.execute(sa.text("INSERT INTO people (id, password) VALUES (:id, :password)"), rows)
    world.add_job(empty, 1)
    terminal.shows("Jobs 1")
    terminal.keys("r")
    terminal.until(lambda: empty.jobs.get(1).progress.migrated > 0)
    os.kill(terminal.program.pid, number)
    assert terminal.gone(5)
    assert terminal.program.exitstatus == 130
    job = empty.jobs.get(1)
    assert job.status is Status.PENDING
    assert job.held_by is None
    assert 0 < job.processed_count == job.progress.seen < 2000


def test_a_terminal_that_goes_without_a_signal_ends_the_console(empty: Workspace) -> None:
    """As where the terminal is not the controlling one: nobody sends SIGHUP, and reading would spin for ever."""
    master, slave = os.openpty()
    home = {"PQCONSOLE_HOME": str(empty.settings.data_dir), "PQCONSOLE_CONFIG": "", "TERM": "xterm-256color"}
    program = subprocess.Popen(
        [sys.executable, "-m", "pqtui", "--url", empty.settings.url],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env={**{k: v for k, v in os.environ.items() if not k.startswith("PQCONSOLE_")}, **home},
        start_new_session=True,
    )
    os.close(slave)
    shown = b""
    while b"No jobs yet" not in shown:
        shown += os.read(master, 65536)
    os.close(master)
    try:
        assert program.wait(30) == 130
    finally:
        program.kill()


def test_quitting_while_work_runs_asks_and_stops_between_batches(terminal: Terminal, empty: Workspace) -> None:
    with empty.db.write() as conn:
        rows = [{"id": n, "password": f"sha1$s{n}${'0' * 40}"} for n in range(100, 2100)]
        conn.execute(sa.text("INSERT INTO people (id, password) VALUES (:id, :password)"), rows)
    world.add_job(empty, 1)
    terminal.shows("Jobs 1")
    terminal.keys("r")
    terminal.shows("1 here")
    terminal.keys("q")
    terminal.shows("Quit?", "Checkpoint, stop and quit")
    terminal.keys("\x1b[B", "\x1b[B", "\x1b[B", "\r")
    assert terminal.gone(10)
    assert terminal.program.exitstatus == 0
    assert empty.jobs.get(1).status is Status.PENDING


def test_quitting_can_hand_the_work_to_a_process_of_its_own(terminal: Terminal, empty: Workspace) -> None:
    with empty.db.write() as conn:
        rows = [{"id": n, "password": f"sha1$s{n}${'0' * 40}"} for n in range(100, 2100)]
        conn.execute(sa.text("INSERT INTO people (id, password) VALUES (:id, :password)"), rows)
    world.add_job(empty, 1)
    empty.jobs.tune(1, {"throttle": {"rows_per_second": 5}})  # it ends under no circumstances before it is handed over
    terminal.shows("Jobs 1")
    terminal.keys("r")
    terminal.shows("1 here")
    terminal.keys("q")
    terminal.shows("Hand over to a worker of its own")
    terminal.keys("\x1b[B", "\x1b[B", "\r")
    assert terminal.gone(60)
    assert terminal.program.exitstatus == 0
    job = empty.jobs.get(1)
    assert job.held_by is not None
    pid = int(job.held_by.split(":")[1])
    assert pid != terminal.program.pid
    terminal.until(lambda: empty.jobs.get(1).progress.migrated > job.progress.migrated, 60)
    os.kill(pid, signal.SIGTERM)
    terminal.until(lambda: empty.jobs.get(1).held_by is None, 60)
    assert empty.jobs.get(1).status is Status.PENDING


def test_a_signal_leaves_a_verification_resumable(terminal: Terminal, empty: Workspace) -> None:
    world.add_files(empty)
    job_id = world.file_job(empty)
    world.run_to_end(empty, job_id)
    empty.jobs.tune(job_id, {"throttle": {"rows_per_second": 1}})
    terminal.shows("done")
    terminal.keys("v")
    terminal.until(lambda: empty.jobs.operated(job_id, Purpose.VERIFY).migrated > 0)
    os.kill(terminal.program.pid, signal.SIGHUP)
    assert terminal.gone(5)
    assert terminal.program.exitstatus == 130
    job = empty.jobs.get(job_id)
    assert (job.status, job.operation, job.held_by) == (Status.DONE, Purpose.VERIFY, None)
    assert 0 < empty.jobs.operated(job_id, Purpose.VERIFY).migrated < world.FILES
    empty.jobs.tune(job_id, None)
    worker = empty.worker(threads=1)
    assert worker.operate(job_id, Purpose.VERIFY).migrated == world.FILES
    worker.stop()
