"""What happened to jobs while no console was open, told from the event log in one sentence."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from pqcore.jobs.model import Event
from pqtui import show

# kinds of events that say where a job stands now, in the order in which they matter
_STANDING = ("failed", "cancelled", "paused", "done", "started")
_WORDS = {"started": "running", "created": "created"}
_IDS = 4


def news(events: Iterable[Event], since: datetime | None, now: datetime) -> str:
    """One sentence on events that came since ``since``, newest first; empty where no job changed.

    A job is named once, by the last thing that happened to it: one that failed and was then done is done.
    """
    last: dict[int, str] = {}
    created: list[int] = []
    for event in events:
        if event.job_id is None:
            continue
        if event.kind in _STANDING:
            last.setdefault(event.job_id, event.kind)
        elif event.kind == "created":
            created.append(event.job_id)
    parts = []
    for kind in _STANDING:
        ids = tuple(sorted(job_id for job_id, stands in last.items() if stands == kind))
        if ids:
            parts.append(f"{show.count(len(ids))} {_WORDS.get(kind, kind)} ({show.ids_in_words(ids, _IDS)})")
    fresh = tuple(sorted(job_id for job_id in created if job_id not in last))
    if fresh:
        parts.append(f"{show.count(len(fresh))} created ({show.ids_in_words(fresh, _IDS)})")
    if not parts:
        return ""
    ago = f" {show.coarse((now - since).total_seconds())} ago" if since is not None else ""
    return f"Since you left{ago}: {', '.join(parts)}."
