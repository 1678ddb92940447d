"""A console that is opened again: where it was left, and what happened meanwhile."""

from __future__ import annotations

import stat
from datetime import timedelta
from pathlib import Path

import pytest

from pqcore.jobs.model import Event
from pqcore.jobs.sort import Sort
from pqcore.migrations.base import Scope
from pqcore.workspace import Workspace
from pqtui.draft import Draft
from pqtui.news import news_of, sentence
from pqtui.screens.new_job import NewJobScreen
from pqtui.session_state import SessionState, read_session, session_file, write_session
from tests.console import world
from tests.console.conftest import main, opened, shows, type_text, until
from tests.console.test_new_job import open_editor, write
from tests.console.world import NOW

STATE = SessionState(
    "status:failed", Sort("created_at", False), 7, Draft(Scope.WRAPPERS, 3, None, '{"table": "x"}'), 41, NOW, "6h"
)


def test_a_session_is_read_as_it_was_written_and_is_private(tmp_path: Path) -> None:
    path = tmp_path / "state" / "sessions" / "one.json"
    write_session(path, STATE)
    write_session(path, STATE)
    assert read_session(path) == (STATE, "")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [p.name for p in path.parent.iterdir()] == ["one.json"]
    assert read_session(path.with_name("none.json")) == (SessionState(), "")


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "null", '{"version": 2}', '{"version": 1, "filter": 3}', "[" * 100_000, "\udcff"],
)
def test_a_broken_file_is_passed_over_with_a_note(tmp_path: Path, content: str) -> None:
    path = tmp_path / "sessions" / "one.json"
    write_session(path, STATE)
    path.write_bytes(content.encode("utf-8", "surrogatepass"))
    state, note = read_session(path)
    assert state == SessionState()
    assert "passed over" in note


def test_a_file_that_others_may_read_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "sessions" / "one.json"
    write_session(path, STATE)
    path.chmod(0o644)
    state, note = read_session(path)
    assert state == SessionState()
    assert "open to other users" in note


async def test_filter_order_job_and_draft_are_found_again(filled: Workspace) -> None:
    async with opened(filled) as pilot:
        await pilot.press("s", "enter")
        await until(pilot, lambda: [j.id for j in main(pilot).lines.rows][:1] == [1])
        await pilot.press("slash")
        await type_text(pilot, "scope:hashes")
        await shows(pilot, "Jobs 5 of 8")
        await pilot.press("enter", "down", "down", "space")
        current = main(pilot).lines.current
        assert current is not None
        await open_editor(pilot)
        await write(pilot, '{"table": "people", "fie')
        await pilot.press("escape")
        await shows(pilot, "Jobs 5 of 8")
        await pilot.press("q")
        await until(pilot, lambda: not pilot.app.is_running or pilot.app._exit)
    assert session_file(filled.settings).is_file()
    async with opened(filled) as pilot:
        await shows(pilot, "Jobs 5 of 8", "scope:hashes")
        again = main(pilot).lines.current
        assert again is not None
        assert again.id == current.id
        await shows(pilot, f"Job {current.id}  ")  # the detail is of this job, too
        assert not main(pilot).lines.marks
        assert main(pilot).shown.sort == Sort("id", False)
        await open_editor(pilot)
        screen = pilot.app.screen
        assert isinstance(screen, NewJobScreen)
        assert screen.editor.text == '{"table": "people", "fie'


async def test_a_signal_keeps_what_is_being_written(filled: Workspace) -> None:
    async with opened(filled) as pilot:
        await open_editor(pilot)
        await write(pilot, '{"table": "pe')
        pilot.app.signalled()
        await until(pilot, lambda: session_file(filled.settings).is_file())
    state, note = read_session(session_file(filled.settings))
    assert note == ""
    assert state.draft is not None
    assert state.draft.text == '{"table": "pe'


async def test_a_console_opened_again_says_what_happened_meanwhile(filled: Workspace) -> None:
    async with opened(filled) as pilot:
        await pilot.press("q")
        await until(pilot, lambda: session_file(filled.settings).is_file())
    filled.jobs.note(8, "started", "Started")
    filled.jobs.note(8, "done", "Done")
    filled.jobs.note(7, "failed", "Failed")
    filled.jobs.resume(5)
    world.add_job(filled, 42, log=(("created", "Created"),))
    async with opened(filled) as pilot:
        await shows(pilot, "Since you left", "1 failed (7), 1 done (8), 1 created (42), 1 changed (5)", "Press N")
        await pilot.press("N")
        await shows(pilot, "Jobs › Since 2026-03-01 12:00:00 UTC: 4 jobs", "Resumed", "Failed", "Done (2 events)")
        await shows(pilot, "people.password")
        await pilot.press("j", "j", "j", "enter")  # the latest is on top: 42, 5, 7, 8
        await shows(pilot, "Job 8 hashes people.password › Events", "[Events 2]", "Started")
        await pilot.press("escape", "q")
        await until(pilot, lambda: pilot.app.screen is main(pilot))
        await pilot.press("q")
    async with opened(filled) as pilot:
        await shows(pilot, "Jobs 9")
        assert "Since you left" not in pilot.app.note
        await pilot.press("N")
        await shows(pilot, "Nothing is known to have happened")


def test_a_job_is_named_once_by_the_last_thing_that_happened() -> None:
    def event(number: int, job_id: int | None, kind: str) -> Event:
        return Event(number, job_id, NOW, kind, "", "ada", "ops1")

    happened = [event(1, 5, "failed"), event(2, 5, "retry"), event(3, 5, "done"), event(4, None, "install")]
    told = news_of(happened[::-1], NOW - timedelta(hours=3))
    assert sentence(told, NOW) == "Since you left 3h ago: 1 done (5)."
    assert [(each.job_id, each.event.id, each.events) for each in told.jobs] == [(5, 3, 3)]
    assert sentence(news_of([], NOW), NOW) == ""
    many = [event(n, n, "done") for n in range(9, 0, -1)]
    assert "9 done (1, 2, 3, 4 and 5 more)" in sentence(news_of(many, None), NOW)
    # what somebody asked for later does not hide where the job stands
    asked = [event(2, 7, "limits"), event(1, 7, "failed")]
    assert sentence(news_of(asked, None), NOW) == "Since you left: 1 failed (7)."


def test_each_profile_and_database_has_a_session_of_its_own(filled: Workspace) -> None:
    from dataclasses import replace

    one = filled.settings
    files = {session_file(s) for s in (one, replace(one, profile="a"), replace(one, url="sqlite:///other.sqlite"))}
    assert len(files) == 3
    secret = replace(one, url="mysql://ops:hunter2@db/app")
    assert session_file(secret) == session_file(replace(one, url="mysql://ops@db/app"))
