"""Putting text on the operator's clipboard, through whatever lies between: SSH, tmux, GNU screen.

OSC 52 asks the terminal to do it. tmux passes that on only where ``set-clipboard`` is ``on``, which it is not by
default, but has a command that does it (3.2 and later): ``load-buffer -w``. Terminals take about 100 kB.
"""

from __future__ import annotations

import base64
import os
import subprocess
from collections.abc import Mapping

from pqcore.text import clean

LIMIT = 74_000  # bytes: what base64 makes of them is just below the 100,000 that xterm takes
_TMUX_SECONDS = 3.0
_SCREEN_CHUNK = 512  # GNU screen takes no longer string


def safe(text: str) -> str:
    """The text as it may leave: cleaned, in lines, short enough."""
    kept = clean(text, newline="\n").encode("utf-8")[:LIMIT]
    return kept.decode("utf-8", "ignore")


def sequence(text: str, env: Mapping[str, str] = os.environ) -> str:
    """OSC 52 for this text, wrapped for GNU screen where that is in between."""
    payload = base64.b64encode(text.encode("utf-8")).decode("ascii")
    plain = f"\x1b]52;c;{payload}\x07"
    if not env.get("STY"):
        return plain
    parts = [plain[at : at + _SCREEN_CHUNK] for at in range(0, len(plain), _SCREEN_CHUNK)]
    return "".join(f"\x1bP{part}\x1b\\" for part in parts)


def to_tmux(text: str, env: Mapping[str, str] = os.environ) -> bool:
    """Give the text to tmux, which sets the terminal's clipboard and a buffer of its own; False where that fails."""
    if not env.get("TMUX"):
        return False
    try:
        done = subprocess.run(
            ["tmux", "load-buffer", "-w", "-"],
            input=text.encode("utf-8"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_TMUX_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
