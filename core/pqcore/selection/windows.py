"""Time windows of a day, such as ``22:00-06:00``, on the clock of a time zone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

#: A window as text (ECMA 262 and Python alike): two different times of day; ``24:00`` ends a day.
PATTERN = "(?!(.....)-\\1$)(?:[01][0-9]|2[0-3]):[0-5][0-9]-(?:(?:[01][0-9]|2[0-3]):[0-5][0-9]|24:00)"
#: The form of a time zone's name (IANA); whether there is such a zone, only its data tell.
ZONE_PATTERN = "[A-Za-z0-9_+-]+(?:/[A-Za-z0-9_+-]+)*"
_DAY = 24 * 60


@dataclass(frozen=True, slots=True)
class Window:
    """From ``start`` up to ``end``, in minutes after midnight (``end`` up to 1440); past midnight where start > end."""

    start: int
    end: int

    def __str__(self) -> str:
        return f"{_clock(self.start)}-{_clock(self.end)}"

    def holds(self, minute: int) -> bool:
        """Whether this minute of a day, from 0 to 1439, lies in the window."""
        if self.start < self.end:
            return self.start <= minute < self.end
        return minute >= self.start or minute < self.end


def parse_window(text: str) -> Window | None:
    """The window that ``text`` means; None where it means none."""
    if not re.fullmatch(PATTERN, text):
        return None
    start, end = (int(part[:2]) * 60 + int(part[3:]) for part in text.split("-"))
    return Window(start, end)


def zone_of(name: str) -> tzinfo | None:
    """The time zone of this name; None where this machine knows none. UTC is known everywhere."""
    if name == "UTC":
        return UTC
    if not re.fullmatch(ZONE_PATTERN, name):
        return None
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # OSError: the name of a folder of zones
        return None


def is_open(windows: Sequence[Window], zone: tzinfo, moment: datetime) -> bool:
    """Whether an (aware) moment lies in one of the windows; no windows means always."""
    local = moment.astimezone(zone)
    minute = local.hour * 60 + local.minute
    return not windows or any(window.holds(minute) for window in windows)


def opens_in(windows: Sequence[Window], zone: tzinfo, moment: datetime) -> float:
    """Seconds until the next window opens, 0 within one.

    A clock that is set forward or back in between can make it up to an hour early or late.
    """
    if is_open(windows, zone, moment):
        return 0.0
    today = moment.astimezone(zone).date()
    starts = [
        datetime.combine(today + timedelta(days=days), time(window.start // 60, window.start % 60), zone)
        for days in (0, 1, 2)
        for window in windows
    ]
    waits = [(start.astimezone(UTC) - moment.astimezone(UTC)).total_seconds() for start in starts]
    return min(wait for wait in waits if wait > 0)


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
