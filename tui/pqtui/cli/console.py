"""``pqconsole`` without a command: the console."""

from __future__ import annotations

import argparse
import gc
import os
import sys
from contextlib import closing
from typing import TYPE_CHECKING

from pqcore.errors import TerminalError

if TYPE_CHECKING:
    from pqcore.workspace import Workspace
    from pqtui.ahead import Ahead
    from pqtui.first_lines import FirstLines


def open_console(args: argparse.Namespace) -> int:
    require_terminal()
    # nothing that the start makes is garbage, and looking for some costs a tenth of it; the first lines end this
    gc.disable()
    from pqtui.ahead import Ahead

    # the database and the screen are loaded side by side
    ahead = Ahead(_first_lines, _load_database)
    try:
        return _open(args, ahead)
    finally:
        ahead.end()


def _open(args: argparse.Namespace, ahead: Ahead[Workspace, FirstLines]) -> int:
    from pqcore.settings import load
    from pqcore.workspace import Workspace
    from pqtui.cli.flags import settings_of
    from pqtui.passphrase import ask

    workspace = Workspace.prepared(settings_of(args), prompt=ask)
    ahead.begin(workspace)

    def reopen(name: str) -> Workspace:
        # --read-only stays in force; --as names a user of the database that was opened first
        from pqtui.cli.session import require_file

        settings = load(profile=name, read_only=args.read_only)
        require_file(settings)
        return Workspace.open(settings, prompt=ask)

    from pqtui.app import run

    with closing(workspace):
        return run(workspace, reopen=reopen, first=ahead.result)


def _load_database() -> None:
    import pqtui.cli.session
    import pqtui.first_lines  # noqa: F401


def _first_lines(workspace: Workspace) -> FirstLines:
    from pqtui.cli.session import require_file
    from pqtui.first_lines import read_first_lines

    require_file(workspace.settings)
    return read_first_lines(workspace, os.get_terminal_size().lines)


def require_terminal() -> None:
    """Refuse where there is nothing to draw on.

    Raises:
        TerminalError: standard input or output is no terminal, or a dumb one.
    """
    remedy = "Use the commands without a screen: pqconsole work, pqconsole jobs"
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise TerminalError("The console needs a terminal, and standard input or output is none", remedy)
    if os.environ.get("TERM", "") in ("", "dumb", "unknown"):
        raise TerminalError("The console needs a terminal that can place text, and TERM names none", remedy)
