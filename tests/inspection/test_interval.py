"""Bounds of a share: they hold what they promise, and close where everything was read."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from pqcore.inspection.interval import share


@settings(deadline=None)
@given(st.integers(1, 5000), st.data())
def test_bounds_are_in_order_and_possible(read: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(0, read))
    total = data.draw(st.none() | st.integers(read, 10**9))
    found = share(count, read, total)
    assert found is not None
    assert 0 <= found.low <= found.value <= found.high <= 1
    if total == read:
        assert found.exact


def test_nothing_was_read() -> None:
    assert share(0, 0, 10) is None


def test_a_few_known_values() -> None:
    found = share(0, 1000, None)
    assert found is not None
    assert (found.low, round(found.high, 5)) == (0.0, 0.00383)
    half = share(50, 100, None)
    assert half is not None
    assert (round(half.low, 3), round(half.high, 3)) == (0.404, 0.596)


def test_the_bounds_hold_the_truth_about_19_times_of_20() -> None:
    rng = random.Random(1)
    total, yes, read, held = 2000, 300, 400, 0
    population = [True] * yes + [False] * (total - yes)
    for _ in range(400):
        found = share(sum(rng.sample(population, read)), read, total)
        assert found is not None
        held += found.low <= yes / total <= found.high
    assert 365 <= held <= 398
