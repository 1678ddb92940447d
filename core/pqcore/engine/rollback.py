"""Putting old values back, and destroying them: both walk the kept originals by the digest of their row's key."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from pqcore.database.lists import among, parts
from pqcore.database.swap import Swap, SwapPlan
from pqcore.database.tables import originals, signatures
from pqcore.engine.checkpoint import Counts, checkpoint
from pqcore.engine.context import JobContext
from pqcore.engine.points import Point, reach
from pqcore.engine.ranges import Key, RangeRun
from pqcore.errors import PQConsoleError, StateConflict
from pqcore.jobs.cursor import decode_key
from pqcore.jobs.range_claims import RangeClaim


@dataclass(frozen=True, slots=True)
class Kept:
    """A kept original: where it belongs, the sealed value, and what was written in its place (SHA-256)."""

    digest: str
    column: str
    key: Key
    sealed: bytes
    written: str


@dataclass(frozen=True, slots=True)
class Restorable:
    """A kept original with the row as it is now; ``swap`` is None where the row is not ours any more."""

    digest: str
    swap: Swap | None


class _Walk:
    """Rows of a companion table of this job within the range, by key digest."""

    def __init__(self, context: JobContext, claim: RangeClaim, upper: Key | None) -> None:
        self._context = context
        self._claim = claim
        self._upper = upper

    def within(self, table: sa.Table, after: Key | None) -> list[sa.ColumnElement[bool]]:
        conditions = [table.c.job_id == self._claim.job_id]
        if after is not None:
            conditions.append(table.c.key_digest > after[0])
        if self._upper is not None:
            conditions.append(table.c.key_digest <= self._upper[0])
        return conditions

    def digests(self, table: sa.Table, after: Key | None, rows: int) -> list[str]:
        statement = sa.select(table.c.key_digest).where(*self.within(table, after))
        with self._context.db.read() as conn:
            return list(conn.execute(statement.order_by(table.c.key_digest).limit(rows)).scalars())


class RollbackRange(RangeRun[Kept, Restorable]):
    """Old values back into their rows, byte for byte, where the row still holds what the job wrote."""

    def __init__(self, context: JobContext, claim: RangeClaim) -> None:
        super().__init__(context, claim)
        if context.originals is None or len(context.migration.writes) != 1:
            raise StateConflict(f"Job {claim.job_id} kept no originals", "There is nothing to roll back")
        self._vault = context.originals
        self._column = context.migration.writes[0]
        self._walk = _Walk(context, claim, self._upper)

    def _read(self, after: Key | None, rows: int) -> Sequence[Kept]:
        statement = sa.select(originals).where(*self._walk.within(originals, after))
        statement = statement.order_by(originals.c.key_digest).limit(rows)
        with self._context.db.read() as conn:
            return [
                Kept(r.key_digest, r.field, decode_key(r.walk_key), bytes(r.sealed), r.written_digest)
                for r in conn.execute(statement)
            ]

    def _place(self, item: Kept) -> Key:
        return (item.digest,)

    def _size(self, items: Sequence[Kept]) -> int:
        return sum(len(item.sealed) for item in items)

    def _compute(self, items: Sequence[Kept]) -> Sequence[Restorable]:
        present = self._values([item.key for item in items])
        ready: list[Restorable] = []
        for item in items:
            if self._context.stop.is_set():
                break
            ready.append(Restorable(item.digest, self._swap(item, present)))
        return ready

    def _swap(self, item: Kept, present: Mapping[Key, Any]) -> Swap | None:
        value = present.get(item.key)
        if value is None or _digest(value) != item.written:
            return None
        try:
            old = self._vault.open(item.column, item.key, item.sealed)
        except PQConsoleError as error:
            raise StateConflict(
                "A kept original does not open", "Restore the keyring that holds pqconsole-originals, then go on"
            ) from error
        return Swap(item.key, (value,), (old,))

    def _values(self, keys: Sequence[Key]) -> Mapping[Key, Any]:
        columns = self._context.target.key
        statement = sa.select(*columns, self._context.target.table.c[self._column])
        with self._context.db.read() as conn:
            return {
                tuple(row[:-1]): row[-1]
                for part in parts(keys, len(columns))
                for row in conn.execute(statement.where(among(columns, part)))
            }

    def _settle(self, ready: Sequence[Restorable], cursor: Key | None, *, range_done: bool) -> float:
        began = time.perf_counter()
        ours = [item for item in ready if item.swap is not None]
        swaps = [item.swap for item in ours if item.swap is not None]
        names = tuple(c.name for c in self._context.target.key)
        plan = SwapPlan(self._context.target.table, names, (self._column,), (self._column,))
        reach(Point.BEFORE_WRITE)
        with self._context.db.write() as conn:
            lost = set(self._context.db.dialect.compare_and_swap(conn, plan, swaps)) if swaps else set()
            restored = [item.digest for place, item in enumerate(ours) if place not in lost]
            _destroy(conn, originals, self._claim.job_id, restored)
            reach(Point.AFTER_WRITE)
            counts = Counts(migrated=len(restored), conflicted=len(ready) - len(restored))
            checkpoint(conn, self._claim, counts, cursor=cursor, range_done=range_done)
            reach(Point.BEFORE_COMMIT)
        reach(Point.AFTER_COMMIT)
        return time.perf_counter() - began


class _DestroyRange(RangeRun[str, str]):
    """Removing rows of a companion table, page by page."""

    table: sa.Table

    def __init__(self, context: JobContext, claim: RangeClaim) -> None:
        super().__init__(context, claim)
        self._walk = _Walk(context, claim, self._upper)

    def _read(self, after: Key | None, rows: int) -> Sequence[str]:
        return self._walk.digests(self.table, after, rows)

    def _place(self, item: str) -> Key:
        return (item,)

    def _size(self, items: Sequence[str]) -> int:
        return 64 * len(items)

    def _compute(self, items: Sequence[str]) -> Sequence[str]:
        return items

    def _settle(self, ready: Sequence[str], cursor: Key | None, *, range_done: bool) -> float:
        began = time.perf_counter()
        reach(Point.BEFORE_WRITE)
        with self._context.db.write() as conn:
            _destroy(conn, self.table, self._claim.job_id, ready)
            reach(Point.AFTER_WRITE)
            checkpoint(conn, self._claim, Counts(migrated=len(ready)), cursor=cursor, range_done=range_done)
            reach(Point.BEFORE_COMMIT)
        reach(Point.AFTER_COMMIT)
        return time.perf_counter() - began


class FinalizeRange(_DestroyRange):
    """Kept originals are destroyed: from now on the old values are in backups at most."""

    table = originals


class WithdrawRange(_DestroyRange):
    """Rolling back signatures kept beside the table: the table never changed, they go."""

    table = signatures


def _destroy(conn: sa.Connection, table: sa.Table, job_id: int, digests: Sequence[str]) -> None:
    for part in parts(digests):
        conn.execute(sa.delete(table).where(table.c.job_id == job_id, table.c.key_digest.in_(part)))


def _digest(value: str | bytes) -> str:
    return hashlib.sha256(value.encode() if isinstance(value, str) else bytes(value)).hexdigest()
