"""Moving jobs between states: each change is one short transaction and one event.

Every function takes the caller's transaction. A change names the states it may start from, so a job that
another program moved meanwhile is never moved twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from pqcore.database.clock import now
from pqcore.database.tables import control, dead_letters, jobs, ranges, runs
from pqcore.errors import JobNotFound, StateConflict
from pqcore.jobs import throughput
from pqcore.jobs.cursor import encode_key
from pqcore.jobs.model import PROGRESS, TRANSITIONS, Phase, Purpose, Request, Status

if TYPE_CHECKING:
    from pqcore.jobs.limits import Sections


def move(conn: sa.Connection, job_id: int, after: Status, *, only_from: Status | None = None, **values: Any) -> bool:
    """Set the status where the table of transitions allows it; ``values`` are further columns.

    Returns:
        Whether the job moved; False where it is gone or in another state by now.
    """
    sources = [s for s, targets in TRANSITIONS.items() if after in targets and only_from in (None, s)]
    statement = (sa.update(jobs).where(jobs.c.id == job_id, jobs.c.status.in_([s.value for s in sources]))).values(
        status=after.value, **values
    )
    return conn.execute(statement).rowcount == 1


def status_of(conn: sa.Connection, job_id: int) -> Status:
    """The job's status now. Raises ``JobNotFound``."""
    value = conn.execute(sa.select(jobs.c.status).where(jobs.c.id == job_id)).scalar_one_or_none()
    if value is None:
        raise JobNotFound(f"There is no job {job_id}", "List the jobs with: pqconsole jobs list")
    return Status(value)


def request_of(conn: sa.Connection, job_id: int) -> Request | None:
    """What operators have asked of the job."""
    value = conn.execute(sa.select(control.c.request).where(control.c.job_id == job_id)).scalar_one_or_none()
    return Request(value) if value else None


def set_request(conn: sa.Connection, job_id: int, request: Request | None) -> None:
    """Leave (or take back) a request for whoever runs the job. The caller holds the job's row."""
    value = request.value if request else None
    changed = conn.execute(
        sa.update(control).where(control.c.job_id == job_id).values(request=value, updated_at=now())
    ).rowcount
    if not changed and request:
        conn.execute(control.insert().values(job_id=job_id, request=value, updated_at=now()))


def _lock(conn: sa.Connection, job_id: int) -> None:
    """Hold the job's row, so that two requests for one job follow each other."""
    conn.execute(sa.select(jobs.c.id).where(jobs.c.id == job_id).with_for_update())


def pause(conn: sa.Connection, job_id: int) -> str:
    """Ask for a pause; returns what happened as a sentence for the event log."""
    _lock(conn, job_id)
    status = status_of(conn, job_id)
    if status not in (Status.PENDING, Status.RUNNING):
        raise StateConflict(f"Job {job_id} is {status} and cannot be paused", "Only pending and running jobs can")
    _refuse_foreign(conn, job_id, status)
    set_request(conn, job_id, Request.PAUSE)
    if status is Status.RUNNING and _abandoned(conn, job_id):
        before = processed_count(conn, job_id)
        _fence(conn, job_id)
        move(conn, job_id, Status.PENDING, processed_count=seen(job_id))
        throughput.note_growth(conn, job_id, before)
    return "Paused" if status is Status.PENDING else "Asked to pause between batches"


def resume(conn: sa.Connection, job_id: int) -> str:
    """Take a pause back."""
    _lock(conn, job_id)
    status = status_of(conn, job_id)
    if request_of(conn, job_id) is not Request.PAUSE or status not in (Status.PENDING, Status.RUNNING):
        raise StateConflict(f"Job {job_id} is {status} and not paused", "Only paused jobs can be resumed")
    set_request(conn, job_id, None)
    return "Resumed"


def cancel(conn: sa.Connection, job_id: int) -> str:
    """Cancel now where nobody runs the job, else ask its worker to."""
    _lock(conn, job_id)
    status = status_of(conn, job_id)
    if status not in (Status.PENDING, Status.RUNNING):
        raise StateConflict(f"Job {job_id} is {status} and cannot be cancelled", "Only pending and running jobs can")
    _refuse_foreign(conn, job_id, status)
    if status is Status.RUNNING and not _abandoned(conn, job_id):
        set_request(conn, job_id, Request.CANCEL)
        return "Asked to stop between batches and cancel"
    before = processed_count(conn, job_id)
    _fence(conn, job_id)
    set_request(conn, job_id, None)
    move(conn, job_id, Status.CANCELLED, finished_at=now(), processed_count=seen(job_id))
    throughput.note_growth(conn, job_id, before)
    return "Cancelled"


def retry(conn: sa.Connection, job_id: int, *, from_scratch: bool = False) -> str:
    """Put a failed or cancelled job back; dead letters get another try, done ranges stay done."""
    _lock(conn, job_id)
    status = status_of(conn, job_id)
    if status not in (Status.FAILED, Status.CANCELLED):
        raise StateConflict(f"Job {job_id} is {status} and cannot be retried", "Only failed and cancelled jobs can")
    set_request(conn, job_id, None)
    letters = conn.execute(sa.delete(dead_letters).where(dead_letters.c.job_id == job_id)).rowcount
    if from_scratch:
        conn.execute(sa.delete(ranges).where(ranges.c.job_id == job_id))
        # the run stays, with a greater epoch: a worker of before that wakes must find itself fenced
        conn.execute(
            sa.update(runs)
            .where(runs.c.job_id == job_id)
            .values(
                phase=Phase.MIGRATING.value,
                pass_no=1,
                total=None,
                plan_cursor=None,
                plan_done=False,
                plan_epoch=runs.c.plan_epoch + 1,
                target=sa.null(),
                lease_owner=None,
                lease_expires_at=None,
                lease_epoch=runs.c.lease_epoch + 1,
                updated_at=now(),
            )
        )
        move(conn, job_id, Status.PENDING, error=None, finished_at=None, started_at=None, processed_count=0)
        return "To be started over"
    conn.execute(sa.update(ranges).where(ranges.c.job_id == job_id).values(failed=0, updated_at=now()))
    # a sweep that had begun looks at every row again; a first pass is followed by one anyway
    conn.execute(
        sa.update(runs)
        .where(runs.c.job_id == job_id, runs.c.pass_no > 1)
        .values(pass_no=runs.c.pass_no + 1, plan_cursor=None, plan_done=False, plan_epoch=runs.c.plan_epoch + 1)
    )
    phase = sa.case((runs.c.pass_no > 1, Phase.SWEEPING.value), else_=Phase.MIGRATING.value)
    conn.execute(sa.update(runs).where(runs.c.job_id == job_id).values(phase=phase, updated_at=now()))
    move(conn, job_id, Status.PENDING, error=None, finished_at=None, processed_count=seen(job_id))
    return f"To be resumed, {letters} dead letters get another try" if letters else "To be resumed"


def requeue(conn: sa.Connection, job_id: int) -> str:
    """Put an ended job back for its dead letters alone."""
    _lock(conn, job_id)
    status = status_of(conn, job_id)
    if status not in (Status.DONE, Status.FAILED, Status.CANCELLED):
        raise StateConflict(f"Job {job_id} is {status} and its dead letters wait", "Only those of ended jobs can")
    count = sa.select(sa.func.count()).select_from(dead_letters).where(dead_letters.c.job_id == job_id)
    letters = conn.execute(count).scalar_one()
    if not letters:
        raise StateConflict(f"Job {job_id} has no dead letters", "Look at it with: pqconsole jobs show")
    set_request(conn, job_id, None)
    # they are counted again as they end
    conn.execute(
        sa.update(ranges)
        .where(ranges.c.job_id == job_id, ranges.c.purpose.in_(PROGRESS))
        .values(failed=0, updated_at=now())
    )
    add_digest_ranges(conn, job_id, Purpose.REQUEUE)
    conn.execute(sa.update(runs).where(runs.c.job_id == job_id).values(phase=Phase.REQUEUEING.value, updated_at=now()))
    move(conn, job_id, Status.PENDING, error=None, finished_at=None, processed_count=seen(job_id))
    return f"{letters} dead letters get another try"


def tune(conn: sa.Connection, job_id: int, change: Sections | None) -> str:
    """Change the job's limits (None: back to those of its selection); returns what happened as a sentence."""
    from pqcore.jobs import limits  # with the whole selection document, which reading jobs does not need

    _lock(conn, job_id)
    status_of(conn, job_id)
    row = conn.execute(sa.select(control.c.limits).where(control.c.job_id == job_id)).first()
    after = limits.merged(row.limits if row else None, change) if change is not None else None
    value = after or sa.null()
    if row is not None:
        conn.execute(sa.update(control).where(control.c.job_id == job_id).values(limits=value, updated_at=now()))
    elif after:
        conn.execute(control.insert().values(job_id=job_id, limits=after, updated_at=now()))
    return f"Tuned: {limits.described(change)}" if change is not None else "Tuned: back to the limits of the selection"


def first_epoch(run_epoch: int) -> int:
    """The epoch of a range that is new under this epoch of its run: no range of an earlier run ever had it."""
    return run_epoch << 20


_DIGITS = "0123456789abcdef"


def add_digest_ranges(conn: sa.Connection, job_id: int, purpose: Purpose) -> None:
    """Cut what is known by key digests (64 hexadecimal digits) into sixteen ranges, in place of those before.

    Ranges of an earlier turn that were done are kept where they count as progress.
    """
    old = sa.and_(ranges.c.job_id == job_id, ranges.c.purpose == purpose.value)
    if purpose in PROGRESS:
        conn.execute(sa.update(ranges).where(old).values(state="done", lease_owner=None, lease_expires_at=None))
    else:
        conn.execute(sa.delete(ranges).where(old))
    last = conn.execute(sa.select(sa.func.max(ranges.c.seq)).where(ranges.c.job_id == job_id)).scalar_one() or 0
    epoch = conn.execute(sa.select(runs.c.lease_epoch).where(runs.c.job_id == job_id)).scalar_one()
    rows = [
        {
            "job_id": job_id,
            "seq": last + number,
            "pass_no": 1,
            "purpose": purpose.value,
            # a digest that begins with this digit is longer, hence greater
            "lower_key": encode_key((digit,)) if digit != "0" else None,
            "upper_key": encode_key((_DIGITS[number],)) if number < len(_DIGITS) else None,
            "state": "open",
            "lease_epoch": first_epoch(epoch),
        }
        for number, digit in enumerate(_DIGITS, start=1)
    ]
    conn.execute(ranges.insert().values(updated_at=now()), rows)


def make_due(conn: sa.Connection, job_id: int) -> str:
    """Make a pending job due at once, paused or scheduled as it may be."""
    _lock(conn, job_id)
    status = status_of(conn, job_id)
    if status is not Status.PENDING:
        raise StateConflict(f"Job {job_id} is {status} and cannot be started", "Only pending jobs can")
    set_request(conn, job_id, None)
    conn.execute(sa.update(jobs).where(jobs.c.id == job_id, jobs.c.scheduled_at > now()).values(scheduled_at=now()))
    return "To be run at once"


def processed_count(conn: sa.Connection, job_id: int) -> int:
    """The count that the job has now (0 where there is no such job); its row is held from then on."""
    statement = sa.select(jobs.c.processed_count).where(jobs.c.id == job_id).with_for_update()
    return conn.execute(statement).scalar_one_or_none() or 0


def seen(job_id: int | sa.BindParameter[int]) -> sa.ScalarSelect[int]:
    """SQL for the rows of a job that need nothing more, from the counters of its ranges."""
    total = sa.func.coalesce(sa.func.sum(ranges.c.migrated + ranges.c.skipped + ranges.c.failed), 0)
    mine = sa.and_(ranges.c.job_id == job_id, ranges.c.purpose.in_(PROGRESS))
    return sa.select(sa.cast(total, sa.BigInteger)).where(mine).scalar_subquery()


def _refuse_foreign(conn: sa.Connection, job_id: int, status: Status) -> None:
    """A job that another program runs hears no request of ours."""
    ours = sa.select(runs.c.job_id).where(runs.c.job_id == job_id)
    if status is Status.RUNNING and conn.execute(ours).first() is None:
        raise StateConflict(f"Job {job_id} is run by another program", "Steer it there, or set its status in the table")


def _abandoned(conn: sa.Connection, job_id: int) -> bool:
    """Whether the job ran here and its worker is gone. A job run by another program has no run of ours: not ours."""
    expired = sa.or_(runs.c.lease_expires_at.is_(None), runs.c.lease_expires_at < now())
    return conn.execute(sa.select(runs.c.job_id).where(runs.c.job_id == job_id, expired)).first() is not None


def _fence(conn: sa.Connection, job_id: int) -> None:
    """Make every holder of a lease on this job a stranger to it."""
    conn.execute(
        sa.update(runs)
        .where(runs.c.job_id == job_id)
        .values(lease_owner=None, lease_expires_at=None, lease_epoch=runs.c.lease_epoch + 1, updated_at=now())
    )
    conn.execute(
        sa.update(ranges)
        .where(ranges.c.job_id == job_id, ranges.c.state == "open")
        .values(lease_owner=None, lease_expires_at=None, lease_epoch=ranges.c.lease_epoch + 1, updated_at=now())
    )
