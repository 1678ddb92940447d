"""Times as they are typed: ISO 8601, or an interval from now."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from pqcore.errors import UsageError

_INTERVAL = re.compile(r"\+(\d{1,9})([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def parse_time(text: str, *, now: datetime) -> datetime:
    """A point in time, aware and in UTC, from ``2030-01-31T20:00Z``, ``2030-01-31 20:00`` (UTC) or ``+2h``.

    Args:
        now: what an interval counts from; the database's clock, since that decides when a job is due.

    Raises:
        UsageError: the text is neither.
    """
    try:
        interval = _INTERVAL.fullmatch(text)
        if interval:
            return now.astimezone(UTC) + timedelta(seconds=int(interval[1]) * _SECONDS[interval[2]])
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise UsageError(
            f"{text!r} is not a time", "Give ISO 8601, such as 2030-01-31T20:00Z, or an interval such as +2h"
        ) from None
