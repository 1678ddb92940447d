"""Reading jobs through the two views, and asking things of them.

Every call is blocking and opens its own short transaction; one repository may be shared by threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from pqcore.actor import Actor
from pqcore.database.clock import now, now_plus
from pqcore.database.connect import Database
from pqcore.database.ids import next_id, next_id_needed
from pqcore.database.tables import (
    dead_letters,
    events,
    jobs,
    jobs_view,
    metrics_view,
    originals,
    ranges,
    workers,
)
from pqcore.errors import JobNotFound, SchemaError
from pqcore.jobs import lifecycle, throughput
from pqcore.jobs.events import record
from pqcore.jobs.filter import JobFilter
from pqcore.jobs.model import DeadLetter, Event, Job, Progress, Purpose, RangeInfo, Status, StatusTotal, WorkerInfo
from pqcore.jobs.pages import JobPage, JobQuery, KeyPage
from pqcore.jobs.query import (
    TargetNames,
    beyond,
    job_of,
    progress_of,
    select_count,
    select_jobs,
    select_order,
)
from pqcore.jobs.records import event_of, letter_of, range_of
from pqcore.jobs.throughput import Minute
from pqcore.migrations.base import Scope

_INSERTS = 5
_MOST_IDS = 500  # bound at once
WORKER_ALIVE_SECONDS = 10.0


class JobRepository:
    """The jobs of one database."""

    def __init__(self, db: Database, actor: Actor) -> None:
        self._db = db
        self._actor = actor
        self._names: TargetNames | None = None

    # reading

    def mark(self) -> object | None:
        """Something that is another after any write to the database; None where it has nothing of the kind."""
        return self._db.mark()

    def page(self, query: JobQuery = JobQuery()) -> JobPage:  # noqa: B008 - frozen
        """A page of jobs, by keyset: its cost does not grow with the page's distance from the top."""
        with self._db.read() as conn:
            keys = self._keys(conn, query, 0)
            found = self._jobs_of(conn, [key[-1] for key in keys.kept])
        return JobPage(found, keys.next)

    def keys(self, query: JobQuery, offset: int = 0) -> KeyPage:
        """The order alone: the keys of a page that begins ``offset`` jobs after ``query.after``."""
        with self._db.read() as conn:
            return self._keys(conn, query, offset)

    def jobs_of(self, ids: Sequence[int]) -> tuple[Job, ...]:
        """These jobs in this order, without those that are gone."""
        with self._db.read() as conn:
            return self._jobs_of(conn, ids)

    def _keys(self, conn: sa.Connection, query: JobQuery, offset: int) -> KeyPage:
        statement = select_order(query.filter, query.sort, self._target_names(conn))
        if query.after is not None:
            statement = statement.where(beyond(query.sort, query.after))
        rows = conn.execute(statement.limit(query.limit + 1).offset(offset or None)).all()
        kept = tuple(tuple(row) for row in rows[: query.limit])
        return KeyPage(kept, more=len(rows) > query.limit)

    def _jobs_of(self, conn: sa.Connection, ids: Sequence[int]) -> tuple[Job, ...]:
        statement = select_jobs(self._target_names(conn))
        found = {}
        for start in range(0, len(ids), _MOST_IDS):
            some = ids[start : start + _MOST_IDS]
            counted = progress_of(conn, some)
            for row in conn.execute(statement.where(jobs_view.c.id.in_(some))):
                found[row.id] = job_of(row, counted.get(row.id))
        return tuple(found[job_id] for job_id in ids if job_id in found)

    def count(self, job_filter: JobFilter = JobFilter()) -> int:  # noqa: B008 - frozen
        """How many jobs the filter keeps."""
        return self.count_above(0, job_filter)[0]

    def count_above(self, job_id: int, job_filter: JobFilter = JobFilter()) -> tuple[int, int]:  # noqa: B008 - frozen
        """How many jobs with a greater id the filter keeps, and the greatest id among them (``job_id``: none).

        After a count of all, one that begins at its greatest id costs only what came since.
        """
        with self._db.read() as conn:
            statement = select_count(job_filter, self._target_names(conn))
            if job_id:
                statement = statement.where(jobs_view.c.id > job_id)
            counted, last = conn.execute(statement).one()
            return int(counted), int(last) if counted else job_id

    def get(self, job_id: int) -> Job:
        """One job. Raises ``JobNotFound``."""
        with self._db.read() as conn:
            names = self._target_names(conn)
            row = conn.execute(select_jobs(names).where(jobs_view.c.id == job_id)).first()
            if row is None:
                raise JobNotFound(f"There is no job {job_id}", "List the jobs with: pqconsole jobs list")
            return job_of(row, progress_of(conn, [job_id]).get(job_id))

    def view_rows(self, job_filter: JobFilter = JobFilter()) -> Iterator[dict[str, Any]]:  # noqa: B008 - frozen
        """The rows of ``vw_pq_migration_jobs`` as they are, newest first, in pages."""
        after: tuple[Any, ...] | None = None
        while True:
            page = self.page(JobQuery(filter=job_filter, after=after, limit=500))
            for job in page.jobs:
                yield view_row(job)
            if page.next is None:
                return
            after = page.next

    def view_columns(self) -> tuple[str, ...]:
        """The names of the columns of ``view_rows``, in their order."""
        return tuple(column.name for column in jobs_view.columns)

    def totals(self) -> list[StatusTotal]:
        """The rows of ``vw_pq_migration_jobs_metrics``."""
        with self._db.read() as conn:
            rows = conn.execute(sa.select(metrics_view)).all()
        return [StatusTotal(Status(r.status), int(r.jobs), int(r.processed_total or 0)) for r in rows]

    def ranges(self, job_id: int, limit: int = 200) -> list[RangeInfo]:
        """The ranges of a job, those at work first, then by number."""
        idle = sa.case((sa.and_(ranges.c.state == "open", ranges.c.lease_owner.is_not(None)), 0), else_=1)
        with self._db.read() as conn:
            rows = conn.execute(
                sa.select(ranges).where(ranges.c.job_id == job_id).order_by(idle, ranges.c.seq.desc()).limit(limit)
            ).all()
        return [range_of(row) for row in rows]

    def keeping_originals(self, limit: int = 5) -> tuple[int, ...]:
        """Ids of the first jobs that keep originals, lowest first. Costs a look into the index for each of them."""
        found: list[int] = []
        with self._db.read() as conn:
            while len(found) < limit:
                beyond_last = originals.c.job_id > (found[-1] if found else 0)
                lowest = conn.execute(sa.select(sa.func.min(originals.c.job_id)).where(beyond_last)).scalar_one()
                if lowest is None:
                    break
                found.append(int(lowest))
        return tuple(found)

    def operated(self, job_id: int, purpose: Purpose) -> Progress:
        """What the last verify, rollback or finalize of a job counted: ``migrated`` is proved, restored, destroyed."""
        with self._db.read() as conn:
            return progress_of(conn, [job_id], (purpose,)).get(job_id, Progress())

    def events(self, job_id: int | None = None, limit: int = 100, *, after: int = 0) -> list[Event]:
        """The event log of a job (or of all), newest first; only those that came after event ``after``."""
        statement = sa.select(events).order_by(events.c.id.desc()).limit(limit)
        if after:
            statement = statement.where(events.c.id > after)
        if job_id is not None:
            statement = statement.where(events.c.job_id == job_id)
        with self._db.read() as conn:
            rows = conn.execute(statement).all()
        return [event_of(row) for row in rows]

    def dead_letters(self, job_id: int, limit: int = 100, after: str = "") -> list[DeadLetter]:
        """Dead letters of a job in the order of their key digests, those after digest ``after``."""
        statement = (
            sa.select(dead_letters)
            .where(dead_letters.c.job_id == job_id, dead_letters.c.key_digest > after)
            .order_by(dead_letters.c.key_digest)
            .limit(limit)
        )
        with self._db.read() as conn:
            rows = conn.execute(statement).all()
        return [letter_of(row) for row in rows]

    def workers(self) -> list[WorkerInfo]:
        """Workers that reported themselves, the latest first."""
        alive = workers.c.heartbeat_at > now_plus(-WORKER_ALIVE_SECONDS)
        with self._db.read() as conn:
            rows = conn.execute(
                sa.select(workers, sa.case((alive, 1), else_=0).label("alive")).order_by(workers.c.heartbeat_at.desc())
            ).all()
        return [
            WorkerInfo(r.id, r.host, r.pid, r.kind, r.threads, r.started_at, r.heartbeat_at, bool(r.alive))
            for r in rows
        ]

    def minutes(self, since: datetime, job_id: int | None = None) -> tuple[Minute, ...]:
        """The minutes from ``since`` on in which a job processed rows (None: all jobs together), in their order."""
        with self._db.read() as conn:
            return throughput.minutes(conn, since, job_id)

    def minutes_of_each(self, since: datetime) -> dict[int, tuple[Minute, ...]]:
        """For each job that processed rows, its minutes from ``since`` on."""
        with self._db.read() as conn:
            return throughput.minutes_of_each(conn, since)

    def clock(self) -> datetime:
        """The moment by the database's clock, which the minutes go by."""
        with self._db.read() as conn:
            moment: datetime = conn.execute(sa.select(now())).scalar_one()
        return moment

    # asking

    def create(
        self,
        scope: Scope,
        selection: Mapping[str, Any],
        *,
        algorithm_id: int | None = None,
        policy_id: int | None = None,
        scheduled_at: datetime | None = None,
        created_by: int | None = None,
    ) -> Job:
        """Insert a pending job. The caller has checked the selection and the target."""
        values: dict[str, Any] = {
            "scope": scope.value,
            "target_algo_id": algorithm_id,
            "target_policy_id": policy_id,
            "selection": dict(selection),
            "scheduled_at": scheduled_at,
            "created_by": created_by,
            "created_at": now(),
        }
        for attempt in range(_INSERTS):
            try:
                return self.get(self._insert(values))
            except IntegrityError:
                # without identity, another program may have taken the same next id
                if attempt == _INSERTS - 1:
                    raise
        raise AssertionError("unreachable")

    def _insert(self, values: Mapping[str, Any]) -> int:
        with self._db.write() as conn:
            live = sa.Table(jobs.name, sa.MetaData(), autoload_with=conn, resolve_fks=False)
            given = {"id": next_id(conn, live)} if next_id_needed(live, conn.dialect.name) else {}
            inserted = conn.execute(jobs.insert().values({**values, **given})).inserted_primary_key
            if inserted is None:
                raise SchemaError("The job table did not say which id it gave", "Run: pqconsole doctor")
            job_id = int(inserted[0])
            record(conn, self._actor, "created", "Created", job_id=job_id)
        return job_id

    def pause(self, job_id: int) -> Job:
        """Stop between batches and keep the job for later. Raises ``StateConflict``, ``JobNotFound``."""
        return self._ask(job_id, "pause", lifecycle.pause)

    def resume(self, job_id: int) -> Job:
        """Take a pause back. Raises ``StateConflict``, ``JobNotFound``."""
        return self._ask(job_id, "resume", lifecycle.resume)

    def cancel(self, job_id: int) -> Job:
        """Stop between batches for good. Raises ``StateConflict``, ``JobNotFound``."""
        return self._ask(job_id, "cancel", lifecycle.cancel)

    def retry(self, job_id: int, *, from_scratch: bool = False) -> Job:
        """Put a failed or cancelled job back to pending. Raises ``StateConflict``, ``JobNotFound``."""
        return self._ask(job_id, "retry", lambda c, j: lifecycle.retry(c, j, from_scratch=from_scratch))

    def requeue(self, job_id: int) -> Job:
        """Let the dead letters of an ended job be tried again, alone. Raises ``StateConflict``, ``JobNotFound``."""
        return self._ask(job_id, "requeue", lifecycle.requeue)

    def run_now(self, job_id: int) -> Job:
        """Make a pending job due at once, for whichever worker is free. Raises ``StateConflict``, ``JobNotFound``."""
        return self._ask(job_id, "run", lifecycle.make_due)

    def tune(self, job_id: int, change: Mapping[str, Mapping[str, Any]] | None) -> Job:
        """Change the limits of a job, whatever its state; a running one follows within a second.

        Args:
            change: members of the sections ``batch`` and ``throttle`` of a selection document; null lifts a limit,
                what is not named stays. None takes all earlier changes back.

        Raises:
            UsageError: a member is unknown, or its value is none.
            JobNotFound: no such job.
        """
        from pqcore.jobs.limits import checked  # with the whole selection document, which reading jobs does not need

        wanted = None if change is None else checked(change)
        return self._ask(job_id, "tune", lambda conn, job: lifecycle.tune(conn, job, wanted))

    def note(self, job_id: int | None, kind: str, message: str) -> None:
        """Append to the event log."""
        with self._db.write() as conn:
            record(conn, self._actor, kind, message, job_id=job_id)

    def _ask(self, job_id: int, kind: str, change: Callable[[sa.Connection, int], str]) -> Job:
        with self._db.write() as conn:
            record(conn, self._actor, kind, change(conn, job_id), job_id=job_id)
        return self.get(job_id)

    def _target_names(self, conn: sa.Connection) -> TargetNames:
        if self._names is None:
            self._names = TargetNames(conn)
        return self._names


def view_row(job: Job) -> dict[str, Any]:
    """A job as its row of ``vw_pq_migration_jobs``: the view's columns in the view's order."""
    row: dict[str, Any] = {}
    for column in jobs_view.columns:
        value = getattr(job, column.name)
        row[column.name] = value.value if isinstance(value, Scope | Status) else value
    return row
