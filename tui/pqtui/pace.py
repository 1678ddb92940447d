"""How fast jobs move: rows per second and time left, from what successive snapshots show."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from pqcore.jobs.model import Job, Status

WINDOW_SECONDS = 20.0
_LEAST_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Pace:
    """Rows per second over the last seconds, and the seconds left at that pace; None where not known."""

    rate: float | None = None
    left: float | None = None


class PaceBook:
    """Remembers the counters of running jobs. Times are monotonic seconds.

    A job that is paused, stalled or ended is forgotten: time in which it could not run says nothing of its pace.
    """

    def __init__(self, window: float = WINDOW_SECONDS) -> None:
        self._window = window
        self._seen: dict[int, deque[tuple[float, int]]] = {}

    def observe(self, jobs: Iterable[Job], at: float) -> None:
        """Note the counters of these jobs."""
        for job in jobs:
            if job.status is not Status.RUNNING or job.lease_expired:
                self._seen.pop(job.id, None)
                continue
            samples = self._seen.setdefault(job.id, deque())
            rows = max(job.progress.seen, job.processed_count)
            if samples and rows < samples[-1][1]:
                samples.clear()  # started over
            samples.append((at, rows))
            # the sample just outside the window stays: it is the window's left edge
            while len(samples) > 2 and samples[1][0] <= at - self._window:
                samples.popleft()

    def of(self, job: Job) -> Pace:
        """The pace of a job as last observed."""
        samples = self._seen.get(job.id)
        if not samples or samples[-1][0] - samples[0][0] < _LEAST_SECONDS:
            return Pace()
        (first, before), (last, after) = samples[0], samples[-1]
        rate = (after - before) / (last - first)
        if job.progress.total is None or rate <= 0:
            return Pace(rate)
        return Pace(rate, max(0, job.progress.total - job.progress.seen) / rate)


class Throughput:
    """Rows migrated per slot of time, over all jobs, from the growing sum in the metrics view."""

    def __init__(self, slots: int = 120, seconds: float = 2.0) -> None:
        self._seconds = seconds
        self._slots: deque[tuple[int, int]] = deque(maxlen=slots)
        self._last: int | None = None

    def observe(self, processed_total: int, at: float) -> None:
        """Note the sum at monotonic second ``at``; a sum that shrank (a job started over) counts as no progress."""
        grown = 0 if self._last is None else max(0, processed_total - self._last)
        self._last = processed_total
        slot = int(at // self._seconds)
        if self._slots and self._slots[-1][0] == slot:
            self._slots[-1] = (slot, self._slots[-1][1] + grown)
        else:
            self._slots.append((slot, grown))

    def series(self, points: int, at: float) -> tuple[float, ...]:
        """Rows per second of the last ``points`` complete slots, oldest first; slots without news are 0."""
        known = dict(self._slots)
        end = int(at // self._seconds)
        return tuple(known.get(slot, 0) / self._seconds for slot in range(end - points, end))

    @property
    def slot_seconds(self) -> float:
        """How long a slot is."""
        return self._seconds
