"""SIGHUP, SIGTERM and a terminal that is gone: the work here is checkpointed and its leases are released.

A terminal that hung up may block whoever writes to it, so nothing here waits for the screen. One that is not the
controlling terminal hangs up without a signal, and would be read from without end.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from pqcore.errors import ExitCode

STOP_SECONDS = 1.5
_GRACE_SECONDS = 1.5
_WATCH_MILLISECONDS = 1000
_SIGNALS = (signal.SIGHUP, signal.SIGTERM, signal.SIGINT)


@contextmanager
def stopped_by_signals(stop: Callable[[float], None], leave: Callable[[], None]) -> Iterator[None]:
    """Within this context a signal stops the work (``stop(seconds)``), then asks the screen to go (``leave``).

    A screen that does not go in time is left behind: the process ends with exit code 130.
    """
    once = threading.Lock()

    def shut_down() -> None:
        watchdog = threading.Timer(STOP_SECONDS + _GRACE_SECONDS, os._exit, (int(ExitCode.INTERRUPTED),))
        watchdog.daemon = True
        watchdog.start()
        stop(STOP_SECONDS)
        leave()

    def caught(_number: int, _frame: FrameType | None) -> None:
        if once.acquire(blocking=False):
            threading.Thread(target=shut_down, name="console-shutdown", daemon=True).start()

    def hung_up() -> None:
        if _wait_for_hang_up(over) and once.acquire(blocking=False):
            shut_down()

    over = threading.Event()
    before = {number: signal.signal(number, caught) for number in _SIGNALS}
    if sys.stdin is not None and sys.stdin.isatty():
        threading.Thread(target=hung_up, name="console-terminal", daemon=True).start()
    try:
        yield
    finally:
        over.set()
        for number, handler in before.items():
            signal.signal(number, handler)


def _wait_for_hang_up(over: threading.Event) -> bool:
    """Wait until the terminal hangs up (True), or until it is ``over`` or cannot be watched (False)."""
    poll = select.poll()
    poll.register(sys.stdin.fileno(), 0)  # what is said of hanging up is said unasked
    while not over.is_set():
        for _, found in poll.poll(_WATCH_MILLISECONDS):
            if found & select.POLLHUP:
                return True
            if found & (select.POLLNVAL | select.POLLERR):
                return False
    return False
