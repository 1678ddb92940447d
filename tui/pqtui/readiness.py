"""How much of the estate is in its new form by now, as far as the counters of jobs can say."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pqcore.jobs.model import Job, Phase


@dataclass(frozen=True, slots=True)
class Readiness:
    """Rows of the columns that jobs are about.

    Attributes:
        safe: rows that the newest counted job of their column migrated, or found to need nothing.
        total: rows that those jobs counted.
        places: columns that were counted.
        uncounted: columns that only jobs which have not begun are about.
    """

    safe: int
    total: int
    places: int
    uncounted: int


NOTHING_COUNTED = Readiness(0, 0, 0, 0)


def readiness(newest_first: Iterable[Job]) -> Readiness:
    """Add up what the newest counted job of each column says; what was rolled back is old again."""
    counted: dict[tuple[str, str], tuple[int, int]] = {}
    named: set[tuple[str, str]] = set()
    for job in newest_first:
        place = (job.table, job.field)
        if not all(place):
            continue
        named.add(place)
        progress = job.progress
        if progress.total is None or place in counted:
            continue
        rolled_back = job.phase in (Phase.ROLLING_BACK, Phase.ROLLED_BACK)
        counted[place] = (0 if rolled_back else progress.migrated + progress.skipped, progress.total)
    safe, total = (sum(column) for column in zip(*counted.values(), strict=True)) if counted else (0, 0)
    return Readiness(min(safe, total), total, len(counted), len(named) - len(counted))
