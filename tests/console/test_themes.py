"""Another theme repaints everything, whatever was drawn in the one before."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot

from pqcore.workspace import Workspace
from pqtui.glyphs import ASCII
from tests.console import world
from tests.console.conftest import main, screen_text, shows, still, styled_lines, until


async def _drawn(pilot: Pilot[int]) -> list[list[tuple[str, str]]]:
    await still(pilot)
    return styled_lines(pilot)


async def _ready(pilot: Pilot[int]) -> None:
    await until(pilot, lambda: main(pilot).shown.detail is not None and main(pilot).shown.metrics.workers)
    await pilot.press("space")


@pytest.mark.parametrize(("theme", "dialog"), [("ansi-dark", False), ("pqconsole-light", False), ("ansi-light", True)])
async def test_a_chosen_theme_looks_as_one_begun_with(
    filled: Workspace, theme: str, dialog: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = world.console(filled, poll_seconds=3600)
    try:
        async with app.run_test(size=(120, 36)) as pilot:
            await _ready(pilot)
            if dialog:
                await pilot.press("c")
                await shows(pilot, "Cancel?")
            before = await _drawn(pilot)
            app.theme = theme
            switched = [await _drawn(pilot)]
            if dialog:
                await pilot.press("escape")
                switched.append(await _drawn(pilot))
            app.theme = "pqconsole"
            if dialog:
                await pilot.press("c")
                await shows(pilot, "Cancel?")
            assert await _drawn(pilot) == before
    finally:
        app.close()
    assert switched[0] != before
    monkeypatch.setenv("PQCONSOLE_THEME", theme)
    app = world.console(filled, poll_seconds=3600)
    try:
        async with app.run_test(size=(120, 36)) as pilot:
            await _ready(pilot)
            fresh = []
            if dialog:
                await pilot.press("c")
                await shows(pilot, "Cancel?")
                fresh.append(await _drawn(pilot))
                await pilot.press("escape")
            fresh.append(await _drawn(pilot))
    finally:
        app.close()
    assert switched == fresh


ASCII_SCREENS = [[], ["2"], ["3"], ["s"], ["c"], ["question_mark"], ["n"], ["e"], ["l"], ["P"], ["ctrl+p"]]


@pytest.mark.parametrize("keys", ASCII_SCREENS, ids=" ".join)
async def test_with_ascii_signs_every_cell_is_ascii(filled: Workspace, keys: list[str]) -> None:
    app = world.console(filled, poll_seconds=3600, glyphs=ASCII)
    try:
        async with app.run_test(size=(80, 24)) as pilot:
            await _ready(pilot)
            await pilot.press(*keys)
            await still(pilot)
            shown = screen_text(pilot)
    finally:
        app.close()
    assert shown.isascii(), sorted(set(shown) - set(map(chr, range(128))))
