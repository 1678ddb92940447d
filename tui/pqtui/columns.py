"""Columns of the job list: what each shows, and which fit a width."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from pqcore.jobs.model import Job, Status
from pqtui import show
from pqtui.glyphs import Glyphs
from pqtui.pace import Pace

GAP = 1
_BAR = 10


@dataclass(frozen=True, slots=True)
class Line:
    """What a line of the list shows of one job."""

    job: Job
    pace: Pace
    here: bool


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        title: its heading.
        width: cells; the flexible columns take what is left, at least this much.
        rank: columns of a higher rank leave first when the terminal is narrow.
        text: what it shows.
        style: the name of the style, the part after ``joblist--``.
        sort: the column of ``pqcore.jobs.query.SORTABLE`` that it orders by.
        flexible: takes a share of the width that is left.
        right: aligned to the right.
    """

    id: str
    title: str
    width: int
    rank: int
    text: Callable[[Line, datetime, Glyphs], str]
    style: str = ""
    sort: str = ""
    flexible: bool = False
    right: bool = False


def _state(line: Line, now: datetime, glyphs: Glyphs) -> str:
    word = show.state_word(line.job, now)
    return f"{glyphs.states[word]} {word}"


def _progress(line: Line, _now: datetime, glyphs: Glyphs) -> str:
    job = line.job
    if job.progress.total is None:
        return ""
    filled, empty = show.bar(job.progress.ratio, _BAR, glyphs)
    return f"{filled}{empty} {show.percent(job.progress.ratio):>4}"


def _percent(line: Line, _now: datetime, _glyphs: Glyphs) -> str:
    return show.percent(line.job.progress.ratio)


def _rows(line: Line, _now: datetime, _glyphs: Glyphs) -> str:
    return show.short(line.job.processed_count) if line.job.processed_count else ""


def _failed(line: Line, _now: datetime, _glyphs: Glyphs) -> str:
    return show.short(line.job.progress.failed) if line.job.progress.failed else ""


def _eta(line: Line, now: datetime, _glyphs: Glyphs) -> str:
    job = line.job
    if job.status is Status.PENDING and job.scheduled_at is not None and not job.paused:
        return show.until(job.scheduled_at, now)
    return "" if line.pace.left is None else show.coarse(line.pace.left)


COLUMNS: tuple[Column, ...] = (
    Column("id", "Id", 6, 0, lambda line, _n, _g: str(line.job.id), sort="id", right=True),
    Column("state", "State", 12, 0, _state, style="state", sort="status"),
    Column("scope", "Scope", 10, 3, lambda line, _n, _g: line.job.scope.value, sort="scope"),
    Column("subject", "Table and column", 20, 1, lambda line, _n, _g: show.subject(line.job), flexible=True),
    Column("target", "Target", 17, 4, lambda line, _n, _g: line.job.target, flexible=True),
    Column("progress", "Progress", _BAR + 5, 2, _progress, style="progress"),
    Column("rows", "Rows", 6, 7, _rows, sort="processed_count", right=True),
    Column("failed", "Dead", 5, 6, _failed, style="failed", right=True),
    Column("rate", "Rate", 7, 5, lambda line, _n, _g: show.rate(line.pace.rate), right=True),
    Column("eta", "ETA", 6, 2, _eta, right=True),
    Column("age", "Age", 4, 5, lambda line, now, _g: show.age(line.job.created_at, now), sort="created_at", right=True),
)


@dataclass(frozen=True, slots=True)
class Place:
    """A column with the width it was given."""

    column: Column
    width: int


def layout(width: int, digits: int = 0) -> tuple[Place, ...]:
    """The columns that fit ``width`` cells, with their widths; flexible ones share what is left.

    Args:
        digits: of the longest id: an id that is cut off is of no use to anybody.
    """
    shown = [replace(c, width=max(c.width, digits)) if c.id == "id" else c for c in COLUMNS]
    while len(shown) > 2 and _needed(shown) > width:
        shown.remove(max(reversed(shown), key=lambda c: c.rank))
    flexible = [c for c in shown if c.flexible]
    left = max(0, width - _needed(shown))
    places = []
    for column in shown:
        extra = 0
        if column.flexible:
            # the first one names the data: it gets the larger part
            extra = left if len(flexible) == 1 else left * 3 // 5
            if column is not flexible[0]:
                extra = left - left * 3 // 5
        places.append(Place(column, column.width + extra))
    return tuple(places)


def _needed(shown: list[Column]) -> int:
    return sum(c.width for c in shown) + GAP * (len(shown) - 1)


def cells(line: Line, places: tuple[Place, ...], now: datetime, glyphs: Glyphs) -> tuple[str, ...]:
    """The texts of one line, each exactly as wide as its column."""
    return tuple(show.fit(p.column.text(line, now, glyphs), p.width, glyphs, right=p.column.right) for p in places)


def heading(places: tuple[Place, ...], sort_column: str, descending: bool, glyphs: Glyphs) -> tuple[str, ...]:
    """The headings, the column that the list is sorted by with an arrow."""
    texts = []
    for place in places:
        title = place.column.title
        if place.column.sort and place.column.sort == sort_column:
            title += glyphs.fall if descending else glyphs.rise
        texts.append(show.fit(title, place.width, glyphs, right=place.column.right))
    return tuple(texts)
