"""Processes that take part in a run: real ones, which can be killed, stopped and woken."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Event
from typing import Any

PATIENCE = 60.0  # seconds after which a silent process is an error

_context = multiprocessing.get_context("forkserver")
# the server imports once, so that a new process costs milliseconds
_context.set_forkserver_preload(
    ["tests.faults.driver", "tests.faults.writer", *(["pytest"] if "pytest" in sys.modules else [])]
)
_starting = threading.Lock()


class Silent(Exception):
    """A process did not say in time what it was waited for."""


class Ended(Exception):
    """A process ended while it was waited for."""


class Crashed(Exception):
    """A process met an error that nobody expected; the text holds its traceback."""


Message = tuple[Any, ...]


def _state(task: Path) -> str:
    """The state of a thread, as Linux writes it; empty where it has ended meanwhile."""
    try:
        return task.read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def members_of(pid: int) -> list[int]:
    """The processes in which a worker has batches run."""
    tasks = Path(f"/proc/{pid}/task")
    children = [int(child) for task in tasks.glob("*/children") for child in task.read_text().split()]
    return [child for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]


class Player:
    """A process with a line to it. ``target`` is called in it with its end of the line and ``arguments``."""

    def __init__(self, name: str, target: Callable[..., None], *arguments: Any) -> None:
        self.name = name
        self._line, theirs = _context.Pipe()
        self._process = _context.Process(target=target, args=(theirs, *arguments), name=name, daemon=True)
        with _starting:
            self._process.start()
        theirs.close()

    @property
    def line(self) -> Connection:
        """To wait for several players at once."""
        return self._line

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def hear(self, timeout: float = PATIENCE) -> Message:
        """The next message.

        Raises:
            Silent, Ended, Crashed: there is none.
        """
        if not self._line.poll(timeout):
            raise Silent(f"{self.name} has said nothing for {timeout:g} s")
        try:
            message: Message = self._line.recv()
        except (EOFError, ConnectionResetError):
            self._process.join(1)
            raise Ended(f"{self.name} has ended with {self._process.exitcode}") from None
        if message[0] == "crashed":
            raise Crashed(f"{self.name}: {message[1]}")
        return message

    def wait_for(self, *words: str) -> Message:
        """The next message that begins with one of these words; others are passed over."""
        while True:
            message = self.hear()
            if message[0] in words:
                return message

    def tell(self, *message: Any) -> None:
        self._line.send(message)

    def kill(self) -> None:
        """SIGKILL, also to a stopped process."""
        self._signal(signal.SIGKILL)
        self._process.join(PATIENCE)

    def stop(self) -> None:
        """SIGSTOP: no thread of it runs, its connections stay open. Returns once that is so."""
        self._signal(signal.SIGSTOP)
        tasks = Path(f"/proc/{self.pid}/task")
        while any(_state(task) not in "tTZX" for task in tasks.glob("*/stat")):
            Event().wait(0.001)  # a thread may be in a call of the kernel that it has to finish

    def wake(self) -> None:
        self._signal(signal.SIGCONT)

    def leave(self) -> None:
        """Ask it to end, and wait for that."""
        self.tell("leave")
        self._process.join(PATIENCE)
        if self._process.is_alive():
            self.kill()
            raise Silent(f"{self.name} did not leave when it was asked to")
        self._line.close()

    def _signal(self, number: int) -> None:
        if self._process.is_alive():
            os.kill(self.pid, number)
