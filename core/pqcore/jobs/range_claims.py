"""Claims of key ranges: whoever runs a job's batches holds the range that they belong to, under the job's claim."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from pqcore.database.clock import now, now_plus
from pqcore.database.connect import Database
from pqcore.database.dialects import Dialect
from pqcore.database.tables import ranges, runs
from pqcore.jobs.claims import JobClaim, LeaseLost
from pqcore.jobs.leases import lease_seconds
from pqcore.jobs.model import Purpose
from pqcore.jobs.points import Point, reach

# nobody holds it, or whoever did is gone
FREE = sa.or_(ranges.c.lease_expires_at.is_(None), ranges.c.lease_expires_at < now())


@dataclass(frozen=True, slots=True)
class RangeClaim:
    """The right to migrate a range: keys in (cursor or lower, upper], as JSON texts."""

    job_id: int
    seq: int
    owner: str
    epoch: int
    purpose: Purpose
    pass_no: int
    lower: str | None
    upper: str | None
    cursor: str | None


def claim_range(db: Database, job_id: int, owner: str, purpose: Purpose) -> RangeClaim | None:
    """Claim the first range of this purpose that nobody holds; None where there is none now, or the job is not
    ``owner``'s: one that was stopped, presumed dead and woken again begins nothing.
    """
    reach(Point.BEFORE_RANGE_CLAIM)
    claim = _claim_free_range(db, job_id, owner, purpose)
    if claim is not None:
        reach(Point.AFTER_RANGE_CLAIM)
    return claim


@lru_cache(maxsize=4)
def _free_range(dialect: Dialect) -> sa.Select[Any]:
    query = (
        sa.select(ranges)
        .where(
            ranges.c.job_id == sa.bindparam("job"),
            ranges.c.purpose == sa.bindparam("purpose"),
            ranges.c.state == "open",
            FREE,
            sa.exists().where(runs.c.job_id == sa.bindparam("job"), runs.c.lease_owner == sa.bindparam("owner")),
        )
        .order_by(ranges.c.seq)
        .limit(1)
    )
    return dialect.lock_skip(query)


_TAKE_RANGE = (
    sa.update(ranges)
    .where(
        ranges.c.job_id == sa.bindparam("job"),
        ranges.c.seq == sa.bindparam("number"),
        ranges.c.lease_epoch == sa.bindparam("epoch"),
    )
    .values(
        lease_owner=sa.bindparam("owner"),
        lease_epoch=ranges.c.lease_epoch + 1,
        lease_expires_at=now_plus(sa.bindparam("lease", type_=sa.Float())),
        updated_at=now(),
    )
)


def _claim_free_range(db: Database, job_id: int, owner: str, purpose: Purpose) -> RangeClaim | None:
    whose = {"job": job_id, "owner": owner}
    with db.write() as conn:
        row = conn.execute(_free_range(db.dialect), {**whose, "purpose": purpose.value}).first()
        if row is None:
            return None
        taken = {**whose, "lease": lease_seconds(), "number": row.seq, "epoch": row.lease_epoch}
        if not conn.execute(_TAKE_RANGE, taken).rowcount:
            return None
        return RangeClaim(
            job_id,
            row.seq,
            owner,
            row.lease_epoch + 1,
            purpose,
            row.pass_no,
            row.lower_key,
            row.upper_key,
            row.cursor_key,
        )


def reload_range(db: Database, claim: RangeClaim) -> RangeClaim:
    """Where the range stands in the database, after an error left it unclear whether a commit happened.

    Raises:
        LeaseLost: the range is someone else's by now.
    """
    with db.read() as conn:
        row = conn.execute(sa.select(ranges).where(ranges.c.job_id == claim.job_id, ranges.c.seq == claim.seq)).first()
    if row is None or row.lease_epoch != claim.epoch or row.state != "open":
        raise LeaseLost
    return replace(claim, cursor=row.cursor_key)


def abandon_ranges(db: Database, claim: JobClaim) -> None:
    """Take back every range leased under this claim, and fence whoever may still be at it."""
    with db.write() as conn:
        conn.execute(
            sa.update(ranges)
            .where(ranges.c.job_id == claim.job_id, ranges.c.lease_owner == claim.owner, ranges.c.state == "open")
            .values(lease_owner=None, lease_expires_at=None, lease_epoch=ranges.c.lease_epoch + 1, updated_at=now())
        )


def release_range(db: Database, claim: RangeClaim) -> None:
    """Give a range back with its cursor where it is."""
    with db.write() as conn:
        conn.execute(
            sa.update(ranges)
            .where(ranges.c.job_id == claim.job_id, ranges.c.seq == claim.seq, ranges.c.lease_epoch == claim.epoch)
            .values(lease_owner=None, lease_expires_at=None, updated_at=now())
        )
