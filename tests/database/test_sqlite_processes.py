"""SQLite files shared by processes: no process may take itself for the only one."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa

from pqcore.database.connect import Database

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
