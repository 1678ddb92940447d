"""How long reads of a thread wait for another program's lock, where the database lets us say: SQLite.

A worker waits long, since that costs nothing but time; what is on a screen is tried again anyway.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

# for whoever looks at a screen: it is said so soon, and what is locked for less goes unnoticed
SCREEN_SECONDS = 1.0


class _OfThread(threading.local):
    seconds: float | None = None


_patience = _OfThread()


@contextmanager
def lock_patience(seconds: float) -> Iterator[None]:
    """Within this context, reads of this thread wait for a lock no longer than so many seconds."""
    before, _patience.seconds = _patience.seconds, seconds
    try:
        yield
    finally:
        _patience.seconds = before


def patience(usual: float) -> float:
    """Seconds that a read of this thread waits for a lock; ``usual`` where nothing else was said."""
    return usual if _patience.seconds is None else _patience.seconds
