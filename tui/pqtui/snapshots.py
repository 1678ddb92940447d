"""What the three panes show, as immutable values, and the blocking reads that make them.

Text from the database is made safe here, where it enters: widgets get nothing that was not cleaned.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, Any

from pqcore.errors import JobNotFound, UsageError
from pqcore.jobs.filter import JobFilter, parse_filter
from pqcore.jobs.model import OPERATING, DeadLetter, Event, Job, Progress, RangeInfo, StatusTotal, WorkerInfo
from pqcore.jobs.pages import JobQuery
from pqcore.jobs.sort import Sort
from pqcore.text import clean
from pqtui.curve import Minutes
from pqtui.readiness import NOTHING_COUNTED, Readiness, readiness
from pqtui.throughput import DAY, NOTHING_NOTED, History, HistoryReader, numbered
from pqtui.window import SLOW_SHARE, Window

if TYPE_CHECKING:
    from pqcore.jobs.repository import JobRepository

_ACTIVE = parse_filter("status:running")
_ACTIVE_LIMIT = 100
_READINESS_JOBS = 200
KEEPING_LIMIT = 5
_DETAIL_ROWS = 200
_NAME_LIMIT = 200
_TEXT_LIMIT = 4000
_STILL_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class ListQuery:
    """A part of the filtered, sorted list: ``limit`` jobs from position ``start`` of ``total`` (0: not counted yet)."""

    filter: JobFilter
    sort: Sort
    start: int
    limit: int
    total: int = 0


@dataclass(frozen=True, slots=True)
class ListSnapshot:
    """``rows`` are the jobs at positions ``start`` and on; their order is that of monotonic second ``ordered_at``."""

    start: int
    rows: tuple[Job, ...]
    ordered_at: float = field(compare=False)


@dataclass(frozen=True, slots=True)
class CountSnapshot:
    """How many jobs the filter keeps."""

    total: int


@dataclass(frozen=True, slots=True)
class DetailSnapshot:
    """One job with everything that is kept of it; ``job`` is None where it is gone.

    ``limits`` are those in force, in words. ``operated`` is what the operation on the job that is under way or was
    interrupted has counted, None where there is none. ``minutes`` are those of its last day.
    """

    job_id: int
    job: Job | None
    selection: str
    ranges: tuple[RangeInfo, ...]
    events: tuple[Event, ...]
    dead_letters: tuple[DeadLetter, ...]
    limits: str = ""
    operated: Progress | None = None
    minutes: Minutes = ()


@dataclass(frozen=True, slots=True)
class MetricsSnapshot:
    """Totals by status, the jobs that run now, the workers that reported themselves.

    ``totals`` and ``readiness`` are those of monotonic second ``totals_at``. ``ended`` are the jobs that ran in the
    last snapshot and do no longer. ``newest`` is how many jobs ``readiness`` was made of, 0 where that is all of them.
    ``keeping`` are the first few jobs that keep originals. ``history`` is what jobs got through in the last day.
    """

    totals: tuple[StatusTotal, ...]
    active: tuple[Job, ...]
    workers: tuple[WorkerInfo, ...]
    ended: tuple[Job, ...] = ()
    readiness: Readiness = NOTHING_COUNTED
    newest: int = 0
    totals_at: float = field(default=0.0, compare=False)
    keeping: tuple[int, ...] = ()
    history: History = NOTHING_NOTED


def utc_now() -> datetime:
    """The time by this host's clock."""
    return datetime.now(UTC)


class _Stillness:
    """Whether the database may have been written to since a read. Used by one thread."""

    def __init__(self, jobs: JobRepository, clock: Callable[[], float]) -> None:
        self._jobs = jobs
        self._clock = clock
        self._mark: object | None = None
        self._since = 0.0

    def mark(self) -> object | None:
        """The database's mark, once it has held for a moment: a write in the same tick of its clock leaves it as it is.

        None before that, and where a database has no mark.
        """
        mark, at = self._jobs.mark(), self._clock()
        if mark != self._mark:
            self._mark, self._since = mark, at
        return mark if at - self._since >= _STILL_SECONDS else None


class ListReader:
    """Reads parts of the list; keeps the walk of the filter and order in use. Used by one thread."""

    def __init__(self, jobs: JobRepository, clock: Callable[[], float] = monotonic) -> None:
        self._jobs = jobs
        self._clock = clock
        self._stillness = _Stillness(jobs, clock)
        self._window: Window | None = None
        self._order: tuple[JobFilter, Sort] | None = None
        self._last: tuple[object, ListQuery, ListSnapshot] | None = None

    def __call__(self, query: ListQuery) -> ListSnapshot:
        """Read one part, unless it must still be what it was. Raises what the repository raises."""
        mark, at, last = self._stillness.mark(), self._clock(), self._last
        if mark is not None and last is not None and last[:2] == (mark, query):
            return replace(last[2], ordered_at=at)
        snapshot = self._read(query)
        # a lease runs out without anything being written
        held = any(job.is_running or job.phase in OPERATING for job in snapshot.rows)
        self._last = None if held else (mark, query, snapshot)
        return snapshot

    def _read(self, query: ListQuery) -> ListSnapshot:
        order = (query.filter, query.sort)
        if self._window is None or order != self._order:
            self._window, self._order = Window(self._jobs, *order), order
        part = self._window.read(query.start, query.limit, query.total)
        return ListSnapshot(part.start, tuple(safe_job(job) for job in part.jobs), part.ordered_at)

    def expire(self) -> None:
        """Read the next time, whatever it costs. May be called from any thread."""
        self._last = None
        window = self._window
        if window is not None:
            window.expire()


class CountReader:
    """Counts the jobs that a filter keeps: those that came since at each read, all of them as rarely as it costs."""

    def __init__(self, jobs: JobRepository, clock: Callable[[], float] = monotonic) -> None:
        self._jobs = jobs
        self._clock = clock
        self._filter: JobFilter | None = None
        self._due = 0.0
        self._counted, self._last_id = 0, 0
        self._mark: object | None = None
        self._total = 0

    def __call__(self, job_filter: JobFilter) -> CountSnapshot:
        """Count. Raises what the repository raises."""
        began, mark = self._clock(), self._jobs.mark()
        if job_filter == self._filter and self._due and mark is not None and mark == self._mark:
            return CountSnapshot(self._total)
        if job_filter != self._filter or began >= self._due:
            self._counted, self._last_id = self._jobs.count_above(0, job_filter)
            self._filter = job_filter
            self._due = began + (self._clock() - began) / SLOW_SHARE
            # what was counted whole holds for as long as nothing is written
            self._mark, self._total = mark, self._counted
            return CountSnapshot(self._counted)
        came, _ = self._jobs.count_above(self._last_id, job_filter)
        return CountSnapshot(self._counted + came)

    def expire(self) -> None:
        """Count all of them next time. May be called from any thread."""
        self._due = 0.0


def read_detail(jobs: JobRepository, job_id: int, now: Callable[[], datetime] = utc_now) -> DetailSnapshot:
    """Everything about one job. Raises what the repository raises, but for a job that is gone."""
    try:
        job = jobs.get(job_id)
    except JobNotFound:
        return DetailSnapshot(job_id, None, "", (), (), ())
    return DetailSnapshot(
        job_id,
        safe_job(job),
        selection_text(job.selection),
        tuple(safe_range(r) for r in jobs.ranges(job_id, limit=_DETAIL_ROWS)),
        tuple(safe_event(e) for e in jobs.events(job_id, limit=_DETAIL_ROWS)),
        tuple(safe_letter(d) for d in jobs.dead_letters(job_id, limit=_DETAIL_ROWS)),
        _limits(job),
        None if job.operation is None else jobs.operated(job_id, job.operation),
        # of another program's job nothing is noted
        () if job.phase is None else numbered(jobs.minutes((job.finished_at or now()) - DAY, job_id)),
    )


def _limits(job: Job) -> str:
    if not job.limits and not any((job.selection or {}).get(section) for section in ("batch", "throttle")):
        return ""
    # brings the whole selection document and the cryptography along, which a look at other jobs does not need
    from pqcore.jobs.limits import described, effective

    try:
        return _name(described(effective(job.selection, job.limits).document()))
    except UsageError as error:  # another program's selection
        return _name(f"cannot be read: {error}")


class MetricsReader:
    """Reads the metrics: what runs and who works each time, the totals as rarely as they cost. Used by one thread."""

    def __init__(
        self, jobs: JobRepository, clock: Callable[[], float] = monotonic, now: Callable[[], datetime] = utc_now
    ) -> None:
        self._jobs = jobs
        self._clock = clock
        self._read_history = HistoryReader(jobs, now)
        self._history: History | None = None
        self._due = 0.0
        self._mark: object | None = None
        self._ran: frozenset[int] = frozenset()
        self._kept = MetricsSnapshot((), (), ())
        self._stillness = _Stillness(jobs, clock)
        self._last: tuple[object, MetricsSnapshot] | None = None

    def __call__(self, _query: object) -> MetricsSnapshot:
        """Read, unless all must still be what it was. Raises what the repository raises."""
        mark, last = self._stillness.mark(), self._last
        if mark is not None and last is not None and last[0] == mark:
            return replace(last[1], totals_at=self._clock())
        snapshot = self._read()
        # a lease runs out, and a worker falls silent, without anything being written
        at_work = snapshot.active or any(worker.alive for worker in snapshot.workers)
        whole = mark is not None and self._mark == mark  # with totals that are of this mark, too
        self._last = (mark, replace(snapshot, ended=())) if whole and not at_work else None
        return snapshot

    def _read(self) -> MetricsSnapshot:
        jobs = self._jobs
        active = jobs.page(JobQuery(filter=_ACTIVE, limit=_ACTIVE_LIMIT)).jobs
        gone = self._ran - {job.id for job in active}
        ended = jobs.jobs_of(sorted(gone)) if gone else ()
        workers = tuple(replace(w, id=_name(w.id), host=_name(w.host), kind=_name(w.kind)) for w in jobs.workers())
        mark = self._jobs.mark()
        totals = self._kept.totals
        if self._due and mark is not None and mark == self._mark:
            self._kept = replace(self._kept, totals_at=self._clock())
        elif self._clock() >= self._due:
            self._mark = mark
            self._read_totals()
        # whoever processes rows is seen running, or moves the totals
        if self._history is None or active or self._ran or self._kept.totals != totals:
            self._history = self._read_history(job.id for job in active)
        self._ran = frozenset(job.id for job in active)
        return replace(
            self._kept,
            active=tuple(safe_job(job) for job in active),
            workers=workers,
            ended=tuple(safe_job(job) for job in ended),
            keeping=jobs.keeping_originals(KEEPING_LIMIT),
            history=self._history,
        )

    def _read_totals(self) -> None:
        began = self._clock()
        totals = tuple(self._jobs.totals())
        newest = self._jobs.page(JobQuery(limit=_READINESS_JOBS))
        # the view adds up the whole table
        self._due = began + (self._clock() - began) / SLOW_SHARE
        some = len(newest.jobs) if newest.next is not None else 0
        self._kept = MetricsSnapshot(totals, (), (), (), readiness(newest.jobs), some, began)

    def expire(self) -> None:
        """Read the totals next time, whatever they cost. May be called from any thread."""
        self._last = None
        self._due = 0.0
        self._history = None
        self._read_history.expire()


def safe_job(job: Job) -> Job:
    """The job with every text made safe to show."""
    return replace(
        job,
        selection=None if job.selection is None else _safe_values(job.selection),
        error=None if job.error is None else clean(job.error, limit=_TEXT_LIMIT),
        target=_name(job.target),
        held_by=None if job.held_by is None else _name(job.held_by),
        throttle_reason=None if job.throttle_reason is None else _name(job.throttle_reason),
    )


def selection_text(selection: Mapping[str, Any] | None) -> str:
    """The selection as indented JSON, safe to show."""
    if selection is None:
        return ""
    return clean(json.dumps(selection, indent=2, ensure_ascii=False, default=str), newline="\n", limit=100_000)


def _safe_values(selection: Mapping[str, Any]) -> dict[str, Any]:
    # the list shows names only; the whole document is shown from selection_text
    return {k: _name(v) for k, v in selection.items() if k in ("table", "field", "schema") and isinstance(v, str)}


def safe_range(item: RangeInfo) -> RangeInfo:
    """The range with every text made safe to show."""
    return replace(
        item,
        lower=_optional(item.lower),
        upper=_optional(item.upper),
        cursor=_optional(item.cursor),
        lease_owner=_optional(item.lease_owner),
    )


def safe_event(item: Event) -> Event:
    """The event with every text made safe to show."""
    return replace(
        item,
        kind=_name(item.kind),
        message=clean(item.message, limit=_TEXT_LIMIT),
        actor=_name(item.actor),
        host=_name(item.host),
        ssh_client=_optional(item.ssh_client),
    )


def safe_letter(item: DeadLetter) -> DeadLetter:
    """The dead letter with every text made safe to show."""
    return replace(
        item, row_key=_name(item.row_key), reason=_name(item.reason), message=clean(item.message, limit=_TEXT_LIMIT)
    )


def _name(text: str) -> str:
    return clean(text, limit=_NAME_LIMIT)


def _optional(text: str | None) -> str | None:
    return None if text is None else _name(text)


def ids(jobs: Iterable[Job]) -> tuple[int, ...]:
    """The numbers of these jobs, in order."""
    return tuple(job.id for job in jobs)
