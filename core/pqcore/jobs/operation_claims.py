"""Claims of ended jobs, to verify them, roll them back or finalize them: when each makes sense, and how it ends."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from pqcore.database.clock import now, now_plus
from pqcore.database.connect import Database
from pqcore.database.tables import dead_letters, jobs, ranges, runs
from pqcore.errors import StateConflict
from pqcore.jobs.claims import UNTHROTTLED, JobClaim, Throttled
from pqcore.jobs.leases import lease_seconds
from pqcore.jobs.lifecycle import add_digest_ranges, status_of
from pqcore.jobs.model import OPERATIONS, Phase, Purpose
from pqcore.jobs.points import Point, reach
from pqcore.migrations.base import FailureReason

_DESTROYED = ("has its originals destroyed", "Restore old values from a backup, if it has to be")
_ROLLED_BACK = ("was rolled back", "Create a new job to migrate its rows")
_FINALIZED = ("is finalized already", "None of its originals is left")
# in which phases an operation has no sense any more, with the reason and the remedy
_POINTLESS: Mapping[Purpose, Mapping[Phase, tuple[str, str]]] = {
    Purpose.VERIFY: {Phase.ROLLING_BACK: _ROLLED_BACK, Phase.ROLLED_BACK: _ROLLED_BACK},
    Purpose.ROLLBACK: {Phase.FINALIZING: _DESTROYED, Phase.FINALIZED: _DESTROYED},
    Purpose.FINALIZE: {
        Phase.ROLLING_BACK: _ROLLED_BACK,
        Phase.ROLLED_BACK: _ROLLED_BACK,
        Phase.FINALIZED: _FINALIZED,
    },
}


def claim_operation(
    db: Database, owner: str, job_id: int, purpose: Purpose, *, begun: bool = False
) -> tuple[JobClaim, Phase]:
    """Claim an ended job to verify it, roll it back or finalize it; one that was interrupted goes on where it was.

    Args:
        begun: only go on with what was interrupted: where it has ended meanwhile, do not do it once more.

    Returns:
        The claim, and the phase before it.

    Raises:
        JobNotFound: no such job.
        StateConflict: it has not ended, was never started, is not verified where that is needed, or another worker is
            at it.
    """
    allowed, phase = OPERATIONS[purpose]
    with db.write() as conn:
        conn.execute(sa.select(jobs.c.id).where(jobs.c.id == job_id).with_for_update())
        status = status_of(conn, job_id)
        if status not in allowed:
            words = " or ".join(sorted(allowed))
            raise StateConflict(f"Job {job_id} is {status}", f"To {purpose.value} it, it has to be {words}")
        run = conn.execute(sa.select(runs).where(runs.c.job_id == job_id)).first()
        if run is None or run.total is None:
            raise StateConflict(f"Job {job_id} was never started by pqconsole", "There is nothing of it to work on")
        if pointless := _POINTLESS[purpose].get(Phase(run.phase)):
            raise StateConflict(f"Job {job_id} {pointless[0]}", pointless[1])
        if begun and run.phase != phase.value:
            raise StateConflict(f"The {purpose.value} of job {job_id} has ended meanwhile", "Its events say how")
        # here, in the transaction that writes the phase: cut short before its work began, it must not pass for checked
        if purpose is Purpose.FINALIZE and run.phase not in (Phase.VERIFIED.value, phase.value):
            raise StateConflict(
                f"Job {job_id} is not verified, so its originals stay", f"Run: pqconsole verify {job_id}"
            )
        if purpose is Purpose.ROLLBACK and _destroyed(conn, job_id):
            raise StateConflict(f"Job {job_id} {_DESTROYED[0]}", _DESTROYED[1])
        free = sa.or_(runs.c.lease_expires_at.is_(None), runs.c.lease_expires_at < now())
        won = conn.execute(
            sa.update(runs)
            .where(runs.c.job_id == job_id, free)
            .values(
                phase=phase.value,
                lease_owner=owner,
                lease_epoch=runs.c.lease_epoch + 1,
                lease_expires_at=now_plus(lease_seconds()),
                updated_at=now(),
            )
        ).rowcount
        if not won:
            raise StateConflict(f"Another worker is at job {job_id}", "Wait for it to end")
        if run.phase != phase.value:
            _begin_operation(conn, job_id, purpose)
    return JobClaim(job_id, owner, run.lease_epoch + 1), Phase(run.phase)


def _destroyed(conn: sa.Connection, job_id: int) -> bool:
    """Whether a finalize has destroyed any original of the job, whatever was done with it since."""
    gone = sa.select(ranges.c.seq).where(
        ranges.c.job_id == job_id, ranges.c.purpose == Purpose.FINALIZE.value, ranges.c.migrated > 0
    )
    return conn.execute(gone.limit(1)).first() is not None


def _begin_operation(conn: sa.Connection, job_id: int, purpose: Purpose) -> None:
    if purpose is Purpose.VERIFY:
        conn.execute(sa.delete(ranges).where(ranges.c.job_id == job_id, ranges.c.purpose == purpose.value))
        conn.execute(
            sa.update(runs)
            .where(runs.c.job_id == job_id)
            .values(plan_cursor=None, plan_done=False, plan_epoch=runs.c.plan_epoch + 1)
        )
        # what an earlier verification found, before this one looks again
        found = sa.and_(dead_letters.c.job_id == job_id, dead_letters.c.reason == FailureReason.VERIFY_FAILED.value)
        conn.execute(sa.delete(dead_letters).where(found))
    else:
        add_digest_ranges(conn, job_id, purpose)


def end_operation(
    db: Database, claim: JobClaim, phase: Phase, error: str | None, throttled: Throttled = UNTHROTTLED
) -> bool:
    """End the claim of an operation: the job keeps its state, its run says how it ended. False where it was lost.

    ``error`` goes to the job's ``error``; None leaves that as it is.
    """
    reach(Point.BEFORE_FINISH)
    with db.write() as conn:
        conn.execute(sa.select(jobs.c.id).where(jobs.c.id == claim.job_id).with_for_update())
        mine = conn.execute(
            sa.update(runs)
            .where(runs.c.job_id == claim.job_id, runs.c.lease_epoch == claim.epoch)
            .values(
                lease_owner=None,
                lease_expires_at=None,
                phase=phase.value,
                throttled_seconds=runs.c.throttled_seconds + throttled.seconds,
                throttle_reason=None,
                updated_at=now(),
            )
        ).rowcount
        if not mine:
            return False
        conn.execute(
            sa.update(ranges)
            .where(ranges.c.job_id == claim.job_id, ranges.c.lease_owner == claim.owner)
            .values(lease_owner=None, lease_expires_at=None)
        )
        if error is not None:
            conn.execute(sa.update(jobs).where(jobs.c.id == claim.job_id).values(error=error))
        reach(Point.FINISHING)
    reach(Point.AFTER_FINISH)
    return True
