"""SIGHUP and SIGTERM: the work here is checkpointed and its leases are released, whatever the terminal does.

A terminal that hung up may block whoever writes to it, so nothing here waits for the screen.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from pqcore.errors import ExitCode

STOP_SECONDS = 1.5
_GRACE_SECONDS = 1.5
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

    before = {number: signal.signal(number, caught) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
