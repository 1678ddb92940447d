"""What is kept of one job, in pages: its key ranges, its events, its dead letters. Any of them may be 100,000 long.

Every page follows a known key, so its cost does not grow with its distance from the top. Every call is blocking and
opens its own short transaction.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import sqlalchemy as sa

from pqcore.database.connect import Database
from pqcore.database.tables import dead_letters, events, ranges
from pqcore.jobs.model import DeadLetter, Event, Progress, Purpose, RangeInfo
from pqcore.jobs.pages import Part, RecordCounts, RecordPage

T = TypeVar("T")


class JobRecords:
    """The records of the jobs of one database."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def counts(self, job_id: int) -> RecordCounts:
        """How many records there are of this job."""
        with self._db.read() as conn:
            found = [
                conn.execute(sa.select(sa.func.count()).select_from(table).where(table.c.job_id == job_id)).scalar_one()
                for table in (ranges, events, dead_letters)
            ]
        return RecordCounts(*(int(number) for number in found))

    def ranges(self, job_id: int, part: Part) -> RecordPage[tuple[Purpose, RangeInfo]]:
        """Ranges by their number, with what each is for."""
        return self._page(ranges, ranges.c.seq, job_id, part, _range)

    def events(self, job_id: int, part: Part) -> RecordPage[Event]:
        """Events in the order in which they happened."""
        return self._page(events, events.c.id, job_id, part, event_of)

    def letters(self, job_id: int, part: Part) -> RecordPage[DeadLetter]:
        """Dead letters in the order of their key digests."""
        return self._page(dead_letters, dead_letters.c.key_digest, job_id, part, letter_of)

    def _page(
        self,
        table: sa.Table,
        key: sa.ColumnElement[Any],
        job_id: int,
        part: Part,
        convert: Callable[[sa.Row[Any]], T],
    ) -> RecordPage[T]:
        statement = sa.select(table, key.label("page_key")).where(table.c.job_id == job_id)
        if part.after is not None:
            statement = statement.where(key < part.after if part.descending else key > part.after)
        statement = statement.order_by(key.desc() if part.descending else key).limit(part.limit).offset(part.skip)
        with self._db.read() as conn:
            found = conn.execute(statement).all()
        return RecordPage(tuple(convert(row) for row in found), found[-1].page_key if found else None)


def event_of(row: sa.Row[Any]) -> Event:
    """A row of the event log."""
    return Event(row.id, row.job_id, row.at, row.kind, row.message, row.actor, row.host, row.ssh_client)


def letter_of(row: sa.Row[Any]) -> DeadLetter:
    """A row of the dead letters."""
    return DeadLetter(row.job_id, row.row_key, row.reason, row.message, row.created_at)


def range_of(row: sa.Row[Any]) -> RangeInfo:
    """A row of the ranges."""
    counters = Progress(None, row.migrated, row.skipped, row.conflicted, row.failed)
    return RangeInfo(row.seq, row.state, row.lower_key, row.upper_key, row.cursor_key, row.lease_owner, counters)


def _range(row: sa.Row[Any]) -> tuple[Purpose, RangeInfo]:
    return Purpose(row.purpose), range_of(row)
