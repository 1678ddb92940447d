"""The records of one job for the screen: ranges, events, dead letters, of which only a window is held.

The dead letters of one range are read whole, up to a limit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from pqcore.errors import JobNotFound
from pqcore.jobs.model import DeadLetter, Event, Job, Purpose, RangeInfo
from pqcore.jobs.pages import Part, RecordCounts, RecordPage
from pqcore.workspace import Workspace
from pqtui.snapshots import safe_event, safe_job, safe_letter, safe_range

_ANCHORS = 1024
WITHIN_LIMIT = 1000


class Kind(StrEnum):
    """Kinds of records, in the order in which they are offered."""

    RANGES = "ranges"
    EVENTS = "events"
    LETTERS = "letters"


TITLES = {Kind.RANGES: "Ranges", Kind.EVENTS: "Events", Kind.LETTERS: "Dead letters"}


@dataclass(frozen=True, slots=True)
class JobRange:
    """A key range and what it is for; ``lower`` and ``upper`` are its bounds as they are stored, not made safe."""

    purpose: Purpose
    info: RangeInfo
    lower: str | None
    upper: str | None


Record = JobRange | Event | DeadLetter


@dataclass(frozen=True, slots=True)
class RecordQuery:
    """``limit`` records of a kind from position ``start``; of the dead letters only those ``within`` a range."""

    job_id: int
    kind: Kind
    start: int
    limit: int
    within: JobRange | None = None


@dataclass(frozen=True, slots=True)
class RecordSnapshot:
    """``rows`` are the records at positions ``start`` and on; ``job`` is None where it is gone."""

    job: Job | None
    kind: Kind
    counts: RecordCounts
    start: int
    rows: tuple[Record, ...]

    @property
    def total(self) -> int:
        """How many records of this kind there are."""
        return total_of(self.counts, self.kind)


def total_of(counts: RecordCounts, kind: Kind) -> int:
    """How many records of a kind there are."""
    return {Kind.RANGES: counts.ranges, Kind.EVENTS: counts.events, Kind.LETTERS: counts.letters}[kind]


class RecordReader:
    """Reads windows of records; remembers keys, so that a window near one that was read costs a page. For one thread.

    Ranges and dead letters stand in the order of their keys, events newest first.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._list: tuple[int, Kind, int] | None = None
        self._anchors: dict[int, Any] = {}
        self._within: tuple[JobRange, int, tuple[DeadLetter, ...]] | None = None

    def __call__(self, query: RecordQuery) -> RecordSnapshot:
        """Read a window. Raises what the database raises."""
        records = self._workspace.records
        try:
            job = safe_job(self._workspace.jobs.get(query.job_id))
        except JobNotFound:
            job = None
        counts = records.counts(query.job_id)
        if query.within is not None and job is not None:
            letters = self._letters_within(query.job_id, query.within, counts.letters)
            start = max(0, min(query.start, len(letters) - query.limit))
            counts = replace(counts, letters=len(letters))
            return RecordSnapshot(job, query.kind, counts, start, letters[start : start + query.limit])
        total = total_of(counts, query.kind)
        # positions mean something else once records came or went
        if self._list != (query.job_id, query.kind, total):
            self._list, self._anchors = (query.job_id, query.kind, total), {}
        start = max(0, min(query.start, total - query.limit))
        rows = self._read(query, start, total)
        return RecordSnapshot(job, query.kind, counts, start, tuple(_safe(row) for row in rows))

    def _letters_within(self, job_id: int, within: JobRange, total: int) -> tuple[DeadLetter, ...]:
        """Read again only where the job has got more dead letters, or fewer, or the range is another one."""
        if self._within is None or self._within[:2] != (within, total):
            from pqcore.jobs.within import Span, letters_within  # brings along what reads selections

            span = Span(within.purpose, within.lower, within.upper)
            job = self._workspace.jobs.get(job_id)
            found = letters_within(self._workspace.db, job, span, WITHIN_LIMIT)
            self._within = (within, total, tuple(safe_letter(letter) for letter in found))
        return self._within[2]

    def _read(self, query: RecordQuery, start: int, total: int) -> list[Any]:
        read: dict[Kind, Callable[[int, Part], RecordPage[Any]]] = {
            Kind.RANGES: self._workspace.records.ranges,
            Kind.EVENTS: self._workspace.records.events,
            Kind.LETTERS: self._workspace.records.letters,
        }
        page = read[query.kind]
        newest_first = query.kind is Kind.EVENTS
        place = max((position for position in self._anchors if position <= start), default=0)
        from_end = total - start - query.limit
        if 0 <= from_end < start - place:
            turned = page(query.job_id, Part(query.limit, None, from_end, descending=not newest_first))
            return list(reversed(turned.rows))
        part = Part(query.limit, self._anchors.get(place), start - place, descending=newest_first)
        found = page(query.job_id, part)
        if found.last is not None and len(self._anchors) < _ANCHORS:
            self._anchors[start + len(found.rows)] = found.last
        return list(found.rows)


def _safe(row: Any) -> Record:
    match row:
        case Event():
            return safe_event(row)
        case DeadLetter():
            return safe_letter(row)
    purpose, info = row
    return JobRange(purpose, safe_range(info), info.lower, info.upper)
