"""From rows in minutes to the columns of a plot: pure functions."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

MINUTE = 60

_NOTHING = 1e-6  # of a column: what rounding leaves over begins none

# a minute's number (its first second since 1970, UTC, divided by 60) and the rows processed in it; ascending
Minutes = tuple[tuple[int, int], ...]
# from and to, in seconds since 1970, and the rows per second in between
Stretch = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Span:
    """How far back a plot looks; ``id`` is what the session keeps."""

    id: str
    seconds: int
    words: str


SPANS = (
    Span("15m", 15 * MINUTE, "15 minutes"),
    Span("1h", 60 * MINUTE, "1 hour"),
    Span("6h", 360 * MINUTE, "6 hours"),
    Span("24h", 1440 * MINUTE, "24 hours"),
)
_LATELY = Span("8m", 8 * MINUTE, "8 minutes")


@dataclass(frozen=True, slots=True)
class Curve:
    """Rows per second in columns of equal time, oldest first, from ``begin`` to ``end`` (aware, UTC).

    ``last`` is the end of the last minute in which any row is known to have been processed, None where none is.
    """

    values: tuple[float, ...]
    begin: datetime
    end: datetime
    words: str
    last: datetime | None = None

    @property
    def peak(self) -> float:
        """The highest column."""
        return max(self.values, default=0.0)


def number_of(moment: datetime) -> int:
    """The number of the minute that holds a moment."""
    return int(moment.timestamp() // MINUTE)


@dataclass(frozen=True, slots=True)
class Present:
    """Up to when something is known: ``until``, and the rows per second at which it goes on.

    ``rate`` is None where that is not known yet; ``running`` is whether anything goes on at all.
    """

    until: datetime
    running: bool = False
    rate: float | None = None


def curve(minutes: Minutes, present: Present, span: Span, points: int) -> Curve:
    """The last ``span`` of these minutes in ``points`` columns.

    The minute that is not over yet goes at the present rate; where that is not known, the plot ends before it. Where
    nothing runs, the minute in which the last rows were processed is over, too.
    """
    now = number_of(present.until)
    if present.running:
        minutes = minutes[: bisect_left(minutes, (now, 0))]
    if present.running and present.rate is not None:
        end = max(present.until.timestamp(), MINUTE * now + 1.0)
        stretches = _stretches(minutes, [(MINUTE * now, end, present.rate)])
    else:
        end = float(MINUTE * max(now, minutes[-1][0] + 1 if minutes else 0))
        stretches = _stretches(minutes, [])
    columns = max(1, points)
    step = span.seconds / columns
    # columns begin at fixed times: a plot that moved on at every look would be drawn anew at every look
    last = math.ceil(end / step - _NOTHING)
    first = last - columns
    rows = [0.0] * columns
    for begin, over, rate in stretches:
        for column in range(max(first, int(begin // step)), min(last, math.ceil(over / step))):
            share = min(over, (column + 1) * step) - max(begin, column * step)
            rows[column - first] += rate * max(0.0, share)
    values = [amount / step for amount in rows]
    # the last column may reach beyond the end, where nothing is known
    values[-1] = rows[-1] / max(1.0, end - (last - 1) * step)
    known = _moment(MINUTE * (minutes[-1][0] + 1)) if minutes else None
    return Curve(tuple(values), _moment(end - span.seconds), _moment(end), span.words, known)


def _stretches(minutes: Minutes, rest: list[Stretch]) -> list[Stretch]:
    return [(MINUTE * number, MINUTE * (number + 1), processed / MINUTE) for number, processed in minutes] + rest


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def lately(minutes: Minutes, present: Present) -> tuple[float, ...]:
    """Rows per second in the last few minutes, a value each."""
    return curve(minutes, present, _LATELY, _LATELY.seconds // MINUTE).values


def added(parts: Sequence[Minutes]) -> Minutes:
    """Minutes of several as those of all of them."""
    together: dict[int, int] = {}
    for minutes in parts:
        for number, processed in minutes:
            together[number] = together.get(number, 0) + processed
    return tuple(sorted(together.items()))
