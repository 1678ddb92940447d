"""Migrating a range: rows of the table, or dead letters that get another try."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from pqcore.database.errors import classify
from pqcore.database.tables import dead_letters
from pqcore.engine import backoff
from pqcore.engine.batch import Computed, Written, compute, refuse, size_of, write
from pqcore.engine.pages import digest_of, known_dead, read_keys, read_page
from pqcore.engine.ranges import Interrupted, Key, RangeRun
from pqcore.jobs.cursor import decode_key
from pqcore.migrations.base import Record

# a row that loses this often within a batch is left to the sweep
_ROUNDS = 5
# times the aim that a batch may take before it is written as far as it has come
_STRETCH = 2.0

Item = TypeVar("Item")


class _Migrating(RangeRun[Item, Computed]):
    """What both have in common: writing, with another turn for rows that lost the race."""

    def _settle(self, ready: Sequence[Computed], cursor: Key | None, *, range_done: bool) -> float:
        """Write a batch and read again the rows that lost the race.

        The range may only end once those rows had their turns: where there are such, in a write of its own.
        """
        first = self._write(ready, cursor, range_done=range_done)
        lost = first.lost
        rounds = 0
        while lost and rounds < _ROUNDS and not self._context.stop.is_set():
            with self._context.db.read() as conn:
                again = read_keys(conn, self._context, lost)
            lost = self._write(compute(self._context, again), None).lost
            rounds += 1
        if range_done and not first.ended:
            write(self._context, self._claim, [], cursor=cursor, range_done=True)
        return first.seconds

    def _write(self, computed: Sequence[Computed], cursor: Key | None, *, range_done: bool = False) -> Written:
        """Write; where the database refuses some row, halve until it is alone in the dead letters."""
        try:
            written = write(self._context, self._claim, computed, cursor=cursor, range_done=range_done)
            self._moved_to(cursor)
            return written
        except DBAPIError as error:
            fault = classify(error, self._context.db.dialect.name)
            if fault not in backoff.OF_A_ROW or not computed:
                raise
            if len(computed) == 1:
                return self._write([refuse(computed[0], fault)], cursor, range_done=range_done)
        middle = len(computed) // 2
        left, right = computed[:middle], computed[middle:]
        # in the order of their places: the cursor may stand at the end of the first half
        first = self._write(left, None if cursor is None else place_of(left[-1]))
        if self._context.stop.is_set():
            raise Interrupted  # where many rows are refused, each costs several transactions
        second = self._write(right, cursor, range_done=range_done and not first.lost)
        return Written((*first.lost, *second.lost), first.seconds + second.seconds, second.ended)


def place_of(computed: Computed) -> Key:
    """Where the cursor stands once this row is written."""
    return computed.record.key if computed.letter is None else (computed.letter,)


class MigrateRange(_Migrating[Record]):
    """Rows of the table by their key; in a sweep, only those that are not in the new form."""

    def _read(self, after: Key | None, rows: int) -> Sequence[Record]:
        with self._context.db.read() as conn:
            return read_page(conn, self._context, after, self._upper, rows, only_old=self._claim.pass_no > 1)

    def _place(self, item: Record) -> Key:
        return item.key

    def _size(self, items: Sequence[Record]) -> int:
        return size_of(items)

    def _compute(self, items: Sequence[Record]) -> Sequence[Computed]:
        # nobody knew how long a row takes when the first page was read
        return compute(self._context, items, seconds=_STRETCH * self._context.live.batch.total_seconds)

    def _settle(self, ready: Sequence[Computed], cursor: Key | None, *, range_done: bool) -> float:
        return super()._settle(self._without_dead(ready), cursor, range_done=range_done)

    def _without_dead(self, computed: Sequence[Computed]) -> Sequence[Computed]:
        """In a sweep, leave out rows that are dead letters already: they are counted."""
        if self._claim.pass_no == 1 or not computed:
            return computed
        with self._context.db.read() as conn:
            dead = known_dead(conn, self._context, [c.record for c in computed])
        return [c for c in computed if digest_of(c.record.key) not in dead] if dead else computed


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter that gets another try: its digest and key, and its row where that is still selected."""

    digest: str
    key: Key
    record: Record | None


class RequeueRange(_Migrating[Letter]):
    """Dead letters by the digest of their key: each goes, and comes back where its row fails again."""

    def _read(self, after: Key | None, rows: int) -> Sequence[Letter]:
        table = dead_letters.c
        query = sa.select(table.key_digest, table.walk_key).where(table.job_id == self._claim.job_id)
        if after is not None:
            query = query.where(table.key_digest > after[0])
        if self._upper is not None:
            query = query.where(table.key_digest <= self._upper[0])
        with self._context.db.read() as conn:
            letters = conn.execute(query.order_by(table.key_digest).limit(rows)).all()
            keys = [decode_key(letter.walk_key) for letter in letters]
            records = {r.key: r for r in read_keys(conn, self._context, keys)} if keys else {}
        return [Letter(x.key_digest, key, records.get(key)) for x, key in zip(letters, keys, strict=True)]

    def _place(self, item: Letter) -> Key:
        return (item.digest,)

    def _size(self, items: Sequence[Letter]) -> int:
        return size_of([item.record for item in items if item.record is not None])

    def _compute(self, items: Sequence[Letter]) -> Sequence[Computed]:
        ready: list[Computed] = []
        for item in items:
            if item.record is None:
                ready.append(Computed(Record(item.key, {}), None, letter=item.digest))
                continue
            computed = compute(self._context, [item.record])
            if not computed:
                break
            ready.append(replace(computed[0], letter=item.digest))
        return ready
