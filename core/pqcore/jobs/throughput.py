"""How many rows each job got through in each minute, kept so that a console opened later can show it.

Whoever moves a job's ``processed_count`` on notes here what it grew by, in the same transaction: so the minutes of a
job add up to its ``processed_count``, and hold what was done again where it was started over. Verify, roll back and
finalize process no rows of their own and are not in it. Minutes in which nothing was done have no row.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import sqlalchemy as sa

from pqcore.database.clock import now_plus, this_minute
from pqcore.database.tables import jobs, throughput

KEPT_SECONDS = 7 * 86_400.0

# the first moment of a minute (aware, UTC) and the rows processed in it
Minute = tuple[datetime, int]


def note(conn: sa.Connection, job_id: int, minute: datetime, rows: int) -> None:
    """Add to what a job did in a minute; a count that shrank was no work.

    The caller holds the job's row, so that nobody else adds to it now.
    """
    if rows <= 0:
        return
    mine = sa.and_(throughput.c.job_id == job_id, throughput.c.minute == minute)
    added = conn.execute(sa.update(throughput).where(mine).values(processed=throughput.c.processed + rows)).rowcount
    if not added:
        conn.execute(throughput.insert().values(job_id=job_id, minute=minute, processed=rows))


def note_growth(conn: sa.Connection, job_id: int, before: int) -> None:
    """Note what ``processed_count`` grew by since it was ``before``, at the database's present minute.

    The caller holds the job's row, and has set the count in this transaction.
    """
    found = conn.execute(sa.select(jobs.c.processed_count, this_minute()).where(jobs.c.id == job_id)).first()
    if found is not None:
        note(conn, job_id, found[1], found[0] - before)


def forget_old(conn: sa.Connection) -> None:
    """Delete the minutes that are kept no longer."""
    conn.execute(sa.delete(throughput).where(throughput.c.minute < now_plus(-KEPT_SECONDS)))


def minutes(conn: sa.Connection, since: datetime, job_id: int | None = None) -> tuple[Minute, ...]:
    """The minutes from ``since`` on in which a job did something (None: all jobs together), in their order."""
    rows = sa.func.sum(throughput.c.processed)
    statement = (
        sa.select(throughput.c.minute, sa.cast(rows, sa.BigInteger))
        .where(throughput.c.minute >= since)
        .group_by(throughput.c.minute)
        .order_by(throughput.c.minute)
    )
    if job_id is not None:
        statement = statement.where(throughput.c.job_id == job_id)
    return tuple((minute, int(processed)) for minute, processed in conn.execute(statement))


def minutes_of_each(conn: sa.Connection, since: datetime) -> dict[int, tuple[Minute, ...]]:
    """For each job that did something, its minutes from ``since`` on."""
    statement = sa.select(throughput).where(throughput.c.minute >= since).order_by(throughput.c.minute)
    found: dict[int, list[Minute]] = {}
    for row in conn.execute(statement):
        found.setdefault(row.job_id, []).append((row.minute, int(row.processed)))
    return {job_id: tuple(mine) for job_id, mine in found.items()}


def together(each: Iterable[Sequence[Minute]]) -> tuple[Minute, ...]:
    """Minutes of several jobs as those of all of them."""
    added: dict[datetime, int] = {}
    for mine in each:
        for minute, processed in mine:
            added[minute] = added.get(minute, 0) + processed
    return tuple(sorted(added.items()))
