"""The newest reading of a server, and its clock between two readings."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from pqcore.database.load import Load


class Gauge:
    """Holds what the server said last; one thread writes, many read."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        # one attribute, so that readers see a load together with when it came
        self._seen: tuple[Load, float] | None = None

    def show(self, load: Load) -> None:
        """Take a new reading."""
        self._seen = (load, self._clock())

    @property
    def load(self) -> Load | None:
        """The newest reading; None before the first."""
        return self._seen[0] if self._seen else None

    def now(self) -> datetime | None:
        """The server's clock now; None before the first reading."""
        if self._seen is None:
            return None
        load, came = self._seen
        return load.at + timedelta(seconds=self._clock() - came)
