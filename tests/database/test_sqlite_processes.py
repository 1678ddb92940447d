"""SQLite files shared by processes: no process may take itself for the only one."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from pqcore.database.connect import Database
from pqcore.errors import DatabaseGone, SchemaError

# Opens the database, writes, and is the last to leave as far as it can see.
OTHER = """
import sys
from pqcore.database.connect import Database
db = Database.open(sys.argv[1])
with db.write() as conn:
    conn.exec_driver_sql("INSERT INTO seen VALUES ('other')")
with db.read() as conn:
    print(sorted(row[0] for row in conn.exec_driver_sql("SELECT who FROM seen")))
db.close()
"""


def other_process(url: str) -> str:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-c", OTHER, url]
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout.strip()


def test_opening_further_connections_keeps_the_locks_of_the_first(tmp_path: Path) -> None:
    """Closing any descriptor of a file drops all POSIX locks of the process; then others remove the WAL in use."""
    url = f"sqlite:///{tmp_path / 'shared.sqlite'}"
    with closing(Database.open(url)) as db:
        with db.write() as conn:
            conn.exec_driver_sql("CREATE TABLE seen (who TEXT)")
        with db.read() as first, db.read() as second:  # a second connection to the same file
            assert first.execute(sa.text("SELECT 1")).scalar() == second.execute(sa.text("SELECT 1")).scalar() == 1
        assert other_process(url) == "['other']"
        with db.write() as conn:
            conn.exec_driver_sql("INSERT INTO seen VALUES ('first')")
        assert other_process(url) == "['first', 'other', 'other']"


def test_a_file_that_is_gone_is_an_error_and_comes_back_as_it_was(tmp_path: Path) -> None:
    path, aside = tmp_path / "shared.sqlite", tmp_path / "aside.sqlite"
    with closing(Database.open(f"sqlite:///{path}")) as db:
        with db.write() as conn:
            conn.exec_driver_sql("CREATE TABLE seen (who TEXT)")
        path.rename(aside)
        for use in (db.read, db.write):
            for pooled in (True, False):  # a connection that is open, and a new one
                if not pooled:
                    db.engine.dispose()
                with pytest.raises(DatabaseGone, match="is gone"), use() as conn:
                    conn.exec_driver_sql("SELECT 1")
        assert not path.exists()  # an empty file would pass for the database
        aside.rename(path)
        with db.write() as conn:
            conn.exec_driver_sql("INSERT INTO seen VALUES ('first')")
        path.unlink()
        path.touch()
        with pytest.raises(DatabaseGone, match="Another file is in the place"), db.read() as conn:
            conn.exec_driver_sql("SELECT 1")


def test_a_file_that_is_deleted_within_a_transaction_is_gone_too(tmp_path: Path) -> None:
    path = tmp_path / "shared.sqlite"

    def delete_and_write(conn: sa.Connection) -> None:
        path.unlink()
        conn.exec_driver_sql("CREATE TABLE seen (who TEXT)")

    with closing(Database.open(f"sqlite:///{path}")) as db, pytest.raises(DatabaseGone), db.write() as conn:
        delete_and_write(conn)


def test_who_needs_a_file_that_exists_makes_none(tmp_path: Path) -> None:
    path = tmp_path / "mistyped.sqlite"
    db = Database.open(f"sqlite:///{path}", existing=True)
    with closing(db), pytest.raises(SchemaError, match="There is no database"), db.read():
        pass
    assert not path.exists()
