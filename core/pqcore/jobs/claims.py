"""Claims and leases of jobs: one winner for each, by the database's own clock.

A lease is an owner, an expiry and an epoch. The epoch grows with every claim; whoever writes under a lease names
the epoch it was given, and writes nothing where it has grown since (fencing).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from pqcore.database.clock import now, now_plus, this_minute
from pqcore.database.connect import Database
from pqcore.database.tables import control, jobs, ranges, runs
from pqcore.errors import StateConflict
from pqcore.jobs import throughput
from pqcore.jobs.leases import lease_seconds
from pqcore.jobs.lifecycle import move, processed_count, seen, status_of
from pqcore.jobs.model import Phase, Request, Status
from pqcore.jobs.points import Point, reach
from pqcore.migrations.base import Scope


class LeaseLost(Exception):
    """The lease is someone else's by now: stop at once and write nothing."""


@dataclass(frozen=True, slots=True)
class JobClaim:
    """The right to coordinate a job."""

    job_id: int
    owner: str
    epoch: int


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


UNTHROTTLED = Throttled()


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


def beat(db: Database, claim: JobClaim, throttled: Throttled = UNTHROTTLED) -> Heartbeat:
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
    throttled: Throttled = UNTHROTTLED,
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
