"""A database that stops, hangs, is locked, or lacks what is needed: said in place, and over when that is over."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
import sqlalchemy as sa
from textual.widgets import Input

from pqcore.actor import Actor
from pqcore.database.connect import Database
from pqcore.database.tables import jobs
from pqcore.errors import DatabaseLocked
from pqcore.keys.memory import MemoryKeyProvider
from pqcore.patience import SCREEN_SECONDS, lock_patience
from pqcore.settings import load
from pqcore.workspace import Workspace
from pqtui import health
from pqtui.session_state import session_file
from tests.console import world
from tests.console.conftest import main, opened, screen_text, shows, type_text, until
from tests.console.test_pty import Terminal
from tests.support.databases import SERVERS
from tests.support.servers import Server, ServerMissing


@pytest.fixture(params=[pytest.param(kind, marks=pytest.mark.database) for kind in ("postgresql", "mariadb")])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server of this test's own, to be stopped."""
    started = SERVERS[request.param]()
    try:
        started.start()
    except ServerMissing as missing:
        pytest.skip(str(missing))
    yield started
    started.stop()


@pytest.fixture
def on_server(server: Server, tmp_path: Path) -> Iterator[Workspace]:
    """A workspace with some jobs on that server."""
    settings = load(url=server.url, env={"PQCONSOLE_HOME": str(tmp_path)})
    workspace = Workspace(settings, Database.open(settings.url), MemoryKeyProvider(), Actor("ada", "ops1"))
    workspace.install()
    with workspace.db.write() as conn:
        rows = [
            {"id": n, "scope": "hashes", "status": "failed" if n % 2 else "done", "created_at": world.NOW}
            for n in range(1, 41)
        ]
        conn.execute(jobs.insert(), rows)
    yield workspace
    workspace.close()


async def test_a_restarted_server_finds_cursor_marks_and_text_as_they_were(
    server: Server, on_server: Workspace
) -> None:
    async with opened(on_server, (120, 36)) as pilot:
        await pilot.press("down", "down", "space", "slash")
        await type_text(pilot, "status:failed")
        await shows(pilot, "Jobs 20 of 40, filtered, 1 marked")
        current = main(pilot).lines.current
        server.halt()
        await shows(pilot, "database away, shown:", "Jobs 20 of 40, filtered, 1 marked")
        assert main(pilot).lines.current == current  # what is known stays
        await pilot.press("space")  # still typing
        server.start_again()
        await shows(pilot, "● live")
        assert "away" not in screen_text(pilot)
        assert main(pilot).lines.current.id == current.id
        assert main(pilot).lines.marks == frozenset({38})
        assert main(pilot).query_one("#filter", Input).value == "status:failed "
        with on_server.db.write() as conn:
            conn.execute(sa.text("UPDATE pq_migration_jobs SET status = 'failed' WHERE id = 2"))
        await shows(pilot, "Jobs 21 of 40")  # and it is read again


# its connections are threads of the process that is stopped; PostgreSQL's are processes that would go on
@pytest.mark.database
@pytest.mark.parametrize("server", ["mariadb"], indirect=True)
async def test_a_host_that_hangs_is_not_called_live(
    server: Server, on_server: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "NO_ANSWER_SECONDS", 0.3)
    async with opened(on_server) as pilot:
        await shows(pilot, "● live")
        server.pause()
        try:
            await shows(pilot, "no answer, shown:")
            await pilot.press("down")  # the screen answers all the same
            assert "Jobs 40" in screen_text(pilot)
        finally:
            server.resume()
        await shows(pilot, "● live")


async def test_a_missing_view_is_explained_above_what_was_read(filled: Workspace) -> None:
    async with opened(filled, (240, 40)) as pilot:
        with filled.db.write() as conn:
            (definition,) = conn.execute(
                sa.text("SELECT sql FROM sqlite_master WHERE name = 'vw_pq_migration_jobs'")
            ).one()
            conn.execute(sa.text("DROP VIEW vw_pq_migration_jobs"))
        await shows(pilot, "cannot read", "does not exist", "run pqconsole init", "audit_log")
        assert "away" not in screen_text(pilot)
        with filled.db.write() as conn:
            conn.exec_driver_sql(definition)
        await shows(pilot, "● live")
        assert "pqconsole init" not in screen_text(pilot)


async def test_what_only_one_pane_cannot_read_does_not_come_and_go(filled: Workspace) -> None:
    async with opened(filled, (240, 40)) as pilot:
        with filled.db.write() as conn:
            conn.execute(sa.text("ALTER TABLE pq_migration_workers RENAME TO away_for_now"))
        await shows(pilot, "cannot read", "does not exist")
        for _ in range(3):  # the list goes on being read
            before = main(pilot).shown.fresh_at
            await until(pilot, lambda before=before: main(pilot).shown.fresh_at != before)
            assert "cannot read" in screen_text(pilot)
        with filled.db.write() as conn:
            conn.execute(sa.text("ALTER TABLE away_for_now RENAME TO pq_migration_workers"))
        await shows(pilot, "● live")


@pytest.mark.database
async def test_a_right_that_was_taken_away_is_named(tmp_path: Path) -> None:
    server = SERVERS["postgresql"]()
    try:
        server.start()
    except ServerMissing as missing:
        pytest.skip(str(missing))
    try:
        owner = Database.open(server.url)
        settings = load(url=server.url.replace("postgres@", "reader@"), env={"PQCONSOLE_HOME": str(tmp_path)})
        Workspace(settings, owner, MemoryKeyProvider(), Actor("ada", "ops1")).install()
        with owner.write() as conn:
            conn.execute(sa.text("CREATE ROLE reader LOGIN"))
            conn.execute(sa.text("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader"))
        reader = Workspace(settings, Database.open(settings.url), MemoryKeyProvider(), Actor("ada", "ops1"))
        async with opened(reader) as pilot:
            await shows(pilot, "No jobs yet")
            with owner.write() as conn:
                conn.execute(sa.text("REVOKE SELECT ON vw_pq_migration_jobs FROM reader"))
            await shows(pilot, "cannot read", "is refused", "docs/DATABASES.md")
            with owner.write() as conn:
                conn.execute(sa.text("GRANT SELECT ON vw_pq_migration_jobs TO reader"))
            await shows(pilot, "● live")
        reader.close()
        owner.close()
    finally:
        server.stop()


@contextmanager
def locked_by_another(workspace: Workspace) -> Iterator[None]:
    """Nobody else can read the file meanwhile."""
    path = workspace.settings.data_dir / "world.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None, timeout=0.1)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        while True:  # the pool may hold a connection still
            workspace.db.engine.dispose()
            with suppress(sqlite3.OperationalError):
                other.execute("BEGIN EXCLUSIVE")
                break
        yield
        other.execute("ROLLBACK")


async def test_a_file_that_another_program_locks_is_named_and_waited_for(filled: Workspace) -> None:
    async with opened(filled) as pilot:
        await shows(pilot, "● live")
        with locked_by_another(filled):
            await shows(pilot, "locked, shown:", "Another program has locked", "Jobs 8")
            await pilot.press("down", "space")  # the screen answers all the same
            await shows(pilot, "1 marked")
            assert "away" not in screen_text(pilot)
            await pilot.press("n")  # so does what is opened meanwhile
            await shows(pilot, "New job")
            await pilot.press("escape")
            await until(pilot, lambda: pilot.app.screen is main(pilot))
        await shows(pilot, "● live", "1 marked")
        assert "locked" not in screen_text(pilot)


async def test_leaving_does_not_wait_for_a_lock(filled: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *a, **k: waited.append(k["timeout"]) or connect(*a, **k))
    async with opened(filled) as pilot:
        await shows(pilot, "● live")
        with locked_by_another(filled):
            await shows(pilot, "locked, shown:")
            waited.clear()
            await pilot.press("q")
            await until(pilot, lambda: not pilot.app.is_running)
            assert session_file(filled.settings).is_file()
            assert set(waited) == {SCREEN_SECONDS}


def test_a_console_that_is_opened_meanwhile_waits_on_its_screen(filled: Workspace) -> None:
    with locked_by_another(filled):
        terminal = Terminal(filled.settings.data_dir, filled.settings.url)
        try:
            terminal.shows("locked", "Another program has locked")
            terminal.keys("?")
            terminal.shows("Help")
        finally:
            filled.db.engine.dispose()
    try:
        terminal.keys("\x1b")
        terminal.shows("● live", "Jobs 8")
        terminal.keys("q")
        assert terminal.gone(30)
    finally:
        terminal.program.close(force=True)


def test_what_is_in_the_way_of_a_read_is_an_error_of_ours(filled: Workspace) -> None:
    """A lock is met by a statement of the read, where only writers have anything to classify."""
    with locked_by_another(filled), lock_patience(0.01), pytest.raises(DatabaseLocked, match="Another program"):
        filled.jobs.get(1)


async def test_a_file_that_is_gone_is_named_and_none_is_made(filled: Workspace) -> None:
    path = filled.settings.data_dir / "world.sqlite"
    async with opened(filled) as pilot:
        await shows(pilot, "● live")
        await pilot.press("down", "space")
        aside = path.rename(path.with_suffix(".aside"))
        await shows(pilot, "file gone, shown:", "is gone. Put it back", "Jobs 8, 1 marked")
        await pilot.press("p")  # an action says the same, and makes no file either
        await until(pilot, lambda: "is gone" in str(main(pilot).query_one("#notice").render()))
        assert not path.exists()
        aside.rename(path)
        await shows(pilot, "● live", "1 marked")
        assert "gone" not in str(main(pilot).query_one("#trouble").render())
