"""The metrics, as pure functions from a snapshot to styled text."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from textual.content import Content

from pqcore.jobs.model import Job, Status, WorkerInfo
from pqtui import plot, show
from pqtui.curve import Curve
from pqtui.curve_text import plotted
from pqtui.detail_text import STATE_STYLES
from pqtui.glyphs import Glyphs
from pqtui.pace import Pace
from pqtui.snapshots import MetricsSnapshot
from pqtui.styles import MUTED

# a worker's heartbeat comes every second or two: one this old is no news
_BEAT_SECONDS = 5.0
BRIEF_POINTS = 8
_ROOM_FOR_NOW = 24  # cells


@dataclass(frozen=True, slots=True)
class JobFlow:
    """How one running job flows: its pace, and rows per second in each of the last minutes."""

    pace: Pace
    series: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Flow:
    """How work flows: rows per second now, seconds of work left for the running jobs, all jobs lately, each job.

    ``brief`` is ``curve`` in ``BRIEF_POINTS`` columns.
    """

    rate: float
    left: float | None
    curve: Curve
    brief: tuple[float, ...] = ()
    jobs: Mapping[int, JobFlow] = field(default_factory=dict)


def totals(snapshot: MetricsSnapshot, as_of: str, width: int, glyphs: Glyphs) -> Content:
    """A line for each status: jobs and rows; then how much is in its new form.

    Args:
        as_of: the time of day at which the totals were read, empty where that is now.
    """
    by_status = {t.status: t for t in snapshot.totals}
    # in the heading: a line that comes and goes would lay the whole screen out anew
    lines = [Content.styled(f"{f'at {as_of}' if as_of else 'Status':<12}{'Jobs':>7}{'Rows':>12}", MUTED)]
    for status in Status:
        total = by_status.get(status)
        jobs, rows = (total.jobs, total.processed_total) if total else (0, 0)
        style = STATE_STYLES[status.value] if jobs else "$foreground-disabled"
        numbers = f"{show.short(jobs):>7}{show.count(rows) if width >= 40 else show.short(rows):>12}"
        lines.append(Content.assemble((f"{glyphs.states[status.value]} {status.value:<10}{numbers}", style)))
    lines.extend(_readiness(snapshot))
    return Content("\n").join(lines)


def _readiness(snapshot: MetricsSnapshot) -> list[Content]:
    """What the counters of jobs say of the columns that jobs are about; of others nobody here knows."""
    ready = snapshot.readiness
    if not ready.places and not ready.uncounted:
        return []
    if not ready.total:
        return [Content.styled("Nothing in its new form yet", MUTED)]
    columns = f"{ready.places} column" + ("" if ready.places == 1 else "s")
    share = show.percent(ready.safe / ready.total)
    first = Content.assemble((f"New form {share}", "bold"), f" of {show.short(ready.total)} rows")
    note = f"in {columns} jobs have counted"
    if ready.uncounted:
        note = f"in {columns}; {ready.uncounted} not counted"
    if snapshot.newest:
        note = f"in {columns}, newest {snapshot.newest} jobs"
    return [first, Content.styled(note, MUTED)]


def summary(snapshot: MetricsSnapshot, flow: Flow, width: int, glyphs: Glyphs) -> Content:
    """The totals and the flow on one line, for narrow terminals; without the words where they do not fit."""
    order = list(Status)
    totals = sorted((t for t in snapshot.totals if t.jobs), key=lambda t: order.index(t.status))
    for worded in (True, False):
        parts: list[Content] = []
        for total in totals:
            word = total.status.value
            text = f"{glyphs.states[word]} {show.short(total.jobs)}" + (f" {word}" if worded else "")
            parts.append(Content.styled(text, STATE_STYLES[word]))
        if snapshot.active:
            parts.append(Content(show.rate(flow.rate)))
        if any(flow.brief):
            parts.append(Content.styled(plot.spark(flow.brief, glyphs), "$primary"))
        line = Content("  ").join(parts)
        if line.cell_length <= width:
            break
    return line if parts else Content.styled("No jobs yet", MUTED)


def throughput(snapshot: MetricsSnapshot, flow: Flow, width: int, height: int, glyphs: Glyphs) -> Content:
    """Rows per second now and over the last minutes or hours, rows remaining and time left.

    Args:
        width: cells.
        height: lines in all.
    """
    remaining = rows_remaining(snapshot.active)
    peak = flow.curve.peak
    now = " now" if width >= _ROOM_FOR_NOW else ""
    # columns are means of whole minutes: what is faster at this moment is the height that matters
    then = f"   peak {show.rate(peak)}" if peak > flow.rate else ""
    head = Content.assemble((show.rate(flow.rate), "bold"), (now + then, MUTED))
    if snapshot.active:
        left = "" if flow.left is None else f", about {show.duration(flow.left)} of work"
        jobs = show.jobs_in_words(len(snapshot.active))
        rest = f"{show.rows_in_words(remaining)} left in {jobs}{left}"
        if len(rest) > width and not left:
            rest = f"{show.short(remaining)} left in {jobs}"
    else:
        rest = "no job is running"
    lines = [head, Content(rest), *(Content.styled(text, "$text-warning") for text in _worries(snapshot))]
    taken = sum(max(1, math.ceil(line.cell_length / max(1, width))) for line in lines)
    if peak:
        lines.extend(plotted(flow.curve, width, max(1, height - taken - 1), glyphs))
    elif flow.curve.last is not None:
        lines.append(Content.styled(f"no rows since {show.hour(flow.curve.last)} UTC", MUTED))
    return Content("\n").join(lines)


def _worries(snapshot: MetricsSnapshot) -> list[str]:
    """Dead letters among the rows that running jobs have seen, and jobs that throttles hold back: a line, or none."""
    seen = sum(job.progress.seen for job in snapshot.active)
    dead = sum(job.progress.failed for job in snapshot.active)
    held = sum(1 for job in snapshot.active if job.throttle_reason)
    parts = [f"{show.share(dead / seen)} of the rows are dead letters"] if dead else []
    if held:
        parts.append(f"{show.jobs_in_words(held)} held back")
    return [", ".join(parts)] if parts else []


def workers(
    snapshot: MetricsSnapshot,
    flow: Flow,
    here: frozenset[int],
    now: datetime,
    width: int,
    height: int,
    glyphs: Glyphs,
    work_key: str,
) -> Content:
    """Workers that reported themselves, those alive first, under each the jobs whose lease it holds.

    ``here`` are jobs of this console, which ``work_key`` lets work. A job's line has its rate now and lately, the work
    left, and what holds it back.
    """
    if not snapshot.workers and here:
        jobs = show.ids_in_words(tuple(sorted(here)))
        return Content.styled(f"{glyphs.live} this console  {jobs}", "$text-success")
    if not snapshot.workers:
        return Content.styled(
            f"No worker is running. {work_key} lets this console work,\nor start one with: pqconsole work", MUTED
        )
    held: dict[str, list[Job]] = {}
    for job in snapshot.active:
        held.setdefault(job.held_by or "", []).append(job)
    lines = [Content.styled(f"  {'Worker':<26}{'Threads':>7}  Heartbeat", MUTED)]
    for worker in sorted(snapshot.workers, key=lambda w: (not w.alive, w.host, w.pid)):
        name = f"{worker.kind} {worker.host}:{worker.pid}"
        sign = glyphs.live if worker.alive else glyphs.states["cancelled"]
        text = f"{sign} {show.fit(name, 26, glyphs)}{worker.threads:>7}  {_beat(worker, now)}"
        jobs_of = held.pop(worker.id, [])
        if worker.alive and not jobs_of:
            text += ", idle"
        style = "$text-success" if worker.alive else "$foreground-disabled"
        lines.append(Content.styled(show.fit(text, max(10, width), glyphs).rstrip(), style))
        lines.extend(_job_line(job, flow.jobs.get(job.id), width, glyphs) for job in jobs_of)
    lines.extend(_job_line(job, flow.jobs.get(job.id), width, glyphs) for jobs_of in held.values() for job in jobs_of)
    room = max(2, height)
    if len(lines) > room:
        more = len(lines) - room + 1
        lines[room - 1 :] = [Content.styled(f"  and {more} more", MUTED)]
    return Content("\n").join(lines)


def _beat(worker: WorkerInfo, now: datetime) -> str:
    seconds = (now - worker.heartbeat_at).total_seconds()
    age = "now" if seconds < _BEAT_SECONDS else f"{show.coarse(seconds)} ago"
    return age if worker.alive else f"{age}, gone"


def _job_line(job: Job, flow: JobFlow | None, width: int, glyphs: Glyphs) -> Content:
    pace, series = (flow.pace, flow.series) if flow is not None else (Pace(), ())
    parts = [show.rate(pace.rate), plot.spark(series, glyphs).strip()]
    if pace.left is not None:
        parts.append(show.coarse(pace.left))
    if job.progress.failed:
        parts.append(f"{show.share(job.progress.failed / max(1, job.progress.seen))} dead")
    if job.throttle_reason:
        parts.append(job.throttle_reason)
    if job.lease_expired:
        parts = ["stalled, worker gone"]
    text = f"  {job.id:>5} {show.fit(show.subject(job), 20, glyphs)} {' '.join(part for part in parts if part)}"
    style = "$text-warning" if job.throttle_reason or job.lease_expired else MUTED
    return Content.styled(show.fit(text, max(10, width), glyphs).rstrip(), style)


def rows_remaining(active: Sequence[Job]) -> int:
    """Rows that the running jobs have still to see."""
    return sum(max(0, j.progress.total - j.progress.seen) for j in active if j.progress.total is not None)
