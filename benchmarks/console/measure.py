"""What is measured of the console on one database. Each function opens the program anew, at most a few times."""

from __future__ import annotations

import random
import re
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa
from benchmarks.console.terminal import Terminal, environment
from benchmarks.support.machine import cpu_seconds, rss_bytes

from pqcore.database.connect import Database

SLOW_LINE = 16_000  # bytes a second
IDLE_SECONDS = 30.0
_STARTS = 5
_OLDEST = re.compile(r"› +1 ")
_KEYS = 120
_SETTLE_SECONDS = 16.0  # until nothing that was just opened counts as new any more


@dataclass(frozen=True)
class Latency:
    """Milliseconds of many keys, sorted."""

    values: tuple[float, ...]

    def at(self, share: float) -> float:
        """The value that this share of the keys does not pass."""
        return self.values[min(len(self.values) - 1, int(share * len(self.values)))]

    def __str__(self) -> str:
        return f"{self.at(0.5):.0f} / {self.at(0.95):.0f} / {self.values[-1]:.0f}"


@dataclass
class Figures:
    """What was measured on one database; None: not measured."""

    version: str
    first_frame: dict[int, float] = field(default_factory=dict)
    keys: dict[str, Latency] = field(default_factory=dict)
    end_of_list: float | None = None
    idle_bytes: float | None = None
    refresh_bytes: int | None = None
    idle_cpu: float | None = None
    memory: int | None = None
    slow_echo: Latency | None = None
    fresh_after_restart: float | None = None


@contextmanager
def console(url: str, home: Path, **more: object) -> Iterator[Terminal]:
    """The console on a database, ended afterwards; it begins at the top, not where the last one was left."""
    shutil.rmtree(home / "state" / "sessions", ignore_errors=True)
    terminal = Terminal(["--url", url], home, **more)  # type: ignore[arg-type]
    try:
        yield terminal
    finally:
        terminal.close()


def first_frame(url: str, home: Path, jobs: int) -> float:
    """Milliseconds from the start of the process until the newest job is on the screen, the median of some."""
    taken = []
    for _ in range(_STARTS + 1):
        with console(url, home) as terminal:
            taken.append((terminal.shows(f" {jobs} ") - terminal.began) * 1000)
    return statistics.median(taken[1:])  # the first one fills the caches of the system


def keys(terminal: Terminal, number: int = _KEYS) -> Latency:
    """Milliseconds from a key that moves the cursor until it is seen there, the keys not in step with the polls."""
    dice = random.Random(1)
    taken = []
    for turn in range(number):
        before = terminal.cursor_line()
        pressed = terminal.send("k" if turn % 2 else "j")
        seen = terminal.when(lambda before=before: terminal.cursor_line() not in (before, -1))  # type: ignore[misc]
        taken.append((seen - pressed) * 1000)
        terminal.rest(dice.uniform(0.02, 0.1))
    return Latency(tuple(sorted(taken)))


def idle(figures: Figures, url: str, home: Path, jobs: int, db: Database) -> None:
    """Keys, the way to the end of the list, a minute of nothing, a small change, memory."""
    with console(url, home) as terminal:
        terminal.shows(f" {jobs} ", "Metrics")
        terminal.rest(1.0)
        figures.keys["idle"] = keys(terminal)
        pressed = terminal.send("G")
        figures.end_of_list = (terminal.when(lambda: bool(_OLDEST.search(terminal.text))) - pressed) * 1000
        terminal.send("g")
        terminal.rest(_SETTLE_SECONDS)
        cpu = cpu_seconds(terminal.pid)
        written = terminal.rest(IDLE_SECONDS)
        figures.idle_cpu = (cpu_seconds(terminal.pid) - cpu) / IDLE_SECONDS * 100
        figures.idle_bytes = written / IDLE_SECONDS * 60
        terminal.send("R")
        terminal.rest(3.0)
        # a cell each of three jobs in sight, none of them in the detail
        change = sa.text("UPDATE pq_migration_jobs SET processed_count = 4200 WHERE id BETWEEN :first AND :last")
        with db.write() as conn:
            conn.execute(change, {"first": jobs - 8, "last": jobs - 6})
        figures.refresh_bytes = terminal.rest(6.0)
        figures.memory = rss_bytes(terminal.pid)


def at_work(figures: Figures, url: str, home: Path, job: int) -> None:
    """Keys while the console itself migrates in its threads; ``job`` is the newest."""
    with console(url, home) as terminal:
        terminal.shows(f" {job} ")
        terminal.send("r")
        terminal.shows("1 here")
        terminal.rest(1.5)
        figures.keys["work in threads here"] = keys(terminal)
        assert "1 here" in terminal.text, f"the job ended before the measurement:\n{terminal.text}"


def beside_work(figures: Figures, url: str, home: Path, job: int, running: Callable[[], bool]) -> None:
    """Keys while another process migrates at full rate."""
    command = [sys.executable, "-m", "pqtui", "work", "--url", url]
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    worker = subprocess.Popen(command, env=environment(home), **quiet)
    try:
        with console(url, home) as terminal:
            terminal.shows(f" {job} ")
            end = time.perf_counter() + 20
            while not running() and time.perf_counter() < end:
                terminal.rest(0.2)
            terminal.rest(1.5)
            figures.keys["work in another process"] = keys(terminal)
            assert running(), "the job ended before the measurement"
    finally:
        worker.terminate()
        worker.wait(15)


def slow_line(figures: Figures, url: str, home: Path, jobs: int) -> None:
    """Keys on a line of 16 kB/s."""
    with console(url, home, bytes_per_second=SLOW_LINE) as terminal:
        terminal.shows(f" {jobs} ")
        terminal.rest(8.0)  # the first screenful takes seconds on such a line
        figures.slow_echo = keys(terminal, 60)


def restart(figures: Figures, url: str, home: Path, stop: Callable[[], None], start: Callable[[], None]) -> None:
    """Milliseconds from the moment a restarted server answers until the console says that it is live."""
    with console(url, home) as terminal:
        terminal.shows("live", "Metrics")
        terminal.rest(2.0)
        stop()
        terminal.shows("database away")
        start()
        answered = time.perf_counter()
        figures.fresh_after_restart = max(0.0, (terminal.shows("live") - answered) * 1000)
