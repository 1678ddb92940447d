"""Work done ahead: in a forked process, while this one still loads what will show it.

Reading a database and loading a screen take about as long as each other, and on two processors both are done in the
time of one. The process answers once, through a pipe, and is gone.
"""

from __future__ import annotations

import os
import pickle
import signal
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, TypeVar

from pqcore.errors import PQConsoleError

T = TypeVar("T")


class Ahead(Generic[T]):
    """``work`` in a process of its own. To be made while this process has one thread and no open database.

    What it gives must be picklable, as its errors are. It must not touch the terminal.
    """

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reader)
            _answer(work, writer)
        os.close(writer)
        self._pid: int | None = pid
        self._reader = os.fdopen(reader, "rb")

    def result(self) -> T:
        """What the work gave; blocks. Where its process died without an answer, the work is done here.

        Raises:
            PQConsoleError: the work did.
        """
        with self._reader as reader:
            answer = reader.read()
        self.end()
        if not answer:
            return self._work()
        value = pickle.loads(answer)  # noqa: S301 - from a process of our own
        if isinstance(value, PQConsoleError):
            raise value
        return value  # type: ignore[no-any-return]

    def end(self) -> None:
        """Do without it: nothing is left of its process. May be called more than once, and from any thread."""
        pid, self._pid = self._pid, None
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(pid, 0)


def _answer(work: Callable[[], T], writer: int) -> None:
    """Do the work, write what came of it, leave: nothing that this process has from its parent is flushed or closed."""
    # what is typed meanwhile is for the parent
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    with suppress(BaseException):
        try:
            value: object = work()
        except PQConsoleError as error:
            value = error
        with os.fdopen(writer, "wb") as stream:
            pickle.dump(value, stream, pickle.HIGHEST_PROTOCOL)
    os._exit(0)
