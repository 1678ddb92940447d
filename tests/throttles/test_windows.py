"""Time windows: by the clock of a zone, over midnight, and when the clocks are set."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqcore.selection.windows import Window, is_open, opens_in, parse_window, zone_of

NIGHT = (Window(22 * 60, 6 * 60),)
MINUTES = st.integers(0, 24 * 60 - 1)
WINDOWS = st.tuples(MINUTES, st.integers(0, 24 * 60)).filter(lambda w: w[0] != w[1]).map(lambda w: Window(*w))
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))


def at(clock: str) -> datetime:
    return datetime.fromisoformat(f"2026-03-10T{clock}:00+00:00")


@given(WINDOWS)
def test_a_window_survives_its_text(window: Window) -> None:
    assert parse_window(str(window)) == window


@pytest.mark.parametrize(
    "text",
    [
        "",
        "22:00",
        "22:00-",
        "22:00-22:00",
        "24:00-06:00",
        "22:00-24:01",
        "22:60-06:00",
        "2:00-06:00",
        "22:00 - 06:00",
        "22:00-06:00\n",
        "٢٢:٠٠-٠٦:٠٠",
    ],
)
def test_what_is_no_window(text: str) -> None:
    assert parse_window(text) is None


@pytest.mark.parametrize(
    ("clock", "opened"),
    [("21:59", False), ("22:00", True), ("23:59", True), ("00:00", True), ("05:59", True), ("06:00", False)],
)
def test_a_window_over_midnight(clock: str, opened: bool) -> None:
    assert is_open(NIGHT, UTC, at(clock)) is opened


def test_the_whole_day() -> None:
    assert all(is_open((Window(0, 1440),), UTC, at(f"{hour:02}:59")) for hour in range(24))


def test_no_window_is_always_open() -> None:
    assert is_open((), UTC, at("12:00"))
    assert opens_in((), UTC, at("12:00")) == 0.0


def test_how_long_until_the_next_of_several_opens() -> None:
    windows = (*NIGHT, Window(12 * 60, 13 * 60))
    assert opens_in(windows, UTC, at("11:30")) == 30 * 60
    assert opens_in(windows, UTC, at("13:00")) == 9 * 3600
    assert opens_in(windows, UTC, at("12:15")) == 0.0


def test_the_zone_decides() -> None:
    tokyo = ZoneInfo("Asia/Tokyo")  # nine hours ahead
    assert is_open(NIGHT, tokyo, at("13:00"))
    assert not is_open(NIGHT, tokyo, at("22:00"))
    assert opens_in(NIGHT, tokyo, at("12:00")) == 3600


def test_the_clock_on_the_wall_counts_when_clocks_are_set() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    early = (Window(2 * 60 + 30, 4 * 60),)
    forward = datetime(2026, 3, 29, 0, 59, tzinfo=UTC)  # 01:59; the next minute is 03:00
    assert not is_open(early, berlin, forward)
    assert is_open(early, berlin, forward + timedelta(minutes=1))
    back = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)  # 02:30 for the first time
    assert is_open(early, berlin, back)
    assert not is_open(early, berlin, back + timedelta(minutes=30))  # 02:00 again
    assert is_open(early, berlin, back + timedelta(minutes=60))


@given(st.lists(WINDOWS, min_size=1, max_size=4), MOMENTS)
def test_it_is_open_when_it_was_said_to_open_and_not_before(windows: list[Window], moment: datetime) -> None:
    wait = opens_in(windows, UTC, moment)
    assert 0 <= wait <= 24 * 3600
    assert is_open(windows, UTC, moment + timedelta(seconds=wait))
    if wait > 0:
        just_before = moment + timedelta(seconds=wait) - timedelta(microseconds=1)
        assert not is_open(windows, UTC, just_before)


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "America/Argentina/Ushuaia", "Etc/GMT+5"])
def test_zones_that_there_are(name: str) -> None:
    assert zone_of(name) is not None


@pytest.mark.parametrize("name", ["", "Europe", "Europe/Atlantis", "../etc/passwd", "/etc/localtime", "UTC\n", "MEZ!"])
def test_zones_that_there_are_not(name: str) -> None:
    assert zone_of(name) is None
