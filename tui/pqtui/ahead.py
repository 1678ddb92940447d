"""Work done ahead: in a forked process, while this one still loads what will show it.

Reading a database and loading a screen take about as long as each other, and on two processors both are done in the
time of one. The process loads modules until it is told what to do, answers once, through pipes, and is gone.
"""

from __future__ import annotations

import os
import pickle
import signal
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO, Generic, TypeVar

from pqcore.errors import PQConsoleError

A = TypeVar("A")
T = TypeVar("T")


class Ahead(Generic[A, T]):
    """``work`` in a process of its own. To be made while this process has one thread and no open database.

    What it is given and what it gives must be picklable, as its errors are. It must not touch the terminal.

    Args:
        work: what to do, once ``begin`` has said with what.
        load: what to do before that, such as to import what ``work`` needs.
    """

    def __init__(self, work: Callable[[A], T], load: Callable[[], object]) -> None:
        self._work = work
        orders, order = os.pipe()
        answers, answer = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(order)
            os.close(answers)
            _serve(work, load, os.fdopen(orders, "rb"), answer)
        os.close(orders)
        os.close(answer)
        self._pid: int | None = pid
        self._order = os.fdopen(order, "wb")
        self._answers = os.fdopen(answers, "rb")

    def begin(self, argument: A) -> None:
        """Have the work done with ``argument``; does not wait for it. To be called once."""
        self._argument = argument
        with suppress(BrokenPipeError), self._order as stream:  # it died: the work will be done here
            pickle.dump(argument, stream, pickle.HIGHEST_PROTOCOL)

    def result(self) -> T:
        """What the work gave; blocks. Where its process died without an answer, the work is done here.

        Raises:
            PQConsoleError: the work did.
        """
        with self._answers as stream:
            answer = stream.read()
        self.end()
        if not answer:
            return self._work(self._argument)
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
            with suppress(BrokenPipeError):
                self._order.close()


def _serve(work: Callable[[A], T], load: Callable[[], object], orders: BinaryIO, answer: int) -> None:
    """Do the work, write what came of it, leave: nothing that this process has from its parent is flushed or closed."""
    # what is typed meanwhile is for the parent
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    with suppress(BaseException):
        load()
        argument: A = pickle.load(orders)  # noqa: S301 - from a process of our own
        try:
            value: object = work(argument)
        except PQConsoleError as error:
            value = error
        with os.fdopen(answer, "wb") as stream:
            pickle.dump(value, stream, pickle.HIGHEST_PROTOCOL)
    os._exit(0)
