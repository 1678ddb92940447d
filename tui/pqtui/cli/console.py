"""``pqconsole`` without a command: the console."""

from __future__ import annotations

import argparse
import gc
import os
import sys

from pqcore.errors import TerminalError


def open_console(args: argparse.Namespace) -> int:
    require_terminal()
    # nothing that the start makes is garbage, and looking for some costs a tenth of it; the first lines end this
    gc.disable()
    from pqcore.settings import load
    from pqcore.workspace import Workspace
    from pqtui.app import run
    from pqtui.cli.flags import settings_of
    from pqtui.cli.session import opened, require_file
    from pqtui.passphrase import ask

    def reopen(name: str) -> Workspace:
        # --read-only stays in force; --as names a user of the database that was opened first
        settings = load(profile=name, read_only=args.read_only)
        require_file(settings)
        return Workspace.open(settings, prompt=ask)

    with opened(settings_of(args), prompt=ask) as workspace:
        return run(workspace, reopen=reopen)


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
