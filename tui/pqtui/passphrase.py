"""Asking for a passphrase: on the bare terminal, or in a dialog while the console has the screen.

Pass ``ask`` as the prompt of ``pqcore.workspace.open_workspace``. Importing this does not load textual.
"""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable

from pqcore.errors import KeyStoreError

Asker = Callable[[str], str]

_in_console: Asker | None = None


def ask(question: str) -> str:
    """The answer, typed without echo. Blocks; while the console runs, call it from a background thread only.

    Raises:
        KeyStoreError: nobody can be asked, or the question was dismissed.
    """
    if _in_console is not None:
        return _in_console(question)
    if sys.stdin is None or not sys.stdin.isatty():
        raise KeyStoreError(
            "The keyring's passphrase is needed and there is no terminal to ask on",
            "Set PQCONSOLE_PASSPHRASE_FILE or PQCONSOLE_PASSPHRASE, or give the profile a passphrase_command",
        )
    return getpass.getpass(question)


def answer_in(asker: Asker | None) -> None:
    """Let a running console answer; None gives the terminal back."""
    global _in_console
    _in_console = asker
