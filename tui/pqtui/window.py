"""Any part of a job list of any length, read by keyset pages.

A keyset page needs the key of the row before it, so positions are reached by walking from the nearest place whose
key is known: the top, the end (where the order can be turned round), or any place that was visited before.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import replace
from typing import Any, Protocol

from pqcore.jobs.filter import JobFilter
from pqcore.jobs.model import Job
from pqcore.jobs.query import Sort
from pqcore.jobs.repository import JobPage, JobQuery

PAGE_ROWS = 500
_ANCHORS = 4096
# turned round, these would put rows without a value on the wrong end
_NULLABLE = frozenset({"scheduled_at", "started_at", "finished_at"})


class Pages(Protocol):
    """The part of ``JobRepository`` that a window reads."""

    def page(self, query: JobQuery) -> JobPage: ...


class Walk:
    """One direction through a list: anchors at the positions whose preceding key is known."""

    def __init__(self, pages: Pages, job_filter: JobFilter, sort: Sort) -> None:
        self._pages = pages
        self._query = JobQuery(filter=job_filter, sort=sort)
        self._positions = [0]
        self._keys: dict[int, tuple[Any, ...] | None] = {0: None}

    def distance(self, position: int) -> int:
        """Rows to walk over before ``position`` is reached."""
        return position - self._positions[bisect_right(self._positions, position) - 1]

    def read(self, start: int, limit: int) -> tuple[int, tuple[Job, ...]]:
        """Up to ``limit`` jobs from ``start``, and the position of the first: earlier where the list is shorter."""
        place = self._positions[bisect_right(self._positions, max(0, start)) - 1]
        while place < start:
            page = self._page(place, min(PAGE_ROWS, start - place))
            if page.next is None:  # the list ends before: give its last rows
                return max(0, place + len(page.jobs) - limit), page.jobs[-limit:]
            place += len(page.jobs)
        return place, self._page(place, limit).jobs

    def _page(self, place: int, limit: int) -> JobPage:
        page = self._pages.page(replace(self._query, after=self._keys[place], limit=limit))
        if page.next is not None:
            self._remember(place + len(page.jobs), page.next)
        return page

    def _remember(self, position: int, key: tuple[Any, ...]) -> None:
        if position not in self._keys:
            if len(self._positions) >= _ANCHORS:
                self._thin_out()
            self._positions.insert(bisect_right(self._positions, position), position)
        self._keys[position] = key

    def _thin_out(self) -> None:
        self._positions = self._positions[::2]
        self._keys = {position: self._keys[position] for position in self._positions}


class Window:
    """A filtered and sorted list: reads any part of it from whichever end is nearer. Used by one thread."""

    def __init__(self, pages: Pages, job_filter: JobFilter, sort: Sort) -> None:
        self._down = Walk(pages, job_filter, sort)
        turned = Sort(sort.column, descending=not sort.descending)
        self._up = None if sort.column in _NULLABLE else Walk(pages, job_filter, turned)

    def read(self, start: int, limit: int, total: int) -> tuple[int, tuple[Job, ...]]:
        """Jobs at positions ``start`` to ``start + limit`` of ``total``, and the position of the first one."""
        start = max(0, min(start, total - 1)) if total else 0
        from_end = max(0, total - start - limit)
        if self._up is None or self._down.distance(start) <= self._up.distance(from_end):
            return self._down.read(start, limit)
        turned, jobs = self._up.read(from_end, min(limit, total - start))
        return max(0, total - turned - len(jobs)), jobs[::-1]
