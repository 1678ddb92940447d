"""Rows a second."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqcore.engine.throttles.rate import RateLimit
from tests.throttles.clocks import Clock


def test_rows_are_paid_for_after_they_were_taken() -> None:
    clock = Clock()
    rate = RateLimit(100.0, clock)
    assert rate.delay(0) == 0.0
    assert rate.delay(50) == pytest.approx(0.5)
    assert rate.delay(50) == pytest.approx(1.0)
    clock.now += 0.75
    assert rate.delay(0) == pytest.approx(0.25)


def test_rows_that_were_not_taken_after_all_are_not_paid_for() -> None:
    clock = Clock()
    rate = RateLimit(100.0, clock)
    rate.delay(50)
    rate.give_back(40)
    assert rate.delay(0) == pytest.approx(0.1)
    clock.now += 1.0
    rate.give_back(10)  # late: nothing is saved up
    assert rate.delay(100) == pytest.approx(1.0)


def test_a_long_pause_earns_no_burst() -> None:
    clock = Clock()
    rate = RateLimit(100.0, clock)
    clock.now += 3600.0
    assert rate.delay(100) == pytest.approx(1.0)


@given(st.floats(0.1, 1e6), st.lists(st.integers(1, 5000), min_size=1, max_size=50))
def test_the_average_is_kept(rows_per_second: float, batches: list[int]) -> None:
    clock = Clock()
    rate = RateLimit(rows_per_second, clock)
    for rows in batches:
        clock.now += rate.delay(0)
        rate.delay(rows)
    clock.now += rate.delay(0)
    assert sum(batches) <= rows_per_second * clock.now * (1 + 1e-9)
    assert clock.now == pytest.approx(sum(batches) / rows_per_second)


def test_it_says_what_it_is() -> None:
    assert RateLimit(500.0).reason == "rate 500/s"
    assert RateLimit(0.25).reason == "rate 0.25/s"
