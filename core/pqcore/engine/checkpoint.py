"""Moving a range on: cursor, counters and lease in the transaction that writes its rows, under its epoch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from pqcore.database.clock import now, now_plus
from pqcore.database.tables import ranges
from pqcore.jobs.claims import LeaseLost, RangeClaim
from pqcore.jobs.cursor import encode_key
from pqcore.jobs.leases import lease_seconds


@dataclass(frozen=True, slots=True)
class Counts:
    """Rows to add to a range's counters."""

    migrated: int = 0
    skipped: int = 0
    conflicted: int = 0
    failed: int = 0


def checkpoint(
    conn: sa.Connection,
    claim: RangeClaim,
    counts: Counts,
    *,
    cursor: tuple[Any, ...] | None,
    range_done: bool = False,
) -> None:
    """Record what this transaction did to the range.

    Args:
        cursor: the last key that is done with; None leaves the range's cursor where it is.
        range_done: whether the range ends here.

    Raises:
        LeaseLost: the range is someone else's by now, or is not where ``claim`` left it (a server that failed has lost
            a batch behind a connection that was replaced); the transaction must be rolled back.
    """
    values: dict[str, Any] = {
        "migrated": ranges.c.migrated + counts.migrated,
        "skipped": ranges.c.skipped + counts.skipped,
        "conflicted": ranges.c.conflicted + counts.conflicted,
        "failed": ranges.c.failed + counts.failed,
        "lease_expires_at": now_plus(lease_seconds()),
        "updated_at": now(),
    }
    if cursor is not None:
        values["cursor_key"] = encode_key(cursor)
    if range_done:
        values |= {"state": "done", "lease_owner": None, "lease_expires_at": None}
    mine = sa.and_(
        ranges.c.job_id == claim.job_id,
        ranges.c.seq == claim.seq,
        ranges.c.lease_epoch == claim.epoch,
        ranges.c.lease_owner == claim.owner,
        ranges.c.cursor_key == claim.cursor,
        ranges.c.state == "open",
    )
    if conn.execute(sa.update(ranges).where(mine).values(**values)).rowcount != 1:
        raise LeaseLost
