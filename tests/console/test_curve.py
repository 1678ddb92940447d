"""From rows in minutes to columns: pure functions."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqtui.curve import MINUTE, SPANS, Minutes, Present, added, curve, lately, number_of
from pqtui.curve_text import plotted
from pqtui.glyphs import ASCII, UNICODE
from pqtui.metrics_text import Flow, throughput
from pqtui.snapshots import MetricsSnapshot
from tests.console.world import NOW

FIRST = number_of(NOW)
QUARTER, HOUR, *_ = SPANS


def ago(*minutes: tuple[int, int]) -> Minutes:
    """Rows in the minute that begins so many minutes before NOW, the oldest first."""
    return tuple((FIRST - before, rows) for before, rows in minutes)


def test_a_column_is_the_mean_of_its_time() -> None:
    found = curve(ago((15, 60), (14, 120), (2, 600), (1, 300)), Present(NOW), QUARTER, 15)
    assert found.values == (1.0, 2.0, *[0.0] * 11, 10.0, 5.0)
    assert (found.peak, found.begin, found.end) == (10.0, NOW - timedelta(minutes=15), NOW)
    wide = curve(ago((15, 60), (14, 120)), Present(NOW), HOUR, 4)
    assert wide.values == (0.0, 0.0, 0.0, 180 / 900)
    fine = curve(ago((15, 60)), Present(NOW), QUARTER, 30)
    assert fine.values == (1.0, 1.0, *[0.0] * 28)


def test_the_minute_that_is_not_over_goes_at_the_present_rate() -> None:
    minutes, until = ago((1, 600), (0, 50)), NOW + timedelta(seconds=20)
    going = curve(minutes, Present(until, True, 7.0), QUARTER, 15)
    assert (going.values[-2:], going.end) == ((10.0, 7.0), until)
    unknown = curve(minutes, Present(until, True, None), QUARTER, 15)
    assert (unknown.values[-1], unknown.end) == (10.0, NOW)
    # nothing runs any more: that minute is what it is
    over = curve(minutes, Present(until), QUARTER, 15)
    assert (over.values[-2:], over.end) == ((10.0, 50 / 60), NOW + timedelta(minutes=1))


def test_rounding_begins_no_column() -> None:
    minutes = ago(*((before, 60) for before in range(400, 0, -1)))
    for points in range(1, 400):
        found = curve(minutes, Present(NOW), SPANS[2], points).values
        assert found == pytest.approx((1.0,) * points), points


def test_columns_stand_still_until_the_next_one_begins() -> None:
    minutes = ago(*((before, 60 + before) for before in range(15, 0, -1)))
    first, second, third = (
        curve(minutes, Present(NOW + timedelta(seconds=at), True, 3.0), QUARTER, 90).values for at in (2, 9, 11)
    )
    assert first[:-1] == second[:-1]
    assert first[1:-1] == third[:-2]


def test_what_lies_before_the_span_is_known_and_not_drawn() -> None:
    found = curve(ago((40, 60)), Present(NOW), QUARTER, 20)
    assert (found.peak, found.last) == (0.0, NOW - timedelta(minutes=39))
    assert curve((), Present(NOW), QUARTER, 20).last is None


ROWS = st.dictionaries(st.integers(FIRST - 1500, FIRST), st.integers(1, 10**9))
MINUTES = ROWS.map(lambda rows: tuple(sorted(rows.items())))


@given(MINUTES, st.sampled_from(SPANS), st.integers(1, 400), st.floats(0, 119.9), st.booleans(), st.floats(0, 1e6))
def test_no_row_is_drawn_twice(
    minutes: Minutes, span: object, points: int, late: float, running: bool, rate: float
) -> None:
    until = NOW + timedelta(seconds=late)
    assert isinstance(span, type(QUARTER))
    found = curve(minutes, Present(until, running, rate if running else None), span, points)
    assert len(found.values) == points
    assert all(value >= 0 for value in found.values)
    step, end = span.seconds / points, found.end.timestamp()
    begin = (math.ceil(end / step - 1e-6) - points) * step
    drawn = sum(found.values[:-1]) * step + found.values[-1] * max(1.0, end - (begin + step * (points - 1)))
    open_seconds = end - MINUTE * number_of(found.end) if running else 0.0
    there = sum(
        rows * max(0.0, min(end, MINUTE * (n + 1)) - max(begin, MINUTE * n)) / MINUTE
        for n, rows in minutes
        if not running or n < number_of(until)
    )
    assert drawn == pytest.approx(there + rate * min(open_seconds, span.seconds) * running, rel=1e-4, abs=rate + 1)


def test_lately_is_a_value_a_minute() -> None:
    assert lately(ago((8, 60), (1, 120)), Present(NOW)) == (1.0, *[0.0] * 6, 2.0)


def test_minutes_of_several_add_up() -> None:
    assert added((ago((2, 1), (1, 2)), ago((1, 5)), ())) == ago((2, 1), (1, 7))


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
def test_the_axis_says_from_when_to_when_and_how_high(glyphs) -> None:  # type: ignore[no-untyped-def]
    found = curve(ago((3, 60)), Present(datetime(2026, 3, 1, 12, 0, tzinfo=UTC)), QUARTER, 60)

    def axis(width: int) -> list[str]:
        return plotted(found, width, 2, glyphs, peak=True)[-1].plain.split()

    assert axis(60) == ["11:45", "15", "minutes,", "peak", "1/s", "12:00", "UTC"]
    assert axis(26) == ["11:45", "peak", "1/s", "12:00", "UTC"]
    assert axis(16) == ["11:45", "12:00", "UTC"]
    assert len(plotted(found, 60, 2, glyphs)) == 3


@pytest.mark.parametrize(("rate", "words"), [(0.5, "peak 1/s"), (7.0, "7/s now")])
def test_no_peak_is_named_that_is_lower_than_the_present_rate(rate: float, words: str) -> None:
    found = curve(ago((3, 60)), Present(NOW), QUARTER, 60)
    text = throughput(MetricsSnapshot((), (), ()), Flow(rate, None, found), 60, 9, UNICODE).plain
    assert words in text
    assert ("peak" in text) is (rate < 1.0)
