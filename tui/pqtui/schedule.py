"""When a job starts: what an operator may type."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from pqcore.errors import UsageError

_SPAN = re.compile(r"\+?\s*(\d{1,6})\s*([smhd])")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_start(text: str, now: datetime) -> datetime:
    """A point in time: ``+2h``, ``2026-12-24 22:00`` (UTC), or ISO 8601 with a zone.

    Raises:
        UsageError: it is none of these, or it has passed.
    """
    remedy = "Write +2h, or 2026-12-24 22:00 (UTC)"
    typed = text.strip()
    span = _SPAN.fullmatch(typed)
    if span is not None:
        return now + timedelta(seconds=int(span[1]) * _UNITS[span[2]])
    try:
        moment = datetime.fromisoformat(typed)
    except ValueError:
        raise UsageError("This is no point in time", remedy) from None
    aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    if aware <= now:
        raise UsageError("This point in time has passed", remedy)
    return aware
