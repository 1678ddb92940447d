"""Keys that arrive all at once, as a slow line brings them, do what they would do one by one."""

from __future__ import annotations

from textual import events
from textual.pilot import Pilot

from pqcore.workspace import Workspace
from pqtui.screens.confirm import Confirm
from tests.console.conftest import main, opened, shows, until

_NAMES = {"/": "slash", "\r": "enter", ":": "colon", " ": "space", "\x1b": "escape"}


def at_once(pilot: Pilot[int], text: str) -> None:
    """Put keys into the console's queue without waiting for any."""
    for character in text:
        pilot.app.post_message(events.Key(_NAMES.get(character, character), character))


async def test_a_filter_typed_in_one_go_is_the_filter(filled: Workspace) -> None:
    async with opened(filled) as pilot:
        at_once(pilot, "/status:failed\r")
        await shows(pilot, "Jobs 1 of 8, filtered")
        assert main(pilot).query_one("#filter").value == "status:failed"
        await until(pilot, lambda: main(pilot).lines.has_focus)


async def test_marks_set_in_one_go_stand_before_the_question(filled: Workspace) -> None:
    async with opened(filled) as pilot:
        at_once(pilot, "  c")
        await until(pilot, lambda: isinstance(pilot.app.screen, Confirm))
        await shows(pilot, "Cancel?", "Type the number of jobs, 2")


async def test_keys_go_on_after_a_screen_that_went_away(filled: Workspace) -> None:
    async with opened(filled) as pilot:
        at_once(pilot, "c\x1bs\x1b?\x1b")
        await until(pilot, lambda: not pilot.app._typed and pilot.app._key_under_way is None)
        while pilot.app.screen is not main(pilot):
            await pilot.press("escape")
        at_once(pilot, "  ")
        await shows(pilot, "2 marked")
