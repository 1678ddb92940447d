"""The metrics, as pure functions from a snapshot to styled text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from textual.content import Content

from pqcore.jobs.model import Job, Status
from pqtui import plot, show
from pqtui.detail_text import STATE_STYLES
from pqtui.glyphs import Glyphs
from pqtui.snapshots import MetricsSnapshot
from pqtui.styles import MUTED


@dataclass(frozen=True, slots=True)
class Flow:
    """How work flows: rows per second now, seconds left for the running jobs, the plot's values."""

    rate: float
    left: float | None
    series: tuple[float, ...]
    slot_seconds: float


def totals(snapshot: MetricsSnapshot, width: int, glyphs: Glyphs) -> Content:
    """A line for each status: jobs and rows."""
    by_status = {t.status: t for t in snapshot.totals}
    lines = [Content.styled(f"{'Status':<12}{'Jobs':>7}{'Rows':>12}", MUTED)]
    for status in Status:
        total = by_status.get(status)
        jobs, rows = (total.jobs, total.processed_total) if total else (0, 0)
        style = STATE_STYLES[status.value] if jobs else "$foreground-disabled"
        numbers = f"{show.short(jobs):>7}{show.count(rows) if width >= 40 else show.short(rows):>12}"
        lines.append(Content.assemble((f"{glyphs.states[status.value]} {status.value:<10}{numbers}", style)))
    return Content("\n").join(lines)


def summary(snapshot: MetricsSnapshot, flow: Flow, glyphs: Glyphs) -> Content:
    """The totals and the flow on one line, for narrow terminals."""
    parts: list[Content] = []
    for total in sorted(snapshot.totals, key=lambda t: list(Status).index(t.status)):
        if total.jobs:
            word = total.status.value
            parts.append(Content.styled(f"{glyphs.states[word]} {show.short(total.jobs)} {word}", STATE_STYLES[word]))
    if snapshot.active:
        parts.append(Content(show.rate(flow.rate)))
    return Content("  ").join(parts) if parts else Content.styled("No jobs yet", MUTED)


def throughput(snapshot: MetricsSnapshot, flow: Flow, width: int, height: int, glyphs: Glyphs) -> Content:
    """Rows per second now and over the last minutes, rows remaining and time left.

    Args:
        width: cells; a column of the plot is a slot of time.
        height: lines in all.
    """
    remaining = rows_remaining(snapshot.active)
    peak = max(flow.series, default=0.0)
    head = Content.assemble((show.rate(flow.rate), "bold"), (f"   peak {show.rate(peak)}" if peak else "", MUTED))
    if snapshot.active:
        left = "" if flow.left is None else f", about {show.duration(flow.left)}"
        rest = f"{show.rows_in_words(remaining)} left in {show.jobs_in_words(len(snapshot.active))}{left}"
    else:
        rest = "no job is running"
    lines = [head, Content(rest)]
    if not peak:
        return Content("\n").join(lines)
    tall = max(1, height - len(lines) - 1)
    values = flow.series[-max(1, width) :]
    lines.extend(Content.styled(line, "$primary") for line in plot.columns(values, tall, glyphs))
    span = show.duration(len(values) * flow.slot_seconds)
    axis = f"{span} ago"
    lines.append(Content.styled(axis + "now".rjust(max(4, len(values) - len(axis))), MUTED))
    return Content("\n").join(lines)


def workers(
    snapshot: MetricsSnapshot, here: frozenset[int], now: datetime, width: int, height: int, glyphs: Glyphs
) -> Content:
    """Workers that reported themselves, those alive first, and what each holds; ``here`` are jobs of this console."""
    if not snapshot.workers and here:
        jobs = show.ids_in_words(tuple(sorted(here)))
        return Content.styled(f"{glyphs.live} this console  {jobs}", "$text-success")
    if not snapshot.workers:
        return Content.styled(
            "No worker is running. w lets this console work,\nor start one with: pqconsole work", MUTED
        )
    held: dict[str, list[int]] = {}
    for job in snapshot.active:
        if job.held_by:
            held.setdefault(job.held_by, []).append(job.id)
    ordered = sorted(snapshot.workers, key=lambda w: (not w.alive, w.host, w.pid))
    lines = [Content.styled(f"  {'Worker':<26}{'Threads':>7}  Jobs", MUTED)]
    for worker in ordered[: max(1, height - 2)]:
        name = f"{worker.kind} {worker.host}:{worker.pid}"
        sign = glyphs.live if worker.alive else glyphs.states["cancelled"]
        jobs = ", ".join(str(i) for i in held.get(worker.id, [])) or "idle"
        if not worker.alive:
            jobs = f"gone {show.age(worker.heartbeat_at, now)}"
        text = f"{sign} {show.fit(name, 26, glyphs)}{worker.threads:>7}  {jobs}"
        style = "$text-success" if worker.alive else "$foreground-disabled"
        lines.append(Content.styled(show.fit(text, max(10, width), glyphs).rstrip(), style))
    more = len(ordered) - (len(lines) - 1)
    if more > 0:
        lines.append(Content.styled(f"  and {more} more", MUTED))
    return Content("\n").join(lines)


def rows_remaining(active: Sequence[Job]) -> int:
    """Rows that the running jobs have still to see."""
    return sum(max(0, j.progress.total - j.progress.seen) for j in active if j.progress.total is not None)
