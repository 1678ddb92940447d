"""Every screen as it looks at 80x24 and 200x50. A changed look is seen in the report and accepted on purpose.

``pytest tests/console/test_looks.py --snapshot-update`` accepts.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from pqcore.workspace import Workspace
from tests.console import world
from tests.console.conftest import main, shows, still, type_text, until
from tests.console.test_new_job import open_editor, write

SIZES = [(80, 24), (200, 50)]
SMALL = (60, 16)
Steps = Callable[[Pilot[int]], Awaitable[None]]


async def ready(pilot: Pilot[int]) -> None:
    await until(pilot, lambda: main(pilot).shown.detail is not None and main(pilot).shown.metrics.workers)


async def jobs(pilot: Pilot[int]) -> None:
    await ready(pilot)


async def metrics(pilot: Pilot[int]) -> None:
    await ready(pilot)
    await pilot.press("3")


async def dead_letters(pilot: Pilot[int]) -> None:
    await ready(pilot)
    await pilot.press("slash")
    await type_text(pilot, "status:failed")
    await shows(pilot, "Jobs 1 of 8")
    await pilot.press("enter", "2", "right", "right", "right", "right")
    await shows(pilot, "key_missing")


async def cancelling_several(pilot: Pilot[int]) -> None:
    await ready(pilot)
    await pilot.press("space", "space", "c")
    await shows(pilot, "Type the number of jobs, 2")


async def help_screen(pilot: Pilot[int]) -> None:
    await ready(pilot)
    await pilot.press("question_mark")
    await shows(pilot, "Keys")


async def order(pilot: Pilot[int]) -> None:
    await ready(pilot)
    await pilot.press("s")
    await shows(pilot, "Sort by", "› Id")


async def editor_with_an_error(pilot: Pilot[int]) -> None:
    await ready(pilot)
    await open_editor(pilot)
    await until(pilot, lambda: pilot.app.screen._names.tables)
    members = ('"table": "people"', '"field": "password"', '"optons": {"mode": "password"}', '"limit": 0')
    await write(pilot, "{\n  " + ",\n  ".join(members) + "\n}")
    await until(pilot, lambda: pilot.app.screen._names.columns)
    await shows(pilot, "optons")


async def editor_with_a_preview(pilot: Pilot[int]) -> None:
    await ready(pilot)
    await open_editor(pilot)
    await write(pilot, '{\n  "table": "people",\n  "field": "password",\n  "options": {"mode": "password"}\n}')
    await until(pilot, lambda: pilot.app.screen._names.columns)
    await shows(pilot, "24 rows, key id")


async def review(pilot: Pilot[int]) -> None:
    await editor_with_a_preview(pilot)
    await pilot.press("ctrl+s")
    await shows(pilot, "Tried on")


async def limits(pilot: Pilot[int]) -> None:
    await ready(pilot)
    await pilot.press("l")
    await shows(pilot, "Limits of job 8", "Batch ms")


async def estate(pilot: Pilot[int]) -> None:
    await ready(pilot)
    await pilot.press("i")
    await shows(pilot, "salted", "column")
    await until(pilot, lambda: not pilot.app.screen._busy)


async def records(pilot: Pilot[int]) -> None:
    await ready(pilot)
    await pilot.press("slash")
    await type_text(pilot, "status:failed")
    await shows(pilot, "Jobs 1 of 8")
    await pilot.press("enter", "o")
    await shows(pilot, "[Dead letters 3]", "key_missing")


async def row_story(pilot: Pilot[int]) -> None:
    await records(pilot)
    await pilot.press("enter")
    await shows(pilot, "Set aside as a dead letter")


async def finalizing(pilot: Pilot[int]) -> None:
    await ready(pilot)
    await pilot.press("F")
    await shows(pilot, "Type the job's number, 9")


SCREENS: list[Steps] = [
    jobs,
    metrics,
    dead_letters,
    cancelling_several,
    help_screen,
    order,
    editor_with_an_error,
    editor_with_a_preview,
    review,
    limits,
    estate,
    records,
    row_story,
]


def look(snap_compare: Any, workspace: Workspace, steps: Steps, size: tuple[int, int]) -> None:
    # one read a feed: nothing that is drawn depends on when the next one comes
    app = world.console(workspace, poll_seconds=3600)

    async def settled(pilot: Pilot[int]) -> None:
        await steps(pilot)
        await still(pilot)

    try:
        assert snap_compare(app, terminal_size=size, run_before=settled)
    finally:
        app.close()


@pytest.mark.parametrize("size", SIZES, ids=lambda s: f"{s[0]}x{s[1]}")
@pytest.mark.parametrize("steps", SCREENS, ids=lambda s: s.__name__)
def test_screen(snap_compare: Any, filled: Workspace, steps: Steps, size: tuple[int, int]) -> None:
    look(snap_compare, filled, steps, size)


@pytest.mark.parametrize("size", [SMALL, *SIZES], ids=lambda s: f"{s[0]}x{s[1]}")
def test_a_job_to_finalize(snap_compare: Any, filled: Workspace, size: tuple[int, int]) -> None:
    world.add_job(
        filled, 9, selection={"table": "files", "field": "digest"}, status="done", total=5, migrated=5,
        processed_count=5, phase="verified", keeps=("[1]", "[2]", "[3]", "[4]", "[5]"), finished_at=world.NOW,
    )  # fmt: skip
    look(snap_compare, filled, finalizing, size)


@pytest.mark.parametrize(
    "steps", [jobs, dead_letters, cancelling_several, limits, estate, records, row_story], ids=lambda s: s.__name__
)
def test_small_screen(snap_compare: Any, filled: Workspace, steps: Steps) -> None:
    look(snap_compare, filled, steps, SMALL)


@pytest.mark.parametrize("theme", ["ansi-dark", "pqconsole-light"])
def test_theme(snap_compare: Any, filled: Workspace, theme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PQCONSOLE_THEME", theme)
    look(snap_compare, filled, jobs, (80, 24))


def test_no_colour(snap_compare: Any, filled: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    look(snap_compare, filled, jobs, (80, 24))
