"""Times as they are typed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqcore.errors import ExitCode, UsageError
from pqtui.cli.times import parse_time

NOW = datetime(2030, 1, 31, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2030-02-01T08:30Z", datetime(2030, 2, 1, 8, 30, tzinfo=UTC)),
        ("2030-02-01T08:30+02:00", datetime(2030, 2, 1, 6, 30, tzinfo=UTC)),
        ("2030-02-01 08:30", datetime(2030, 2, 1, 8, 30, tzinfo=UTC)),
        ("2030-02-01", datetime(2030, 2, 1, tzinfo=UTC)),
        ("+90s", NOW + timedelta(seconds=90)),
        ("+30m", NOW + timedelta(minutes=30)),
        ("+2h", NOW + timedelta(hours=2)),
        ("+1d", NOW + timedelta(days=1)),
        ("+1w", NOW + timedelta(weeks=1)),
    ],
)
def test_a_time_is_read_as_utc(text: str, expected: datetime) -> None:
    assert parse_time(text, now=NOW) == expected


@pytest.mark.parametrize("text", ["", "soon", "+2", "+h", "-2h", "+2y", "2030-13-01", "+999999999w", "25:00"])
def test_anything_else_is_a_usage_error_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match=r"\+2h") as caught:
        parse_time(text, now=NOW)
    assert caught.value.exit_code is ExitCode.USAGE


@given(st.text(max_size=30))
def test_no_text_raises_anything_else(text: str) -> None:
    try:
        moment = parse_time(text, now=NOW)
    except UsageError:
        return
    assert moment.utcoffset() == timedelta(0)


@given(st.datetimes(timezones=st.timezones(), min_value=datetime(1900, 1, 2), max_value=datetime(9000, 1, 1)))
def test_every_iso_time_names_the_same_moment(moment: datetime) -> None:
    # equality of aware times with different zones ignores fold; comparing in UTC does not
    assert parse_time(moment.isoformat(), now=NOW) == moment.astimezone(UTC)
