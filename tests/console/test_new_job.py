"""Creating a job in the console, on a real database."""

from __future__ import annotations

import json

from textual.color import Color
from textual.widgets import Input, Select

from pqcore.errors import StateConflict
from pqcore.jobs.model import Status
from pqcore.workspace import Workspace
from pqtui.screens.new_job import NewJobScreen
from pqtui.screens.review import Review
from tests.console import world
from tests.console.conftest import main, opened, screen_text, shows, still, type_text, until

DOCUMENT = '{"table": "people", "field": "password", "options": {"mode": "password"}}'


def new_job(pilot) -> NewJobScreen:  # type: ignore[no-untyped-def]
    return next(s for s in pilot.app.screen_stack if isinstance(s, NewJobScreen))


async def open_editor(pilot) -> NewJobScreen:  # type: ignore[no-untyped-def]
    await pilot.press("n")
    await until(pilot, lambda: isinstance(pilot.app.screen, NewJobScreen) and pilot.app.screen._targets)
    return new_job(pilot)


async def write(pilot, text: str) -> None:  # type: ignore[no-untyped-def]
    """Replace the JSON, as an operator who pastes a document."""
    screen = new_job(pilot)
    screen.set_focus(screen.editor)
    screen.editor.select_all()
    await type_text(pilot, text)
    await until(pilot, lambda: screen.editor.text == text)


async def test_a_job_is_created_and_runs_to_done_in_this_console(empty: Workspace) -> None:
    async with opened(empty, (120, 40)) as pilot:
        await shows(pilot, "No jobs yet. Press n to create the first one.")
        await open_editor(pilot)
        await write(pilot, DOCUMENT)
        await shows(pilot, "24 rows, key id", "sha1$")
        await pilot.press("ctrl+s")
        await shows(pilot, "Tried on", "Now, in this console")
        await until(pilot, lambda: not pilot.app.screen.query_one("#go").disabled)
        await pilot.press("enter", "enter")
        await shows(pilot, "Job 1 is created.")
        await until(pilot, lambda: empty.jobs.get(1).status is Status.DONE, 60)
        await shows(pilot, "✓ done", "100%")
        assert empty.jobs.get(1).processed_count == 24


async def test_a_job_can_be_left_for_a_worker_at_a_time(empty: Workspace) -> None:
    async with opened(empty, (120, 40)) as pilot:
        await open_editor(pilot)
        await write(pilot, DOCUMENT)
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(pilot.app.screen, Review) and pilot.app.screen._ready)
        await pilot.press("down", "down", "enter")
        await type_text(pilot, "tomorrow")
        await pilot.press("enter")
        await shows(pilot, "This is no point in time. Write +2h")
        pilot.app.screen.query_one("#start-at", Input).value = ""
        await type_text(pilot, "+2h")
        await pilot.press("enter")
        await until(pilot, lambda: empty.jobs.count() == 1)
        job = empty.jobs.get(1)
        assert job.status is Status.PENDING
        assert job.scheduled_at is not None


async def test_form_and_json_are_in_step(empty: Workspace) -> None:
    async with opened(empty, (120, 40)) as pilot:
        screen = await open_editor(pilot)
        screen.set_focus(screen.query_one("#f-table", Input))
        await type_text(pilot, "people")
        await until(pilot, lambda: '"table": "people"' in screen.editor.text)
        await write(pilot, DOCUMENT.replace("}}", '}, "limit": 7, "where": {"column": "id", "op": "gt", "value": 3}}'))
        await until(pilot, lambda: screen.query("#f-limit") and screen.query_one("#f-limit", Input).value == "7")
        assert screen.query_one("#f-options-mode", Select).value == "password"
        await until(pilot, lambda: screen.query_one("#w-column-0", Input).value == "id")
        assert screen.query_one("#w-op-0", Select).value == "gt"
        await shows(pilot, "7 rows")
        screen.query_one("#w-value-0", Input).value = "20"
        await until(pilot, lambda: json.loads(screen.editor.text)["where"]["value"] == 20)
        await shows(pilot, "4 rows")


async def test_the_form_never_changes_what_was_written_as_json(empty: Workspace) -> None:
    texts = [
        DOCUMENT.replace("}}", '}, "where": {"column": "id", "op": "equals", "value": "3"}}'),
        DOCUMENT.replace("}}", '}, "where": {"column": "id", "op": "eq", "value": "3"}, "limit": "many"}'),
        DOCUMENT.replace("}}", '}, "where": {"any": [{"column": "id", "op": "is_null"}]}, "batch": {"rows": 1}}'),
        '{"table": 5, "field": ["x"], "options": {"mode": "digets", "source": {"a": 1}}, "key": "id", "unknown": null}',
    ]
    async with opened(empty, (120, 40)) as pilot:
        screen = await open_editor(pilot)
        for text in texts:
            await write(pilot, text)
            await pilot.pause(0.3)
            assert screen.editor.text == text


async def test_errors_as_you_type_name_place_and_remedy(empty: Workspace) -> None:
    async with opened(empty, (120, 40)) as pilot:
        await open_editor(pilot)
        await write(pilot, '{\n "table": "people",\n "feild": "password"\n}')
        await shows(pilot, "3:", "feild", "field")
        await write(pilot, DOCUMENT.replace("password", "pasword", 1))
        await shows(pilot, '"people" has no column "pasword"', "password")
        await write(pilot, "{")
        await shows(pilot, "problem")
        await pilot.press("ctrl+s")
        assert isinstance(pilot.app.screen, NewJobScreen)  # nothing goes on from here


async def test_completion_from_the_live_database(empty: Workspace) -> None:
    async with opened(empty, (120, 40)) as pilot:
        screen = await open_editor(pilot)
        await write(pilot, '{"table": "peo"}')
        screen.editor.go_to(1, 15)
        await pilot.press("ctrl+@")
        await until(pilot, lambda: screen.editor_popup.display)
        await shows(pilot, "people")
        await pilot.press("enter")
        await until(pilot, lambda: screen.editor.text == '{"table": "people"}')
        assert not screen.editor_popup.display


async def test_a_check_that_fails_keeps_the_job_from_being_made(empty: Workspace) -> None:
    async with opened(empty, (120, 40)) as pilot:
        screen = await open_editor(pilot)
        await write(pilot, '{"table": "people", "field": "email", "options": {"mode": "password"}}')
        await until(pilot, lambda: not screen._problems)
        await pilot.press("ctrl+s")
        await shows(pilot, "No job can be made of this until that is mended.")
        assert pilot.app.screen.query_one("#go").disabled
        await pilot.press("ctrl+s")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, NewJobScreen))
        assert empty.jobs.count() == 0


async def test_leaving_keeps_the_draft(empty: Workspace) -> None:
    async with opened(empty, (120, 40)) as pilot:
        await open_editor(pilot)
        await write(pilot, DOCUMENT)
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen is main(pilot))
        screen = await open_editor(pilot)
        assert screen.editor.text == DOCUMENT


async def test_clone_begins_with_the_jobs_selection_and_target(filled: Workspace) -> None:
    async with opened(filled, (120, 40)) as pilot:
        await pilot.press("y")
        await until(pilot, lambda: isinstance(pilot.app.screen, NewJobScreen) and pilot.app.screen._target)
        screen = new_job(pilot)
        assert json.loads(screen.editor.text) == filled.jobs.get(8).selection
        assert screen._target is not None
        assert screen._target.algorithm_id == filled.jobs.get(8).target_algo_id


async def test_a_hostile_selection_is_cloned_exactly_and_shown_safely(empty: Workspace) -> None:
    value = "\x1b]52;c;aGk=\x07\u202egnp\x9b31m"
    where = {"column": "email", "op": "eq", "value": value}
    selection = {"table": "people", "field": "password\x9b", "where": where, "options": {"mode": "password"}}
    world.add_job(empty, 1, selection=selection)
    async with opened(empty, (120, 40)) as pilot:
        await pilot.press("y")
        await until(pilot, lambda: isinstance(pilot.app.screen, NewJobScreen) and pilot.app.screen._targets)
        screen = new_job(pilot)
        await until(pilot, lambda: screen.query("#w-value-0") and screen.query_one("#w-value-0", Input).value)
        assert json.loads(screen.editor.text) == selection
        text = screen_text(pilot)
        assert not {c for c in text if (ord(c) < 32 and c != "\n") or 0x7F <= ord(c) < 0xA0 or c == "\u202e"}


async def test_a_job_that_another_worker_takes_first_is_not_made_twice(empty: Workspace) -> None:
    async with opened(empty, (120, 40)) as pilot:
        await open_editor(pilot)
        await write(pilot, DOCUMENT)
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(pilot.app.screen, Review) and pilot.app.screen._ready)

        def taken(job_id: int) -> None:
            raise StateConflict(f"Job {job_id} is run by another worker", "Watch it, or pause it first")

        pilot.app.local.run = taken
        await pilot.press("enter", "enter")
        await shows(pilot, "Job 1 is created. Job 1 is run by another worker. Watch it, or pause it first.")
        assert empty.jobs.count() == 1


async def test_changing_the_scope_offers_its_targets_and_options(empty: Workspace) -> None:
    async with opened(empty, (120, 40)) as pilot:
        screen = await open_editor(pilot)
        screen.query_one("#scope", Select).value = "wrappers"
        await shows(pilot, "ML-KEM-768+X25519", "(pqconsole's own)", "New key *")
        assert "Mode" not in screen_text(pilot)


async def test_a_small_terminal_shows_one_side_at_a_time(empty: Workspace) -> None:
    async with opened(empty, (60, 16)) as pilot:
        screen = await open_editor(pilot)
        await shows(pilot, "Table *", "^s Check and create")
        assert not screen.editor.region
        await pilot.press("ctrl+t")
        await until(pilot, lambda: screen.editor.has_focus)
        await shows(pilot, '"table"')


async def test_a_list_of_answers_that_has_the_focus_is_seen_and_can_be_read(empty: Workspace) -> None:
    async with opened(empty, (120, 36)) as pilot:
        screen = await open_editor(pilot)
        looks = {}
        for focused in ("#scope", "#json"):
            screen.query_one(focused).focus()
            await until(pilot, lambda focused=focused: screen.query_one(focused).has_focus)
            await still(pilot)
            line = screen._compositor.render_strips()[1]
            looks[focused] = next(s.style for s in line if s.text.strip() == "hashes" and s.style is not None)
        seen, other = looks["#scope"], looks["#json"]
        assert seen.bgcolor != other.bgcolor
        for style in (seen, other):
            assert style.color is not None
            assert style.bgcolor is not None
            light = [Color.from_rich_color(colour).brightness for colour in (style.color, style.bgcolor)]
            assert abs(light[0] - light[1]) > 0.3
