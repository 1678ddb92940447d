"""Every screen at 60x16, 80x24 and 200x50: in the default theme, in the palette of the terminal, and without colours.

A changed look is seen in the report and accepted on purpose: ``pytest tests/console/test_looks.py --snapshot-update``.
Pictures are kept of the default theme; of the others, the text and the style of each part of a line.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta

import pytest
from pytest_textual_snapshot import SVGImageExtension
from rich.color import Color
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode
from textual.pilot import Pilot
from textual.widgets import Input

from pqcore.jobs.model import Event
from pqcore.migrations.base import Scope
from pqcore.workspace import Workspace
from pqtui.history import Recent
from pqtui.news import news_of
from pqtui.profiles import Choice
from pqtui.screens.leave import Leave
from pqtui.screens.passphrase import AskPassphrase
from pqtui.screens.profiles import ChooseProfile
from pqtui.screens.recent import RecentSelections
from tests.console import world
from tests.console.conftest import main, shows, still, styled_lines, type_text, until
from tests.console.test_new_job import open_editor, write
from tests.console.world import NOW

# the way to a screen is gone at the first of these: each key costs what the cells of the terminal cost
SIZES = [(80, 24), (60, 16), (200, 50)]
Steps = Callable[[Pilot[int]], Awaitable[None]]
SELECTION = '{\n  "table": "people",\n  "field": "password",\n  "options": {"mode": "password"}\n}'


async def jobs(pilot: Pilot[int]) -> None:
    """The screen as it begins."""


async def metrics(pilot: Pilot[int]) -> None:
    await pilot.press("3")


async def failed_job(pilot: Pilot[int]) -> None:
    main(pilot).lines.move_to(len(main(pilot).lines.rows) - 2)
    await until(pilot, lambda: main(pilot).lines.current is not None and main(pilot).lines.current.id == 2)


async def filtered(pilot: Pilot[int]) -> None:
    await pilot.press("slash")
    await type_text(pilot, "status:failed")
    await shows(pilot, "Jobs 1 of ")


async def dead_letters(pilot: Pilot[int]) -> None:
    await failed_job(pilot)
    await pilot.press("2", "right", "right", "right", "right")
    await shows(pilot, "key_missing")


async def overview(pilot: Pilot[int]) -> None:
    await failed_job(pilot)
    await pilot.press("2")
    await shows(pilot, "3 rows could not be migrated")


async def cancelling_several(pilot: Pilot[int]) -> None:
    await pilot.press("space", "space", "c")
    await shows(pilot, "Type the number of jobs, 2")


async def finalizing(pilot: Pilot[int]) -> None:
    await pilot.press("F")
    await shows(pilot, "Type the job's number, 9")


async def help_screen(pilot: Pilot[int]) -> None:
    await pilot.press("question_mark")
    await shows(pilot, "Keys")


async def palette(pilot: Pilot[int]) -> None:
    await pilot.press("ctrl+p")
    await type_text(pilot, "retry")
    await shows(pilot, "Put a failed or cancelled job back")


async def order(pilot: Pilot[int]) -> None:
    await pilot.press("s")
    await shows(pilot, "Sort by", "› Id")


async def export(pilot: Pilot[int]) -> None:
    await failed_job(pilot)
    await pilot.press("e")
    await shows(pilot, "The dead letters of job 2")


async def limits(pilot: Pilot[int]) -> None:
    await pilot.press("l")
    await shows(pilot, "Limits of job ", "Batch ms")


async def leaving(pilot: Pilot[int]) -> None:
    pilot.app.push_screen(Leave((3, 7), {}, pilot.app.glyphs))
    await shows(pilot, "Hand over to a worker")


async def passphrase(pilot: Pilot[int]) -> None:
    pilot.app.push_screen(AskPassphrase("Passphrase of keyring.json: "))
    await shows(pilot, "enter goes on")


async def profiles(pilot: Pilot[int]) -> None:
    offered = [
        Choice("staging", "staging     sqlite:///estate.sqlite", True),
        Choice("production", "production  PRODUCTION  mysql://ops@db.example/app", False),
    ]
    pilot.app.push_screen(ChooseProfile(offered, pilot.app.glyphs))
    await shows(pilot, "Go to which profile?")


async def news(pilot: Pilot[int]) -> None:
    told = [
        Event(9, 2, NOW, "failed", "3 rows could not be migrated, more than the 2 that were allowed", "svc", "ops1"),
        Event(8, 5, NOW, "pause", "Asked to pause", "grace", "ops2", "192.0.2.9"),
        Event(7, 1, NOW, "done", "Done: 4990 migrated, 10 skipped", "svc", "ops1"),
        Event(6, 1, NOW, "started", "Started by ops1:4711:c0ffee00", "svc", "ops1"),
    ]
    pilot.app.news = news_of(told, NOW - timedelta(hours=14))
    await pilot.press("N")
    await shows(pilot, "Done: 4990", "documents.wrap")


async def estate(pilot: Pilot[int]) -> None:
    await pilot.press("i")
    await shows(pilot, "salted", "column")
    await until(pilot, lambda: not pilot.app.screen._busy)


async def records(pilot: Pilot[int]) -> None:
    await failed_job(pilot)
    await pilot.press("o")
    await shows(pilot, "[Dead letters 3]", "key_missing")


async def row_story(pilot: Pilot[int]) -> None:
    await records(pilot)
    await pilot.press("enter")
    await shows(pilot, "Set aside as a dead letter")


async def ranges(pilot: Pilot[int]) -> None:
    await records(pilot)
    await pilot.press("right")
    await shows(pilot, "[Ranges 1]", "migrate")


async def one_range(pilot: Pilot[int]) -> None:
    await ranges(pilot)
    await pilot.press("enter")
    await shows(pilot, "After key")


async def editor_with_an_error(pilot: Pilot[int]) -> None:
    await open_editor(pilot)
    await until(pilot, lambda: pilot.app.screen._names.tables)
    members = ('"table": "people"', '"field": "password"', '"optons": {"mode": "password"}', '"limit": 0')
    await write(pilot, "{\n  " + ",\n  ".join(members) + "\n}")
    await until(pilot, lambda: pilot.app.screen._names.columns)
    await shows(pilot, "optons")


async def editor_with_a_preview(pilot: Pilot[int]) -> None:
    await open_editor(pilot)
    await write(pilot, SELECTION)
    await until(pilot, lambda: pilot.app.screen._names.columns)
    await shows(pilot, "24 rows, key id")


async def review(pilot: Pilot[int]) -> None:
    await editor_with_a_preview(pilot)
    await pilot.press("ctrl+s")
    await shows(pilot, "Tried on")


async def file_dialog(pilot: Pilot[int]) -> None:
    await editor_with_a_preview(pilot)
    await pilot.press("f2")
    await type_text(pilot, "notes.txt")
    await shows(pilot, "notes.txt")


async def recent(pilot: Pilot[int]) -> None:
    entries = [
        Recent("here", Scope.HASHES.value, SELECTION, 1, None, "2026-03-01T11:58:00+00:00"),
        Recent(
            "here",
            Scope.WRAPPERS.value,
            '{"table": "documents", "field": "wrapped_key", "limit": 10}',
            2,
            None,
            "2026-02-28T09:00:00+00:00",
        ),
    ]
    pilot.app.push_screen(RecentSelections(entries, pilot.app.glyphs))
    await shows(pilot, "people.password")


# one start of the console for each group
GROUPS: dict[str, list[Steps]] = {
    "list": [jobs, metrics, overview, dead_letters, filtered, help_screen, palette, order, export],
    "dialogs": [cancelling_several, limits, leaving, passphrase, profiles, recent, news],
    "below": [records, row_story, ranges, one_range, estate],
    "editor": [editor_with_an_error, editor_with_a_preview, review, file_dialog],
    "ended": [finalizing],
}


class StyledText(SingleFileSnapshotExtension):
    """A screen as text, then for each line where another style begins."""

    _file_extension = "txt"
    _write_mode = WriteMode.TEXT


def styled_text(pilot: Pilot[int]) -> str:
    """What the terminal shows, for ``StyledText``."""
    lines = styled_lines(pilot)
    text = ["".join(part for part, _ in line).rstrip() for line in lines]
    styles = []
    for number, line in enumerate(lines, 1):
        runs: list[tuple[int, str]] = []
        at = 0
        for part, style in line:
            if not runs or runs[-1][1] != style:
                runs.append((at, style))
            at += len(part)
        styles.append(f"{number}: " + ", ".join(f"{at} {style}" for at, style in runs))
    return "\n".join([*text, "", *styles, ""])


def colours(pilot: Pilot[int]) -> set[Color]:
    """Every colour on the screen."""
    styles = {segment.style for strip in pilot.app.screen._compositor.render_strips() for segment in strip}
    return {colour for style in styles if style is not None for colour in (style.color, style.bgcolor) if colour}


async def home(pilot: Pilot[int]) -> None:
    """Back to the list as it began, whatever is open."""
    while pilot.app.screen is not main(pilot):
        top = pilot.app.screen
        await pilot.press("escape")
        await until(pilot, lambda top=top: pilot.app.screen is not top)
    first = main(pilot)
    while first.shown.filter or first.shown.marked or not first.has_class("pane-jobs"):
        await pilot.press("escape")
    await until(pilot, lambda: first.shown.list is not None)
    first.lines.move_to(0)
    first.detail.turn_to(0)
    await until(pilot, lambda: first.lines.has_focus)


async def pictures(pilot: Pilot[int], steps: Iterable[Steps], take: Callable[[str], None]) -> None:
    """Walk to each screen and take it at every size."""
    await until(pilot, lambda: main(pilot).shown.detail is not None and main(pilot).shown.metrics.workers)
    for walk in steps:
        await home(pilot)
        await walk(pilot)
        assert not any(field.cursor_blink for field in pilot.app.screen.query(Input))
        for width, height in SIZES:
            await pilot.resize_terminal(width, height)
            await still(pilot)
            take(f"{walk.__name__}-{width}x{height}")
        await pilot.resize_terminal(*SIZES[0])


def world_of(group: str, filled: Workspace) -> Workspace:
    """The jobs of a group."""
    if group == "ended":
        world.add_job(
            filled, 9, selection={"table": "files", "field": "digest"}, status="done", total=5, migrated=5,
            processed_count=5, phase="verified", keeps=("[1]", "[2]", "[3]", "[4]", "[5]"), finished_at=NOW,
        )  # fmt: skip
    return filled


@pytest.fixture(autouse=True)
def _no_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    """How fast jobs move depends on when they were looked at."""
    monkeypatch.setattr("pqtui.pace._LEAST_SECONDS", 1e9)


async def walked(group: str, workspace: Workspace, take: Callable[[Pilot[int], str], None]) -> None:
    # one read a feed: nothing that is drawn depends on when the next one comes
    app = world.console(world_of(group, workspace), poll_seconds=3600)
    try:
        async with app.run_test(size=SIZES[0]) as pilot:
            await pictures(pilot, GROUPS[group], lambda name: take(pilot, name))
    finally:
        app.close()


@pytest.mark.parametrize("group", GROUPS)
async def test_in_colours(snapshot: SnapshotAssertion, filled: Workspace, group: str) -> None:
    kept = snapshot.use_extension(SVGImageExtension)
    changed: list[str] = []

    def take(pilot: Pilot[int], name: str) -> None:
        if kept(name=name) != pilot.app.export_screenshot():
            changed.append(name)

    await walked(group, filled, take)
    assert not changed


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("theme", ["ansi-dark", "no-colour"])
async def test_in_another_theme(
    snapshot: SnapshotAssertion, filled: Workspace, group: str, theme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(*(("NO_COLOR", "1") if theme == "no-colour" else ("PQCONSOLE_THEME", theme)))
    kept = snapshot.use_extension(StyledText)
    changed: list[str] = []

    def take(pilot: Pilot[int], name: str) -> None:
        if kept(name=name) != styled_text(pilot):
            changed.append(name)
        own = colours(pilot)
        # of 16 or 256 colours the terminal says what they look like
        assert all(
            colour.is_default if theme == "no-colour" else colour.number is not None or colour.is_default
            for colour in own
        ), (name, own)

    await walked(group, filled, take)
    assert not changed
