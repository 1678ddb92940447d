"""SQL for lists of jobs: the views with what the companion tables add, filters, keyset order, and rows into jobs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from pqcore.database.clock import now
from pqcore.database.live import columns_of
from pqcore.database.tables import control, jobs_view, originals, ranges, runs
from pqcore.jobs.filter import PAUSED, JobFilter, Term
from pqcore.jobs.model import PROGRESS, Job, Phase, Progress, Purpose, Request, Status
from pqcore.jobs.sort import Sort
from pqcore.migrations.base import Scope

# by the contract these are never NULL: an order by them needs no second key, and by id it can follow the index
_NEVER_EMPTY = frozenset({"id", "status", "scope", "processed_count", "created_at"})


class TargetNames:
    """SQL for the name of a job's target, from tables that may be another product's."""

    def __init__(self, conn: sa.Connection) -> None:
        present = columns_of(conn, ("crypto_algorithms", "encryption_policies"))
        self._algorithms = _names(present, "crypto_algorithms", ("name", "algorithm"))
        self._policies = _names(present, "encryption_policies", ("policy_name", "name"))
        self.algorithm = _name_of(self._algorithms, jobs_view.c.target_algo_id)
        self.policy = _name_of(self._policies, jobs_view.c.target_policy_id)

    def algorithm_like(self, pattern: str) -> sa.ColumnElement[bool]:
        """Jobs whose algorithm's name, in lower case, is like ``pattern``."""
        return _named_like(self._algorithms, jobs_view.c.target_algo_id, pattern)

    def policy_like(self, pattern: str) -> sa.ColumnElement[bool]:
        """Jobs whose policy's name, in lower case, is like ``pattern``."""
        return _named_like(self._policies, jobs_view.c.target_policy_id, pattern)


def _names(present: Mapping[str, set[str]], table_name: str, candidates: tuple[str, ...]) -> sa.Select[Any] | None:
    """Ids and names of a table of targets; None where it has no name that is known."""
    name = next((c for c in candidates if c in present.get(table_name, ())), None)
    if name is None:
        return None
    table = sa.table(table_name, sa.column("id"), sa.column(name))
    return sa.select(table.c.id, sa.cast(table.c[name], sa.String(255)).label("name"))


def _name_of(named: sa.Select[Any] | None, reference: sa.ColumnElement[Any]) -> sa.ColumnElement[str | None]:
    if named is None:
        return sa.cast(sa.null(), sa.String(255))
    identity, name = named.selected_columns
    return sa.select(name).where(identity == reference).scalar_subquery()


def _named_like(named: sa.Select[Any] | None, reference: sa.ColumnElement[Any], pattern: str) -> sa.ColumnElement[bool]:
    # asked of the few names once, not of each job's
    if named is None:
        return sa.false()
    identity, name = named.selected_columns
    return reference.in_(sa.select(identity).where(sa.func.lower(name).like(pattern, escape="!")))


def select_jobs(names: TargetNames) -> sa.Select[Any]:
    """The jobs view with requests, runs, leases and the names of targets."""
    lease_held = sa.and_(runs.c.lease_expires_at.is_not(None), runs.c.lease_expires_at >= now())
    columns = [
        # taken as it comes: another program may have stored something that is no JSON
        sa.type_coerce(c, sa.types.NullType()).label("selection") if c.name == "selection" else c
        for c in jobs_view.columns
    ]
    return sa.select(
        *columns,
        names.algorithm.label("algorithm"),
        names.policy.label("policy"),
        control.c.request,
        runs.c.phase,
        runs.c.total,
        sa.case((lease_held, runs.c.lease_owner)).label("held_by"),
        runs.c.throttled_seconds,
        sa.case((lease_held, runs.c.throttle_reason)).label("throttle_reason"),
        sa.type_coerce(control.c.limits, sa.types.NullType()).label("limits"),
        sa.case((runs.c.job_id.is_(None), 0), (lease_held, 0), else_=1).label("lease_expired"),
        # the first of the job's originals is enough to know
        sa.case((sa.exists().where(originals.c.job_id == jobs_view.c.id), 1), else_=0).label("keeps_originals"),
    ).select_from(
        jobs_view.outerjoin(control, control.c.job_id == jobs_view.c.id).outerjoin(
            runs, runs.c.job_id == jobs_view.c.id
        )
    )


def select_order(job_filter: JobFilter, sort: Sort, names: TargetNames) -> sa.Select[Any]:
    """The ids of the filtered jobs in this order, each with what ``beyond`` goes on from: (missing, value, id).

    Nothing else is read, so that databases sort little, or nothing where an index has the order already.
    """
    missing, value = _sort_key(sort.column)
    identity = jobs_view.c.id
    direction = sa.desc if sort.descending else sa.asc
    order: list[sa.ColumnElement[Any]] = [direction(identity)]
    if sort.column != "id":
        order.insert(0, direction(value))
    if sort.column not in _NEVER_EMPTY:
        order.insert(0, sa.desc(missing) if sort.empty_first else sa.asc(missing))
    columns = (missing.label("sort_missing"), value.label("sort_value"), identity.label("sort_id"))
    return _filtered(sa.select(*columns), job_filter, names).order_by(*order)


def select_count(job_filter: JobFilter, names: TargetNames) -> sa.Select[Any]:
    """How many jobs the filter keeps, and the greatest id among them."""
    columns: list[Any] = [sa.func.count(), sa.func.max(jobs_view.c.id)]
    return _filtered(sa.select(*columns), job_filter, names)


def _filtered(statement: sa.Select[Any], job_filter: JobFilter, names: TargetNames) -> sa.Select[Any]:
    if any(term.kind == "status" and term.value == PAUSED for term in job_filter.terms):
        statement = statement.join_from(jobs_view, control, control.c.job_id == jobs_view.c.id, isouter=True)
    return statement.where(*conditions(job_filter, names))


def _sort_key(column: str) -> tuple[sa.ColumnElement[int], sa.ColumnElement[Any]]:
    """What to order by: whether the value is missing, and the value."""
    value: sa.ColumnElement[Any] = jobs_view.c[column]
    if column in ("status", "scope"):
        # an ENUM sorts by its index but compares as text: make both text
        value = sa.cast(value, sa.String(16))
    if column in _NEVER_EMPTY:
        return sa.literal_column("0", sa.Integer), value
    return sa.case((jobs_view.c[column].is_(None), 1), else_=0), value


def beyond(sort: Sort, after: tuple[Any, ...]) -> sa.ColumnElement[bool]:
    """Rows that follow the row with (missing, value, id) = ``after`` in this order."""
    missing, value = _sort_key(sort.column)
    last_missing, last_value, last_id = after
    later_id: sa.ColumnElement[bool] = jobs_view.c.id < last_id if sort.descending else jobs_view.c.id > last_id
    if sort.column == "id":
        return later_id
    if last_missing:
        same = sa.and_(missing == 1, later_id)
        return sa.or_(missing == 0, same) if sort.empty_first else same
    later = value < last_value if sort.descending else value > last_value
    follows = sa.or_(later, sa.and_(value == last_value, later_id))
    if sort.column in _NEVER_EMPTY:
        return follows
    return sa.and_(missing == 0, follows) if sort.empty_first else sa.or_(missing == 1, follows)


def conditions(job_filter: JobFilter, names: TargetNames) -> list[sa.ColumnElement[bool]]:
    """The filter as SQL: words of one kind are alternatives, kinds and free words all hold."""
    found: list[sa.ColumnElement[bool]] = []
    alternatives: dict[str, list[sa.ColumnElement[bool]]] = {}
    for term in job_filter.terms:
        condition = _condition(term, names)
        if term.negated:
            found.append(~sa.func.coalesce(condition, sa.false()))
        elif term.kind == "text":
            found.append(condition)
        else:
            alternatives.setdefault(term.kind, []).append(condition)
    return found + [sa.or_(*group) for group in alternatives.values()]


def _condition(term: Term, names: TargetNames) -> sa.ColumnElement[bool]:
    match term.kind:
        case "status" if term.value == PAUSED:
            paused = sa.func.coalesce(control.c.request, "") == Request.PAUSE.value
            return sa.and_(jobs_view.c.status == Status.PENDING.value, paused)
        case "status":
            return jobs_view.c.status == term.value
        case "scope":
            return jobs_view.c.scope == term.value
        case "id":
            return jobs_view.c.id == int(term.value)
        case "table":
            table = sa.func.lower(_selection_text("table"))
            return table.like(f"%{_escaped(term.value)}%", escape="!")
        case "algo":
            return names.algorithm_like(f"%{_escaped(term.value)}%")
        case _:
            pattern = f"%{_escaped(term.value)}%"
            texts = (sa.cast(jobs_view.c.selection, sa.Text), jobs_view.c.error)
            found = [sa.func.lower(sa.func.coalesce(text, "")).like(pattern, escape="!") for text in texts]
            return sa.or_(*found, names.algorithm_like(pattern), names.policy_like(pattern))


def _selection_text(name: str) -> sa.ColumnElement[str]:
    text: sa.ColumnElement[str] = jobs_view.c.selection[name].as_string()
    return text


def _escaped(text: str) -> str:
    return text.replace("!", "!!").replace("%", "!%").replace("_", "!_")


def progress_of(
    conn: sa.Connection, job_ids: Iterable[int], purposes: Iterable[Purpose] = PROGRESS
) -> dict[int, Progress]:
    """The counters of these jobs, summed over their ranges of these purposes; without totals."""
    counters = (ranges.c.migrated, ranges.c.skipped, ranges.c.conflicted, ranges.c.failed)
    statement = (
        sa.select(ranges.c.job_id, *(sa.func.sum(c) for c in counters))
        .where(ranges.c.job_id.in_(list(job_ids)), ranges.c.purpose.in_([p.value for p in purposes]))
        .group_by(ranges.c.job_id)
    )
    return {row[0]: Progress(None, *(int(n) for n in row[1:])) for row in conn.execute(statement)}


# made once, as a running job is asked for it with every heartbeat
_PROGRESS_NOW = sa.select(
    sa.select(runs.c.total).where(runs.c.job_id == sa.bindparam("job")).scalar_subquery(),
    *(
        sa.func.coalesce(sa.func.sum(counter), 0)
        for counter in (ranges.c.migrated, ranges.c.skipped, ranges.c.conflicted, ranges.c.failed)
    ),
).where(ranges.c.job_id == sa.bindparam("job"), ranges.c.purpose.in_([purpose.value for purpose in PROGRESS]))


def progress_now(conn: sa.Connection, job_id: int) -> Progress:
    """A job's counters and its total; zeros and None for a job that pqconsole never started."""
    total, *counted = conn.execute(_PROGRESS_NOW, {"job": job_id}).one()
    found = Progress(None, *(int(n) for n in counted))
    return found if total is None else replace(found, total=max(int(total), found.seen))


def document(value: Any) -> Mapping[str, Any] | None:
    """A JSON column as the drivers give it (text or object); None where it holds no JSON object."""
    if isinstance(value, str | bytes):
        try:
            value = json.loads(value)
        except ValueError:
            return None
    return value if isinstance(value, Mapping) else None


def job_of(row: sa.Row[Any], counted: Progress | None) -> Job:
    """A row of ``select_jobs`` as a job."""
    done = counted or Progress()
    total = None if row.total is None else max(int(row.total), done.seen)
    return Job(
        id=row.id,
        scope=Scope(row.scope),
        status=Status(row.status),
        selection=document(row.selection),
        target_policy_id=row.target_policy_id,
        target_algo_id=row.target_algo_id,
        scheduled_at=row.scheduled_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        processed_count=row.processed_count,
        error=row.error,
        created_by=row.created_by,
        created_at=row.created_at,
        is_done=bool(row.is_done),
        is_running=bool(row.is_running),
        target=row.algorithm or (f"policy {row.policy}" if row.policy else ""),
        request=Request(row.request) if row.request else None,
        phase=Phase(row.phase) if row.phase else None,
        held_by=row.held_by,
        lease_expired=bool(row.lease_expired) and row.status == Status.RUNNING.value,
        progress=Progress(total, done.migrated, done.skipped, done.conflicted, done.failed),
        throttled_seconds=float(row.throttled_seconds or 0.0),
        throttle_reason=row.throttle_reason,
        limits=document(row.limits),
        keeps_originals=bool(row.keeps_originals),
    )
