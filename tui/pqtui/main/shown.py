"""What the main screen shows now, as plain values: snapshots as they came, filter, order and marks."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from time import monotonic

from pqcore.jobs.filter import JobFilter
from pqcore.jobs.model import Job
from pqcore.jobs.sort import Sort
from pqtui import show
from pqtui.curve import SPANS, Curve, Minutes, Present, Span, added, curve, lately
from pqtui.filter_typing import SeenValues
from pqtui.metrics_text import BRIEF_POINTS, Flow, JobFlow
from pqtui.pace import Pace, PaceBook
from pqtui.snapshots import KEEPING_LIMIT, CountSnapshot, DetailSnapshot, ListQuery, ListSnapshot, MetricsSnapshot
from pqtui.throughput import Elsewhere

# what is younger than this passes for now
STALE_SECONDS = 3.0


class Shown:
    """The state of one main screen. ``take_*`` say whether anything of the snapshot is to be shown.

    Attributes:
        filter, sort: what the list is asked for.
        marked: id -> the job as last seen.
        list, count, detail, metrics: the last snapshots; None where there is none yet.
        fresh_at: monotonic second of the list's last read, None before the first.
        seen: names that the filter's completion offers.
        span: how far back plots look.
    """

    def __init__(self) -> None:
        self.filter = JobFilter()
        self.sort = Sort()
        self.marked: dict[int, Job] = {}
        self.list: ListSnapshot | None = None
        self.count: int | None = None
        self.detail: DetailSnapshot | None = None
        self.metrics = MetricsSnapshot((), (), ())
        self.metrics_at = 0.0
        self.fresh_at: float | None = None
        self.seen = SeenValues()
        self._list_at = 0.0
        self._order_read: datetime | None = None
        self._totals_clock = ""
        self._book = PaceBook()
        self.span: Span = SPANS[0]
        self._until: datetime | None = None
        self._elsewhere = Elsewhere()

    # snapshots

    def take_list(self, query: ListQuery, snapshot: ListSnapshot, at: float, now: datetime) -> bool:
        """A part of the list; one of another filter or order is nothing to show."""
        if (query.filter, query.sort) != (self.filter, self.sort):
            return False
        if self.list is None or snapshot.ordered_at != self.list.ordered_at:
            self._order_read = now - timedelta(seconds=monotonic() - snapshot.ordered_at)
        self.list, self._list_at = snapshot, at
        self._book.observe(snapshot.rows, at)
        self.seen.note(snapshot.rows)
        for job in snapshot.rows:
            if job.id in self.marked:
                self.marked[job.id] = job
        return True

    def take_count(self, counted: JobFilter, snapshot: CountSnapshot) -> bool:
        """How many jobs the filter keeps."""
        if counted != self.filter or snapshot.total == self.count:
            return False
        self.count = snapshot.total
        return True

    def take_detail(self, snapshot: DetailSnapshot, current: Job | None) -> bool:
        """The detail of the job under the cursor, ``current``; of no job where a filter keeps none."""
        if current is None or snapshot.job_id != current.id:
            return False
        self.detail = snapshot
        return True

    def take_metrics(self, snapshot: MetricsSnapshot, at: float, now: datetime) -> bool:
        """The metrics; gives whether the number of workers that answer is another one."""
        before = self.alive
        if snapshot.totals_at != self.metrics.totals_at:
            self._totals_clock = show.clock(now)
        history, now = snapshot.history, now + timedelta(seconds=snapshot.history.ahead)
        grew = self._elsewhere.observe(snapshot.active, snapshot.ended, now)
        # where nothing goes on, plots stand still
        if grew or self._until is None or history != self.metrics.history or any(map(_works, snapshot.active)):
            self._until = now
        self.metrics, self.metrics_at = snapshot, at
        self._book.observe(snapshot.active, at)
        return self.alive != before

    def forget_list(self) -> None:
        """Filter or order are others now: nothing that was read holds."""
        self.list, self.count = None, None

    # what follows from them

    @property
    def total(self) -> int:
        """Jobs in the list: what is there counts, whatever was counted before it came."""
        read = self.list.start + len(self.list.rows) if self.list is not None else 0
        return max(self.count or 0, read)

    @property
    def alive(self) -> int:
        """How many workers answer."""
        return sum(worker.alive for worker in self.metrics.workers)

    def pace(self, job: Job | None) -> Pace:
        """How fast a job moves."""
        return self._book.of(job) if job is not None else Pace()

    def paces(self, jobs: Iterable[Job]) -> dict[int, Pace]:
        """How fast those of the jobs move that run."""
        return {job.id: self._book.of(job) for job in jobs if job.is_running}

    def turn_span(self, step: int, *, around: bool = False) -> None:
        """Let plots look further back, or less far; ``around``: after the longest comes the shortest."""
        at = SPANS.index(self.span) + step
        self.span = SPANS[at % len(SPANS) if around else max(0, min(at, len(SPANS) - 1))]

    def flow(self, points: int) -> Flow:
        """Rows per second and work left, of all jobs and of each; the plot has ``points`` columns."""
        active, history = self.metrics.active, self.metrics.history
        paces = {job.id: self._book.of(job) for job in active}
        lefts = [pace.left for pace in paces.values() if pace.left is not None]
        left = max(lefts) if lefts and len(lefts) == len(paces) else None
        known = [pace.rate for pace in paces.values() if pace.rate is not None]
        present = self._present(any(map(_works, active)), sum(known) if known else None)
        each = {
            job.id: JobFlow(paces[job.id], lately(history.each.get(job.id, ()), self._present_of(job)))
            for job in active
        }
        whole = added((history.all, self._elsewhere.minutes))
        return Flow(
            sum(known),
            left,
            curve(whole, present, self.span, points),
            curve(whole, present, self.span, BRIEF_POINTS).values,
            each,
        )

    def curve_of(self, job: Job | None, minutes: Minutes, points: int) -> Curve | None:
        """The plot of one job: up to now where it runs, else up to where it last processed rows. None without any."""
        if job is None or not minutes:
            return None
        present = self._present_of(job)
        if not present.running:
            present = Present(datetime.fromtimestamp(0, UTC))
        return curve(minutes, present, self.span, points)

    def _present_of(self, job: Job) -> Present:
        return self._present(_works(job), self._book.of(job).rate)

    def _present(self, running: bool, rate: float | None) -> Present:
        return Present(self._until or datetime.fromtimestamp(0, UTC), running, rate)

    # what is said of them

    def title(self, total: int) -> str:
        """The heading of a list of ``total`` jobs: how many, of how many, how many marked, how old its order is."""
        title = f"Jobs {show.count(total)}" + ("+" if self.count is None and total else "")
        if self.filter:
            title += f" of {show.count(max(total, sum(t.jobs for t in self.metrics.totals)))}, filtered"
        if self.marked:
            title += f", {show.count(len(self.marked))} marked"
        if self.list is not None and self._order_read and self._list_at - self.list.ordered_at > STALE_SECONDS:
            title += f", in the order of {show.clock(self._order_read)}"
        return title

    @property
    def totals_read(self) -> str:
        """When the totals were read, where that is not now."""
        return self._totals_clock if self.metrics_at - self.metrics.totals_at > STALE_SECONDS else ""

    @property
    def reminder(self) -> str:
        """Kept originals hold the old forms: names the jobs that keep them until they are finalized."""
        keeping = self.metrics.keeping
        if not keeping:
            return ""
        more = " and more" if len(keeping) >= KEEPING_LIMIT else ""
        jobs = "jobs" if len(keeping) > 1 else "job"
        return f"Originals kept until finalized: {jobs} {show.ids_in_words(keeping)}{more}"

    @property
    def age(self) -> str:
        """How old the list is, in words; empty where it was never read."""
        if self.fresh_at is None:
            return ""
        age = monotonic() - self.fresh_at
        return show.duration(age) if age >= STALE_SECONDS else "a moment"


def _works(job: Job) -> bool:
    """Whether a live worker of ours is at this running job."""
    return job.is_running and job.held_by is not None
