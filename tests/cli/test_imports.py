"""What the console loads before its first lines are there; what help loads is in test_commands."""

from __future__ import annotations

import subprocess
import sys


def test_the_console_shows_jobs_without_a_database_the_engine_or_the_editor() -> None:
    program = "import sys, pqtui.app, pqtui.ahead, pqtui.cli.console, pqtui.cli.flags; print(*sys.modules)"
    loaded = _loaded(program)
    assert {"textual", "pqtui.screens.main", "pqcore.workspace"} <= loaded
    unneeded = (
        "sqlalchemy", "sqlite3", "psycopg", "pymysql", "cryptography", "argon2", "csv", "importlib.metadata",
        "pqcore.database", "pqcore.engine", "pqcore.selection", "pqcore.formats", "pqcore.crypto",
        "pqtui.screens.new_job", "pqtui.screens.confirm", "pqtui.export", "pqtui.hand_over",
    )  # fmt: skip
    assert sorted(name for name in loaded if name.startswith(unneeded)) == []


def test_the_first_lines_are_read_without_the_screen() -> None:
    loaded = _loaded("import sys, pqtui.cli.session, pqtui.first_lines; print(*sys.modules)")
    assert {"sqlalchemy", "pqtui.snapshots"} <= loaded
    unneeded = ("textual", "rich", "cryptography", "pqcore.engine", "pqcore.selection", "pqcore.formats")
    assert sorted(name for name in loaded if name.startswith((*unneeded, "sqlalchemy.dialects."))) == []


def _loaded(program: str) -> set[str]:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_reading_options_loads_no_cryptography() -> None:
    assert "cryptography" not in _loaded("import sys, pqcore.migrations.options; print(*sys.modules)")
