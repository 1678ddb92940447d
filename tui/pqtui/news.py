"""What happened to jobs while no console was open, told from the event log: by job, and in one sentence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from pqcore.jobs.model import Event
from pqtui import show

# kinds of events that say where a job stands now, in the order in which they matter
_STANDING = (
    *("failed", "verify_failed", "rollback_failed", "finalize_failed", "cancelled", "paused", "stopped"),
    *("done", "verified", "rolled_back", "finalized", "started", "verifying", "rolling_back", "finalizing"),
)
_WORDS = {
    "started": "running",
    "verify_failed": "not verified",
    "rollback_failed": "not rolled back",
    "finalize_failed": "not finalized",
    "rolled_back": "rolled back",
    "rolling_back": "rolling back",
}
_IDS = 4


@dataclass(frozen=True, slots=True)
class JobNews:
    """What happened to one job: the event that says where it stands now, else the newest; and how many there were."""

    job_id: int
    event: Event
    events: int


@dataclass(frozen=True, slots=True)
class News:
    """What happened since ``since``, the latest first; ``cut``: the log was too long to be read to its beginning."""

    since: datetime | None
    jobs: tuple[JobNews, ...]
    cut: bool = False


NOTHING = News(None, ())


def news_of(events: Sequence[Event], since: datetime | None, *, cut: bool = False) -> News:
    """What these events, newest first, say of jobs. A job is named once: one that failed and was then done is done."""
    last: dict[int, Event] = {}
    number: dict[int, int] = {}
    for event in events:
        if event.job_id is None:
            continue
        number[event.job_id] = number.get(event.job_id, 0) + 1
        told = last.setdefault(event.job_id, event)
        if told.kind not in _STANDING and event.kind in _STANDING:
            last[event.job_id] = event
    found = [JobNews(job_id, event, number[job_id]) for job_id, event in last.items()]
    return News(since, tuple(sorted(found, key=lambda each: -each.event.id)), cut)


def sentence(news: News, now: datetime) -> str:
    """The news in one sentence; empty where no job changed."""
    parts = []
    rest = [each.job_id for each in news.jobs if each.event.kind not in (*_STANDING, "created")]
    for kind in (*_STANDING, "created"):
        parts += _some(_WORDS.get(kind, kind), (each.job_id for each in news.jobs if each.event.kind == kind))
    parts += _some("changed", rest)
    if not parts:
        return ""
    ago = f" {show.coarse((now - news.since).total_seconds())} ago" if news.since is not None else ""
    return f"Since you left{ago}: {', '.join(parts)}."


def _some(word: str, ids: Iterable[int]) -> list[str]:
    found = tuple(sorted(ids))
    return [f"{show.count(len(found))} {word} ({show.ids_in_words(found, _IDS)})"] if found else []
