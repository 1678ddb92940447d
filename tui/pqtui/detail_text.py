"""The pages of the job detail, as pure functions from a snapshot to styled text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from rich.cells import cell_len
from textual.content import Content

from pqcore.jobs.model import Job, Phase, Progress, Status
from pqtui import show
from pqtui.curve import Curve
from pqtui.curve_text import plotted
from pqtui.glyphs import Glyphs
from pqtui.pace import Pace
from pqtui.record_text import key_text
from pqtui.snapshots import DetailSnapshot
from pqtui.styles import MUTED

STATE_STYLES: Mapping[str, str] = {
    "pending": MUTED,
    "scheduled": "$text-accent",
    "paused": "$text-warning",
    "running": "bold $text-primary",
    "pausing": "$text-warning",
    "cancelling": "$text-warning",
    "stalled": "bold $text-error",
    "done": "$text-success",
    "failed": "bold $text-error",
    "cancelled": MUTED,
    "verifying": "bold $text-primary",
    "restoring": "bold $text-primary",
    "finalizing": "bold $text-primary",
    "restored": "$text-warning",
}
_LABEL = 11
_LEAST_LINES = 4  # of a part that is worth to be begun
_TIME = 21  # a point in time and a gap
CURVE_WIDTH = 60
_ROOMY = 16  # lines of a page


@dataclass(frozen=True, slots=True)
class View:
    """Under what circumstances a page is drawn: ``width`` in cells, ``workers`` alive now, jobs run ``here``.

    ``height``: lines that are seen without scrolling. ``keys``: id of an action -> its key as it is shown.
    ``curve``: what the job got through lately, in columns for ``CURVE_WIDTH`` cells, or those of a narrower page.
    """

    width: int
    height: int
    now: datetime
    glyphs: Glyphs
    pace: Pace
    workers: int
    here: frozenset[int]
    keys: Mapping[str, str]
    curve: Curve | None = None


Page = Callable[[DetailSnapshot, View], Content]


def overview(snapshot: DetailSnapshot, view: View) -> Content:
    """State, progress, counters, what to do, properties; where there is room, what went wrong and what happened."""
    job = snapshot.job
    if job is None:
        return _note("This job is gone from the table.")
    word = show.state_word(job, view.now)
    head = Content.assemble(
        (f"Job {job.id}", "bold"), "  ", (f"{view.glyphs.states[word]} {word}", STATE_STYLES[word]),
        ("  in this console" if job.id in view.here else "", "$text-accent"),
    )  # fmt: skip
    parts = [head, _progress(job, view)]
    if snapshot.operated is not None:
        parts.append(_operation(job, snapshot.operated, view))
    if job.error:
        parts.append(Content.styled(show.hanging(job.error, 0, view.width), "$text-error"))
    todo = advice(job, view)
    if todo:
        parts.append(Content.assemble((f"{view.glyphs.cursor} ", "$text-accent"), show.hanging(todo, 2, view.width)))
    if view.curve is not None:
        parts.extend(_lately(view.curve, view))
    parts.append(Content(""))
    parts.extend(_property(name, value, view) for name, value in _properties(job, snapshot.limits, view) if value)
    whole = Content("\n").join(parts)
    return Content("\n").join([whole, *_below(snapshot, view, view.height - whole.plain.count("\n") - 1)])


def _below(snapshot: DetailSnapshot, view: View, room: int) -> list[Content]:
    """The first dead letters and the newest events in so many lines; neither where it would be a line or two."""
    parts: list[Content] = []
    for there, title, page in (
        (snapshot.dead_letters, "", dead_letters),
        (snapshot.events, "Events, the newest first", events),
    ):
        lines = [*([Content.styled(title, MUTED)] if title else []), *page(snapshot, view).split("\n")]
        most = room - 1 if page is events else room // 2  # a blank line above
        if there and most >= _LEAST_LINES:
            parts += [Content(""), *lines[:most]]
            room -= min(most, len(lines)) + 1
    return parts


def _progress(job: Job, view: View) -> Content:
    progress = job.progress
    if progress.total is None:
        return Content.styled("Not counted yet: rows are counted when the job starts", MUTED)
    filled, empty = show.bar(progress.ratio, max(10, min(40, view.width - 8)), view.glyphs)
    lines = [
        Content.assemble((filled, "$primary"), (empty, "$foreground-disabled"), f" {show.percent(progress.ratio):>4}")
    ]
    lines.append(Content(f"{show.count(progress.seen)} of {show.rows_in_words(progress.total)}"))
    if job.status is Status.RUNNING:
        tail = f", {show.rate(view.pace.rate)}" if view.pace.rate is not None else ""
        tail += f", about {show.duration(view.pace.left)} left" if view.pace.left is not None else ""
        if job.phase is not None and job.phase.value == "sweeping":
            tail += ", looking for rows that arrived meanwhile"
        lines[-1] = lines[-1] + Content(tail)
    return Content("\n").join(lines)


def _lately(curve: Curve, view: View) -> list[Content]:
    """The plot of the job alone, with its highest column."""
    key = view.keys["span"]
    if not curve.peak:
        last = f"{show.hour(curve.last)} UTC" if curve.last is not None else ""
        return [Content.styled(f"No rows since {last}; {key} looks further back", MUTED)]
    tall = view.height >= _ROOMY
    lines = plotted(curve, min(view.width, CURVE_WIDTH), 4 if tall else 2, view.glyphs, peak=True)
    return [Content(""), *lines] if tall else lines


def _operation(job: Job, done: Progress, view: View) -> Content:
    """How far a verify, rollback or finalize is."""
    purpose, total = job.operation, max(1, job.progress.migrated)
    word = show.OPERATION_WORDS[purpose].capitalize() if purpose is not None else ""
    ratio = min(1.0, (done.migrated + done.conflicted + done.failed) / total)
    filled, empty = show.bar(ratio, max(10, min(40, view.width - 8)), view.glyphs)
    tail = f", {show.count(done.conflicted)} changed since" if done.conflicted else ""
    tail += f", {show.count(done.failed)} not proved" if done.failed else ""
    by = f" by {job.held_by}" if job.held_by else ", interrupted"
    return Content.assemble(
        (f"{word}{by}", "$text-primary"), "\n",
        (filled, "$primary"), (empty, "$foreground-disabled"), f" {show.percent(ratio):>4}", "\n",
        f"{show.count(done.migrated)} of {show.rows_in_words(job.progress.migrated)}{tail}",
    )  # fmt: skip


def _properties(job: Job, limits: str, view: View) -> list[tuple[str, str]]:
    progress = job.progress
    started = f"{show.stamp(job.started_at)} UTC" if job.started_at else ""
    ended = f"{show.stamp(job.finished_at)} UTC" if job.finished_at else ""
    if job.started_at and job.finished_at:
        ended += f"  after {show.duration((job.finished_at - job.started_at).total_seconds())}"
    scheduled = ""
    if job.scheduled_at:
        scheduled = f"{show.stamp(job.scheduled_at)} UTC"
        if job.status is Status.PENDING:
            scheduled += f"  ({show.until(job.scheduled_at, view.now)})"
    counted = progress.total is not None
    return [
        ("Scope", job.scope.value),
        ("Subject", show.subject(job)),
        ("Target", job.target or "(none)"),
        ("Migrated", show.count(progress.migrated) if counted else ""),
        ("Skipped", show.count(progress.skipped) if counted else ""),
        ("Conflicted", f"{show.count(progress.conflicted)} (read again)" if counted and progress.conflicted else ""),
        ("Dead", show.count(progress.failed) if counted else ""),
        ("Processed", show.count(job.processed_count)),
        ("Worker", job.held_by or ""),
        ("Limits", limits),
        ("Held back", _held_back(job)),
        ("Since then", _AFTERWARDS.get(job.phase, "") if job.phase is not None else ""),
        ("Originals", "kept, sealed, for rollback" if job.keeps_originals else ""),
        ("Scheduled", scheduled),
        ("Created", f"{show.stamp(job.created_at)} UTC" if job.created_at else ""),
        ("Started", started),
        ("Finished", ended),
        ("Created by", f"user {job.created_by}" if job.created_by is not None else ""),
    ]


def _held_back(job: Job) -> str:
    if not job.throttled_seconds and job.throttle_reason is None:
        return ""
    now = f"{job.throttle_reason}; " if job.throttle_reason else ""
    return f"{now}{show.duration(job.throttled_seconds)} in all"


# what was done with a job after it had ended
_AFTERWARDS: Mapping[Phase, str] = {
    Phase.VERIFIED: "verified: every value was read again and proved",
    Phase.ROLLED_BACK: "rolled back",
    Phase.FINALIZED: "finalized: its originals are destroyed",
}


def advice(job: Job, view: View) -> str:
    """What an operator can do next, in one sentence; empty where nothing is called for."""
    key = view.keys
    if job.operation is not None and job.held_by is None:
        return f"This was interrupted. Press {key[job.operation.value]} to go on where it stopped."
    match show.state_word(job, view.now):
        case "failed" if job.progress.failed:
            return f"See the dead letters ({key['records']}), mend the cause, then press {key['retry']} to retry."
        case "failed":
            return f"Mend the cause, then press {key['retry']} to retry: it goes on where it stopped."
        case "cancelled":
            return f"Press {key['retry']} to retry: it goes on where it stopped."
        case "paused":
            return f"Press {key['resume']} to resume."
        case "stalled":
            return f"Its worker no longer answers. Any worker takes it up, or press {key['run']} to run it here."
        case "pending" if not view.workers:
            return f"No worker is running. Press {key['run']} to run it here, or start: pqconsole work"
        case "pending":
            return f"Waiting for a free worker. Press {key['run']} to run it here."
        case "done" if job.progress.failed:
            rows = show.rows_in_words(job.progress.failed)
            records, requeue = key["records"], key["requeue"]
            return f"{rows} could not be migrated: see the dead letters ({records}); {requeue} tries them again."
        case "done" if job.keeps_originals and job.phase is Phase.VERIFIED:
            return f"It is verified, and its originals are still kept. Press {key['finalize']} to destroy them."
        case "done" if job.keeps_originals:
            verify, finalize = key["verify"], key["finalize"]
            return f"Its originals are still kept. Press {verify} to verify it, then {finalize} to destroy them."
    return ""


def selection(snapshot: DetailSnapshot, _view: View) -> Content:
    """The selection document."""
    return Content(snapshot.selection) if snapshot.selection else _note("This job has no selection.")


def ranges(snapshot: DetailSnapshot, view: View) -> Content:
    """Key ranges: those at work first."""
    if not snapshot.ranges:
        return _note("No ranges yet: they are cut when the job starts.")
    lines = [Content.styled(f"{'No':>5} {'State':<8} {'Migrated':>9} {'Skipped':>8} {'Dead':>6}  Up to key", MUTED)]
    for item in snapshot.ranges:
        state = "at work" if item.lease_owner and item.state == "open" else item.state
        p = item.progress
        key = key_text(item.cursor or item.upper)
        counts = f"{show.short(p.migrated):>9} {show.short(p.skipped):>8} {show.short(p.failed):>6}"
        text = f"{item.seq:>5} {state:<8} {counts}  "
        style = "$text-primary" if state == "at work" else ""
        lines.append(Content.styled(text + _cut(key, view.width - cell_len(text), view.glyphs), style))
    return Content("\n").join(lines)


def events(snapshot: DetailSnapshot, view: View) -> Content:
    """The timeline, newest first."""
    if not snapshot.events:
        return _note("Nothing has happened to this job yet.")
    parts = []
    for event in snapshot.events:
        who = event.actor + (f"@{event.host}" if event.host else "")
        via = f" from {event.ssh_client}" if event.ssh_client else ""
        parts.append(
            Content.assemble(
                (show.stamp(event.at), MUTED),
                "  ",
                show.hanging(event.message, _TIME, view.width),
                "\n",
                (" " * _TIME + show.hanging(f"{who}{via}", _TIME, view.width), MUTED),
            )
        )
    return Content("\n").join(parts)


def dead_letters(snapshot: DetailSnapshot, view: View) -> Content:
    """Rows that were set aside, and why."""
    job = snapshot.job
    if not snapshot.dead_letters:
        return _note("No dead letters: every row that was reached is migrated or needed nothing.")
    total = job.progress.failed if job is not None else len(snapshot.dead_letters)
    shown = len(snapshot.dead_letters)
    number = max(total, shown)
    head = show.rows_in_words(number) + " set aside, left as " + ("it was" if number == 1 else "they were")
    if total > shown:
        head += f"; the first {show.count(shown)}:"
    parts = [Content.styled(head, MUTED)]
    for letter in snapshot.dead_letters:
        parts.append(
            Content.assemble(
                (f"{view.glyphs.bullet} ", "$text-error"),
                (letter.row_key, "bold"),
                "  ",
                (letter.reason, "$text-warning"),
                "\n  ",
                show.hanging(letter.message, 2, view.width),
            )
        )
    return Content("\n").join(parts)


PAGES: tuple[tuple[str, str, Page], ...] = (
    ("overview", "Overview", overview),
    ("selection", "Selection", selection),
    ("ranges", "Ranges", ranges),
    ("events", "Events", events),
    ("letters", "Dead letters", dead_letters),
)


def _property(name: str, value: str, view: View) -> Content:
    return Content.assemble((f"{name:<{_LABEL}}", MUTED), show.hanging(value, _LABEL, view.width))


def _note(text: str) -> Content:
    return Content.styled(text, MUTED)


def _cut(text: str, width: int, glyphs: Glyphs) -> str:
    return show.fit(text, max(1, width), glyphs).rstrip()
