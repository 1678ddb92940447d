"""Moving a range on: cursor, counters and lease in the transaction that writes its rows, under its epoch."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import sqlalchemy as sa

from pqcore.database.clock import now, now_plus
from pqcore.database.tables import ranges
from pqcore.jobs.claims import LeaseLost
from pqcore.jobs.cursor import encode_key
from pqcore.jobs.leases import lease_seconds
from pqcore.jobs.range_claims import RangeClaim


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
        "of_job": claim.job_id,
        "of_seq": claim.seq,
        "under_epoch": claim.epoch,
        "under_owner": claim.owner,
        "more_migrated": counts.migrated,
        "more_skipped": counts.skipped,
        "more_conflicted": counts.conflicted,
        "more_failed": counts.failed,
    }
    if claim.cursor is not None:
        values["from_cursor"] = claim.cursor
    if cursor is not None:
        values["to_cursor"] = encode_key(cursor)
    if not range_done:
        values["lease"] = lease_seconds()
    statement = _moving(from_start=claim.cursor is None, moves=cursor is not None, range_done=range_done)
    if conn.execute(statement, values).rowcount != 1:
        raise LeaseLost


@cache
def _moving(*, from_start: bool, moves: bool, range_done: bool) -> sa.Update:
    # made once: with every batch that took nine times as long as executing it
    values: dict[str, Any] = {
        "migrated": ranges.c.migrated + sa.bindparam("more_migrated"),
        "skipped": ranges.c.skipped + sa.bindparam("more_skipped"),
        "conflicted": ranges.c.conflicted + sa.bindparam("more_conflicted"),
        "failed": ranges.c.failed + sa.bindparam("more_failed"),
        "updated_at": now(),
    }
    if moves:
        values["cursor_key"] = sa.bindparam("to_cursor")
    if range_done:
        values |= {"state": "done", "lease_owner": None, "lease_expires_at": None}
    else:
        values["lease_expires_at"] = now_plus(sa.bindparam("lease", type_=sa.Float()))
    return (
        sa.update(ranges)
        .where(
            ranges.c.job_id == sa.bindparam("of_job"),
            ranges.c.seq == sa.bindparam("of_seq"),
            ranges.c.lease_epoch == sa.bindparam("under_epoch"),
            ranges.c.lease_owner == sa.bindparam("under_owner"),
            ranges.c.cursor_key.is_(None) if from_start else ranges.c.cursor_key == sa.bindparam("from_cursor"),
            ranges.c.state == "open",
        )
        .values(values)
    )
