"""What is done with a job in the console once it runs or has ended: limits, stop, verify, roll back, finalize."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from textual.pilot import Pilot

from pqcore.database.tables import originals
from pqcore.jobs.model import Phase, Status
from pqcore.workspace import Workspace
from pqtui.screens.confirm import Confirm
from pqtui.screens.tune import Tune
from tests.console import world
from tests.console.conftest import main, opened, screen_text, shows, type_text, until

WIDE = (160, 40)


@pytest.fixture
def files(empty: Workspace) -> Workspace:
    """A workspace with a table of content digests, and no job."""
    world.add_files(empty)
    return empty


@pytest.fixture
def ended(files: Workspace) -> Workspace:
    """The same, migrated by job 1, which keeps the originals."""
    world.run_to_end(files, world.file_job(files, keep_originals=True))
    return files


def kept(workspace: Workspace) -> int:
    with workspace.db.read() as conn:
        return int(conn.execute(sa.select(sa.func.count()).select_from(originals)).scalar_one())


async def the_job(pilot: Pilot[int]) -> None:
    await until(pilot, lambda: main(pilot).lines.current is not None and main(pilot).shown.detail is not None)


async def confirm(pilot: Pilot[int], typed: str) -> None:
    await until(pilot, lambda: isinstance(pilot.app.screen, Confirm))
    await type_text(pilot, typed)
    await pilot.press("enter")


async def test_a_job_is_verified_and_then_finalized(ended: Workspace) -> None:
    async with opened(ended, WIDE) as pilot:
        await the_job(pilot)
        await shows(pilot, "kept, sealed, for rollback", "then F to destroy them")
        await shows(pilot, "Originals kept until finalized: job 1")
        await pilot.press("F")
        await shows(pilot, "Job 1 is not verified; verify it first.")
        await pilot.press("v")
        await shows(pilot, f"Job 1 is verified: {world.FILES} values read again and proved.")
        assert ended.jobs.get(1).phase is Phase.VERIFIED
        await shows(pilot, "verified: every value was read")
        await pilot.press("F")
        await shows(pilot, "Finalize?", f"The originals of up to {world.FILES} rows", "Type the job's number, 1")
        assert pilot.app.screen.query_one("#go").disabled
        assert kept(ended) == world.FILES
        await confirm(pilot, "1")
        await shows(pilot, f"Job 1 is finalized: {world.FILES} originals destroyed.", "its originals are destroyed")
        assert kept(ended) == 0
        await until(pilot, lambda: "kept until finalized" not in screen_text(pilot))
        await pilot.press("B")
        await shows(pilot, "Job 1 is finalized: its originals are destroyed.")


async def test_a_job_is_rolled_back_byte_for_byte(files: Workspace) -> None:
    before = world.digests(files)
    world.run_to_end(files, world.file_job(files, keep_originals=True))
    assert world.digests(files) != before
    async with opened(files, WIDE) as pilot:
        await the_job(pilot)
        await pilot.press("B")
        await shows(pilot, "Roll back?", f"Up to {world.FILES} rows to write")
        await confirm(pilot, "1")
        await shows(pilot, f"Job 1 is rolled back: {world.FILES} rows hold their old value again.", "↶ restored")
        assert world.digests(files) == before
        await pilot.press("v")
        await shows(pilot, "Job 1 is rolled back: nothing of it is left.")


async def test_a_destructive_dialog_keeps_its_job_through_refreshes(ended: Workspace) -> None:
    async with opened(ended, WIDE) as pilot:
        await the_job(pilot)
        await pilot.press("B")
        await until(pilot, lambda: isinstance(pilot.app.screen, Confirm))
        dialog = pilot.app.screen
        world.add_job(ended, 50)
        world.add_job(ended, 51)
        main(pilot).refresh_now()
        await until(pilot, lambda: main(pilot).lines.total == 3)
        assert pilot.app.screen is dialog
        assert dialog.plan.ids == (1,)
        await type_text(pilot, "51")
        await pilot.press("enter")
        assert pilot.app.screen is dialog
        assert kept(ended) == world.FILES
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen is main(pilot))
        assert ended.jobs.get(1).phase is Phase.ENDED


async def test_values_that_do_not_prove_themselves_are_said_and_set_aside(ended: Workspace) -> None:
    with ended.db.write() as conn:
        conn.execute(sa.text("UPDATE files SET body = 'tampered' WHERE id = 8"))
    async with opened(ended, WIDE) as pilot:
        await the_job(pilot)
        await pilot.press("v")
        await shows(pilot, "1 value does not prove itself")
        assert [letter.row_key for letter in ended.jobs.dead_letters(1)] == ["[8]"]
        await pilot.press("F")
        await shows(pilot, "Job 1 is not verified; verify it first.")
        assert not isinstance(pilot.app.screen, Confirm)


async def test_a_job_without_originals_cannot_be_rolled_back_and_says_why(files: Workspace) -> None:
    world.run_to_end(files, world.file_job(files))
    async with opened(files, WIDE) as pilot:
        await the_job(pilot)
        await pilot.press("B")
        await shows(pilot, "Job 1 kept no originals (keep_originals in its selection).")
        await pilot.press("F")
        await shows(pilot, "Job 1 keeps no originals; there is nothing to finalize.")


async def test_limits_of_a_running_job_are_changed_and_it_follows(files: Workspace) -> None:
    job_id = world.file_job(files, throttle={"rows_per_second": 1})
    async with opened(files, WIDE) as pilot:
        await the_job(pilot)
        await pilot.press("r")
        await until(pilot, lambda: files.jobs.get(job_id).status is Status.RUNNING)
        await shows(pilot, "rows_per_second 1")
        await pilot.press("l")
        await until(pilot, lambda: isinstance(pilot.app.screen, Tune))
        await shows(pilot, f"Limits of job {job_id}", "Rows per s", "(no limit)")
        box = pilot.app.screen.query_one("#limit-rows_per_second")
        assert box.value == "1"
        box.value = "fast"
        await shows(pilot, "Rows per s: ")
        await pilot.press("enter")
        assert isinstance(pilot.app.screen, Tune)
        box.value = ""
        await pilot.press("enter")
        await shows(pilot, f"Job {job_id} has other limits now.")
        assert files.jobs.get(job_id).limits == {"throttle": {"rows_per_second": None}}
        # thirty rows at one a second would take half a minute
        await until(pilot, lambda: files.jobs.get(job_id).status is Status.DONE, 20)
        assert any(event.kind == "tune" for event in files.jobs.events(job_id))


async def test_limits_of_several_jobs_show_where_they_differ(files: Workspace) -> None:
    first = world.file_job(files, throttle={"rows_per_second": 5, "max_running": 9})
    second = world.file_job(files, throttle={"rows_per_second": 7, "max_running": 9})
    async with opened(files, WIDE) as pilot:
        await until(pilot, lambda: main(pilot).lines.total == 2)
        await pilot.press("a")
        await until(pilot, lambda: len(main(pilot).shown.marked) == 2)
        await pilot.press("l")
        await until(pilot, lambda: isinstance(pilot.app.screen, Tune))
        await shows(pilot, "Limits of 2 jobs", "(they differ)")
        assert pilot.app.screen.query_one("#limit-max_running").value == "9"
        pilot.app.screen.query_one("#limit-windows").value = "22:00-06:00"
        await pilot.press("ctrl+s")
        await shows(pilot, "2 jobs have other limits now.")
        change = {"throttle": {"windows": ["22:00-06:00"]}}
        assert [files.jobs.get(i).limits for i in (first, second)] == [change, change]
        await pilot.press("l")
        await until(pilot, lambda: isinstance(pilot.app.screen, Tune))
        await pilot.click("#reset")
        await until(pilot, lambda: files.jobs.get(second).limits is None)


async def test_a_job_that_runs_here_is_stopped_and_left_to_be_resumed(files: Workspace) -> None:
    job_id = world.file_job(files, throttle={"rows_per_second": 1})
    async with opened(files, WIDE) as pilot:
        await the_job(pilot)
        await pilot.press("x")
        await shows(pilot, f"Job {job_id} does not run in this console.")
        await pilot.press("r")
        await until(pilot, lambda: job_id in main(pilot).situation().here)
        await until(pilot, lambda: files.jobs.get(job_id).status is Status.RUNNING)
        await pilot.press("x")
        await shows(pilot, f"Job {job_id} is asked to stop here")
        await until(pilot, lambda: files.jobs.get(job_id).status is Status.PENDING)
        assert not files.jobs.get(job_id).paused
        assert not pilot.app.local.active
