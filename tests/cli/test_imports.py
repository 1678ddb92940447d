"""What the console loads before its first lines are there; what help loads is in test_commands."""

from __future__ import annotations

import subprocess
import sys


def test_the_console_shows_jobs_without_the_engine_or_the_editor() -> None:
    program = "import sys, pqtui.app, pqtui.cli.flags, pqtui.cli.session; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    assert {"textual", "sqlalchemy", "pqtui.screens.main"} <= set(loaded)
    unneeded = ("pqcore.engine", "pqcore.selection", "pqcore.formats", "pqtui.screens.new_job", "cryptography.")
    dialects = [name for name in loaded if name.startswith("sqlalchemy.dialects.")]
    assert dialects == []
    assert [name for name in loaded if name.startswith(unneeded)] == []
