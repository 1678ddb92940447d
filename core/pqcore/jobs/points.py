"""Named points that running work passes. Nothing listens in production; tests stop, change or kill there."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum


class Point(StrEnum):
    """Where a worker is. Points marked (t) lie inside a transaction."""

    BEFORE_CLAIM = "before_claim"  # a job that is due
    BEFORE_TAKE_OVER = "before_take_over"  # a job was found whose worker is gone
    AFTER_CLAIM = "after_claim"
    BEFORE_FIX = "before_fix"  # the first start knows algorithm, keys and total, and has not stored them
    AFTER_FIX = "after_fix"
    BEFORE_PLAN = "before_plan"  # the next range of a pass
    AFTER_PLAN = "after_plan"
    BEFORE_RANGE_CLAIM = "before_range_claim"
    AFTER_RANGE_CLAIM = "after_range_claim"
    BEFORE_READ = "before_read"
    AFTER_READ = "after_read"
    BEFORE_COMPUTE = "before_compute"
    AFTER_COMPUTE = "after_compute"
    BEFORE_WRITE = "before_write"
    AFTER_WRITE = "after_write"  # (t) rows are written, the checkpoint (cursor, counters, lease) is not
    BEFORE_COMMIT = "before_commit"  # (t) the checkpoint is written, too
    AFTER_COMMIT = "after_commit"
    BEFORE_ROLL_UP = "before_roll_up"
    BEFORE_RENEWAL = "before_renewal"  # (t) counters are rolled up, no lease is renewed
    AFTER_RENEWAL = "after_renewal"  # (t) leases are renewed, too
    AFTER_BEAT = "after_beat"
    BEFORE_SWEEP = "before_sweep"  # another pass
    AFTER_SWEEP = "after_sweep"
    BEFORE_FINISH = "before_finish"  # the job, or an operation on it, gets its last state
    FINISHING = "finishing"  # (t) all of it is written
    AFTER_FINISH = "after_finish"


Listener = Callable[[Point], None]

_listener: Listener | None = None


def listen(listener: Listener | None) -> None:
    """Call ``listener`` at every point from now on, in the thread that passes it; None stops that."""
    global _listener
    _listener = listener


def reach(point: Point) -> None:
    """Pass a point."""
    if _listener is not None:
        _listener(point)
