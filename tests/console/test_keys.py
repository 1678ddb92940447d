"""Keys that operators remap: which are taken, what is refused, and where the new ones show."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pqcore.database.tables import workers
from pqcore.errors import ConfigurationError
from pqcore.workspace import Workspace
from pqtui.actions import BY_ID, EDITOR_ACTIONS, PARTS
from pqtui.keymap import key_name, remapped
from tests.console.conftest import main, opened, screen_text, shows, type_text, until


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("p", "p"), ("P", "P"), ("?", "question_mark"), ("/", "slash"), ("_", "underscore"), ("-", "minus"),
        (" ", "space"), ("esc", "escape"), ("F5", "f5"), ("^r", "ctrl+r"), ("ctrl+R", "ctrl+r"), ("alt+x", "alt+x"),
        ("shift+f3", "shift+f3"), ("", None), ("pp", None), ("ctrl+", None), ("shift+a", None),
        ("hyper+a", None), ("f99", None),
        ("\x1b", None),
    ],
)  # fmt: skip
def test_names_of_keys(text: str, name: str | None) -> None:
    assert key_name(text) == name


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ({"puase": ("p",)}, "keys.puase names no action of the console. Did you mean pause."),
        ({"pause": ("pp",)}, "keys.pause: pp is not the name of a key. Write one such as p, ?, f5, space or ctrl+r."),
        ({"pause": ("j",)}, "keys.pause: j moves the cursor. Take another key."),
        ({"pause": ("ctrl+m",)}, "keys.pause: a terminal cannot tell ctrl+m from enter. Take another key."),
        ({"pause": ("r",)}, "keys.pause: r is the key of run, too. Take another key, or give run another one."),
        ({"quit": ("b",), "new": ("b",)},
         "keys.new: b is the key of quit, too. Take another key, or give quit another one."),
    ],
)  # fmt: skip
def test_what_cannot_be_is_one_sentence(wanted: dict[str, tuple[str, ...]], sentence: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        remapped(wanted)
    assert str(caught.value) == sentence


def test_two_actions_may_change_keys() -> None:
    keys = {action.id: action.keys for action in remapped({"pause": ("u",), "resume": ("p",)})}
    assert keys["pause"] == ("u",)
    assert keys["resume"] == ("p",)
    assert keys["run"] == ("r",)


def test_the_docs_name_every_action() -> None:
    text = (Path(__file__).parents[2] / "docs" / "PROFILES.md").read_text()
    assert [action.id for action in BY_ID.values() if f"`{action.id}`" not in text] == []


def test_every_action_can_be_remapped() -> None:
    for part in PARTS.values():
        for number, action in enumerate(part):
            assert remapped({action.id: ("f20",)}, part)[number].keys == ("f20",)


def test_a_key_of_the_editor_is_none_that_is_typed() -> None:
    with pytest.raises(ConfigurationError, match="is typed into a field"):
        remapped({"editor_undo": ("u",)}, EDITOR_ACTIONS)
    assert remapped({"editor_undo": ("f5",), "pause": ("u",), "resume": ("p",)}, EDITOR_ACTIONS)[5].keys == ("f5",)


async def test_a_remapped_key_works_and_shows_in_bar_help_palette_and_advice(filled: Workspace) -> None:
    filled.settings = replace(
        filled.settings, keys={"pause": ("b",), "resume": ("p",), "help": ("f2",), "palette": ("ctrl+k",)}
    )
    async with opened(filled, (160, 50)) as pilot:
        await shows(pilot, "b Pause", "f2 Help", "^k Palette")
        await pilot.press("p")
        await shows(pilot, "Job 8 is pending, not paused.")
        await pilot.press("b")
        await shows(pilot, "Job 8 is asked to pause", "Press p to resume.")
        await pilot.press("u", "question_mark")
        assert pilot.app.screen is main(pilot)
        await pilot.press("f2")
        await shows(pilot, "Keys", "b             Pause  Stop between two batches and keep")
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen is main(pilot))
        await pilot.press("ctrl+k")
        await type_text(pilot, "resume")
        await shows(pilot, "Let a paused job go on with the next free worker (p)")
        await pilot.press("enter")
        await until(pilot, lambda: not filled.jobs.get(8).paused)
        assert "u Resume" not in screen_text(pilot)


async def test_keys_of_other_screens_are_remapped_as_well(filled: Workspace) -> None:
    keys = {"records_find": ("f",), "leave": ("b",), "dialog_leave": ("f3",), "estate_policy": ("f4",), "work": ("W",)}
    filled.settings = replace(filled.settings, keys=keys)
    with filled.db.write() as conn:
        conn.execute(workers.delete())
    async with opened(filled, (200, 50)) as pilot:
        await shows(pilot, "W lets this console work")
        await pilot.press("o")
        await shows(pilot, "f Find a row", "b Back")
        await pilot.press("slash", "escape", "q", "f")
        await until(pilot, lambda: pilot.app.focused is not None and pilot.app.focused.id == "find")
        await pilot.press("1", "enter")
        await shows(pilot, "Nothing is kept of this row")
        await pilot.press("b")
        await shows(pilot, "f Find a row")
        await pilot.press("b")
        await until(pilot, lambda: pilot.app.screen is main(pilot))
        await pilot.press("i")
        await shows(pilot, "f4 Policy", "b Back")
        await pilot.press("b", "l")
        await shows(pilot, "Leave (f3)", "Change (^s)")
        await pilot.press("escape")
        await shows(pilot, "Limits of job 8")
        await pilot.press("f3")
        await until(pilot, lambda: pilot.app.screen is main(pilot))


async def test_the_palette_and_the_help_are_those_of_the_screen_on_top(filled: Workspace) -> None:
    async with opened(filled, (120, 36)) as pilot:
        await pilot.press("o")
        await shows(pilot, "Find a row")
        await pilot.press("question_mark")
        await shows(pilot, "Tell the story of the row", "not now: There is nothing here")
        await pilot.press("question_mark", "ctrl+p")
        await type_text(pilot, "next")
        await shows(pilot, "Go on to the next kind of records (right)")
        await pilot.press("enter")
        await shows(pilot, "[Events 0]")
