"""Stopping long work by a signal: it ends between batches, and the job stays resumable."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from types import FrameType
from typing import TypeVar

from pqcore.errors import ExitCode, PQConsoleError

T = TypeVar("T")

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SHOW_CURSOR = b"\x1b[?25h"


class Interrupted(PQConsoleError):
    """The work was stopped by Ctrl-C, SIGTERM or SIGHUP."""

    exit_code = ExitCode.INTERRUPTED


_GOES_ON = "What is done is kept; the same command goes on from there"


def run_stoppable(work: Callable[[], T], stop: Callable[[], None], *, remedy: str = _GOES_ON) -> T:
    """Run ``work`` in a thread of its own and return its result; to be called in the main thread.

    At the first Ctrl-C, SIGTERM or SIGHUP ``stop`` is called, ``work`` is waited for (it checkpoints) and
    ``Interrupted`` raised with ``remedy``. A second signal leaves at once: leases run out, nothing is lost.
    """
    with _Bell() as bell, _signals(bell) as received:
        future, thread = _start(work, bell)
        bell.wait()
        try:
            if received:
                stop()
        finally:
            thread.join()
    if not received:
        return future.result()
    name = signal.Signals(received[0]).name
    raise Interrupted(f"Stopped by {name}", remedy)


class _Bell:
    """A pipe that is rung: unlike a lock it may be rung from a signal handler."""

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()

    def __enter__(self) -> _Bell:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._reader)
        os.close(self._writer)

    def ring(self) -> None:
        os.write(self._writer, b"!")

    def wait(self) -> None:
        os.read(self._reader, 1)


def _start(work: Callable[[], T], bell: _Bell) -> tuple[Future[T], threading.Thread]:
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)
        bell.ring()

    # A daemon, so that leaving at a second signal is never held up by it.
    thread = threading.Thread(target=run, name="pqconsole-work", daemon=True)
    # it and the threads that it starts leave signals to the main one, which a signal that went to another does not wake
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        thread.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return future, thread


@contextmanager
def _signals(bell: _Bell) -> Iterator[list[int]]:
    """Collect signals: the first rings, the second ends the process."""
    received: list[int] = []

    def handle(number: int, _frame: FrameType | None) -> None:
        received.append(number)
        if len(received) > 1:
            if sys.stderr.isatty():
                os.write(2, _SHOW_CURSOR)
            os._exit(int(ExitCode.INTERRUPTED))
        bell.ring()

    before = {number: signal.signal(number, handle) for number in _SIGNALS}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
