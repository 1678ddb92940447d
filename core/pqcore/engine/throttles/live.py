"""The limits of a running job: what holds it back now, and how large its batches may be."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import Lock

from pqcore.database.load import Load, Measure
from pqcore.engine.sizing import Limits
from pqcore.engine.throttles.base import LOOK_AGAIN_SECONDS, Throttle
from pqcore.engine.throttles.gauge import Gauge
from pqcore.engine.throttles.rate import RateLimit
from pqcore.engine.throttles.server import ReplicaLag, RunningSessions
from pqcore.engine.throttles.stopwatch import Stopwatch
from pqcore.engine.throttles.windows import TimeWindows
from pqcore.jobs.limits import JobLimits
from pqcore.selection.document import BatchSettings, ThrottleSettings


@dataclass(frozen=True, slots=True)
class _InForce:
    """What one set of limits means; replaced as a whole, so that a batch never sees half of a change."""

    limits: JobLimits
    batch: Limits
    rate: RateLimit | None
    holds: tuple[Throttle, ...]

    @property
    def throttles(self) -> tuple[Throttle, ...]:
        return self.holds if self.rate is None else (*self.holds, self.rate)


class LiveLimits:
    """Limits that may change while a job runs; shared by its threads.

    A *hold* (window, lag, sessions) lets no batch begin; a *rate* spaces batches out. Readings of the server come from
    outside (``observe``), so that it is asked in one place however many threads run.
    """

    def __init__(self, limits: JobLimits | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._gauge = Gauge(clock)
        self._last_reason: str | None = None
        self.stopwatch = Stopwatch(clock)
        self._now = self._made(limits or JobLimits(), None)

    @property
    def limits(self) -> JobLimits:
        """The limits in force."""
        return self._now.limits

    @property
    def batch(self) -> Limits:
        """What a batch may cost."""
        return self._now.batch

    @property
    def counts_rows(self) -> bool:
        """Whether rows a second are limited."""
        return self._now.rate is not None

    @property
    def measures(self) -> frozenset[Measure]:
        """What has to be asked of the server."""
        throttle = self._now.limits.throttle
        wanted = ((Measure.LAG, throttle.max_replica_lag), (Measure.RUNNING, throttle.max_running))
        return frozenset(measure for measure, limit in wanted if limit is not None)

    @property
    def wants_readings(self) -> bool:
        """Whether the server has to be asked at all, for its clock or for more."""
        return bool(self._now.holds)

    @property
    def held(self) -> bool:
        """Whether a window, the replicas or the sessions let no batch begin now."""
        return any(hold.delay(0) > 0 for hold in self._now.holds)

    @property
    def reason(self) -> str | None:
        """What holds the job back at this moment, in a few words."""
        if self.wants_readings and self._gauge.load is None:
            return None  # held only until the first reading
        return next((throttle.reason for throttle in self._now.throttles if throttle.delay(0) > 0), None)

    @property
    def last_reason(self) -> str | None:
        """What held the job back last, since its limits were last changed."""
        return self._last_reason

    def tune(self, limits: JobLimits) -> bool:
        """Put other limits in force; returns whether they differ. Rows taken under another rate are forgiven."""
        with self._lock:
            if limits == self._now.limits:
                return False
            self._now = self._made(limits, self._now)
            self._last_reason = None
        return True

    def observe(self, load: Load) -> None:
        """Take a reading of the server."""
        self._gauge.show(load)

    def delay(self, rows: int = 0) -> float:
        """Count ``rows`` as taken; how many seconds the next batch has to wait, 0 where it may begin."""
        now = self._now
        waits = [(throttle.delay(rows), throttle) for throttle in now.throttles]
        if now.holds and self._gauge.load is None:
            return LOOK_AGAIN_SECONDS  # the first reading decides
        longest, by = max(waits, key=lambda wait: wait[0], default=(0.0, None))
        if longest > 0 and by is not None:
            self._last_reason = by.reason
        return longest

    def give_back(self, rows: int) -> None:
        """So many of the rows that were counted were not taken: the batch ended early."""
        rate = self._now.rate
        if rows > 0 and rate is not None:
            rate.give_back(rows)

    def _made(self, limits: JobLimits, before: _InForce | None) -> _InForce:
        throttle = limits.throttle
        holds: list[Throttle] = []
        if throttle.windows:
            holds.append(TimeWindows(throttle, self._gauge))
        if throttle.max_replica_lag is not None:
            holds.append(ReplicaLag(throttle.max_replica_lag, self._gauge))
        if throttle.max_running is not None:
            holds.append(RunningSessions(throttle.max_running, self._gauge))
        return _InForce(limits, batch_limits(limits.batch, throttle), self._rate(throttle, before), tuple(holds))

    def _rate(self, throttle: ThrottleSettings, before: _InForce | None) -> RateLimit | None:
        wanted = throttle.rows_per_second
        if wanted is None:
            return None
        if before is not None and before.rate is not None and before.rate.rows_per_second == wanted:
            return before.rate
        return RateLimit(wanted, self._clock)


def batch_limits(batch: BatchSettings, throttle: ThrottleSettings) -> Limits:
    """What a batch may cost: under a rate no more than a second's rows, so that load is even and counters move."""
    limits = Limits(max_rows=batch.rows, write_seconds=batch.target_ms / 1000, max_bytes=batch.max_bytes)
    rate = throttle.rows_per_second
    return limits if rate is None else replace(limits, max_rows=max(1, min(limits.max_rows, int(rate))))
