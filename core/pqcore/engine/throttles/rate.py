"""At most so many rows a second."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock


class RateLimit:
    """At most ``rows_per_second`` rows on average, over all threads.

    Rows are paid for after they were taken: a batch of any size passes, and the next one waits its turn. Time in which
    nothing was taken is not saved up.
    """

    def __init__(self, rows_per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._free_at = clock()
        self.rows_per_second = rows_per_second

    @property
    def reason(self) -> str:
        return f"rate {self.rows_per_second:g}/s"

    def give_back(self, rows: int) -> None:
        """So many of the rows that were counted were not taken."""
        with self._lock:
            self._free_at -= rows / self.rows_per_second

    def delay(self, rows: int) -> float:
        with self._lock:
            now = self._clock()
            self._free_at = max(self._free_at, now) + rows / self.rows_per_second
            return self._free_at - now
