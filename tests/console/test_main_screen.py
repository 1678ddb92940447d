"""The main screen, driven by keys on a real database."""

from __future__ import annotations

from dataclasses import replace
from time import monotonic

import sqlalchemy as sa

from pqcore.jobs.filter import parse_filter
from pqcore.jobs.model import Status
from pqcore.workspace import Workspace
from pqtui.feed import Fresh
from pqtui.screens.confirm import Confirm
from pqtui.screens.help import Help
from pqtui.widgets.bars import TopBar
from tests.console import world
from tests.console.conftest import main, opened, screen_text, shows, type_text, until


async def test_three_panes_are_live(filled: Workspace) -> None:
    async with opened(filled, (200, 50)) as pilot:
        await shows(
            pilot, "Jobs 8", "Detail", "Metrics", "○ pending", "documents.wrapped_key", "work ops1:4711", "Events"
        )
        world.add_job(filled, 42, selection={"table": "late_arrivals", "field": "digest"})
        await shows(pilot, "Jobs 9", "late_arrivals.digest")


async def test_a_job_that_changes_elsewhere_changes_here(filled: Workspace) -> None:
    async with opened(filled, (200, 50)) as pilot:
        await shows(pilot, "○ pending")
        filled.jobs.cancel(8)
        await until(pilot, lambda: "⊘ cancelled" in screen_text(pilot).split("\n")[3])


async def test_what_the_detail_advises_follows_the_workers(filled: Workspace) -> None:
    # nothing is read again by the clock: only the news of the workers can change the detail
    async with opened(filled, (200, 50), poll_seconds=3600) as pilot:
        await shows(pilot, "Waiting for a free worker")
        gone = replace(main(pilot).shown.metrics, workers=())
        main(pilot).post_message(Fresh("metrics", "", gone, monotonic()))
        await shows(pilot, "No worker is running. Press r")


async def test_filter_as_you_type_counts_what_is_left_out(filled: Workspace) -> None:
    async with opened(filled) as pilot:
        await pilot.press("slash")
        await type_text(pilot, "status:failed")
        await shows(pilot, "Jobs 1 of 8, filtered", "audit_log.signature")
        assert "documents" not in screen_text(pilot).split("Detail")[0]
        await pilot.press("escape")
        await shows(pilot, "Jobs 8")


async def test_a_filter_that_is_wrong_says_so_in_place_and_keeps_the_list(filled: Workspace) -> None:
    async with opened(filled) as pilot:
        await pilot.press("slash")
        await type_text(pilot, "status:fails")
        await shows(pilot, "names no status", "Did you mean status:failed", "Jobs 8")


async def test_keys_typed_into_the_filter_are_no_actions(filled: Workspace) -> None:
    async with opened(filled) as pilot:
        await pilot.press("slash", "c", "p", "a", "f", "q")
        assert pilot.app.screen is main(pilot)
        assert not main(pilot).lines.marks
        assert main(pilot).query_one("#filter").value == "cpafq"


async def test_sort_by_another_column_and_turn_round(filled: Workspace) -> None:
    async with opened(filled, (160, 40)) as pilot:
        assert [j.id for j in main(pilot).lines.rows] == [8, 7, 6, 5, 4, 3, 2, 1]
        await pilot.press("s", "enter")
        await until(pilot, lambda: [j.id for j in main(pilot).lines.rows] == [1, 2, 3, 4, 5, 6, 7, 8])
        await shows(pilot, "Id↑")


async def test_pause_and_resume(filled: Workspace) -> None:
    async with opened(filled) as pilot:
        await pilot.press("p")
        await shows(pilot, "Job 8 is asked to pause", "‖ paused")
        assert filled.jobs.get(8).paused
        await pilot.press("u")
        await shows(pilot, "Job 8 is resumed")
        assert not filled.jobs.get(8).paused


async def test_cancel_asks_and_leaving_changes_nothing(filled: Workspace) -> None:
    async with opened(filled) as pilot:
        await pilot.press("c")
        await shows(pilot, "Cancel?", "Job 8")
        await pilot.press("enter")  # the harmless button has the focus
        await until(pilot, lambda: pilot.app.screen is main(pilot))
        assert filled.jobs.get(8).status is Status.PENDING
        await pilot.press("c", "tab", "enter")
        await shows(pilot, "Job 8 is cancelled")
        assert filled.jobs.get(8).status is Status.CANCELLED


async def test_a_dialog_keeps_its_jobs_whatever_is_refreshed_behind_it(filled: Workspace) -> None:
    async with opened(filled) as pilot:
        await pilot.press("space", "space", "c")  # jobs 8 and 7
        await shows(pilot, "2 jobs: 8, 7")
        world.add_job(filled, 50)
        world.add_job(filled, 51)
        await until(pilot, lambda: main(pilot).lines.total == 10)
        assert isinstance(pilot.app.screen, Confirm)
        assert pilot.app.screen.plan.ids == (8, 7)
        await pilot.press("2", "enter")
        await shows(pilot, "2 jobs are cancelled")
        assert {i: filled.jobs.get(i).status for i in (8, 7)} == {8: Status.CANCELLED, 7: Status.CANCELLED}
        assert {i: filled.jobs.get(i).status for i in (50, 51)} == {50: Status.PENDING, 51: Status.PENDING}


async def test_cancelling_several_needs_their_number_typed(filled: Workspace) -> None:
    async with opened(filled) as pilot:
        await pilot.press("space", "space", "c")
        await shows(pilot, "Type the number of jobs, 2")
        await pilot.press("3", "enter")
        assert isinstance(pilot.app.screen, Confirm)
        assert pilot.app.screen.query_one("#go").disabled
        assert filled.jobs.get(8).status is Status.PENDING


async def test_marks_that_cannot_are_left_out_and_named(filled: Workspace) -> None:
    async with opened(filled) as pilot:
        await pilot.press("a", "t")  # of all eight, the failed and the cancelled one can be retried
        await shows(pilot, "2 jobs: 4, 2", "6 jobs of those marked cannot")


async def test_starting_over_asks_for_the_jobs_number(filled: Workspace) -> None:
    async with opened(filled) as pilot:
        await pilot.press("slash")
        await type_text(pilot, "status:failed")
        await pilot.press("enter")
        await shows(pilot, "Jobs 1 of 8")
        await pilot.press("T")
        await shows(pilot, "Type the job's number, 2", "forgotten for good")
        await pilot.press("2", "enter")
        await shows(pilot, "put back, from its first row")
        assert filled.jobs.get(2).progress.total is None


async def test_retry_says_that_nobody_works(filled: Workspace) -> None:
    with filled.db.write() as conn:
        conn.execute(sa.text("DELETE FROM pq_migration_workers"))
    async with opened(filled) as pilot:
        await pilot.press("down", "down", "down", "down")
        await until(pilot, lambda: main(pilot).lines.current.id == 4)
        await pilot.press("t")
        await shows(pilot, "Job 4 is put back.", "No worker is running: press r to run it here.")


async def test_an_action_that_cannot_be_done_says_why(filled: Workspace) -> None:
    async with opened(filled) as pilot:
        await pilot.press("t")
        await shows(pilot, "Job 8 is pending; only failed and cancelled jobs can be retried.")


async def test_read_only_refuses_every_write_and_says_so(filled: Workspace, tmp_path: object) -> None:
    workspace = world.open_world(filled.settings.data_dir, read_only=True)
    async with opened(workspace) as pilot:
        await shows(pilot, "READ-ONLY")
        for key in ("n", "p", "c", "r", "w"):
            await pilot.press(key)
            await shows(pilot, "This session is read-only.")
        assert pilot.app.screen is main(pilot)
    workspace.close()


async def test_marks_survive_refresh_and_filter(filled: Workspace) -> None:
    async with opened(filled) as pilot:
        await pilot.press("space", "slash")
        await type_text(pilot, "status:failed")
        await shows(pilot, "1 of 8, filtered, 1 marked")
        await pilot.press("escape")
        await until(pilot, lambda: main(pilot).lines.total == 8)
        assert main(pilot).lines.marks == frozenset({8})


async def test_the_cursor_stays_on_its_job_when_others_arrive(filled: Workspace) -> None:
    async with opened(filled) as pilot:
        await pilot.press("down", "down")
        await until(pilot, lambda: main(pilot).lines.current.id == 6)
        world.add_job(filled, 60)
        await until(pilot, lambda: main(pilot).lines.total == 9)
        assert main(pilot).lines.current.id == 6


async def test_a_database_that_goes_away_is_a_badge_and_comes_back_by_itself(filled: Workspace) -> None:
    path = filled.settings.data_dir / "world.sqlite"
    away = path.with_suffix(".away")
    async with opened(filled) as pilot:
        await pilot.press("space")
        filled.db.engine.dispose()
        path.rename(away)
        path.mkdir()  # nothing can be opened here
        await shows(pilot, "file gone")
        assert "audit_log" in screen_text(pilot)  # what is known stays
        path.rmdir()
        away.rename(path)
        await shows(pilot, "● live")
        assert main(pilot).lines.marks == frozenset({8})


async def test_a_refresh_in_which_nothing_changed_writes_nothing(filled: Workspace) -> None:
    async with opened(filled, (200, 50), poll_seconds=3600) as pilot:
        await until(pilot, lambda: main(pilot).shown.detail is not None)
        await pilot.pause(0.3)
        written: list[str] = []
        driver = pilot.app._driver
        assert driver is not None
        driver.write = written.append  # type: ignore[method-assign,assignment]
        before = main(pilot).shown.fresh_at
        await pilot.press("R")
        await until(pilot, lambda: main(pilot).shown.fresh_at != before)
        await pilot.pause(0.3)
        assert "".join(written) == ""


async def test_everything_is_reachable_in_a_small_terminal(filled: Workspace) -> None:
    async with opened(filled, (60, 16)) as pilot:
        await shows(pilot, "Jobs 8", "? Help", "q Quit")
        await pilot.press("enter")
        await shows(pilot, "[Overview]", "Job 8")
        await pilot.press("escape", "c")
        await shows(pilot, "Cancel?", "Leave as it is", "Cancel 1 job")
        await pilot.press("escape", "3")
        await shows(pilot, "Status", "○ pending")


async def test_detail_pages_show_dead_letters_and_what_to_do(filled: Workspace) -> None:
    async with opened(filled, (160, 40)) as pilot:
        await pilot.press("slash")
        await type_text(pilot, "status:failed")
        await pilot.press("enter")
        await shows(pilot, "Dead 3", "See the dead letters")
        await pilot.press("2", "right", "right", "right", "right")
        await shows(pilot, "[Dead letters 3]", "key_missing", "The key audit-2017 is not in the keyring")


async def test_help_names_every_action_and_why_it_cannot_be_done(filled: Workspace) -> None:
    async with opened(filled, (120, 60)) as pilot:
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(pilot.app.screen, Help))
        await shows(pilot, "Create a job", "not now: Job 8 is pending")


async def test_the_palette_finds_an_action_by_name(filled: Workspace) -> None:
    async with opened(filled) as pilot:
        await pilot.press("ctrl+p")
        await type_text(pilot, "pause")
        await shows(pilot, "Stop between two batches and keep the job for later")
        await pilot.press("enter")
        await until(pilot, lambda: filled.jobs.get(8).paused)


async def test_hostile_text_from_the_database_reaches_no_terminal(empty: Workspace) -> None:
    hostile = "[/red][bold]\x1b]52;c;aGk=\x07\x1b[2J\u202egnp\x9b31m\nnext"
    world.add_job(
        empty, 1, selection={"table": hostile, "field": hostile}, status="failed", error=hostile, total=3, failed=3,
        letters=((hostile, hostile[:20], hostile),), log=((hostile[:20], hostile),),
    )  # fmt: skip
    async with opened(empty, (160, 40)) as pilot:
        await pilot.press("2")
        for _ in range(5):
            await pilot.press("right")
            await pilot.pause()
            text = screen_text(pilot)
            assert not {c for c in text if (ord(c) < 32 and c != "\n") or 0x7F <= ord(c) < 0xA0 or c in "\u202e"}
            assert "[/red]" in text


async def test_the_list_scrolls_through_thousands_of_jobs(empty: Workspace) -> None:
    from pqcore.database.tables import jobs

    with empty.db.write() as conn:
        rows = [{"id": n, "scope": "hashes", "status": "done", "created_at": world.NOW} for n in range(1, 5001)]
        conn.execute(jobs.insert(), rows)
    async with opened(empty, (100, 30)) as pilot:
        lines = main(pilot).lines
        await shows(pilot, "Jobs 5,000")
        await pilot.press("end")
        await until(pilot, lambda: lines.current is not None and lines.current.id == 1)
        await pilot.press("pageup", "pageup", "pageup", "pageup", "pageup", "pageup", "pageup", "pageup", "pageup")
        await until(pilot, lambda: lines.current is not None and lines.current.id > 80)
        await pilot.press("home")
        await until(pilot, lambda: lines.current is not None and lines.current.id == 5000)
        assert len(lines.rows) < 300


async def test_counts_agree_with_the_repository(filled: Workspace) -> None:
    async with opened(filled) as pilot:
        assert main(pilot).lines.total == filled.jobs.count(parse_filter("")) == 8
        assert isinstance(main(pilot).query_one(TopBar), TopBar)


async def test_where_the_filter_keeps_no_job_none_is_shown_in_detail(filled: Workspace) -> None:
    async with opened(filled) as pilot:
        await shows(pilot, "Job 8")
        await pilot.press("slash")
        await type_text(pilot, "zzz")
        await shows(pilot, "No job matches the filter", "No job is chosen.")
        fresh = main(pilot).shown.fresh_at
        await until(pilot, lambda: main(pilot).shown.fresh_at > fresh + 0.5)  # a few reads later
        await shows(pilot, "No job is chosen.")
        await pilot.press("escape")
        await shows(pilot, "Job 8", "Waiting for a free worker")
