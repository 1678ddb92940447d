"""Fixtures of the console's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.events import Paste
from textual.pilot import Pilot

from pqcore.workspace import Workspace
from pqtui.app import ConsoleApp
from tests.console import world

Open = Callable[..., AbstractAsyncContextManager[Pilot[int]]]


@pytest.fixture(autouse=True)
def _plain_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a terminal says of itself must not change what is drawn."""
    monkeypatch.setenv("PQCONSOLE_THEME", "pqconsole")
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.delenv("NO_COLOR", raising=False)


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Workspace]:
    """A workspace without jobs."""
    workspace = world.open_world(tmp_path)
    yield workspace
    workspace.close()


@pytest.fixture
def filled(empty: Workspace) -> Workspace:
    """A workspace with a job in every state."""
    world.fill(empty)
    return empty


@asynccontextmanager
async def opened(
    workspace: Workspace, size: tuple[int, int] = (120, 36), poll_seconds: float = 0.15, **options: Any
) -> AsyncIterator[Pilot[int]]:
    """The console, running without a terminal, until the first snapshots are there."""
    app = world.console(workspace, poll_seconds=poll_seconds, **options)
    try:
        async with app.run_test(size=size) as pilot:
            await until(pilot, lambda: main(pilot).shown.list is not None and main(pilot).shown.metrics_at)
            yield pilot
    finally:
        app.close()


def main(pilot: Pilot[int]):  # type: ignore[no-untyped-def]
    """The main screen, whatever is on top of it."""
    from pqtui.screens.main import MainScreen

    return next(s for s in pilot.app.screen_stack if isinstance(s, MainScreen))


async def until(pilot: Pilot[int], happened: Callable[[], object], seconds: float = 15.0) -> None:
    """Let the console work until something holds; fail where it never does."""
    from time import monotonic

    end = monotonic() + seconds
    while not happened():
        if monotonic() > end:
            raise AssertionError(f"this did not happen in {seconds} s; the screen shows:\n{screen_text(pilot)}")
        await pilot.pause(0.01)


def screen_text(pilot: Pilot[int]) -> str:
    """What the terminal shows, as lines of text."""
    strips = pilot.app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in strips)


def styled_lines(pilot: Pilot[int]) -> list[list[tuple[str, str]]]:
    """What the terminal shows: each line as its parts, text and style."""
    strips = pilot.app.screen._compositor.render_strips()
    return [[(segment.text, str(segment.style)) for segment in strip] for strip in strips]


def detail_is_of_the_cursor(pilot: Pilot[int]) -> bool:
    """Whether the detail has followed the cursor, which it does once that rests."""
    detail, current = main(pilot).shown.detail, main(pilot).lines.current
    return current is None or (detail is not None and detail.job_id == current.id)


async def still(pilot: Pilot[int]) -> None:
    """Wait until nothing that was asked for is outstanding: what is drawn stays what it is."""
    await until(pilot, lambda: detail_is_of_the_cursor(pilot))
    before: object = None
    while before != (now := styled_lines(pilot)):
        before = now
        await pilot.pause()


async def shows(pilot: Pilot[int], *texts: str) -> None:
    """Wait until all of these texts are on the screen."""
    await until(pilot, lambda: all(text in screen_text(pilot) for text in texts))


async def type_text(pilot: Pilot[int], text: str) -> None:
    """Put text into the field that has the focus, as a terminal pastes it."""
    await until(pilot, lambda: pilot.app.focused is not None)
    assert pilot.app.focused is not None
    pilot.app.post_message(Paste(text))
    await pilot.pause()


__all__ = [
    "Awaitable",
    "ConsoleApp",
    "Open",
    "main",
    "opened",
    "screen_text",
    "shows",
    "still",
    "styled_lines",
    "type_text",
    "until",
]
