"""How fast jobs went is seen as soon as the console opens, also of what ran while none was open."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from pqcore.database.tables import throughput
from pqcore.jobs.model import Job, Phase, Progress, Status
from pqcore.migrations.base import Scope
from pqcore.workspace import Workspace
from pqtui.curve import SPANS, number_of
from pqtui.glyphs import ASCII
from pqtui.main.shown import Shown
from pqtui.snapshots import MetricsReader, MetricsSnapshot, utc_now
from pqtui.throughput import Elsewhere, History, HistoryReader
from tests.console import world
from tests.console.conftest import main, opened, screen_text, shows, still, until
from tests.console.world import NOW

MINUTE = timedelta(minutes=1)


def note(workspace: Workspace, job_id: int, at: datetime, rows: int) -> None:
    """As the roll-up would."""
    with workspace.db.write() as conn:
        mine = sa.and_(throughput.c.job_id == job_id, throughput.c.minute == at)
        conn.execute(sa.delete(throughput).where(mine))
        conn.execute(throughput.insert().values(job_id=job_id, minute=at, processed=rows))


def job(**values: object) -> Job:
    given = {"id": 1, "scope": Scope.HASHES, "status": Status.RUNNING, "selection": None, "is_running": True}
    return Job(**{**given, **values})  # type: ignore[arg-type]


# reading


def test_the_last_day_is_read_once_and_then_what_may_have_changed(empty: Workspace) -> None:
    clock = NOW
    read = HistoryReader(empty.jobs, lambda: clock)
    n = number_of(NOW)
    note(empty, 1, NOW - timedelta(days=1, minutes=2), 5)
    note(empty, 1, NOW - 600 * MINUTE, 10)
    note(empty, 1, NOW - MINUTE, 20)
    note(empty, 2, NOW - MINUTE, 3)
    first = read([1])
    assert first.all == ((n - 600, 10), (n - 1, 23))
    assert first.each == {1: ((n - 1, 20),)}
    assert first.ahead == 0
    note(empty, 1, NOW - MINUTE, 25)
    note(empty, 2, NOW, 7)
    note(empty, 1, NOW - 599 * MINUTE, 4)  # nobody writes so late
    asked: list[str] = []
    sa.event.listen(empty.db.engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    clock += MINUTE
    second = read([2])
    assert second.all == ((n - 600, 10), (n - 1, 28), (n, 7))
    assert second.each == {2: ((n - 1, 3), (n, 7))}
    assert not [text for text in asked if "GROUP BY" in text]
    read.expire()
    assert (n - 599, 4) in read([]).all
    clock += 20 * MINUTE  # it was not looked at for long
    note(empty, 1, NOW + 5 * MINUTE, 100)
    assert (n + 5, 100) in read([]).all


def test_what_grows_too_old_is_forgotten(empty: Workspace) -> None:
    clock = NOW
    read = HistoryReader(empty.jobs, lambda: clock)
    note(empty, 1, NOW - 1439 * MINUTE, 10)
    assert len(read([]).all) == 1
    clock += 3 * MINUTE
    assert read([]).all == ()


def test_where_nothing_runs_and_no_total_moves_no_minute_is_read(filled: Workspace) -> None:
    with filled.db.write() as conn:
        conn.execute(sa.text("UPDATE pq_migration_jobs SET status = 'cancelled' WHERE status = 'running'"))
    passed = 0.0
    metrics = MetricsReader(filled.jobs, lambda: passed, lambda: NOW)
    first = metrics("all")
    assert sum(rows for _, rows in first.history.all) == sum(
        rows for _, rows in filled.jobs.minutes(NOW - timedelta(days=1))
    ) != 0  # fmt: skip
    asked: list[str] = []
    sa.event.listen(filled.db.engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    filled.jobs.note(8, "noted", "Something else was written")
    passed += 1.0
    assert metrics("all").history == first.history
    assert asked
    assert not [text for text in asked if "pq_migration_throughput" in text]
    # a worker elsewhere has begun and ended a job between two looks
    world.add_job(filled, 41, status="done", total=9, migrated=9, processed_count=9, minutes={0: 9})
    passed += 1.0
    assert metrics("all").history.all[-1] == (number_of(NOW), 9)


# jobs of other programs


def test_of_jobs_that_other_programs_run_only_what_is_seen_is_known() -> None:
    seen = Elsewhere()
    assert not seen.observe([job(processed_count=1000)], [], NOW)  # what was done before is not of this time
    assert seen.observe([job(processed_count=1100), job(id=2, processed_count=5)], [], NOW)
    assert seen.observe([job(processed_count=20), job(id=2, processed_count=8)], [], NOW + MINUTE)  # the first: again
    ended = job(processed_count=50, status=Status.DONE, is_running=False)
    assert seen.observe([job(id=2, processed_count=8)], [ended], NOW + MINUTE)
    n = number_of(NOW)
    assert seen.minutes == ((n, 100), (n + 1, 33))
    ours = job(id=3, phase=Phase.MIGRATING)
    seen.observe([ours], [], NOW)
    assert not seen.observe([job(id=3, phase=Phase.MIGRATING, processed_count=9)], [], NOW)
    seen.observe([], [], NOW + timedelta(days=2))
    assert seen.minutes == ()


# what is shown of it


def test_plots_stand_still_where_nothing_goes_on_and_move_where_something_does() -> None:
    n = number_of(NOW)
    shown, snapshot = Shown(), MetricsSnapshot((), (), (), history=History(((n - 3, 60),)))
    shown.take_metrics(snapshot, 1.0, NOW)
    first = shown.flow(60)
    shown.take_metrics(snapshot, 2.0, NOW + timedelta(hours=3))
    assert shown.flow(60) == first
    stale = job(phase=Phase.MIGRATING, lease_expired=True)
    shown.take_metrics(MetricsSnapshot((), (stale,), (), history=snapshot.history), 3.0, NOW + timedelta(hours=3))
    assert shown.flow(60).curve == first.curve  # nobody is at it
    held = job(phase=Phase.MIGRATING, held_by="w1")
    shown.take_metrics(MetricsSnapshot((), (held,), (), history=snapshot.history), 4.0, NOW + 5 * MINUTE)
    assert shown.flow(60).curve.end == NOW + 5 * MINUTE
    other = History(((n - 3, 60), (n + 9, 5)))
    shown.take_metrics(MetricsSnapshot((), (), (), history=other), 5.0, NOW + 9 * MINUTE)
    assert shown.flow(60).curve.end == NOW + 10 * MINUTE


def test_a_database_with_another_clock_is_gone_by() -> None:
    ahead = MetricsSnapshot((), (), (), history=History(((1, 1),), ahead=3600))
    shown = Shown()
    shown.take_metrics(ahead, 1.0, NOW)
    assert shown.flow(10).curve.end == NOW + timedelta(hours=1)


def test_the_plot_of_a_job_ends_where_it_last_processed_rows() -> None:
    n, shown = number_of(NOW), Shown()
    shown.take_metrics(MetricsSnapshot((), (), ()), 1.0, NOW)
    minutes = ((n - 100, 30), (n - 90, 60))
    done = job(status=Status.DONE, is_running=False, phase=Phase.ENDED)
    found = shown.curve_of(done, minutes, 15)
    assert found is not None
    assert (found.end, found.values[4], found.values[14]) == (NOW - 89 * MINUTE, 0.5, 1.0)
    running = shown.curve_of(job(held_by="w1", phase=Phase.MIGRATING, progress=Progress(9)), minutes, 15)
    assert running is not None
    assert (running.end, running.peak) == (NOW, 0.0)
    assert shown.curve_of(done, (), 15) is None
    assert shown.curve_of(None, minutes, 15) is None


def test_the_span_turns_to_its_ends_or_around() -> None:
    shown = Shown()
    shown.turn_span(-1)
    assert shown.span == SPANS[0]
    for _ in SPANS:
        shown.turn_span(1)
    assert shown.span == SPANS[-1]
    shown.turn_span(1, around=True)
    assert shown.span == SPANS[0]


# in the console


async def test_a_console_that_opens_shows_what_went_on_before(filled: Workspace) -> None:
    async with opened(filled, (160, 44)) as pilot:
        await shows(pilot, "peak 0.9/s", "11:45", "12:00 UTC")
        await pilot.press("down", "down", "down", "down", "down")  # job 3, which runs
        await shows(pilot, "15 minutes, peak 0.9/s")
        await pilot.press("down")  # job 2, which failed an hour ago
        await shows(pilot, "peak 0.3/s", "10:45", "11:00 UTC")


async def test_a_real_run_is_seen_by_a_console_that_opens_later(empty: Workspace) -> None:
    world.add_files(empty)
    world.run_to_end(empty, world.file_job(empty))
    async with opened(empty, (160, 44), now=utc_now) as pilot:
        await shows(pilot, f"peak {world.FILES / 60:.1f}/s")
        assert sum(rows for _, rows in main(pilot).shown.metrics.history.all) == world.FILES


async def test_the_span_is_chosen_by_key_and_found_again(filled: Workspace) -> None:
    async with opened(filled, (160, 44)) as pilot:
        await shows(pilot, "15 minutes")
        await pilot.press("z")
        await shows(pilot, "1 hour", "11:00")
        await pilot.press("3", "left")
        await shows(pilot, "6 hours", "06:00")
        await pilot.press("q")
        await until(pilot, lambda: not pilot.app.is_running or pilot.app._exit)
    async with opened(filled, (160, 44)) as pilot:
        await shows(pilot, "6 hours", "06:00")
        await pilot.press("z")
        await shows(pilot, "24 hours")
        await pilot.press("z")
        await shows(pilot, "15 minutes")
        await pilot.press("3", "right")
        await still(pilot)
        assert "15 minutes" in screen_text(pilot)


async def test_nothing_is_drawn_because_time_passes(filled: Workspace) -> None:
    with filled.db.write() as conn:
        conn.execute(sa.text("UPDATE pq_migration_jobs SET status = 'cancelled' WHERE status = 'running'"))
    clock = NOW
    async with opened(filled, (200, 50), now=lambda: clock) as pilot:
        await still(pilot)
        pane = main(pilot).query_one("#metrics-flow")
        before, at = pane.content, main(pilot).shown.metrics_at
        clock += 7 * MINUTE
        await until(pilot, lambda: main(pilot).shown.metrics_at > at)
        await pilot.pause()
        assert pane.content is before


async def test_what_did_not_flow_in_the_span_is_said_in_words(filled: Workspace) -> None:
    with filled.db.write() as conn:
        conn.execute(sa.text("UPDATE pq_migration_jobs SET status = 'cancelled' WHERE status = 'running'"))
    async with opened(filled, (160, 44), now=lambda: NOW + timedelta(hours=2)) as pilot:
        await shows(pilot, "no rows since 12:00 UTC")


@pytest.mark.parametrize("size", [(60, 16), (80, 24)])
async def test_plots_are_plain_where_the_terminal_needs_it(filled: Workspace, size: tuple[int, int]) -> None:
    async with opened(filled, size, glyphs=ASCII) as pilot:
        await pilot.press("3")
        await shows(pilot, "peak 0.9/s", "12:00 UTC")
        await still(pilot)
        assert screen_text(pilot).isascii()


async def test_a_missing_table_is_explained_in_place(filled: Workspace) -> None:
    async with opened(filled, (240, 40)) as pilot:
        with filled.db.write() as conn:
            conn.execute(sa.text("ALTER TABLE pq_migration_throughput RENAME TO away_for_now"))
        await shows(pilot, "cannot read", "does not exist", "run pqconsole init", "audit_log")
        with filled.db.write() as conn:
            conn.execute(sa.text("ALTER TABLE away_for_now RENAME TO pq_migration_throughput"))
        await shows(pilot, "● live")
