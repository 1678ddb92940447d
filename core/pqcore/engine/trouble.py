"""What keeps the batches of a job waiting, told once it lasts: a full disk, a lock, a server that is away."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock

# shorter waits are everyday, and nobody has to do anything about them
WORTH_SECONDS = 10.0


class Trouble:
    """What batches of one job met since one of them was last written; shared by their threads.

    ``met`` and ``over`` return a sentence for the event log where there is something to tell, None else.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._since: float | None = None
        self._what = ""
        self._told = False

    def met(self, what: str) -> str | None:
        """A batch has to be tried again. What is returned may get lost: it comes again until ``told``."""
        with self._lock:
            self._what = what
            if self._since is None:
                self._since = self._clock()
            lasts = self._clock() - self._since >= WORTH_SECONDS
            return f"Batches wait. {what}" if lasts and not self._told else None

    def told(self) -> None:
        """The log has it."""
        self._told = True

    def over(self) -> str | None:
        """A batch was written."""
        if self._since is None:  # nearly always, so without the lock
            return None
        with self._lock:
            if self._since is None:
                return None
            seconds = self._clock() - self._since
            worth = self._told or seconds >= WORTH_SECONDS
            self._since, self._told = None, False
            return f"Went on after {seconds:.0f} s. {self._what}" if worth else None
