"""Replica lag and running sessions: the decisions, and how their readings are read."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from pqcore.database.load import Load, own_lag, worst_lag
from pqcore.engine.throttles.gauge import Gauge
from pqcore.engine.throttles.server import ReplicaLag, RunningSessions, too_far_behind, too_many_running
from tests.throttles.clocks import Clock

NOON = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(("lag", "held"), [(None, False), (0.0, False), (10.0, False), (10.1, True), (math.inf, True)])
def test_lag_holds_above_its_limit_and_only_where_it_is_known(lag: float | None, held: bool) -> None:
    assert too_far_behind(lag, 10.0) is held


@pytest.mark.parametrize(("running", "held"), [(None, False), (0, False), (37, False), (38, True)])
def test_sessions_hold_above_their_limit_and_only_where_they_are_known(running: int | None, held: bool) -> None:
    assert too_many_running(running, 37) is held


@pytest.mark.parametrize(
    ("senders", "lag"),
    [
        ([], None),
        ([{"state": "streaming", "lag": None}], 0.0),  # nothing left to replay
        ([{"state": "streaming", "lag": Decimal("0.5")}, {"state": "streaming", "lag": Decimal(12)}], 12.0),
        ([{"state": "streaming", "lag": None}, {"state": "catchup", "lag": None}], math.inf),
        ([{"state": "catchup", "lag": Decimal(3)}], 3.0),
    ],
)
def test_the_slowest_replica_of_pg_stat_replication_counts(senders: list[dict[str, Any]], lag: float | None) -> None:
    assert worst_lag(senders) == lag


@pytest.mark.parametrize(
    ("channels", "lag"),
    [
        ([], None),
        ([{"Seconds_Behind_Master": 7}], 7.0),
        ([{"Seconds_Behind_Source": 3}, {"Seconds_Behind_Source": 9}], 9.0),
        ([{"Seconds_Behind_Master": None, "Slave_SQL_Running": "No"}], None),  # left over from a failover
        ([{"Seconds_Behind_Source": None}, {"Seconds_Behind_Source": 0}], 0.0),
    ],
)
def test_the_slowest_channel_of_replica_status_counts(channels: list[dict[str, Any]], lag: float | None) -> None:
    assert own_lag(channels) == lag


class TestThrottles:
    def test_replica_lag(self) -> None:
        gauge = Gauge()
        throttle = ReplicaLag(10.0, gauge)
        assert throttle.delay(0) > 0, "nothing is known yet"
        gauge.show(Load(NOON, lag=12.4))
        assert throttle.delay(0) > 0
        assert throttle.reason == "replica lag 12 s"
        gauge.show(Load(NOON, lag=math.inf))
        assert throttle.reason == "a replica is catching up"
        gauge.show(Load(NOON, lag=9.9))
        assert throttle.delay(0) == 0.0
        gauge.show(Load(NOON, lag=None))
        assert throttle.delay(0) == 0.0

    def test_running_sessions(self) -> None:
        gauge = Gauge()
        throttle = RunningSessions(36, gauge)
        assert throttle.delay(0) > 0, "nothing is known yet"
        gauge.show(Load(NOON, running=37))
        assert throttle.delay(0) > 0
        assert throttle.reason == "37 running"
        gauge.show(Load(NOON, running=36))
        assert throttle.delay(0) == 0.0

    def test_the_servers_clock_goes_on_between_readings(self) -> None:
        clock = Clock()
        gauge = Gauge(clock)
        assert gauge.now() is None
        gauge.show(Load(NOON))
        clock.now += 90.0
        assert gauge.now() == NOON + timedelta(seconds=90)
