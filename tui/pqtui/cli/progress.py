"""Showing how far jobs are: bars on a terminal, else a line every few seconds or ten per cent."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TextIO

from pqcore.jobs.model import Job, Status
from pqcore.text import clean

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as RichProgress

_EVERY_SECONDS = 5.0
_STEPS = 10  # lines from nothing to all
_WIDE = 110  # columns from which a whole label fits beside a long bar
_BESIDE = 36  # columns of the counts, the state, the time and the gaps
_REFRESHES = 2  # a second: enough to see, and little to send over a slow line


class Reporter(Protocol):
    """Takes snapshots of jobs, from any thread."""

    def __call__(self, job: Job) -> None: ...


@contextmanager
def reporting() -> Iterator[Reporter]:
    """A reporter on standard error, as that stream can show it.

    It never raises: work goes on where the terminal is gone or nobody reads any more.
    """
    if sys.stderr.isatty():
        with _bars() as bars:
            yield _unfailing(bars)
    else:
        yield _unfailing(Lines(sys.stderr))


def _unfailing(report: Reporter) -> Reporter:
    def call(job: Job) -> None:
        with suppress(OSError):
            report(job)

    return call


@contextmanager
def _shown(progress: RichProgress) -> Iterator[None]:
    """A display that is begun and ended; a terminal that is gone cannot be tidied."""
    progress.start()
    try:
        yield
    finally:
        with suppress(OSError):
            progress.stop()


def label(job: Job) -> str:
    """What a job is, in a few words: ``job 7 wrappers documents.wrapped_key -> ML-KEM-768``."""
    place = ".".join(part for part in (job.table, job.field) if part)
    return clean(f"job {job.id} {job.scope.value} {place} -> {job.target}")


def counts(job: Job) -> str:
    """The counters in words, without those that are nought."""
    progress = job.progress
    parts = [
        (progress.migrated, "migrated"),
        (progress.skipped, "skipped"),
        (progress.conflicted, "read again"),
        (progress.failed, "dead letter" if progress.failed == 1 else "dead letters"),
    ]
    return ", ".join(f"{number:,} {word}" for number, word in parts if number) or "nothing yet"


def held(job: Job) -> str:
    """What holds a job back now, as the end of a line."""
    return f", held back: {clean(job.throttle_reason)}" if job.throttle_reason else ""


@dataclass(slots=True)
class _Said:
    at: float
    ratio: float
    status: Status


class Lines:
    """A line a job at its start, every ten per cent or five seconds, and at its end."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._said: dict[int, _Said] = {}
        self._lock = threading.Lock()

    def __call__(self, job: Job) -> None:
        with self._lock:
            now, ratio = self._clock(), job.progress.ratio or 0.0
            last = self._said.get(job.id)
            due = (
                last is None
                or last.status is not job.status
                or int(ratio * _STEPS) > int(last.ratio * _STEPS)
                or (now - last.at >= _EVERY_SECONDS and not job.is_done)
            )
            if due:
                self._said[job.id] = _Said(now, ratio, job.status)
                print(self.line(job), file=self._stream, flush=True)

    @staticmethod
    def line(job: Job) -> str:
        ratio = job.progress.ratio
        share = "" if ratio is None or job.status is not Status.RUNNING else f" {ratio:.0%}"
        return f"{label(job)}: {job.state}{share}, {counts(job)}{held(job)}"


@contextmanager
def building() -> Iterator[Callable[[str, int, int], None]]:
    """Shows tables being filled: takes (table, rows done, rows in all); a bar each, or a line each at its end."""
    if not sys.stderr.isatty():

        def say(table: str, done: int, total: int) -> None:
            if done >= total:
                print(f"{clean(table)}: {total:,} rows", file=sys.stderr, flush=True)

        yield say
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(bar_width=24), MofNCompleteColumn())
    tasks: dict[str, TaskID] = {}
    progress = Progress(*columns, console=_console(), refresh_per_second=_REFRESHES)
    with _shown(progress):

        def show(table: str, done: int, total: int) -> None:
            if table not in tasks:
                tasks[table] = progress.add_task(clean(table), total=total)
            progress.update(tasks[table], completed=done)

        yield show


def _console() -> Console:
    from rich.console import Console

    return Console(stderr=True, highlight=False, markup=False, emoji=False)


@contextmanager
def _bars() -> Iterator[Reporter]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    console = _console()
    bar = 24 if console.width >= _WIDE else 10
    room = max(20, console.width - bar - _BESIDE)

    def why_held(reason: str) -> str:
        return clean(reason) if console.width >= _WIDE else "held back"

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=bar),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}", markup=False),
        TimeRemainingColumn(compact=True, elapsed_when_finished=True),
    )
    tasks: dict[int, TaskID] = {}
    lock = threading.Lock()
    progress = Progress(*columns, console=console, refresh_per_second=_REFRESHES)
    with _shown(progress):

        def show(job: Job) -> None:
            with lock:
                if job.id not in tasks:
                    tasks[job.id] = progress.add_task(clean(label(job), limit=room), total=None, note="")
                held_back = "" if job.throttle_reason is None else why_held(job.throttle_reason)
                note = held_back if job.status is Status.RUNNING else job.state
                done = job.progress.seen
                progress.update(tasks[job.id], total=job.progress.total, completed=done, note=note)

        yield show
