"""Any part of a job list of any length, read by keyset pages.

A keyset page needs the key of the job before it. Where that is known (the top, the end, which is the top of the turned
order, and every place that was visited) a page costs the same wherever it is; a place that was never visited is reached
by one statement that skips over the keys from the nearest one.

Some orders have no index: each page of them is a scan of the whole table. Such a page is read long, kept for a time
that its cost decides, and the jobs on it are read anew by their ids meanwhile.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any, Protocol

from pqcore.jobs.filter import JobFilter
from pqcore.jobs.model import Job
from pqcore.jobs.pages import JobQuery, KeyPage
from pqcore.jobs.sort import Sort

# rows that are read beyond each edge of the screen, so that scrolling finds them there
MARGIN = 60
_ANCHORS = 4096
# an order that takes longer than this to read is kept, for so long that reading it takes this share of the time
SLOW_SECONDS = 0.05
SLOW_SHARE = 0.01
_SLOW_AROUND = 1000  # jobs read to each side of what is wanted, since they cost nearly nothing more


class Order(Protocol):
    """The part of ``JobRepository`` that a window reads."""

    def keys(self, query: JobQuery, offset: int = 0) -> KeyPage: ...

    def jobs_of(self, ids: Sequence[int]) -> tuple[Job, ...]: ...

    def mark(self) -> object | None: ...


class Walk:
    """One direction through a list: anchors at the positions whose preceding key is known."""

    def __init__(self, order: Order, job_filter: JobFilter, sort: Sort) -> None:
        self._order = order
        self._query = JobQuery(filter=job_filter, sort=sort)
        self._positions = [0]
        self._keys: dict[int, tuple[Any, ...] | None] = {0: None}

    def distance(self, position: int) -> int:
        """Jobs between ``position`` and the nearest place before it that is known."""
        return position - self._nearest(position)

    def read(self, start: int, limit: int) -> tuple[int, ...]:
        """Ids of up to ``limit`` jobs from ``start``; none where the list ends before."""
        place = self._nearest(start)
        # one job more on the left: its key is what the next read of this place begins with
        before = 1 if start > place else 0
        query = replace(self._query, after=self._keys[place], limit=limit + before)
        page = self._order.keys(query, start - place - before)
        if before and page.kept:
            self._remember(start, page.kept[0])
        if page.next is not None:
            self._remember(start - before + len(page.kept), page.next)
        return tuple(key[-1] for key in page.kept[before:])

    def _nearest(self, position: int) -> int:
        return self._positions[bisect_right(self._positions, position) - 1]

    def _remember(self, position: int, key: tuple[Any, ...]) -> None:
        if position not in self._keys:
            if len(self._positions) >= _ANCHORS:
                self._thin_out()
            self._positions.insert(bisect_right(self._positions, position), position)
        self._keys[position] = key

    def _thin_out(self) -> None:
        self._positions = self._positions[::2]
        self._keys = {position: self._keys[position] for position in self._positions}


@dataclass(frozen=True, slots=True)
class Part:
    """Jobs at positions ``start`` and on. ``ordered_at`` is the monotonic second at which their order was read."""

    start: int
    jobs: tuple[Job, ...]
    ordered_at: float


@dataclass(frozen=True, slots=True)
class _Kept:
    """A long part of a slow order, good until a moment, or for as long as the database bears the same mark.

    ``ended``: the list, then of ``total``, had no more.
    """

    start: int
    ids: tuple[int, ...]
    at: float
    until: float
    ended: bool
    total: int
    mark: object | None

    def part(self, start: int, limit: int, total: int) -> tuple[int, ...] | None:
        """The ids of this part; None where it is not all here."""
        first = start - self.start
        if not 0 <= first <= len(self.ids):
            return None
        found = self.ids[first : first + limit]
        whole = len(found) >= min(limit, total - start) or (self.ended and total == self.total)
        return found if whole else None


class Window:
    """A filtered and sorted list: reads any part of it from whichever end is nearer. Used by one thread."""

    def __init__(self, order: Order, job_filter: JobFilter, sort: Sort, clock: Callable[[], float] = monotonic) -> None:
        self._order = order
        self._clock = clock
        self._down = Walk(order, job_filter, sort)
        self._up = Walk(order, job_filter, sort.turned())
        self._kept: _Kept | None = None
        self._slow = False

    def expire(self) -> None:
        """Read the order anew next time, whatever it costs. May be called from any thread."""
        self._kept = None

    def read(self, start: int, limit: int, total: int) -> Part:
        """Jobs at positions ``start`` to ``start + limit`` of ``total``; fewer, or none, where the list is shorter."""
        start = max(0, min(start, total - 1))
        kept, began = self._kept, self._clock()
        mark = self._order.mark()
        same = kept is not None and mark is not None and mark == kept.mark
        ids = kept.part(start, limit, total) if kept is not None and (same or began < kept.until) else None
        at = began
        if ids is not None and kept is not None:
            at = began if same else kept.at
        else:
            around = _SLOW_AROUND if self._slow else 0
            first = max(0, start - around)
            wanted = start - first + limit + around
            found = self._ids(first, wanted, total)
            took = self._clock() - began
            # a long read of an order that is quick after all (a smaller table, a warm cache) is not kept
            self._slow = took > SLOW_SECONDS
            until = began + took / SLOW_SHARE
            self._kept = _Kept(first, found, began, until, len(found) < wanted, total, mark) if self._slow else None
            ids = found[start - first : start - first + limit]
        return Part(start, self._order.jobs_of(ids), at)

    def _ids(self, start: int, limit: int, total: int) -> tuple[int, ...]:
        from_end = max(0, total - start - limit)
        if self._down.distance(start) <= self._up.distance(from_end):
            return self._down.read(start, limit)
        return self._up.read(from_end, max(0, min(limit, total - start)))[::-1]
