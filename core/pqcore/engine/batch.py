"""One batch: compute outside any transaction, then write rows, counters and cursor in one short transaction."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import Any

import sqlalchemy as sa

from pqcore.database.clock import now
from pqcore.database.errors import Fault
from pqcore.database.lists import parts
from pqcore.database.swap import Swap
from pqcore.database.swap import size_of as size_of_values
from pqcore.database.tables import dead_letters, originals, signatures
from pqcore.engine.checkpoint import Counts, checkpoint
from pqcore.engine.context import JobContext
from pqcore.engine.originals import OriginalsVault
from pqcore.engine.pages import digest_of, known_dead
from pqcore.engine.points import Point, reach
from pqcore.formats.context import row_key_text
from pqcore.jobs.cursor import encode_key
from pqcore.jobs.model import Purpose
from pqcore.jobs.range_claims import RangeClaim
from pqcore.migrations.base import Failed, FailureReason, Migrated, Outcome, Record, Skipped, outcomes

_NOTHING: Mapping[str, bytes] = {}


# not frozen: one is made for every row, and freezing makes that ten times slower
@dataclass(slots=True)
class Computed:
    """A row and what became of it, ready to be written.

    Attributes:
        outcome: None where the row is no longer there.
        sealed: old values to keep, by column.
        letter: digest of the dead letter that this row was, which goes with this write.
    """

    record: Record
    outcome: Outcome | None
    sealed: Mapping[str, bytes] = field(default_factory=dict)
    letter: str | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """What a transaction did: keys of rows that lost the race, seconds spent in it, and whether the range ended."""

    lost: tuple[tuple[Any, ...], ...]
    seconds: float
    ended: bool


def compute(context: JobContext, records: Sequence[Record], *, seconds: float = math.inf) -> list[Computed]:
    """Migrate rows one by one; ends early, with what is ready, when the job is asked to stop or the time is over.

    Args:
        seconds: after which no further row begins; one row is migrated in any case.
    """
    reach(Point.BEFORE_COMPUTE)
    ready: list[Computed] = []
    stopped, clock = context.stop.is_set, time.monotonic
    until = clock() + seconds
    found = outcomes(context.migration, records)
    for record in records:
        if stopped() or (clock() > until and ready):
            break
        outcome = next(found)
        sealed = _NOTHING if context.originals is None else _seal(context.originals, context, record, outcome)
        ready.append(Computed(record, outcome, sealed))
    reach(Point.AFTER_COMPUTE)
    return ready


def _seal(vault: OriginalsVault, context: JobContext, record: Record, outcome: Outcome) -> Mapping[str, bytes]:
    if not isinstance(outcome, Migrated):
        return _NOTHING
    return {column: vault.seal(column, record.key, record.values.get(column)) for column in context.migration.writes}


def write(
    context: JobContext,
    claim: RangeClaim,
    computed: Sequence[Computed],
    *,
    cursor: tuple[Any, ...] | None,
    range_done: bool = False,
) -> Written:
    """Write a batch under the range's lease, all or nothing.

    Args:
        cursor: the last key that is done with; None leaves the range's cursor where it is (rows read again).
        range_done: whether the range ends with this batch, unless a row of it lost the race and has to be read again.

    Raises:
        LeaseLost: the range is someone else's by now; nothing was written.
        sqlalchemy.exc.DBAPIError: the database refused; nothing was written.
    """
    migrated = [c for c in computed if isinstance(c.outcome, Migrated)]
    failed = [c for c in computed if isinstance(c.outcome, Failed)]
    skipped = sum(isinstance(c.outcome, Skipped) for c in computed)
    # made before the transaction: no lock waits for it
    swaps = _swaps(context, migrated)
    started = time.perf_counter()
    reach(Point.BEFORE_WRITE)
    # what a server that fails loses of the table's rows it loses of the range's cursor, too: the rows are done again
    with context.db.write(durable=claim.purpose is not Purpose.MIGRATE) as conn:
        lost = _swap(conn, context, swaps)
        won = [c for c in migrated if c.record.key not in lost] if lost else migrated
        _keep_signatures(conn, context, won)
        _keep_originals(conn, context, won)
        _forget(conn, context, [c.letter for c in computed if c.letter is not None])
        buried = _bury(conn, context, failed)
        reach(Point.AFTER_WRITE)
        # a sweep meets again what the first pass has counted as skipped
        counted = skipped if claim.pass_no == 1 or claim.purpose is Purpose.REQUEUE else 0
        counts = Counts(len(won), counted, len(lost), buried)
        ended = range_done and not lost
        checkpoint(conn, claim, counts, cursor=cursor, range_done=ended)
        reach(Point.BEFORE_COMMIT)
    reach(Point.AFTER_COMMIT)
    if buried:
        context.on_failures()
    return Written(tuple(lost), time.perf_counter() - started, ended)


def refuse(computed: Computed, fault: Fault) -> Computed:
    """The row as one that the database does not take in its new form."""
    if fault is Fault.DATA:
        outcome = Failed(FailureReason.TOO_WIDE, "The new value does not fit its column. Widen the column.")
    else:
        message = "The database refuses the new value. Look at the table's constraints and triggers."
        outcome = Failed(FailureReason.REJECTED, message)
    return replace(computed, outcome=outcome, sealed={})


def size_of(records: Sequence[Record]) -> int:
    """Bytes of the values of these rows, roughly."""
    return sum(size_of_values(column) for column in zip(*[record.values.values() for record in records], strict=True))


def _swaps(context: JobContext, migrated: Sequence[Computed]) -> list[Swap]:
    if not context.migration.writes:
        return []
    old, new = _picking(context.swap_plan.guards), _picking(context.swap_plan.writes)
    return [
        Swap(c.record.key, old(c.record.values), new(c.outcome.values))
        for c in migrated
        if isinstance(c.outcome, Migrated)
    ]


def _picking(names: Sequence[str]) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    """Takes the values under these names as a tuple; made once for a batch, since it is called for each row of it."""
    match names:
        case []:
            return lambda _values: ()
        case [only]:
            return lambda values: (values[only],)
    return itemgetter(*names)


def _swap(conn: sa.Connection, context: JobContext, swaps: Sequence[Swap]) -> set[tuple[Any, ...]]:
    """Write new values where the guarded columns are unchanged; returns the keys of rows that are not."""
    if not swaps:
        return set()
    return {swaps[i].key for i in context.db.dialect.compare_and_swap(conn, context.swap_plan, swaps)}


def _keep_signatures(conn: sa.Connection, context: JobContext, won: Sequence[Computed]) -> None:
    rows: list[dict[str, Any]] = []
    for c in won:
        if not isinstance(c.outcome, Migrated) or c.outcome.signature is None:
            continue
        signature = c.outcome.signature
        rows.append(
            {
                "table_name": context.target.name,
                "key_digest": digest_of(c.record.key),
                "field": signature.field,
                "row_key": row_key_text(c.record.key),
                "old_digest": signature.old_digest.hex(),
                "algorithm": signature.algorithm,
                "key_id": signature.key_id,
                "value": signature.value,
                "job_id": context.job_id,
            }
        )
    if not rows:
        return
    mine = sa.and_(signatures.c.table_name == context.target.name, signatures.c.field == context.selection.field)
    _take_away(conn, signatures, mine, [r["key_digest"] for r in rows])
    conn.execute(signatures.insert().values(created_at=now()), rows)


def _keep_originals(conn: sa.Connection, context: JobContext, won: Sequence[Computed]) -> None:
    rows: list[dict[str, Any]] = [
        {
            "job_id": context.job_id,
            "key_digest": digest_of(c.record.key),
            "field": column,
            "row_key": row_key_text(c.record.key),
            "walk_key": encode_key(c.record.key),
            "sealed": sealed,
            "written_digest": _digest(c.outcome.values[column]),
        }
        for c in won
        if isinstance(c.outcome, Migrated)
        for column, sealed in c.sealed.items()
    ]
    if not rows:
        return
    _take_away(conn, originals, originals.c.job_id == context.job_id, [r["key_digest"] for r in rows])
    conn.execute(originals.insert().values(created_at=now()), rows)


def _digest(value: str | bytes) -> str:
    return hashlib.sha256(value.encode() if isinstance(value, str) else value).hexdigest()


def _forget(conn: sa.Connection, context: JobContext, digests: Sequence[str]) -> None:
    _take_away(conn, dead_letters, dead_letters.c.job_id == context.job_id, digests)


def _take_away(conn: sa.Connection, table: sa.Table, mine: sa.ColumnElement[bool], digests: Sequence[str]) -> None:
    """Take what a companion table has of these rows away, for what comes in its place."""
    for part in parts(digests):
        conn.execute(sa.delete(table).where(mine, table.c.key_digest.in_(part)))


def _bury(conn: sa.Connection, context: JobContext, failed: Sequence[Computed]) -> int:
    """Add dead letters for rows that are none yet; returns how many."""
    if not failed:
        return 0
    already = known_dead(conn, context, [c.record for c in failed])
    rows = [
        {
            "job_id": context.job_id,
            "key_digest": digest_of(c.record.key),
            "row_key": row_key_text(c.record.key),
            "walk_key": encode_key(c.record.key),
            "reason": c.outcome.reason.value,
            "message": c.outcome.message,
        }
        for c in failed
        if isinstance(c.outcome, Failed) and digest_of(c.record.key) not in already
    ]
    if rows:
        conn.execute(dead_letters.insert().values(created_at=now()), rows)
    return len(rows)
