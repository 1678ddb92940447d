"""The real program in tmux: resized, left alone, and attached again."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pexpect
import pytest

from pqcore.workspace import Workspace

pytestmark = pytest.mark.skipif(
    shutil.which("tmux") is None and not os.environ.get("CI"), reason="tmux is not installed; CI installs it"
)

# what says how a terminal is, and would be believed before the terminal itself
_OF_THE_TERMINAL = ("TMUX", "NO_COLOR", "COLUMNS", "LINES")


class Tmux:
    """A tmux server of this test alone, with one console in it."""

    def __init__(self, folder: Path, url: str, **env: str) -> None:
        self._command = ["tmux", "-L", f"pq-{uuid.uuid4().hex[:8]}", "-f", os.devnull]
        self.env = {
            **{k: v for k, v in os.environ.items() if not k.startswith("PQCONSOLE_") and k not in _OF_THE_TERMINAL},
            "TMUX_TMPDIR": str(folder),
            "PQCONSOLE_HOME": str(folder),
            "PQCONSOLE_CONFIG": "",
            "TERM": "xterm-256color",
            "LC_ALL": "C.UTF-8",
            **env,
        }
        program = f"exec {sys.executable} -m pqtui --url {url}"
        self.run("new-session", "-d", "-x", "80", "-y", "24", program)

    def run(self, *words: str) -> str:
        done = subprocess.run([*self._command, *words], env=self.env, check=True, capture_output=True, timeout=30)
        return done.stdout.decode()

    @property
    def text(self) -> str:
        return self.run("capture-pane", "-p")

    def until(self, happened: Callable[[], object], seconds: float = 30.0) -> None:
        end = time.monotonic() + seconds
        while not happened():
            assert time.monotonic() < end, f"this did not happen; tmux shows:\n{self.text}"
            time.sleep(0.05)

    def shows(self, *texts: str) -> None:
        self.until(lambda: all(text in self.text for text in texts))

    def attach(self, columns: int, lines: int) -> pexpect.spawn[bytes]:
        return pexpect.spawn(
            self._command[0],
            [*self._command[1:], "attach"],
            env={**self.env, "TERM": "xterm-256color"},
            dimensions=(lines, columns),
            timeout=30,
        )

    def close(self) -> None:
        subprocess.run([*self._command, "kill-server"], env=self.env, check=False, capture_output=True)


@pytest.fixture
def tmux(filled: Workspace, tmp_path: Path) -> Iterator[Tmux]:
    started = Tmux(tmp_path, filled.settings.url)
    yield started
    started.close()


def test_resize_detach_and_attach_again(tmux: Tmux) -> None:
    tmux.shows("Jobs 8", "Detail", "q Quit")
    assert "Throughput" not in tmux.text
    tmux.run("resize-window", "-x", "200", "-y", "50")
    tmux.shows("Jobs 8", "Detail", "Metrics", "Worker")
    assert len(max(tmux.text.splitlines(), key=len)) > 150
    tmux.run("resize-window", "-x", "60", "-y", "16")
    tmux.shows("Jobs 8", "q Quit")
    assert all(len(line) <= 60 for line in tmux.text.splitlines())
    tmux.run("set-option", "-w", "window-size", "latest")
    client = tmux.attach(100, 30)
    client.expect("Jobs 8")
    tmux.shows("Jobs 8", "Detail")
    tmux.run("send-keys", "Space")
    tmux.shows("1 marked")
    tmux.run("detach-client")
    client.expect(pexpect.EOF)
    client.close()
    tmux.run("send-keys", "/", "status:failed", "Enter")
    tmux.shows("Jobs 1 of 8, filtered, 1 marked")
    again = tmux.attach(120, 40)
    again.expect("Jobs 1 of 8")
    again.send("q")
    again.expect(pexpect.EOF)
    again.close()


@pytest.mark.parametrize(
    ("env", "sign", "absent"),
    [
        ({"NO_COLOR": "1"}, "✓", "\x1b[38;2"),
        ({"PQCONSOLE_ASCII": "1"}, "+ done", "✓"),
        ({"LC_ALL": "C"}, "+ done", "✓"),
    ],
    ids=["no colour", "ascii", "no utf-8"],
)
def test_what_a_terminal_cannot_show_is_not_sent(
    filled: Workspace, tmp_path: Path, env: dict[str, str], sign: str, absent: str
) -> None:
    tmux = Tmux(tmp_path, filled.settings.url, **env)
    try:
        tmux.run("resize-window", "-x", "100", "-y", "40")
        tmux.shows("Jobs 8", sign)
        assert absent not in tmux.run("capture-pane", "-p", "-e")
    finally:
        tmux.close()
