"""What every throttle can be asked."""

from __future__ import annotations

from typing import Protocol

# a reading of the server is a second old at most, so a throttle that goes by readings is asked again after that
LOOK_AGAIN_SECONDS = 1.0


class Throttle(Protocol):
    """One thing that may hold a job back. Thread-safe."""

    @property
    def reason(self) -> str:
        """What it is, in a few words, to be shown while it holds the job back."""
        ...

    def delay(self, rows: int) -> float:
        """Count ``rows`` as taken just now; how many seconds the next batch has to wait, 0 where it may begin."""
        ...
