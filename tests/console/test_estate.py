"""The estate in the console: what is stored, refined while the screen stays free, and the way to a job."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from pqcore.errors import DatabaseError
from pqcore.inspection.inspector import Inspector, Place, Stopped
from pqcore.policies import POLICIES
from pqcore.workspace import Workspace
from pqtui.screens.estate import EstateScreen
from pqtui.screens.new_job import NewJobScreen
from tests.console import world
from tests.console.conftest import main, opened, screen_text, shows, type_text, until


async def test_a_key_opens_it_and_it_says_what_is_stored(filled: Workspace) -> None:
    async with opened(filled) as pilot:
        await pilot.press("i")
        await shows(pilot, "people.password", "salted SHA-1", "weak today", "safe: 0% of 24 values in 1 column")
        assert "all rows" in screen_text(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen is main(pilot))


async def test_the_palette_finds_it(filled: Workspace) -> None:
    async with opened(filled) as pilot:
        await pilot.press("ctrl+p")
        await type_text(pilot, "Estate")
        await shows(pilot, "See what is stored")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, EstateScreen))


async def test_a_line_opens_the_editor_with_its_selection(filled: Workspace) -> None:
    async with opened(filled) as pilot:
        await pilot.press("i")
        await shows(pilot, "salted SHA-1")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, NewJobScreen))
        screen = pilot.app.screen
        assert isinstance(screen, NewJobScreen)
        document = json.loads(screen.editor.text)
        assert document == {"table": "people", "field": "password", "options": {"mode": "password"}}


async def test_a_read_only_session_looks_and_starts_nothing(filled: Workspace, tmp_path: Path) -> None:
    watching = world.open_world(tmp_path, read_only=True)
    try:
        async with opened(watching) as pilot:
            await pilot.press("i")
            await shows(pilot, "salted SHA-1")
            await pilot.press("n")
            await shows(pilot, "This session is read-only.")
    finally:
        watching.close()


async def test_another_policy_is_another_class_without_reading_again(
    filled: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(filled) as pilot:
        await pilot.press("i")
        await shows(pilot, "salted SHA-1")
        monkeypatch.setattr(Inspector, "sample", lambda *_: pytest.fail("it was read again"))
        await pilot.press("p")
        await shows(pilot, "under nist-general")


async def test_policies_of_the_database_are_offered_too(filled: Workspace) -> None:
    with filled.db.write() as conn:
        conn.exec_driver_sql("INSERT INTO encryption_policies (policy_name) VALUES ('house')")
    async with opened(filled) as pilot:
        await pilot.press("i")
        await shows(pilot, "salted SHA-1")
        for _ in POLICIES:
            await pilot.press("p")
        await shows(pilot, "under house")


async def test_tables_that_may_not_be_read_are_named(filled: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    finding = Inspector._found

    def refused(self: Inspector, schema: str | None, table: str) -> Place:
        if table == "users":
            raise DatabaseError("Permission is denied for the table users")
        return finding(self, schema, table)

    monkeypatch.setattr(Inspector, "_found", refused)
    async with opened(filled) as pilot:
        await pilot.press("i")
        await shows(pilot, "salted SHA-1", "users left out: Permission is denied for the table users.")


async def test_reading_every_row_leaves_the_screen_free_and_can_be_stopped(
    filled: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, stopped = threading.Event(), threading.Event()

    def exact(self: Inspector, place: Place, progress: Any = None) -> list[Any]:
        progress(7, 24)
        reading.set()
        while not self._stop():
            stopped.wait(0.01)
        stopped.set()
        raise Stopped

    async with opened(filled) as pilot:
        await pilot.press("i")
        await shows(pilot, "salted SHA-1")
        monkeypatch.setattr(Inspector, "exact", exact)
        await pilot.press("x")
        await until(pilot, reading.is_set)
        await shows(pilot, "reading people: 7 of 24 rows")
        await pilot.press("p")
        await shows(pilot, "under nist-general")  # the screen answers meanwhile
        await pilot.press("x")
        await until(pilot, stopped.is_set)
        await until(pilot, lambda: "reading people" not in screen_text(pilot))


async def test_leaving_stops_what_is_read(filled: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = threading.Event()

    def everything(self: Inspector, schema: str | None = None) -> Any:
        while not self._stop():
            ended.wait(0.01)
        ended.set()
        raise Stopped
        yield

    monkeypatch.setattr(Inspector, "everything", everything)
    async with opened(filled) as pilot:
        await pilot.press("i")
        await until(pilot, lambda: isinstance(pilot.app.screen, EstateScreen))
        await pilot.press("escape")
        await until(pilot, ended.is_set)


async def test_a_database_that_goes_away_is_a_sentence(filled: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(filled) as pilot:
        await pilot.press("i")
        await shows(pilot, "salted SHA-1")
        filled.db.engine.dispose()
        path = Path(filled.db.engine.url.database or "")
        path.rename(path.with_suffix(".gone"))
        path.mkdir()
        await pilot.press("R")
        await until(pilot, lambda: pilot.app.screen._problem)
        path.rmdir()
        path.with_suffix(".gone").rename(path)


async def test_text_of_the_database_steers_nothing(filled: Workspace) -> None:
    with filled.db.write() as conn:
        conn.exec_driver_sql('CREATE TABLE "[/red]\x1b[2J" (id INTEGER PRIMARY KEY, "pass\x1b]52;c;x\x07word" TEXT)')
        conn.exec_driver_sql(f"""INSERT INTO "[/red]\x1b[2J" VALUES (1, 'sha1$a${"0" * 40}')""")
    async with opened(filled) as pilot:
        await pilot.press("i")
        await shows(pilot, "[/red].password", "people.password")
        assert "\x1b" not in screen_text(pilot)
