"""Pages of jobs and of what is kept of one job: what to read, and what was read. Imports nothing of a database."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pqcore.jobs.filter import JobFilter
from pqcore.jobs.model import Job
from pqcore.jobs.sort import Sort

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class JobQuery:
    """A page to fetch: at most ``limit`` jobs that follow ``after`` (a ``JobPage.next``)."""

    filter: JobFilter = field(default_factory=JobFilter)
    sort: Sort = field(default_factory=Sort)
    after: tuple[Any, ...] | None = None
    limit: int = 100


@dataclass(frozen=True, slots=True)
class JobPage:
    """Jobs in order, and where the next page starts; ``next`` is None at the end."""

    jobs: tuple[Job, ...]
    next: tuple[Any, ...] | None


@dataclass(frozen=True, slots=True)
class KeyPage:
    """Keys of jobs in order, each (missing, value, id); ``more`` says whether others follow."""

    kept: tuple[tuple[Any, ...], ...]
    more: bool

    @property
    def next(self) -> tuple[Any, ...] | None:
        """Where the next page starts; None at the end."""
        return self.kept[-1] if self.more else None


@dataclass(frozen=True, slots=True)
class RecordPage(Generic[T]):
    """Records in order, and the key of the last one, which the next page follows; None where there is none."""

    rows: tuple[T, ...]
    last: Any | None


@dataclass(frozen=True, slots=True)
class Part:
    """Which records to read: ``limit`` of those that follow the key ``after``, ``skip`` of them left out."""

    limit: int
    after: Any | None = None
    skip: int = 0
    descending: bool = False


@dataclass(frozen=True, slots=True)
class RecordCounts:
    """How many of each there are."""

    ranges: int
    events: int
    letters: int
