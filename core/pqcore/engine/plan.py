"""Cutting a selection into key ranges, lazily, by walking the index of its key.

No density is assumed: a boundary is the key that stands a number of rows further on. Where it is known how many rows
are left, each range takes a share of them, so that a large table has few ranges and no thread is left alone with a
long one at the end; else ranges start small, so that every thread has work at once, and grow.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from pqcore.database.clock import now
from pqcore.database.tables import ranges, runs
from pqcore.engine.context import JobContext
from pqcore.engine.pages import bounds
from pqcore.engine.points import Point, reach
from pqcore.jobs.claims import JobClaim, LeaseLost
from pqcore.jobs.cursor import decode_key, encode_key
from pqcore.jobs.lifecycle import first_epoch
from pqcore.jobs.model import Phase, Purpose
from pqcore.jobs.range_claims import FREE

_FIRST_ROWS = 100
_LAST_ROWS = 50_000
_SWEEP_ROWS = 100_000
_SAME_SIZE = 4  # ranges of one size before it doubles
_AHEAD = 2  # ranges for each thread that the rest of the rows is cut into,
_MOST_PARTS = 32  # but not into pieces smaller than such a part of all


def range_rows(seq: int, pass_no: int, share: int | None = None) -> int:
    """Rows of the range number ``seq`` (from 0) of its pass. A sweep skips most rows, so its ranges are long.

    Args:
        share: what ``Rest.share`` says; None where nobody knows how many rows are left.
    """
    if pass_no > 1:
        return _SWEEP_ROWS
    if share is not None:
        return min(_LAST_ROWS, share)
    return int(min(_LAST_ROWS, _FIRST_ROWS * 2 ** min(seq // _SAME_SIZE, 16)))


@dataclass(frozen=True, slots=True)
class Rest:
    """Rows of a selection that no range holds yet, and the threads among which they are shared.

    Attributes:
        total: rows of the selection as they were counted.
        planned: rows that ranges hold already; more than ``total`` where the table has grown.
    """

    total: int
    planned: int
    turns: int

    @property
    def share(self) -> int:
        """Rows of the next range, so that all threads end together."""
        # a table that has grown has no more parts for that: it may have been nearly empty when it was counted
        least = max(1, max(self.total, self.planned) // (self.turns * _MOST_PARTS))
        return max(least, (self.total - self.planned) // (self.turns * _AHEAD))

    def without(self, rows: int) -> Rest:
        """What is left once another range holds so many."""
        return replace(self, planned=self.planned + rows)


@dataclass(frozen=True, slots=True)
class PlanState:
    """How far a job is planned, and what of it is unfinished.

    Attributes:
        unclaimed: open ranges that nobody works on now.
        open: open ranges in all.
    """

    pass_no: int
    done: bool
    unclaimed: int
    open: int


# made once, as they are executed all the time
_RUN = sa.select(runs).where(runs.c.job_id == sa.bindparam("job"))
_OPEN = sa.select(sa.func.count(), sa.func.sum(sa.case((FREE, 1), else_=0))).where(
    ranges.c.job_id == sa.bindparam("job"), ranges.c.purpose == sa.bindparam("purpose"), ranges.c.state == "open"
)
_OF_PASS = sa.and_(ranges.c.pass_no == sa.bindparam("pass"), ranges.c.purpose == sa.bindparam("purpose"))
_PLANNED = sa.select(sa.func.max(ranges.c.seq), sa.func.sum(sa.case((_OF_PASS, 1), else_=0))).where(
    ranges.c.job_id == sa.bindparam("job")
)

_MOVE_PLAN = (
    sa.update(runs)
    .where(
        runs.c.job_id == sa.bindparam("job"),
        runs.c.lease_epoch == sa.bindparam("epoch"),
        runs.c.plan_epoch == sa.bindparam("plan"),
    )
    .values(plan_cursor=sa.bindparam("cursor"), plan_done=sa.bindparam("done"), plan_epoch=runs.c.plan_epoch + 1)
)
_ADD = ranges.insert().values(state="open", updated_at=now())


def plan_state(conn: sa.Connection, job_id: int, purpose: Purpose) -> PlanState:
    """Where the plan stands now, for one purpose."""
    run = conn.execute(_RUN, {"job": job_id}).one()
    counts = conn.execute(_OPEN, {"job": job_id, "purpose": purpose.value}).one()
    return PlanState(run.pass_no, bool(run.plan_done), int(counts[1] or 0), int(counts[0]))


def plan_ranges(
    context: JobContext, claim: JobClaim, purpose: Purpose, *, at_most: int = 1, rest: Rest | None = None
) -> tuple[int, ...]:
    """Add the next ranges of the current pass over the table; rows of each, none where the pass is planned to its end.

    Args:
        rest: what is left to plan; None where nobody knows.

    Raises:
        LeaseLost: another worker coordinates the job by now; nothing was added.
    """
    job_id = claim.job_id
    with context.db.read() as conn:
        run = conn.execute(_RUN, {"job": job_id}).one()
        if run.plan_done:
            return ()
        of_pass = {"job": job_id, "pass": run.pass_no, "purpose": purpose.value}
        last_seq, before = conn.execute(_PLANNED, of_pass).one()
        added: list[dict[str, Any]] = []
        sizes: list[int] = []
        cursor: str | None = run.plan_cursor
        done = False
        while len(added) < at_most and not done:
            rows = range_rows(int(before or 0) + len(added), run.pass_no, rest.share if rest else None)
            boundary = _boundary(conn, context, cursor, rows)
            done = boundary is None
            # without a ceiling the last range is open, for rows that are added meanwhile
            end = encode_key(context.ceiling) if done and context.ceiling else boundary
            added.append({"seq": (last_seq or 0) + len(added) + 1, "lower_key": cursor, "upper_key": end})
            cursor = boundary or cursor
            sizes.append(rows)
            rest = rest.without(rows) if rest else None
    reach(Point.BEFORE_PLAN)
    with context.db.write() as conn:
        planned = {"job": job_id, "epoch": claim.epoch, "plan": run.plan_epoch, "cursor": cursor, "done": done}
        if not conn.execute(_MOVE_PLAN, planned).rowcount:
            raise LeaseLost
        same = {
            "job_id": job_id,
            "pass_no": run.pass_no,
            "purpose": purpose.value,
            "lease_epoch": first_epoch(claim.epoch),
        }
        conn.execute(_ADD, [same | one for one in added])
    reach(Point.AFTER_PLAN)
    return tuple(sizes)


def begin_sweep(context: JobContext, claim: JobClaim, pass_no: int) -> None:
    """Plan another pass over the selection, for rows still in the old form. Raises ``LeaseLost``."""
    reach(Point.BEFORE_SWEEP)
    with context.db.write() as conn:
        changed = conn.execute(
            sa.update(runs)
            .where(runs.c.job_id == claim.job_id, runs.c.lease_epoch == claim.epoch)
            .values(
                pass_no=pass_no,
                phase=Phase.SWEEPING.value,
                plan_cursor=None,
                plan_done=False,
                plan_epoch=runs.c.plan_epoch + 1,
                updated_at=now(),
            )
        ).rowcount
        if not changed:
            raise LeaseLost
    reach(Point.AFTER_SWEEP)


def found_in_pass(conn: sa.Connection, job_id: int, pass_no: int) -> int:
    """Rows that a pass migrated, buried, or lost to the application."""
    mine = sa.and_(ranges.c.job_id == job_id, ranges.c.purpose == Purpose.MIGRATE.value, ranges.c.pass_no == pass_no)
    work = ranges.c.migrated + ranges.c.failed + ranges.c.conflicted
    statement = sa.select(sa.func.coalesce(sa.func.sum(work), 0))
    return int(conn.execute(statement.where(mine)).scalar_one())


def count_rows(conn: sa.Connection, context: JobContext) -> int:
    """Rows of the selection now."""
    statement = sa.select(sa.func.count()).select_from(context.target.table)
    if context.where is not None:
        statement = statement.where(context.where)
    total = int(conn.execute(statement).scalar_one())
    return total if context.selection.limit is None else min(total, context.selection.limit)


def ceiling_of(conn: sa.Connection, context: JobContext) -> tuple[Any, ...] | None:
    """The key at which a selection with a limit ends; None without one, or where it has fewer rows."""
    if context.selection.limit is None:
        return None
    statement = sa.select(*context.target.key)
    if context.where is not None:
        statement = statement.where(context.where)
    statement = statement.order_by(*context.target.key).limit(1).offset(context.selection.limit - 1)
    row = conn.execute(statement).first()
    return None if row is None else tuple(row)


def _boundary(conn: sa.Connection, context: JobContext, after: str | None, rows: int) -> str | None:
    """The key ``rows`` rows further on, None where there are fewer. The condition is left out: the index is enough."""
    key = context.target.key
    statement = sa.select(*key).where(*bounds(context, decode_key(after) if after else None, context.ceiling))
    row = conn.execute(statement.order_by(*key).limit(1).offset(rows - 1)).first()
    return None if row is None else encode_key(tuple(row))
