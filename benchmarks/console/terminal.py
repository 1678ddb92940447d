"""The real program in a pseudo-terminal, with the moment at which each piece of its output arrived."""

from __future__ import annotations

import fcntl
import os
import pty
import queue
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pyte

ROOT = Path(__file__).resolve().parents[2]
# what is installed has its bytecode beside it, and a person's profile is not measured
_NOT_OF_AN_INSTALLED_PROGRAM = ("PQCONSOLE_", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED")
_PATIENCE = 60.0  # seconds after which something that should happen has not


def environment(home: Path) -> dict[str, str]:
    """The variables of a program of this tree that shows true colour and Unicode, with its data in ``home``."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(_NOT_OF_AN_INSTALLED_PROGRAM)},
        "PYTHONPATH": os.pathsep.join((str(ROOT / "core"), str(ROOT / "tui"))),
        "PQCONSOLE_HOME": str(home),
        "PQCONSOLE_CONFIG": "",
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
        "LC_ALL": "C.UTF-8",
    }


class Terminal:
    """A console and the screen that a terminal of this size shows of it.

    Args:
        arguments: of ``pqconsole``.
        home: its data directory.
        size: columns and lines.
        bytes_per_second: how fast the line takes output; None: at once.
    """

    def __init__(
        self,
        arguments: list[str],
        home: Path,
        size: tuple[int, int] = (120, 36),
        bytes_per_second: int | None = None,
    ) -> None:
        columns, lines = size
        self.screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self.screen)
        self._rate = bytes_per_second
        self._arrived: queue.Queue[tuple[float, bytes]] = queue.Queue()
        self.received = 0
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self._master = master
        self.began = time.perf_counter()
        self._program = subprocess.Popen(
            [sys.executable, "-m", "pqtui", *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environment(home),
            cwd=home,
            start_new_session=True,
        )
        os.close(slave)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """Of the program."""
        return self._program.pid

    @property
    def text(self) -> str:
        """What the terminal shows by what was drawn so far."""
        return "\n".join(self.screen.display)

    def send(self, keys: str) -> float:
        """Press keys; gives the moment."""
        at = time.perf_counter()
        os.write(self._master, keys.encode())
        return at

    def when(self, happened: Callable[[], bool]) -> float:
        """Draw what arrives until something holds; gives the moment at which the piece that brought it arrived."""
        at, end = time.perf_counter(), time.perf_counter() + _PATIENCE
        while not happened():
            try:
                at, piece = self._arrived.get(timeout=1.0)
            except queue.Empty:
                if self._program.poll() is not None or time.perf_counter() > end:
                    raise TimeoutError(f"this did not happen; the terminal shows:\n{self.text}") from None
                continue
            self._stream.feed(piece)
        return at

    def shows(self, *texts: str) -> float:
        """The moment at which all of these are on the screen."""
        return self.when(lambda: all(text in self.text for text in texts))

    def rest(self, seconds: float) -> int:
        """Draw what arrives for so long; gives the number of bytes."""
        before, end = self.received, time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            try:
                self._stream.feed(self._arrived.get(timeout=left)[1])
            except queue.Empty:
                break
        return self.received - before

    def cursor_line(self) -> int:
        """The line of the screen that has the list's cursor; -1: none."""
        return next((y for y, line in enumerate(self.screen.display) if "›" in line), -1)

    def close(self) -> None:
        """End the program."""
        if self._program.poll() is None:
            self._program.send_signal(signal.SIGTERM)
            try:
                self._program.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self._program.kill()
                self._program.wait()
        os.close(self._master)
        self._reader.join(5)

    def _read(self) -> None:
        most = 65536 if self._rate is None else max(64, self._rate // 50)
        while True:
            try:
                piece = os.read(self._master, most)
            except OSError:  # the program has ended
                return
            if not piece:
                return
            if self._rate is not None:
                time.sleep(len(piece) / self._rate)
            self.received += len(piece)
            self._arrived.put((time.perf_counter(), piece))
