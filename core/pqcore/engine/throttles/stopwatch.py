"""How long a job was held back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock


class Stopwatch:
    """Counts the seconds in which somebody waited for a throttle and nobody worked; by the clock, not by threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._working = 0
        self._waiting = 0
        self._seconds = 0.0
        self._since = clock()

    @property
    def seconds(self) -> float:
        """Seconds so far."""
        with self._lock:
            self._count()
            return self._seconds

    @contextmanager
    def working(self) -> Iterator[None]:
        """A thread is at work in here."""
        self._change(working=1)
        try:
            yield
        finally:
            self._change(working=-1)

    @contextmanager
    def waiting(self, *, at_work: bool = False) -> Iterator[None]:
        """A thread waits in here; ``at_work`` says that it is inside ``working``."""
        self._change(working=-at_work, waiting=1)
        try:
            yield
        finally:
            self._change(working=int(at_work), waiting=-1)

    def _change(self, *, working: int = 0, waiting: int = 0) -> None:
        with self._lock:
            self._count()
            self._working += working
            self._waiting += waiting

    def _count(self) -> None:
        now = self._clock()
        if self._waiting and not self._working:
            self._seconds += now - self._since
        self._since = now
