"""Doing an action to a frozen set of jobs, one after the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pqcore.errors import PQConsoleError
from pqcore.jobs.repository import JobRepository
from pqtui import show
from pqtui.local_work import LocalWork

_DONE = {
    "run": "is started here",
    "pause": "is asked to pause",
    "resume": "is resumed",
    "cancel": "is cancelled",
    "retry": "is put back",
    "restart": "is put back, from its first row",
    "requeue": "is put back for its dead letters",
}


@dataclass(frozen=True, slots=True)
class Performed:
    """What came of it: ids that it was done to, what went wrong with others, and one sentence on all of it.

    ``waiting`` says that jobs now wait for a worker.
    """

    ids: tuple[int, ...]
    errors: tuple[str, ...]
    sentence: str
    waiting: bool


def perform(action_id: str, ids: tuple[int, ...], jobs: JobRepository, local: LocalWork) -> Performed:
    """Do it to each job; one that refuses does not keep the others from it. Blocks on the database."""
    do: dict[str, Callable[[int], object]] = {
        "run": local.run,
        "pause": jobs.pause,
        "resume": jobs.resume,
        "cancel": jobs.cancel,
        "retry": jobs.retry,
        "requeue": jobs.requeue,
        "restart": lambda job_id: jobs.retry(job_id, from_scratch=True),
    }
    done: list[int] = []
    errors: list[str] = []
    for job_id in ids:
        try:
            do[action_id](job_id)
            done.append(job_id)
        except PQConsoleError as error:
            errors.append(str(error))
    return Performed(
        tuple(done),
        tuple(errors),
        _sentence(action_id, done, errors),
        action_id in ("resume", "retry", "restart", "requeue") and bool(done),
    )


def _sentence(action_id: str, done: list[int], errors: list[str]) -> str:
    parts = []
    if len(done) == 1:
        parts.append(f"Job {done[0]} {_DONE[action_id]}.")
    elif done:
        parts.append(f"{show.jobs_in_words(len(done))} {_DONE[action_id].replace('is ', 'are ', 1)}.")
    if errors:
        parts.append(errors[0] if len(errors) == 1 else f"{len(errors)} refused, the first: {errors[0]}")
    return " ".join(parts)
