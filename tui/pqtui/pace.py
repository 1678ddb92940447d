"""How fast jobs move: rows per second and time left, from what successive snapshots show."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from pqcore.jobs.model import Job, Status

WINDOW_SECONDS = 20.0
_LEAST_SECONDS = 3.0
# below this share of the window a job has worked too little to tell how fast it works
_LEAST_WORK = 0.1


@dataclass(frozen=True, slots=True)
class Pace:
    """Rows per second over the last seconds, and the seconds of work left; None where not known.

    ``left`` is work: time in which throttles held the job back counts for nothing, neither behind nor ahead.
    """

    rate: float | None = None
    left: float | None = None


class PaceBook:
    """Remembers the counters of running jobs. Times are monotonic seconds.

    A job that is paused, stalled or ended is forgotten: time in which it could not run says nothing of its pace.
    """

    def __init__(self, window: float = WINDOW_SECONDS) -> None:
        self._window = window
        self._seen: dict[int, deque[tuple[float, int, float]]] = {}

    def observe(self, jobs: Iterable[Job], at: float) -> None:
        """Note the counters of these jobs."""
        for job in jobs:
            if job.status is not Status.RUNNING or job.lease_expired:
                self._seen.pop(job.id, None)
                continue
            samples = self._seen.setdefault(job.id, deque())
            rows = rows_of(job)
            if samples and rows < samples[-1][1]:
                samples.clear()  # started over
            samples.append((at, rows, job.throttled_seconds))
            # the sample just outside the window stays: it is the window's left edge
            while len(samples) > 2 and samples[1][0] <= at - self._window:
                samples.popleft()

    def of(self, job: Job) -> Pace:
        """The pace of a job as last observed."""
        samples = self._seen.get(job.id)
        if not samples or samples[-1][0] - samples[0][0] < _LEAST_SECONDS:
            return Pace()
        (first, before, held_before), (last, after, held_after) = samples[0], samples[-1]
        span, grown = last - first, after - before
        worked = span - max(0.0, held_after - held_before)
        rate = grown / span
        if job.progress.total is None or rate <= 0 or worked < _LEAST_WORK * span:
            return Pace(rate)
        return Pace(rate, max(0, job.progress.total - job.progress.seen) * worked / grown)


def rows_of(job: Job) -> int:
    """Rows that a job is through with, by whichever of its counters is ahead."""
    return max(job.progress.seen, job.processed_count)
