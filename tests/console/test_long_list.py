"""A list of a hundred thousand jobs, and a screen that waits for no database."""

from __future__ import annotations

import sys
import threading

import pytest
import sqlalchemy as sa
from textual.widgets import Input

from pqcore.jobs.model import Job
from pqcore.jobs.pages import KeyPage
from pqcore.jobs.repository import JobRepository
from pqcore.workspace import Workspace
from pqtui import window
from pqtui.local_work import LocalWork
from pqtui.screens.help import Help
from tests.console.conftest import main, opened, screen_text, shows, type_text, until

MANY = 100_000
FILL = """
INSERT INTO pq_migration_jobs (id, scope, status, selection, processed_count, created_at)
WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 100000)
SELECT n, 'hashes', CASE WHEN n % 1000 = 7 THEN 'failed' ELSE 'done' END,
       json_object('table', 't' || (n % 10), 'field', 'f'), n * 7919 % 100003, '2026-02-01 00:00:00.000000' FROM s
"""


@pytest.fixture
def many(empty: Workspace) -> Workspace:
    with empty.db.write() as conn:
        conn.exec_driver_sql(FILL)
    return empty


async def test_any_place_any_order_and_any_filter_of_many_jobs(many: Workspace) -> None:
    async with opened(many, (120, 36)) as pilot:
        lines = main(pilot).lines

        async def at(job_id: int) -> None:
            await until(pilot, lambda: lines.current is not None and lines.current.id == job_id)

        await shows(pilot, "Jobs 100,000")
        await pilot.press("space")  # 100,000
        await pilot.press("end")
        await at(1)
        lines.move_to(50_000)
        await at(50_000)
        await pilot.press("pageup")
        await until(pilot, lambda: lines.current is not None and lines.current.id > 50_000)
        assert len(lines.rows) < 300
        await pilot.press("slash")
        await type_text(pilot, "status:failed -table:t0 table:t7")
        await shows(pilot, "Jobs 100 of 100,000, filtered, 1 marked")
        await pilot.press("escape")
        await shows(pilot, "Jobs 100,000, 1 marked")
        assert lines.marks == frozenset({MANY})


async def test_a_console_that_begins_on_a_job_of_the_last_session_shows_its_detail(filled: Workspace) -> None:
    async with opened(filled) as pilot:
        lines = main(pilot).lines
        lines._cursor_id = lines._told_id = None  # as before the first snapshot
        lines.begin_at(lines.rows[0].id)
        main(pilot).shown.detail = None
        main(pilot).refresh_now()
        await until(pilot, lambda: main(pilot).shown.detail is not None)


async def test_an_order_without_an_index_is_read_rarely_and_says_of_when_it_is(
    many: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(window, "SLOW_SECONDS", 0.0)  # whatever this machine takes, it is slow
    monkeypatch.setattr(window, "SLOW_SHARE", 1e-9)
    async with opened(many, (200, 36)) as pilot:
        await shows(pilot, "Jobs 100,000")
        read: list[str] = []
        keys = JobRepository.keys

        def counted(self: JobRepository, *args: object) -> KeyPage:
            read.append("order")
            return keys(self, *args)  # type: ignore[arg-type]

        monkeypatch.setattr(JobRepository, "keys", counted)
        await pilot.press("s", "down", "down", "down", "enter")
        await shows(pilot, "Rows↓")
        await until(pilot, lambda: main(pilot).lines.rows and main(pilot).lines.rows[0].processed_count == 100_002)
        first = main(pilot).lines.rows[0].id
        await pilot.press("pagedown", "pagedown")  # beyond what was read first: now a long part is kept
        await until(pilot, lambda: main(pilot).lines.current is not None)
        await pilot.press("home")
        await until(pilot, lambda: main(pilot).lines.current is not None and main(pilot).lines.current.id == first)
        read.clear()
        with many.db.write() as conn:  # by another program: jobs in sight are read anew, their order is not
            conn.execute(
                sa.text("UPDATE pq_migration_jobs SET status = 'cancelled', processed_count = 1 WHERE id = :id"),
                {"id": first},
            )
        await until(pilot, lambda: main(pilot).lines.rows[0].status == "cancelled")
        await pilot.press("pagedown", "pagedown", "home")
        await until(pilot, lambda: main(pilot).lines.current is not None and main(pilot).lines.current.id == first)
        assert read == []
        await pilot.press("R")
        await until(pilot, lambda: main(pilot).lines.rows[0].id != first)
        assert read


async def test_keys_are_answered_while_the_database_is_not(filled: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    hung, go_on = threading.Event(), threading.Event()
    jobs_of, pause = JobRepository.jobs_of, JobRepository.pause

    def waits(self: JobRepository, ids: list[int]) -> tuple[Job, ...]:
        hung.set()
        go_on.wait(30)
        return jobs_of(self, ids)

    def waits_too(self: JobRepository, job_id: int) -> Job:
        go_on.wait(30)
        return pause(self, job_id)

    async with opened(filled) as pilot:
        monkeypatch.setattr(JobRepository, "jobs_of", waits)
        monkeypatch.setattr(JobRepository, "pause", waits_too)
        await until(pilot, hung.is_set)
        try:
            await pilot.press("p", "down", "down")  # an action that waits, and a cursor that does not
            await until(pilot, lambda: main(pilot).lines.current.id == 6)
            await pilot.press("question_mark")
            await until(pilot, lambda: isinstance(pilot.app.screen, Help))
            await pilot.press("escape", "slash", "x")
            await until(pilot, lambda: main(pilot).query_one("#filter", Input).value == "x")
            assert not filled.jobs.get(8).paused
        finally:
            go_on.set()
        await shows(pilot, " of 8, filtered")
        await until(pilot, lambda: filled.jobs.get(8).paused)
        assert "live" in screen_text(pilot)


def test_threads_that_work_here_leave_the_screen_its_turn(filled: Workspace) -> None:
    before = sys.getswitchinterval()
    try:
        local = LocalWork(filled)
        assert local._worker_by_hand() is not None
        assert sys.getswitchinterval() <= 0.001
        local.stop(1.0)
    finally:
        sys.setswitchinterval(before)
