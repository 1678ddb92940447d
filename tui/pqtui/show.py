"""How values are worded on the screen: numbers, times, shares. Pure functions from values to short texts."""

from __future__ import annotations

from datetime import UTC, datetime

from rich.cells import cell_len, chop_cells, set_cell_size

from pqcore.jobs.model import Job, Phase, Purpose, Status
from pqtui.glyphs import Glyphs

_SCALES = ((10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k"))
ENDED = (Status.DONE, Status.FAILED, Status.CANCELLED)
OPERATION_WORDS = {Purpose.VERIFY: "verifying", Purpose.ROLLBACK: "restoring", Purpose.FINALIZE: "finalizing"}
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def count(number: int) -> str:
    """A whole number with thousands apart: ``12,345``."""
    return f"{number:,}"


def short(number: float) -> str:
    """A number in at most six cells: ``999``, ``1.2k``, ``45.6M``."""
    for scale, letter in _SCALES:
        # 999.95 would round up to a fourth digit
        if abs(number) >= scale * 0.99995:
            return f"{number / scale:.1f}{letter}"
    return f"{number:.0f}" if abs(number) >= 10 or number == int(number) else f"{number:.1f}"


def rate(rows_per_second: float | None) -> str:
    """Rows per second: ``1.2k/s``; an empty text where it is not known."""
    return "" if rows_per_second is None else f"{short(rows_per_second)}/s"


def duration(seconds: float) -> str:
    """A span in at most two units: ``42s``, ``3m 10s``, ``2h 5m``, ``4d 1h``."""
    whole = max(0, int(seconds))
    if whole < _MINUTE:
        return f"{whole}s"
    if whole < _HOUR:
        return f"{whole // _MINUTE}m {whole % _MINUTE}s"
    if whole < _DAY:
        return f"{whole // _HOUR}h {whole % _HOUR // _MINUTE}m"
    return f"{whole // _DAY}d {whole % _DAY // _HOUR}h"


def coarse(seconds: float) -> str:
    """A span in one unit: ``42s``, ``3m``, ``2h``, ``4d``. It changes rarely, so a list of ages stays still."""
    whole = max(0, int(seconds))
    for unit, letter in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "m")):
        if whole >= unit:
            return f"{whole // unit}{letter}"
    return f"{whole}s"


def age(moment: datetime | None, now: datetime) -> str:
    """How long ago; the first minute is ``now``, so that a fresh list does not repaint each second."""
    if moment is None:
        return ""
    seconds = (now - moment).total_seconds()
    return "now" if seconds < _MINUTE else coarse(seconds)


def until(moment: datetime, now: datetime) -> str:
    """How long from now: ``in 3m``; ``due`` when it has come."""
    seconds = (moment - now).total_seconds()
    if seconds <= 0:
        return "due"
    return "in 1m" if seconds < _MINUTE else f"in {coarse(seconds)}"


def stamp(moment: datetime | None) -> str:
    """A point in time, UTC: ``2026-11-23 20:21:28``."""
    return "" if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def clock(moment: datetime) -> str:
    """The time of day, UTC."""
    return moment.astimezone(UTC).strftime("%H:%M:%S")


def hour(moment: datetime) -> str:
    """The time of day to the minute, UTC."""
    return moment.astimezone(UTC).strftime("%H:%M")


def percent(ratio: float | None) -> str:
    """A share; 100 % is said only of the whole."""
    return "" if ratio is None else f"{int(ratio * 100)}%"


def share(ratio: float) -> str:
    """A small share, so that one in ten thousand is not nothing: ``0.01%``, ``2.3%``, ``41%``."""
    percents = ratio * 100
    if percents >= 10:
        return f"{percents:.0f}%"
    return f"{percents:.1f}%" if percents >= 1 else f"{max(percents, 0.01):.2f}%"


def bar(ratio: float | None, width: int, glyphs: Glyphs) -> tuple[str, str]:
    """A progress bar as its filled and its empty part; a share above 0 shows at least one filled cell."""
    if width <= 0:
        return "", ""
    share = min(1.0, max(0.0, ratio or 0.0))
    filled = int(share * width)
    if share > 0:
        filled = max(1, filled)
    return glyphs.filled * filled, glyphs.empty * (width - filled)


def fit(text: str, width: int, glyphs: Glyphs, *, right: bool = False) -> str:
    """``text`` in exactly ``width`` cells: padded, or cut with an ellipsis. Wide characters count two."""
    size = cell_len(text)
    if size > width:
        cut = set_cell_size(text, width - 1).rstrip() + glyphs.ellipsis if width > 1 else text
        return set_cell_size(cut, width)
    return " " * (width - size) + text if right else text + " " * (width - size)


def wrapped(text: str, width: int) -> list[str]:
    """``text`` in lines of at most ``width`` cells, broken between words where it can be; its own breaks stay."""
    room = max(1, width)
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for word in paragraph.split(" "):
            longer = f"{line} {word}" if line else word
            if cell_len(longer) <= room:
                line = longer
                continue
            if line:
                lines.append(line)
            *whole, line = chop_cells(word, room) or [""]
            lines.extend(whole)
        lines.append(line)
    return lines


def hanging(text: str, indent: int, width: int) -> str:
    """``text`` as it goes on after ``indent`` cells of a line ``width`` wide: the lines that follow begin below it."""
    return ("\n" + " " * indent).join(wrapped(text, width - indent))


def state_word(job: Job, now: datetime) -> str:
    """The word that the list shows: ``Job.state``, or another one where that says more.

    ``scheduled``, ``stalled``; ``verifying``, ``restoring``, ``finalizing`` while an ended job is operated on;
    ``restored`` once it was rolled back.
    """
    if job.status is Status.RUNNING and job.lease_expired:
        return "stalled"
    if job.operation is not None and job.held_by is not None:
        return OPERATION_WORDS[job.operation]
    if job.phase is Phase.ROLLED_BACK and job.status in ENDED:
        return "restored"
    if job.state == Status.PENDING and job.scheduled_at is not None and job.scheduled_at > now:
        return "scheduled"
    return job.state


def subject(job: Job) -> str:
    """What a job is about: ``users.password_hash``."""
    place = ".".join(part for part in (job.table, job.field) if part)
    return place or "(no selection)"


def job_in_words(job: Job) -> str:
    """A job on one line, for the clipboard: number, state, what it migrates to what, and its error."""
    target = f" to {job.target}" if job.target else ""
    error = f": {job.error}" if job.error else ""
    return f"job {job.id} {job.state}, {job.scope} {subject(job)}{target}{error}"


def jobs_in_words(number: int) -> str:
    """``1 job``, ``12 jobs``."""
    return f"{number:,} job" if number == 1 else f"{number:,} jobs"


def rows_in_words(number: int) -> str:
    """``1 row``, ``1,234 rows``."""
    return f"{number:,} row" if number == 1 else f"{number:,} rows"


def ids_in_words(ids: tuple[int, ...], limit: int = 8) -> str:
    """``3, 4, 9``, shortened with the number that is left out."""
    shown = ", ".join(str(i) for i in ids[:limit])
    return shown if len(ids) <= limit else f"{shown} and {len(ids) - limit:,} more"
