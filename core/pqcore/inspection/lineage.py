"""Keys born under a post-quantum wrap, told from old keys that were wrapped anew, as far as the records prove it.

The old wrap of a re-wrapped key may live on in backups, and whoever kept it can open it with a quantum computer later.
The value does not say which it is, so this rests on the records of the jobs: what they wrote, with which key, and the
originals that they kept. What the records do not prove is called unknown.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from pqcore.database.connect import Database
from pqcore.database.live import Live
from pqcore.database.tables import events, jobs, originals, ranges, runs, signatures
from pqcore.formats.context import key_digest, row_key_text
from pqcore.formats.errors import FormatError
from pqcore.inspection.rows import Key
from pqcore.jobs.model import Purpose
from pqcore.jobs.query import document
from pqcore.migrations.base import Scope

_STARTED_OVER = "To be started over%"  # the event of a retry from scratch, which forgets the job's counters
_MOST_JOBS = 10_000


@dataclass(frozen=True, slots=True)
class Lineage:
    """Where the values in the post-quantum form of one column come from; each at least, the rest is unknown.

    Attributes:
        values: wrapped keys of this program that were read.
        born: sealed so when they were new, as no job can have written them.
        rewrapped: old keys wrapped anew, as kept originals prove.
        over_old: password hashes and signatures that say themselves that they were made over an older value.
        beside: signatures in ``pq_migration_signatures`` for values of this column (all of them, not of a sample).
        why: why the rest is unknown; empty where nothing is.
    """

    values: int = 0
    born: int = 0
    rewrapped: int = 0
    over_old: int = 0
    beside: int = 0
    why: str = ""

    @property
    def unknown(self) -> int:
        return self.values - self.born - self.rewrapped


@dataclass(frozen=True, slots=True)
class History:
    """What jobs did to one column.

    Attributes:
        ids: jobs that were started on it.
        written: key id -> values that they wrote with it, at most.
        complete: whether these are all the jobs there ever were, with all they wrote.
        beside: signatures kept beside it.
    """

    ids: tuple[int, ...] = ()
    written: tuple[tuple[str, int], ...] = ()
    complete: bool = False
    beside: int = 0


def history(db: Database, table: str, column: str, name: str) -> History:
    """Read the records of the jobs that worked on a column.

    Jobs on a table of the same name in another schema count, too: a selection may leave out the schema.

    Args:
        name: the table's name in companion tables.

    Raises:
        DatabaseError: the database cannot answer.
    """
    with db.translated(), db.read() as conn:
        live = Live(conn)
        if not all(live.has(known.name) for known in (jobs, runs, ranges, originals, signatures, events)):
            return History()
        started = sa.select(jobs.c.id, jobs.c.selection, runs.c.target).join(runs, runs.c.job_id == jobs.c.id)
        rows = conn.execute(started.where(jobs.c.scope == Scope.WRAPPERS.value).limit(_MOST_JOBS + 1)).all()
        mine: dict[int, frozenset[str]] = {}
        readable = len(rows) <= _MOST_JOBS
        for job_id, selection, target in rows:
            wanted = document(selection)
            if wanted is None:
                readable = False
            elif (str(wanted.get("table")).casefold(), wanted.get("field")) == (table.casefold(), column):
                fixed = document(target) or {}
                mine[int(job_id)] = _keys(fixed)
                readable = readable and bool(mine[int(job_id)])
        written: Counter[str] = Counter()
        if mine:
            counted = sa.select(ranges.c.job_id, sa.func.sum(ranges.c.migrated)).where(
                ranges.c.job_id.in_(list(mine)),
                ranges.c.purpose.in_([Purpose.MIGRATE.value, Purpose.REQUEUE.value]),
            )
            for job_id, migrated in conn.execute(counted.group_by(ranges.c.job_id)):
                for key_id in mine[int(job_id)]:
                    written[key_id] += int(migrated or 0)
            for key_id in frozenset().union(*mine.values()):
                written.setdefault(key_id, 0)
        beside = sa.select(sa.func.count()).where(signatures.c.table_name == name, signatures.c.field == column)
        return History(
            tuple(sorted(mine)),
            tuple(sorted(written.items())),
            readable and not _gone(conn) and not _restarted(conn, list(mine)),
            int(conn.execute(beside).scalar_one()),
        )


def _keys(target: Mapping[str, Any]) -> frozenset[str]:
    """All keys that a job writes with, each layer's: any of them may be the one that a value names first."""
    layers = target.get("layer_keys")
    named = [target.get("key_id"), *(layers.values() if isinstance(layers, Mapping) else ())]
    return frozenset(key_id for key_id in named if isinstance(key_id, str) and key_id)


def _gone(conn: sa.Connection) -> bool:
    """Whether jobs that were started once are no longer in the table of jobs."""
    lost = sa.select(runs.c.job_id).outerjoin(jobs, jobs.c.id == runs.c.job_id).where(jobs.c.id.is_(None)).limit(1)
    return conn.execute(lost).first() is not None


def _restarted(conn: sa.Connection, ids: list[int]) -> bool:
    if not ids:
        return False
    over = sa.select(events.c.id).where(events.c.job_id.in_(ids), events.c.message.like(_STARTED_OVER)).limit(1)
    return conn.execute(over).first() is not None


class Origins:
    """Counts, while values are read, how many of them the records prove to be the one or the other."""

    def __init__(self, db: Database, records: History, column: str) -> None:
        self._db = db
        self._records = records
        self._column = column
        self._by_key: Counter[str] = Counter()
        self._proved: Counter[str] = Counter()
        self._waiting: list[tuple[str, str, str]] = []

    def add(self, key: Key, key_id: str, value: str | bytes) -> None:
        """Take note of one wrapped key of this program, in the row with this key."""
        self._by_key[key_id] += 1
        if not self._records.ids:
            return
        try:
            place = key_digest(row_key_text(key))
        except FormatError:
            return
        data = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
        self._waiting.append((place, hashlib.sha256(data).hexdigest(), key_id))

    def settle(self) -> None:
        """Hold what was noted since the last time against the kept originals."""
        waiting, self._waiting = self._waiting, []
        for start in range(0, len(waiting), 500):
            part = waiting[start : start + 500]
            statement = sa.select(originals.c.key_digest, originals.c.written_digest).where(
                originals.c.job_id.in_(self._records.ids),
                originals.c.field == self._column,
                originals.c.key_digest.in_([place for place, _, _ in part]),
            )
            with self._db.translated(), self._db.read() as conn:
                kept = {(row[0], row[1]) for row in conn.execute(statement)}
            for place, digest, key_id in part:
                self._proved[key_id] += (place, digest) in kept

    def lineage(self, *, every_row: bool, over_old: int) -> Lineage:
        """What is proved.

        Args:
            every_row: whether all rows of the table were read, so that they can be held against what jobs wrote.
            over_old: values that say themselves that they are over an older one.
        """
        self.settle()
        written, born, proved = dict(self._records.written), 0, sum(self._proved.values())
        for key_id, count in self._by_key.items():
            if not self._records.complete:
                continue
            if key_id not in written:
                born += count  # no job ever wrote with this key here
            elif every_row:
                born += min(max(0, count - written[key_id]), count - self._proved[key_id])
        values = sum(self._by_key.values())
        rest = values - born - proved
        why = "" if not rest else _reason(self._records, every_row=every_row)
        return Lineage(values, born, proved, over_old, self._records.beside, why)


def _reason(records: History, *, every_row: bool) -> str:
    if not records.complete:
        return "the records of the jobs are not complete"
    if not every_row:
        return "a sample cannot be held against what the jobs wrote"
    return "no original was kept that would tell"
