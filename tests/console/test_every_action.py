"""Every action of the registry, on every screen, pressed once: what it does shows, or why it cannot be done."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from textual.pilot import Pilot

from pqcore.jobs.model import Event
from pqcore.workspace import Workspace
from pqtui.actions import ACTIONS, PARTS
from pqtui.news import news_of
from tests.console.conftest import main, opened, screen_text, shows, until
from tests.console.test_new_job import open_editor, write
from tests.console.world import NOW

# action of the main screen -> the job under the cursor, and what the screen shows after its key
SHOWN: dict[str, tuple[int, str]] = {
    "new": (8, "New job"),
    "pause": (8, "Job 8 is asked to pause"),
    "resume": (5, "Job 5 is resumed"),
    "cancel": (7, "Cancel?"),
    "restart": (4, "Type the job's number, 4"),
    "retry": (4, "Job 4 is put back."),
    "requeue": (2, "Job 2 is put back for its dead letters."),
    "run": (8, "Job 8 is paused; resume it first."),
    "stop": (8, "Job 8 does not run in this console."),
    "tune": (8, "Limits of job 8"),
    "verify": (7, "Job 7 is pending; it has to be ended first."),
    "rollback": (1, "Job 1 kept no originals"),
    "finalize": (1, "Job 1 keeps no originals; there is nothing to finalize."),
    "records": (3, "[Events 2]"),
    "hand_over": (8, "Job 8 does not run in this console"),
    "clone": (3, "wrapped_key"),
    "filter": (8, "status:failed scope:wrappers"),
    "sort": (8, "Sort by"),
    "mark": (8, "1 marked"),
    "mark_all": (8, "8 marked"),
    "back": (8, "Jobs 8 "),
    "copy": (8, "sent to the clipboard of"),
    "export": (8, "esc leaves it"),
    "span": (8, "1 hour"),
    "estate": (8, "salted"),
    "news": (8, "Nothing is known to have happened"),
    "pane_detail": (8, "[Overview]"),
    "pane_metrics": (8, "Status"),
    "pane_jobs": (8, "Jobs 8"),
    "refresh": (8, "live"),
    "hold": (8, "FROZEN"),
    "work": (8, "This console now runs whatever is due."),
    "profile": (8, "profile"),
    "help": (8, "Create a job"),
    "palette": (8, "Search for"),
}
ELSEWHERE = {"quit"}  # in test_session


async def test_every_action_shows_what_it_did_or_why_not(filled: Workspace) -> None:
    by_id = {action.id: action for action in ACTIONS}
    assert set(SHOWN) | ELSEWHERE == set(by_id)
    async with opened(filled, (160, 44)) as pilot:
        screen = main(pilot)
        # what begins to claim jobs comes last
        for action_id in sorted(SHOWN, key="work".__eq__):
            job_id, text = SHOWN[action_id]
            screen.lines.move_to(8 - job_id)
            await until(
                pilot, lambda job_id=job_id: screen.lines.current is not None and screen.lines.current.id == job_id
            )
            await pilot.press(by_id[action_id].keys[0])
            if action_id == "records":
                await pilot.press("right")
            await shows(pilot, text)
            for _ in range(4):
                if pilot.app.screen is not screen:
                    await pilot.press("escape")
            await until(pilot, lambda: pilot.app.screen is screen)
            if action_id == "filter":
                await pilot.press("escape")  # out of its field
            if action_id == "hold":
                await pilot.press("f")
                await until(pilot, lambda: "FROZEN" not in screen_text(pilot))
            await pilot.press("1")


Steps = Callable[[Pilot[int]], Awaitable[None]]
SELECTION = '{\n  "table": "people",\n  "field": "password",\n  "options": {"mode": "password"}\n}'


async def records_of(pilot: Pilot[int]) -> None:
    """The records of a job with dead letters: its ranges."""
    main(pilot).lines.move_to(6)
    await until(pilot, lambda: main(pilot).lines.current is not None and main(pilot).lines.current.id == 2)
    await pilot.press("o", "right")
    await shows(pilot, "[Ranges 1]", "migrate")


async def one_range(pilot: Pilot[int]) -> None:
    await records_of(pilot)
    await pilot.press("enter")
    await shows(pilot, "After key")


async def news(pilot: Pilot[int]) -> None:
    event = Event(1, 8, NOW, "done", "Done", "ada", "ops1")
    pilot.app.news = news_of([event], NOW)
    await pilot.press("N")
    await shows(pilot, "people.password")


async def estate(pilot: Pilot[int]) -> None:
    await pilot.press("i")
    await shows(pilot, "salted")
    await until(pilot, lambda: not pilot.app.screen._busy)


async def limits(pilot: Pilot[int]) -> None:
    await pilot.press("l")
    await shows(pilot, "Limits of job 8")


async def editor(pilot: Pilot[int]) -> None:
    await open_editor(pilot)
    await write(pilot, SELECTION)
    await shows(pilot, "24 rows")


async def review(pilot: Pilot[int]) -> None:
    await editor(pilot)
    await pilot.press("ctrl+s")
    await shows(pilot, "Tried on")


# part of the registry -> the way to its screen; action -> what the screen shows after its key
OTHERS: dict[str, tuple[Steps, dict[str, str]]] = {
    "records": (
        records_of,
        {
            "open": "Done up to",
            "range_letters": "Range 1 › Dead letters",
            "refresh": "[Ranges 1]",
            "help": "Tell the story of the row",
            "palette": "Search for",
            "records_next": "[Events 0]",
            "records_before": "[Ranges 1]",
            "leave": "Jobs 8",
            "records_find": "the key of a row",
        },
    ),
    "record": (
        one_range,
        {
            "range_letters": "Range 1 › Dead letters",
            "refresh": "This is shown as it was read.",
            "help": "Go back by one step",
            "palette": "Search for",
            "leave": "[Ranges 1]",
        },
    ),
    "news": (
        news,
        {
            "help": "Show what is under the cursor in full",
            "palette": "Search for",
            "leave": "Jobs 8",
            "open": "Job 8 hashes people.password › Events",
        },
    ),
    "estate": (
        estate,
        {
            "estate_exact": "all rows",
            "estate_policy": "under nist-general",
            "refresh": "salted",
            "help": "Hold the same counts against the next policy",
            "palette": "Search for",
            "estate_new": '"table": "people"',
            "leave": "Jobs 8",
        },
    ),
    "tune": (limits, {"limits_change": "Jobs 8", "dialog_leave": "Jobs 8"}),
    "editor": (
        editor,
        {
            "editor_check": "Create a job: hashes",
            "editor_complete": '"password"',
            "editor_turn": "Scope",
            "editor_problem": "There is no problem.",
            "editor_recent": "Recent selections for this database",
            "editor_open": "Open a selection",
            "editor_save": "Save the selection as",
            "editor_help": "Offer what fits at the cursor",
            "editor_undo": '"table": ""',
            "editor_redo": '"table": "people"',
            "editor_leave": "Jobs 8",
        },
    ),
    "review": (review, {"dialog_leave": "24 rows", "review_create": "Job 9 is created."}),
}


def test_no_part_of_the_registry_is_left_out() -> None:
    assert {"main", *OTHERS} == set(PARTS)
    for part, (_, shown) in OTHERS.items():
        assert set(shown) == {action.id for action in PARTS[part]}, part


@pytest.mark.parametrize("part", OTHERS)
async def test_every_action_of_the_other_screens(filled: Workspace, part: str) -> None:
    way, shown = OTHERS[part]
    keys = {action.id: action.keys[0] for action in PARTS[part]}
    async with opened(filled, (160, 44)) as pilot:
        home: object = None
        for action_id, text in shown.items():
            while pilot.app.screen not in (home, main(pilot)):
                await leave_one(pilot)
            if pilot.app.screen is main(pilot):
                await way(pilot)
                home = pilot.app.screen
            await pilot.press(keys[action_id])
            await shows(pilot, text)


async def leave_one(pilot: Pilot[int]) -> None:
    """Leave the screen on top."""
    top = pilot.app.screen
    await pilot.press("escape")
    await until(pilot, lambda: pilot.app.screen is not top)
