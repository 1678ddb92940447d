"""The plot of throughput: what minutes become in columns, and what a console shows of them when it opens."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pqcore.database.tables import throughput
from pqcore.workspace import Workspace
from pqtui.curve import SPANS, Minutes, Present, added, curve, number_of
from pqtui.session_state import read_session, session_file
from tests.console.conftest import main, opened, screen_text, shows, until
from tests.console.world import NOW

AT = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)
FIRST = number_of(AT)
QUARTER, HOUR, _, DAY = SPANS


def minutes_of(**rows: int) -> Minutes:
    """Rows by how many minutes before ``AT`` they were processed: ``m3`` is three minutes before."""
    return tuple(sorted((FIRST - int(name[1:]), count) for name, count in rows.items()))


def test_a_minute_is_a_column_where_there_are_as_many_columns_as_minutes() -> None:
    found = curve(minutes_of(m1=60, m3=600), Present(AT), QUARTER, 15)
    assert found.values[-4:] == (0.0, 10.0, 0.0, 1.0)
    assert found.peak == 10.0
    assert sum(found.values[:-4]) == 0
    assert found.end == datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    assert found.begin == found.end - timedelta(minutes=15)


def test_the_minute_that_runs_goes_at_the_present_rate_and_is_left_out_where_that_is_unknown() -> None:
    minutes = (*minutes_of(m1=60), (FIRST, 5))
    assert curve(minutes, Present(AT, running=True, rate=7.0), QUARTER, 15).values[-2:] == (1.0, pytest.approx(7.0))
    assert curve(minutes, Present(AT, running=True), QUARTER, 15).values[-1] == 1.0
    # nothing runs: the minute of the last rows is over
    assert curve(minutes, Present(AT), QUARTER, 15).values[-1] == pytest.approx(5 / 60)


def test_what_is_older_than_the_span_is_not_shown_and_the_last_work_is_named() -> None:
    found = curve(minutes_of(m30=6000), Present(AT), QUARTER, 15)
    assert found.peak == 0
    assert found.last == datetime(2026, 3, 1, 11, 31, tzinfo=UTC)
    assert curve(minutes_of(m30=6000), Present(AT), HOUR, 60).peak == 100
    assert curve((), Present(AT), DAY, 40).last is None


def test_nothing_moves_while_nothing_is_done() -> None:
    """The plot of an idle console must not be drawn anew because time passes."""
    minutes = minutes_of(m2=600)
    before = curve(minutes, Present(AT), HOUR, 60)
    assert curve(minutes, Present(AT + timedelta(seconds=20)), HOUR, 60) == before


def test_minutes_of_several_jobs_add_up() -> None:
    assert added([((1, 10), (2, 20)), ((2, 5), (4, 1))]) == ((1, 10), (2, 25), (4, 1))


def work_before(workspace: Workspace, minutes_ago: int, rows: int) -> None:
    """Rows that job 3 got through while no console was open."""
    minute = NOW.replace(second=0, microsecond=0) - timedelta(minutes=minutes_ago)
    with workspace.db.write() as conn:
        conn.execute(throughput.delete())
        conn.execute(throughput.insert().values(job_id=3, minute=minute, processed=rows))


async def test_a_console_that_opens_shows_what_was_done_before_and_looks_as_far_back_as_it_is_told(
    filled: Workspace,
) -> None:
    work_before(filled, 40, 60_000)
    async with opened(filled, (120, 36)) as pilot:
        await shows(pilot, "no rows since")
        await pilot.press("z")
        await shows(pilot, "peak", "1 hour")
        peak = screen_text(pilot)
        assert "peak 0/s" not in peak
        await pilot.press("z", "z")
        await shows(pilot, "24 hours")
        await pilot.press("z")
        await shows(pilot, "no rows since")
        await pilot.press("z")
        await shows(pilot, "1 hour")
        await pilot.press("q")
        await until(pilot, lambda: session_file(filled.settings).is_file())
    session, _ = read_session(session_file(filled.settings))
    assert session.span == "1h"
    async with opened(filled, (120, 36)) as pilot:
        await shows(pilot, "peak", "1 hour")


async def test_the_detail_plots_the_job_that_is_shown_alone(filled: Workspace) -> None:
    work_before(filled, 5, 60_000)
    async with opened(filled, (200, 50)) as pilot:
        await shows(pilot, "15 minutes")
        plots = screen_text(pilot).count("UTC")
        for _ in range(5):
            await pilot.press("j")
        await until(pilot, lambda: main(pilot).shown.detail is not None and main(pilot).shown.detail.job_id == 3)
        await until(pilot, lambda: screen_text(pilot).count("UTC") > plots)
