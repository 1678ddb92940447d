"""Pictures of the console: ``python -m pqtui.screenshots [FOLDER]`` writes SVG files (default: screenshots/).

They show the demonstration estate while its jobs really run; nothing is drawn by hand.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

from textual.events import Paste
from textual.pilot import Pilot

from pqcore.actor import Actor
from pqcore.database.connect import Database
from pqcore.demo.estate import build_estate
from pqcore.demo.jobs import demo_jobs
from pqcore.jobs.model import Status
from pqcore.keys.memory import MemoryKeyProvider
from pqcore.settings import load
from pqcore.workspace import NewJob, Workspace
from pqtui.app import ConsoleApp
from pqtui.glyphs import UNICODE

_ROWS = 1500
_PATIENCE_SECONDS = 60.0
_WRONG = """{
  "table": "documents",
  "field": "wrapped_key",
  "where": {"column": "wrap_alg", "op": "equals", "value": "RSA-OAEP"},
  "options": {
    "format": "RSA-OAEP-SHA1",
    "old_key": "documents-rsa-2019",
    "newkey": "documents-hybrid"
  }
}"""

Steps = Callable[[Pilot[int]], Awaitable[None]]


async def _until(pilot: Pilot[int], happened: Callable[[], object]) -> None:
    end = monotonic() + _PATIENCE_SECONDS
    while not happened():
        if monotonic() > end:
            raise TimeoutError("the console did not come to show what the picture is of")
        await pilot.pause(0.05)


async def panes(pilot: Pilot[int]) -> None:
    """The three panes with jobs running."""
    jobs = _app(pilot).workspace.jobs
    waiting = [j for j in jobs.page().jobs if j.status is Status.PENDING and j.scheduled_at is None]
    passwords = next(j for j in waiting if j.table == "users")
    for job in (passwords, *(j for j in waiting if j is not passwords)):
        _app(pilot).local.run(job.id)
    await pilot.press("down")
    await _until(pilot, lambda: (jobs.get(passwords.id).progress.ratio or 0) > 0.3)
    await pilot.press("1")
    await pilot.pause(1.2)


async def editor(pilot: Pilot[int]) -> None:
    """The selection editor with errors."""
    from pqtui.screens.new_job import NewJobScreen
    from pqtui.widgets.selection_form import SelectionForm

    await pilot.press("n")
    await _until(pilot, lambda: isinstance(pilot.app.screen, NewJobScreen))
    screen = pilot.app.screen
    assert isinstance(screen, NewJobScreen)
    screen.choose_scope("wrappers")
    await _until(pilot, lambda: screen.query_one(SelectionForm).query("#f-options-old_key"))
    screen.set_focus(screen.editor)
    screen.editor.select_all()
    pilot.app.post_message(Paste(_WRONG))
    await _until(pilot, lambda: screen.has_problem("equals") and screen.has_problem("newkey"))
    await pilot.press("f8")
    await pilot.pause(0.8)


async def dead_letters(pilot: Pilot[int]) -> None:
    """The dead letters of a failed job."""
    await pilot.press("slash")
    pilot.app.post_message(Paste("status:failed"))
    await pilot.pause(0.8)
    await pilot.press("enter", "2", "right", "right", "right", "right")
    await pilot.pause(1.0)


PICTURES: tuple[tuple[str, Steps, tuple[int, int]], ...] = (
    ("selection-editor", editor, (120, 32)),
    ("dead-letters", dead_letters, (160, 36)),
    ("three-panes", panes, (160, 40)),
)


def _app(pilot: Pilot[int]) -> ConsoleApp:
    app = pilot.app
    assert isinstance(app, ConsoleApp)
    return app


def _estate(folder: Path) -> Workspace:
    """The demonstration in a SQLite file; jobs that are to have run have."""
    settings = load(url=f"sqlite:///{folder / 'demo.sqlite'}", env={"PQCONSOLE_HOME": str(folder)})
    anyone = Actor("operator", "ops1", None)
    workspace = Workspace(replace(settings, threads=2), Database.open(settings.url), MemoryKeyProvider(), anyone)
    estate = build_estate(workspace.db, workspace.keys, rows=_ROWS)
    workspace.install()
    worker = workspace.worker()
    for planned in demo_jobs(estate):
        at = None if planned.starts_in is None else datetime.now(UTC) + planned.starts_in
        job = workspace.create_job(NewJob(planned.scope, planned.selection, planned.algorithm, planned.policy, at))
        if planned.run_first:
            worker.run_job(job.id)
    worker.stop()
    return workspace


async def _take(workspace: Workspace, steps: Steps, size: tuple[int, int]) -> str:
    app = ConsoleApp(workspace, glyphs=UNICODE)
    app.place = "demo  sqlite:///demo.sqlite"
    try:
        async with app.run_test(size=size) as pilot:
            await pilot.pause(1.2)
            await steps(pilot)
            return app.export_screenshot()
    finally:
        app.close()


def main() -> int:
    """Write every picture."""
    parser = argparse.ArgumentParser(prog="python -m pqtui.screenshots", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("screenshots"))
    folder: Path = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["PQCONSOLE_THEME"] = "pqconsole"
    with TemporaryDirectory() as scratch:
        workspace = _estate(Path(scratch))
        for name, steps, size in PICTURES:
            target = folder / f"{name}.svg"
            target.write_text(asyncio.run(_take(workspace, steps, size)), encoding="utf-8")
            print(target)
        workspace.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
