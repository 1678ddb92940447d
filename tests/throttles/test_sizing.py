"""Batch sizes: short transactions, quick recovery, no swinging, and no collapse where commits are slow."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from statistics import quantiles

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqcore.engine.sizing import FIRST_ROWS, Limits, Measured, Pace, next_pace

LIMITS = Limits(max_rows=1000, write_seconds=0.04, total_seconds=0.5, max_bytes=100_000)
Seconds = Callable[[int], float]  # what a transaction of so many rows takes


def run(seconds: Seconds, batches: int, pace: Pace = Pace(), limits: Limits = Limits()) -> list[tuple[Pace, float]]:  # noqa: B008
    """Batches one after the other: each with its pace and the seconds of its transaction."""
    done = []
    for _ in range(batches):
        spent = seconds(pace.rows)
        done.append((pace, spent))
        pace = next_pace(pace, Measured(pace.rows, spent, spent, pace.rows * 100), limits)
    return done


def linear(fixed: float, a_row: float, scatter: float = 0.0, seed: int = 1) -> Seconds:
    """A transaction with a fixed part and a part per row; ``scatter`` is the sigma of a log-normal factor."""
    draw = random.Random(seed)
    return lambda rows: (fixed + a_row * rows) * draw.lognormvariate(0, scatter)


def after(rows: int, write: float, total: float, size: int, pace: Pace | None = None) -> int:
    """Rows of the next batch."""
    return next_pace(pace or Pace(rows), Measured(rows, write, total, size), LIMITS).rows


class TestOneStep:
    def test_twice_as_many_while_everything_is_cheap(self) -> None:
        assert after(16, 0.001, 0.002, 100) == 32

    def test_slowly_near_the_aim_and_not_at_all_close_to_it(self) -> None:
        assert after(100, 0.02, 0.03, 100) == 104
        assert after(100, 0.035, 0.04, 100) == 100

    def test_at_once_below_the_aim_after_a_long_transaction(self) -> None:
        assert after(400, 0.4, 0.4, 100) == 28

    def test_fast_up_to_half_of_what_was_too_much_and_carefully_from_there(self) -> None:
        pace = next_pace(Pace(400), Measured(400, 0.4, 0.4, 100), LIMITS)
        assert pace.calm == 200
        assert after(150, 0.001, 0.002, 100, replace(pace, rows=150)) == 200
        assert after(200, 0.001, 0.002, 100, replace(pace, rows=200)) == 210
        assert after(200, 0.01, 0.02, 100, replace(pace, rows=200)) == 204

    def test_a_few_rows_that_took_long_do_not_slow_the_growth(self) -> None:
        pace = next_pace(Pace(16), Measured(16, 0.4, 0.4, 100), LIMITS)
        assert (pace.rows, pace.calm) == (1, 0)

    def test_to_what_slow_cryptography_allows(self) -> None:
        # 25 ms a row: 20 rows in half a second
        assert after(400, 0.01, 10.0, 100) == 14

    def test_to_what_the_bytes_allow(self) -> None:
        assert after(100, 0.001, 0.001, 1_000_000) == 10

    def test_a_single_expensive_row_still_goes(self) -> None:
        assert after(1, 30.0, 30.0, 10**9) == 1

    def test_the_few_rows_at_the_end_of_a_range_say_little(self) -> None:
        assert after(3, 0.002, 0.003, 300, Pace(500)) == 500
        assert after(100, 0.002, 0.003, 300, Pace(128)) == 200, "not twice what was never seen"

    def test_an_empty_page_changes_nothing_but_obeys_new_limits(self) -> None:
        pace = Pace(64, 0.01, 40, 5)
        assert next_pace(pace, Measured(0, 0.0, 0.1, 0), LIMITS) == pace
        assert next_pace(pace, Measured(0, 0.0, 0.1, 0), Limits(max_rows=7)).rows == 7

    @given(
        st.builds(
            Pace,
            st.integers(1, 100_000),
            st.floats(0, 10),
            st.integers(0, 5000),
            st.integers(0, 300),
            st.integers(0, 5000),
        ),
        st.integers(0, 100_000),
        st.floats(0, 100),
        st.floats(0, 100),
        st.integers(0, 2**40),
    )
    def test_stays_within_bounds(self, pace: Pace, rows: int, write: float, total: float, size: int) -> None:
        then = next_pace(pace, Measured(rows, write, total, size), LIMITS)
        assert 1 <= then.rows <= LIMITS.max_rows
        assert then.probe_in >= 0
        assert then.floor >= 0


class TestOverManyBatches:
    @pytest.mark.parametrize("a_row", [0.000_02, 0.000_1, 0.001])
    def test_starts_fast_and_then_rests(self, a_row: float) -> None:
        done = run(linear(0.001, a_row), 300)
        settled = {pace.rows for pace, _ in done[30:] if not pace.resume}
        assert len(settled) == 1, "no swinging"
        seconds = max(spent for _, spent in done[30:])
        assert 0.5 * 0.04 <= seconds <= 0.04

    @pytest.mark.parametrize("scatter", [0.1, 0.2, 0.3])
    @pytest.mark.parametrize("seed", range(5))
    def test_ninety_nine_of_a_hundred_transactions_take_less_than_50_ms(self, scatter: float, seed: int) -> None:
        done = run(linear(0.001, 0.000_02, scatter, seed), 3000)
        assert quantiles((spent for _, spent in done), n=100)[-1] < 0.050
        rows, seconds = sum(pace.rows for pace, _ in done), sum(spent for _, spent in done)
        assert rows / seconds > 0.85 / 0.000_02, "and hardly slower than with no aim at all"

    def test_scatter_does_not_make_sizes_swing(self) -> None:
        sizes = [pace.rows for pace, _ in run(linear(0.001, 0.000_1, 0.1), 1000)[50:] if not pace.resume]
        assert max(sizes) < 2 * min(sizes)

    @given(st.floats(0.1, 30), st.integers(1, 3))
    def test_recovers_from_a_lock_within_a_dozen_batches(self, seconds: float, length: int) -> None:
        costs = linear(0.001, 0.000_02)
        before = run(costs, 100)[-1][0]
        held = run(lambda _rows: seconds, length, before)[-1]
        during = next_pace(held[0], Measured(held[0].rows, seconds, seconds, 100), Limits())
        assert during.rows <= before.rows * 0.4
        after = run(costs, 40, during)
        # half of what was too much, and a quarter less for each further batch that met the lock at a fair size
        assert after[12][0].rows >= before.rows * 0.5 * 0.75 ** (length - 1) * 0.98
        assert max(spent for _, spent in after[1:]) < 0.050, "without long transactions on the way"

    @pytest.mark.parametrize("commit", [0.015, 0.03, 0.08, 0.2])
    def test_slow_commits_do_not_lead_to_one_row_at_a_time(self, commit: float) -> None:
        done = run(linear(commit, 0.000_02, 0.1), 1000)[50:]
        rows, seconds = sum(pace.rows for pace, _ in done), sum(spent for _, spent in done)
        assert rows / seconds > 0.15 / 0.000_02
        assert quantiles((spent for _, spent in done), n=100)[-1] < 8 * 0.050

    def test_commits_that_become_slow_are_found_out(self) -> None:
        pace = run(linear(0.002, 0.000_02), 300)[-1][0]
        done = run(linear(0.03, 0.000_02), 600, pace)[300:]
        assert sum(p.rows for p, _ in done) / sum(spent for _, spent in done) > 0.3 / 0.000_02

    def test_an_expensive_row_is_not_taken_for_a_slow_commit(self) -> None:
        done = run(linear(0.001, 0.1), 300)[20:]
        assert max(pace.rows for pace, _ in done) <= 3

    def test_a_probe_is_one_row_and_the_size_comes_back(self) -> None:
        done = run(linear(0.001, 0.000_02), 600)
        probes = [number for number, (pace, _) in enumerate(done) if pace.resume]
        assert len(probes) == 3
        for number in probes:
            assert done[number][0].rows == 1
            assert done[number + 1][0].rows == done[number][0].resume


def test_a_job_starts_with_few_rows() -> None:
    assert Pace().rows == FIRST_ROWS
