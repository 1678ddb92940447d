"""Claims and leases: one winner for each job and each range, by the database's own clock.

A lease is an owner, an expiry and an epoch. The epoch grows with every claim; whoever writes under a lease names
the epoch it was given, and writes nothing where it has grown since (fencing).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from pqcore.database.clock import now, now_plus, this_minute
from pqcore.database.connect import Database
from pqcore.database.dialects import Dialect
from pqcore.database.tables import control, dead_letters, jobs, ranges, runs
from pqcore.errors import StateConflict
from pqcore.jobs import throughput
from pqcore.jobs.leases import lease_seconds
from pqcore.jobs.lifecycle import add_digest_ranges, move, processed_count, seen, status_of
from pqcore.jobs.model import OPERATIONS, Phase, Purpose, Request, Status
from pqcore.jobs.points import Point, reach
from pqcore.migrations.base import FailureReason, Scope


class LeaseLost(Exception):
    """The lease is someone else's by now: stop at once and write nothing."""


@dataclass(frozen=True, slots=True)
class JobClaim:
    """The right to coordinate a job."""

    job_id: int
    owner: str
    epoch: int


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


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """What a renewal learned: where the job stands and what was asked of it."""

    status: Status | None
    request: Request | None
    limits: Any


@dataclass(frozen=True, slots=True)
class Throttled:
    """What throttles did to a job since the last renewal: seconds held back, and by what (a few words)."""

    seconds: float = 0.0
    reason: str | None = None


def claim_due(db: Database, owner: str, busy: Collection[int] = ()) -> JobClaim | None:
    """Claim the pending job that is due longest, or take over one whose worker is gone; never one of ``busy``."""
    reach(Point.BEFORE_CLAIM)
    claim = _claim_pending(db, owner) or _take_over(db, owner, busy=busy)
    if claim is not None:
        reach(Point.AFTER_CLAIM)
    return claim


_CANDIDATES = 16


def _claim_pending(db: Database, owner: str) -> JobClaim | None:
    asked = sa.select(control.c.job_id).where(control.c.job_id == jobs.c.id, control.c.request.is_not(None))
    due = (
        sa.select(jobs.c.id)
        .where(
            jobs.c.status == Status.PENDING.value,
            jobs.c.scope.in_([scope.value for scope in Scope]),
            sa.or_(jobs.c.scheduled_at.is_(None), jobs.c.scheduled_at <= now()),
            ~sa.exists(asked),
        )
        .order_by(sa.case((jobs.c.scheduled_at.is_(None), 0), else_=1), jobs.c.scheduled_at, jobs.c.id)
        .limit(_CANDIDATES)
    )
    while True:
        # looked for without a lock, so that idle workers do not write and no job but the one is held
        with db.read() as conn:
            candidates = conn.execute(due).scalars().all()
        if not candidates:
            return None
        for job_id in candidates:
            with db.write() as conn:
                claim = _start(conn, job_id, owner)
            if claim is not None:
                return claim


def claim_job(db: Database, owner: str, job_id: int) -> JobClaim:
    """Claim this very job, whatever its schedule says.

    Raises:
        JobNotFound: no such job.
        StateConflict: it has ended, is paused, or another live worker runs it.
    """
    with db.write() as conn:
        conn.execute(sa.select(jobs.c.id).where(jobs.c.id == job_id).with_for_update())
        status = status_of(conn, job_id)
        if status is Status.PENDING:
            asked = conn.execute(sa.select(control.c.request).where(control.c.job_id == job_id)).scalar_one_or_none()
            if asked:
                raise StateConflict(f"Job {job_id} is paused", f"Resume it with: pqconsole jobs resume {job_id}")
            claim = _start(conn, job_id, owner)
            if claim is not None:
                return claim
        if status in (Status.DONE, Status.FAILED, Status.CANCELLED):
            remedy = "Create a new job" if status is Status.DONE else f"Retry it with: pqconsole jobs retry {job_id}"
            raise StateConflict(f"Job {job_id} is {status}", remedy)
    claim = _take_over(db, owner, job_id)
    if claim is None and not _known_here(db, job_id):
        raise StateConflict(f"Job {job_id} is run by another program", "Wait for it, or ask whoever runs it")
    if claim is None:
        raise StateConflict(f"Job {job_id} is run by another worker", "Watch it, or pause it first")
    return claim


def _known_here(db: Database, job_id: int) -> bool:
    """Whether pqconsole ever started this job."""
    with db.read() as conn:
        return conn.execute(sa.select(runs.c.job_id).where(runs.c.job_id == job_id)).first() is not None


def _start(conn: sa.Connection, job_id: int, owner: str) -> JobClaim | None:
    started = sa.func.coalesce(jobs.c.started_at, now())
    if not move(
        conn, job_id, Status.RUNNING, only_from=Status.PENDING, started_at=started, finished_at=None, error=None
    ):
        return None
    lease = {"lease_owner": owner, "lease_expires_at": now_plus(lease_seconds()), "updated_at": now()}
    renewed = conn.execute(
        sa.update(runs).where(runs.c.job_id == job_id).values(lease_epoch=runs.c.lease_epoch + 1, **lease)
    ).rowcount
    if not renewed:
        conn.execute(
            runs.insert().values(
                job_id=job_id,
                phase=Phase.MIGRATING.value,
                pass_no=1,
                plan_done=False,
                plan_epoch=0,
                lease_epoch=1,
                **lease,
            )
        )
    epoch = conn.execute(sa.select(runs.c.lease_epoch).where(runs.c.job_id == job_id)).scalar_one()
    return JobClaim(job_id, owner, epoch)


def _take_over(db: Database, owner: str, job_id: int | None = None, busy: Collection[int] = ()) -> JobClaim | None:
    """Take a running job whose lease has run out. Only jobs with a run of ours: others may be run by other programs."""
    expired = sa.or_(runs.c.lease_expires_at.is_(None), runs.c.lease_expires_at < now())
    query = (
        sa.select(runs.c.job_id, runs.c.lease_epoch)
        .join(jobs, jobs.c.id == runs.c.job_id)
        .where(jobs.c.status == Status.RUNNING.value, expired, runs.c.job_id.not_in(list(busy)))
        .order_by(runs.c.job_id)
        .limit(1)
    )
    if job_id is not None:
        query = query.where(runs.c.job_id == job_id)
    # looked for without a lock, so that idle workers do not write; the update decides
    with db.read() as conn:
        row = conn.execute(query).first()
    if row is None:
        return None
    reach(Point.BEFORE_TAKE_OVER)
    with db.write() as conn:
        # its worker may be ending it just now, late
        running = sa.select(jobs.c.id).where(jobs.c.id == row.job_id, jobs.c.status == Status.RUNNING.value)
        if conn.execute(db.dialect.lock_skip(running)).first() is None:
            return None
        won = conn.execute(
            sa.update(runs)
            .where(runs.c.job_id == row.job_id, runs.c.lease_epoch == row.lease_epoch, expired)
            .values(
                lease_owner=owner,
                lease_epoch=row.lease_epoch + 1,
                lease_expires_at=now_plus(lease_seconds()),
                updated_at=now(),
            )
        ).rowcount
    return JobClaim(row.job_id, owner, row.lease_epoch + 1) if won else None


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
    db: Database, claim: JobClaim, phase: Phase, error: str | None, throttled: Throttled = Throttled()
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


# What is executed all the time is made once: making a statement takes several times as long as executing it.
_LEASE = now_plus(sa.bindparam("lease", type_=sa.Float()))
_ASKED = control.c.job_id == jobs.c.id
# the job as it stands and what was asked of it, in one statement that holds the job's row from then on
_AT_BEAT = (
    sa.select(
        jobs.c.status,
        jobs.c.processed_count,
        seen(sa.bindparam("job")).label("seen"),
        this_minute().label("minute"),
        sa.select(control.c.request).where(_ASKED).scalar_subquery().label("request"),
        sa.select(control.c.limits).where(_ASKED).scalar_subquery().label("limits"),
    )
    .where(jobs.c.id == sa.bindparam("job"))
    .with_for_update()
)
_ROLL_UP = sa.update(jobs).where(jobs.c.id == sa.bindparam("job")).values(processed_count=sa.bindparam("seen"))
_RENEW_RUN = (
    sa.update(runs)
    .where(runs.c.job_id == sa.bindparam("job"), runs.c.lease_epoch == sa.bindparam("epoch"))
    .values(
        lease_expires_at=_LEASE,
        throttled_seconds=runs.c.throttled_seconds + sa.bindparam("throttled"),
        throttle_reason=sa.bindparam("reason"),
        updated_at=now(),
    )
)
_RENEW_RANGES = (
    sa.update(ranges)
    .where(
        ranges.c.job_id == sa.bindparam("job"), ranges.c.lease_owner == sa.bindparam("owner"), ranges.c.state == "open"
    )
    .values(lease_expires_at=_LEASE)
)


def beat(db: Database, claim: JobClaim, throttled: Throttled = Throttled()) -> Heartbeat:
    """Renew the job's lease and those of the ranges held with it; roll the counters up; see what was asked.

    Raises:
        LeaseLost: another worker holds the job by now.
    """
    reach(Point.BEFORE_ROLL_UP)
    with db.write() as conn:
        # job, run, ranges: everyone who needs several of these locks takes them in this order
        job = conn.execute(_AT_BEAT, {"job": claim.job_id}).first()
        if job is not None and job.status == Status.RUNNING.value and job.seen != job.processed_count:
            conn.execute(_ROLL_UP, {"job": claim.job_id, "seen": job.seen})
            throughput.note(conn, claim.job_id, job.minute, job.seen - job.processed_count)
        reach(Point.BEFORE_RENEWAL)
        lease = lease_seconds()
        renewal = {
            "job": claim.job_id,
            "epoch": claim.epoch,
            "lease": lease,
            "throttled": throttled.seconds,
            "reason": throttled.reason[:255] if throttled.reason else None,
        }
        if not conn.execute(_RENEW_RUN, renewal).rowcount:
            raise LeaseLost
        conn.execute(_RENEW_RANGES, {"job": claim.job_id, "owner": claim.owner, "lease": lease})
        reach(Point.AFTER_RENEWAL)
    reach(Point.AFTER_BEAT)
    if job is None:
        return Heartbeat(None, None, None)
    return Heartbeat(Status(job.status), Request(job.request) if job.request else None, job.limits)


def release(
    db: Database,
    claim: JobClaim,
    after: Status,
    *,
    error: str | None = None,
    throttled: Throttled = Throttled(),
) -> bool:
    """End the claim: the job goes to ``after`` with exact counters. False where the lease or the job is gone."""
    ended = after is not Status.PENDING
    reach(Point.BEFORE_FINISH)
    with db.write() as conn:
        before = processed_count(conn, claim.job_id)
        values: dict[str, Any] = {
            "lease_owner": None,
            "lease_expires_at": None,
            "throttled_seconds": runs.c.throttled_seconds + throttled.seconds,
            "throttle_reason": None,
            "updated_at": now(),
        }
        if after is Status.DONE:
            values["phase"] = Phase.ENDED.value
        mine = conn.execute(
            sa.update(runs).where(runs.c.job_id == claim.job_id, runs.c.lease_epoch == claim.epoch).values(**values)
        ).rowcount
        if not mine:
            return False
        conn.execute(
            sa.update(ranges)
            .where(ranges.c.job_id == claim.job_id, ranges.c.lease_owner == claim.owner)
            .values(lease_owner=None, lease_expires_at=None)
        )
        if after in (Status.CANCELLED, Status.DONE, Status.FAILED):
            conn.execute(
                sa.update(control).where(control.c.job_id == claim.job_id).values(request=None, updated_at=now())
            )
        moved = move(
            conn,
            claim.job_id,
            after,
            only_from=Status.RUNNING,
            processed_count=seen(claim.job_id),
            error=error,
            finished_at=now() if ended else None,
        )
        if moved:
            throughput.note_growth(conn, claim.job_id, before)
        reach(Point.FINISHING)
    reach(Point.AFTER_FINISH)
    return moved


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
            sa.or_(ranges.c.lease_expires_at.is_(None), ranges.c.lease_expires_at < now()),
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
        lease_expires_at=_LEASE,
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
