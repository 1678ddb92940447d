"""What jobs got through in the last day, read from the database minute by minute, whoever did it and wherever."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from pqcore.jobs.model import Job, Status
from pqtui.curve import SPANS, Minutes, number_of
from pqtui.pace import rows_of

if TYPE_CHECKING:
    from pqcore.jobs.repository import JobRepository
    from pqcore.jobs.throughput import Minute

DAY = timedelta(seconds=SPANS[-1].seconds)
# what is read of each job alone; a minute may still grow for a moment after its end
_RECENT = timedelta(minutes=9)
_UNSURE = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class History:
    """The minutes of all jobs over the last day, and those of each job that runs over the last few.

    ``ahead`` is by how many whole seconds the database's clock, which they go by, is ahead of this host's.
    """

    all: Minutes = ()
    each: Mapping[int, Minutes] = field(default_factory=dict)
    ahead: int = field(default=0, compare=False)


NOTHING_NOTED = History()


class HistoryReader:
    """Reads it whole once, and then what may have changed since. Used by one thread.

    ``now`` is what the console takes for the time.
    """

    def __init__(self, jobs: JobRepository, now: Callable[[], datetime]) -> None:
        self._jobs = jobs
        self._now = now
        self._known: dict[int, int] = {}
        self._read_to: datetime | None = None

    def __call__(self, running: Iterable[int]) -> History:
        """Read. Raises what the repository raises."""
        # a few milliseconds are the way there
        ahead = round((self._jobs.clock() - datetime.now(UTC)).total_seconds())
        now = self._now() + timedelta(seconds=ahead)
        recent = now - _RECENT
        if self._read_to is None or not recent <= self._read_to <= now:
            self._known = dict(numbered(self._jobs.minutes(now - DAY)))
            since = recent
        else:
            since = min(recent, self._read_to - _UNSURE)
        each = {job_id: numbered(minutes) for job_id, minutes in self._jobs.minutes_of_each(since).items()}
        first = number_of(now - DAY)
        grown = {number: 0 for number in self._known if number >= number_of(since) + 1}
        for minutes in each.values():
            for number, processed in minutes:
                grown[number] = grown.get(number, 0) + processed
        self._known.update(grown)
        self._read_to = now
        whole = tuple(sorted((n, rows) for n, rows in self._known.items() if n >= first and rows))
        return History(whole, {job_id: each[job_id] for job_id in running if job_id in each}, ahead)

    def expire(self) -> None:
        """Read it whole the next time. May be called from any thread."""
        self._read_to = None


def numbered(minutes: Iterable[Minute]) -> Minutes:
    """Minutes by their numbers."""
    return tuple((number_of(minute), processed) for minute, processed in minutes)


class Elsewhere:
    """Rows of jobs that other programs run: those note nothing, so only what is seen while looking is known."""

    def __init__(self) -> None:
        self._last: dict[int, int] = {}
        self._minutes: dict[int, int] = {}

    def observe(self, running: Iterable[Job], ended: Iterable[Job], at: datetime) -> bool:
        """Note the counters of the jobs that run, and for a last time of those that ran; whether any of them grew."""
        kept = {}
        any_grew = False
        for job in (*ended, *running):
            if job.phase is not None:
                continue
            rows, minute = rows_of(job), number_of(at)
            # a counter that shrank: the job was started over
            grown = max(0, rows - self._last.get(job.id, rows))
            if grown:
                any_grew = True
                self._minutes[minute] = self._minutes.get(minute, 0) + grown
            if job.status is Status.RUNNING:
                kept[job.id] = rows
        self._last = kept
        first = number_of(at - DAY)
        self._minutes = {number: rows for number, rows in self._minutes.items() if number >= first}
        return any_grew

    @property
    def minutes(self) -> Minutes:
        """What was seen."""
        return tuple(sorted(self._minutes.items()))
