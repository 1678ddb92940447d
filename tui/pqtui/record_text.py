"""Records of a job as lines of a list, and each in full: pure functions to styled text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len
from textual.content import Content

from pqcore.jobs.model import DeadLetter, Event, Job
from pqcore.migrations.base import FailureReason
from pqcore.text import clean
from pqtui import show
from pqtui.badge import Badge, place_text
from pqtui.glyphs import Glyphs
from pqtui.records import JobRange, Kind, Record
from pqtui.styles import MUTED

if TYPE_CHECKING:
    from pqcore.jobs.story import RowStory  # loads what reads selections, which the first lines do without

Piece = tuple[str, str]  # a text and the name of its style, the part after ``record--``
_LABEL = 11


def heading(kind: Kind, width: int) -> str:
    """The headings of a list."""
    match kind:
        case Kind.RANGES:
            return f"{'No':>5} {'For':<8} {'State':<8} {'Done':>7} {'Skipped':>7} {'Dead':>6}  Up to key"
        case Kind.EVENTS:
            return f"{'Time (UTC)':<19}  What happened"
    return f"{'Row':<{_key_width(width)}}  {'Reason':<14}  Why"


def line(record: Record, width: int, glyphs: Glyphs) -> tuple[Piece, ...]:
    """A record as one line of ``width`` cells."""
    match record:
        case JobRange(purpose=purpose, info=info):
            state = "at work" if info.lease_owner and info.state == "open" else info.state
            p = info.progress
            counts = f"{show.short(p.migrated):>7} {show.short(p.skipped):>7} {show.short(p.failed):>6}"
            text = f"{info.seq:>5} {purpose.value:<8} {state:<8} {counts}  "
            key = show.fit(key_text(info.cursor or info.upper), max(1, width - cell_len(text)), glyphs)
            return ((text + key, "active" if state == "at work" else ""),)
        case Event():
            head = f"{show.stamp(record.at)}  "
            return ((head, "muted"), (show.fit(record.message, max(1, width - len(head)), glyphs), ""))
    size = _key_width(width)
    rest = max(1, width - size - 18)
    return (
        (show.fit(record.row_key, size, glyphs) + "  ", "key"),
        (show.fit(record.reason, 14, glyphs) + "  ", "reason"),
        (show.fit(record.message, rest, glyphs), ""),
    )


def _key_width(width: int) -> int:
    return max(10, min(40, width // 5))


def key_text(encoded: str | None) -> str:
    """A bound or cursor of a range (``pqcore.jobs.cursor``) as it is shown: its values, with commas between."""
    if not encoded:
        return ""
    try:
        pairs = json.loads(encoded)
        return ", ".join(str(text) for _, text in pairs)
    except (ValueError, TypeError):
        return encoded  # cut, or another program's


def crumbs(parts: Sequence[str], width: int, glyphs: Glyphs) -> Content:
    """The way here: ``Job 2 › Dead letters › [17]``; where it does not fit, it is cut on the left."""
    between = f" {glyphs.cursor} "
    kept = list(parts)
    while len(kept) > 1 and cell_len(between.join(kept)) > width:
        kept = [glyphs.ellipsis, *kept[2:]] if kept[0] == glyphs.ellipsis else [glyphs.ellipsis, *kept[1:]]
        if len(kept) == 2:
            break
    pieces: list[Content] = []
    for number, part in enumerate(kept):
        last = number == len(kept) - 1
        pieces.append(Content.styled(part, "bold $text-primary" if last else MUTED))
        if not last:
            pieces.append(Content.styled(between, MUTED))
    return Content("").join(pieces)


def way(parts: Sequence[str], badge: Badge | None, place: str, width: int, glyphs: Glyphs) -> Content:
    """The way here, and at the right end which database it is in: its badge always, the rest where there is room."""
    length = cell_len(f" {glyphs.cursor} ".join(parts))
    marks = (place_text(badge, place), place_text(badge, ""))
    mark = next((each for each in marks if length + 2 + each.cell_length <= width), marks[-1])
    left = crumbs(parts, width - mark.cell_length - (2 if mark else 0), glyphs)
    return left + Content(" " * (width - left.cell_length - mark.cell_length)) + mark if mark else left


def event_in_full(event: Event) -> Content:
    """Everything about one event."""
    return _lines(
        ("When", f"{show.stamp(event.at)} UTC"),
        ("What", event.message),
        ("Kind", event.kind),
        ("Who", event.actor),
        ("Host", event.host),
        ("From", event.ssh_client or ""),
    )


def range_in_full(record: JobRange) -> Content:
    """Everything about one range."""
    info, progress = record.info, record.info.progress
    return _lines(
        ("Range", str(info.seq)),
        ("For", record.purpose.value),
        ("State", info.state),
        ("Worker", info.lease_owner or "(none)"),
        ("After key", key_text(info.lower) or "(from the first)"),
        ("Up to key", key_text(info.upper) or "(to the last)"),
        ("Done up to", key_text(info.cursor) or "(not begun)"),
        ("Migrated", show.count(progress.migrated)),
        ("Skipped", show.count(progress.skipped)),
        ("Conflicted", show.count(progress.conflicted)),
        ("Dead", show.count(progress.failed)),
    )


def story(job: Job, told: RowStory, glyphs: Glyphs) -> Content:
    """What is known of one row, then what was done with the whole job. Names only: no values."""
    parts = [_lines(("Row", clean(told.row_key, limit=400)), ("Table", show.subject(job)), ("Job", str(job.id)))]
    parts.append(Content(""))
    if told.letter is not None:
        letter = told.letter
        proved = letter.reason != FailureReason.VERIFY_FAILED.value
        left = "The row is as it was." if proved else "It was migrated; what was read later does not prove itself."
        parts.append(
            Content.assemble(
                (f"{glyphs.states['failed']} Set aside as a dead letter", "bold $text-error"),
                (f"  {show.stamp(letter.created_at)} UTC", MUTED),
                "\n  ",
                (clean(letter.reason, limit=64), "$text-warning"),
                f"  {clean(letter.message, limit=4000)}",
                f"\n  {left}",
            )
        )
    for kept in told.originals:
        parts.append(
            Content.assemble(
                (f"{glyphs.states['done']} Migrated", "bold $text-success"),
                (f"  {show.stamp(kept.at)} UTC", MUTED),
                f"\n  The old value of {clean(kept.field, limit=128)} is kept, sealed, until the job is finalized.",
            )
        )
    for beside in told.signatures:
        by = "this job" if beside.job_id == job.id else f"job {beside.job_id}"
        signed = f"{clean(beside.field, limit=128)}: {clean(beside.algorithm, limit=64)}, key {clean(beside.key_id)}"
        parts.append(
            Content.assemble(
                (f"{glyphs.states['done']} Signed beside the table by {by}", "bold $text-success"),
                (f"  {show.stamp(beside.at)} UTC", MUTED),
                f"\n  {signed}",
            )
        )
    if not told.known:
        parts.append(
            Content(
                "Nothing is kept of this row: it was migrated without keeping its original, needed nothing, "
                "was not reached yet, or is not one of the job's rows."
            )
        )
    if told.events:
        parts.append(Content(""))
        parts.append(Content.styled("What was done with the job", MUTED))
    for event in told.events:
        who = clean(event.actor, limit=64) + (f"@{clean(event.host, limit=64)}" if event.host else "")
        parts.append(
            Content.assemble((f"{show.stamp(event.at)}  ", MUTED), clean(event.message, limit=400), (f"  {who}", MUTED))
        )
    return Content("\n").join(parts)


def _lines(*pairs: tuple[str, str]) -> Content:
    return Content("\n").join([Content.assemble((f"{name:<{_LABEL}}", MUTED), value) for name, value in pairs if value])


def in_full(record: Record) -> tuple[str, Content] | None:
    """The name of a record and everything about it; None for a row, whose story has to be read."""
    match record:
        case JobRange():
            return f"Range {record.info.seq}", range_in_full(record)
        case Event():
            return show.stamp(record.at), event_in_full(record)
        case DeadLetter():
            return None
