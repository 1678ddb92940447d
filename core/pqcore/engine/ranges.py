"""Running one claimed range: batch after batch until its end, a stop, or the loss of its lease."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Any, Generic, TypeVar

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from pqcore.actor import current
from pqcore.database.errors import classify, translate
from pqcore.engine import backoff
from pqcore.engine.context import JobContext
from pqcore.engine.points import Point, reach
from pqcore.engine.sizing import Measured, next_pace
from pqcore.errors import DatabaseUnavailable, PQConsoleError
from pqcore.jobs.claims import LeaseLost
from pqcore.jobs.cursor import decode_key, encode_key
from pqcore.jobs.events import record
from pqcore.jobs.range_claims import RangeClaim, release_range, reload_range

Key = tuple[Any, ...]
Item = TypeVar("Item")  # what a page holds
Ready = TypeVar("Ready")  # what an item became, outside any transaction

# a throttle that holds for longer gets the thread back: other jobs share it
_SHORT_WAIT_SECONDS = 0.25


class Ended(StrEnum):
    """How a turn of a thread ended."""

    NOTHING = "nothing"  # no range was free
    DONE = "done"  # a range was finished
    STOPPED = "stopped"  # asked to stop between batches; the range is released
    HELD = "held"  # a throttle holds the job back; the range is released
    LOST = "lost"  # the lease went to someone else


class Interrupted(Exception):
    """Asked to stop in the middle of writing; what is written stays, with the cursor behind it."""


class RangeRun(ABC, Generic[Item, Ready]):
    """One range under one lease: pages of items in the order of their place, from the cursor to the end."""

    def __init__(self, context: JobContext, claim: RangeClaim) -> None:
        self._context = context
        self._claim = claim
        self._upper = decode_key(claim.upper) if claim.upper else None
        self._pace = context.pace.newest
        self._failures = 0

    @abstractmethod
    def _read(self, after: Key | None, rows: int) -> Sequence[Item]:
        """At most ``rows`` items beyond ``after``, in order."""

    @abstractmethod
    def _place(self, item: Item) -> Key:
        """Where the cursor stands when this item is done with."""

    @abstractmethod
    def _compute(self, items: Sequence[Item]) -> Sequence[Ready]:
        """What the items become, outside any transaction; shorter where the job is asked to stop meanwhile."""

    @abstractmethod
    def _settle(self, ready: Sequence[Ready], cursor: Key | None, *, range_done: bool) -> float:
        """Write, with the cursor and the counters; returns the seconds that the transaction took."""

    @abstractmethod
    def _size(self, items: Sequence[Item]) -> int:
        """Bytes of these items, roughly."""

    def run(self) -> Ended:
        """Batches until the end. Faults that pass by themselves are waited out; the database knows the cursor."""
        with self._context.live.stopwatch.working():
            return self._run()

    def _run(self) -> Ended:
        while True:
            try:
                return self._batches()
            except LeaseLost:
                return Ended.LOST
            except Interrupted:
                release_range(self._context.db, self._claim)
                return Ended.STOPPED
            except (DBAPIError, DatabaseUnavailable) as error:
                if self._wait_out(error):
                    return Ended.STOPPED

    def _batches(self) -> Ended:
        context = self._context
        if self._failures:
            # it may be unclear whether the last commit happened
            self._claim = reload_range(context.db, self._claim)
        start = self._claim.cursor or self._claim.lower
        after = decode_key(start) if start else None
        while not context.stop.is_set():
            if not self._may_go_on():
                release_range(context.db, self._claim)
                return Ended.HELD
            limits = context.live.batch
            asked = min(self._pace.rows, limits.max_rows)
            reach(Point.BEFORE_READ)
            items = self._read(after, asked)
            reach(Point.AFTER_READ)
            context.live.delay(len(items))
            working = time.perf_counter()
            ready = self._compute(items)
            context.live.give_back(len(items) - len(ready))
            # stopped in the middle: what is ready is written, the rest stays
            last_page = len(items) < asked and len(ready) == len(items)
            cursor = self._place(items[len(ready) - 1]) if ready else after
            seconds = self._settle(ready, cursor, range_done=last_page)
            self._moved_to(cursor)
            self._failures = 0
            if (sentence := context.trouble.over()) is not None:
                self._tell(sentence)
            if last_page:
                return Ended.DONE
            after = cursor
            spent = Measured(len(ready), seconds, time.perf_counter() - working, self._size(items))
            self._pace = context.pace.newest = next_pace(replace(self._pace, rows=asked), spent, limits)
        release_range(context.db, self._claim)
        return Ended.STOPPED

    def _moved_to(self, cursor: Key | None) -> None:
        """Remember where the range's cursor stands: the next checkpoint moves it from there and from nowhere else."""
        if cursor is not None:
            self._claim = replace(self._claim, cursor=encode_key(cursor))

    def _may_go_on(self) -> bool:
        """Wait for throttles that hold for a moment; False where one holds for longer, or the job is to stop."""
        delay = self._context.live.delay()
        if delay > _SHORT_WAIT_SECONDS:
            return False
        if delay <= 0:
            return True
        with self._context.live.stopwatch.waiting(at_work=True):
            return not self._context.stop.wait(delay)

    def _tell(self, sentence: str) -> bool:
        """Write to the job's event log; False where even that cannot be done now."""
        try:
            with self._context.db.write() as conn:
                record(conn, current(), "waited", sentence, job_id=self._context.job_id)
        except (SQLAlchemyError, PQConsoleError):
            return False
        return True

    def _wait_out(self, error: DBAPIError | DatabaseUnavailable) -> bool:
        """Sleep before another try; True where the job was asked to stop meanwhile. Raises what will not pass."""
        if isinstance(error, DBAPIError):
            if classify(error, self._context.db.dialect.name) not in backoff.TRANSIENT:
                raise error
            # a smaller batch holds fewer locks for less time
            self._pace = replace(self._pace, rows=max(1, self._pace.rows // 2), resume=0)
        self._failures += 1
        what = (
            translate(error, self._context.db.dialect.name, self._context.db.label)
            if isinstance(error, DBAPIError)
            else error
        )
        if (sentence := self._context.trouble.met(str(what))) is not None and self._tell(sentence):
            self._context.trouble.told()
        return self._context.stop.wait(backoff.seconds(self._failures))
