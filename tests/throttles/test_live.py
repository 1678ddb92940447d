"""Limits in force: which of them holds the job, how they change, and what counts as throttled time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from pqcore.database.load import Load, Measure
from pqcore.engine.throttles.live import LiveLimits
from pqcore.engine.throttles.stopwatch import Stopwatch
from pqcore.jobs.limits import JobLimits, effective
from pqcore.selection.document import BatchSettings
from tests.throttles.clocks import Clock


def at(clock: str, **said: Any) -> Load:
    return Load(datetime.fromisoformat(f"2026-03-10T{clock}:00+00:00").astimezone(UTC), **said)


def limits(**throttle: Any) -> JobLimits:
    return effective({"throttle": throttle}, None)


class TestWhatHolds:
    def test_nothing(self) -> None:
        live = LiveLimits()
        assert (live.delay(10**6), live.reason, live.held, live.wants_readings) == (0.0, None, False, False)

    def test_a_rate_spaces_batches_and_is_no_hold(self) -> None:
        clock = Clock()
        live = LiveLimits(limits(rows_per_second=100), clock)
        assert live.counts_rows
        assert live.delay(250) == pytest.approx(2.5)
        assert (live.reason, live.held) == ("rate 100/s", False)
        clock.now += 2.5
        assert (live.delay(), live.reason, live.last_reason) == (0.0, None, "rate 100/s")

    def test_under_a_rate_a_batch_is_a_seconds_rows_at_most(self) -> None:
        assert LiveLimits(limits(rows_per_second=100)).batch.max_rows == 100
        assert LiveLimits(limits(rows_per_second=0.1)).batch.max_rows == 1
        assert LiveLimits(limits(rows_per_second=10**6)).batch.max_rows == BatchSettings().rows

    def test_windows_by_the_servers_clock(self) -> None:
        clock = Clock()
        live = LiveLimits(limits(windows=["22:00-06:00", "12:00-13:00"]), clock)
        assert live.delay() > 0, "the server's clock is not known yet"
        assert live.reason is None
        live.observe(at("11:59"))
        assert (live.held, live.reason) == (True, "outside 22:00-06:00, 12:00-13:00")
        assert live.delay() == 60.0
        clock.now += 60.0
        assert (live.held, live.delay(), live.reason) == (False, 0.0, None)

    def test_the_zone_is_named_where_it_is_not_utc(self) -> None:
        live = LiveLimits(limits(windows=["22:00-06:00"], time_zone="Asia/Tokyo"))
        live.observe(at("12:00"))
        assert live.reason == "outside 22:00-06:00 Asia/Tokyo"

    def test_only_what_is_limited_is_asked_of_the_server(self) -> None:
        assert LiveLimits(limits(windows=["22:00-06:00"])).measures == set()
        live = LiveLimits(limits(max_replica_lag=10, max_running=5))
        assert live.measures == {Measure.LAG, Measure.RUNNING}
        assert live.wants_readings
        live.observe(at("12:00", lag=11.0, running=50))
        assert live.reason == "replica lag 11 s"
        live.observe(at("12:00", lag=1.0, running=50))
        assert live.reason == "50 running"
        live.observe(at("12:00", lag=1.0, running=5))
        assert live.delay() == 0.0


class TestTuning:
    def test_takes_effect_at_once_and_forgives_what_was_taken(self) -> None:
        live = LiveLimits(limits(rows_per_second=1), Clock())
        assert live.delay(1000) == pytest.approx(1000.0)
        assert live.tune(limits(rows_per_second=2))
        assert live.delay() == 0.0
        assert live.delay(1) == pytest.approx(0.5)
        assert live.tune(JobLimits())
        assert (live.delay(10**9), live.last_reason) == (0.0, None)

    def test_the_same_limits_change_nothing(self) -> None:
        live = LiveLimits(limits(rows_per_second=1), Clock())
        live.delay(1000)
        assert not live.tune(limits(rows_per_second=1))
        assert live.delay() == pytest.approx(1000.0)

    def test_other_limits_leave_what_the_rate_has_counted(self) -> None:
        live = LiveLimits(limits(rows_per_second=1), Clock())
        live.delay(1000)
        assert live.tune(limits(rows_per_second=1, max_running=3))
        live.observe(at("12:00", running=0))
        assert live.delay() == pytest.approx(1000.0)

    def test_batches_follow(self) -> None:
        live = LiveLimits()
        live.tune(effective({"batch": {"rows": 7, "target_ms": 10, "max_bytes": 5000}}, None))
        assert (live.batch.max_rows, live.batch.write_seconds, live.batch.max_bytes) == (7, 0.01, 5000)


class TestThrottledTime:
    def test_counts_while_somebody_waits_and_nobody_works(self) -> None:
        clock = Clock()
        watch = Stopwatch(clock)
        with watch.waiting():
            clock.now += 3.0
            assert watch.seconds == 3.0
        clock.now += 10.0
        assert watch.seconds == 3.0

    def test_two_that_wait_at_once_count_once(self) -> None:
        clock = Clock()
        watch = Stopwatch(clock)
        with watch.waiting(), watch.waiting():
            clock.now += 3.0
        assert watch.seconds == 3.0

    def test_while_one_works_the_job_is_not_held_back(self) -> None:
        clock = Clock()
        watch = Stopwatch(clock)
        with watch.working(), watch.waiting():
            clock.now += 3.0
        assert watch.seconds == 0.0

    def test_a_thread_that_waits_does_not_work(self) -> None:
        clock = Clock()
        watch = Stopwatch(clock)
        with watch.working():
            clock.now += 1.0
            with watch.waiting(at_work=True):
                clock.now += 2.0
            clock.now += 4.0
        assert watch.seconds == 2.0
