"""Doing an action to a frozen set of jobs, one after the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from pqcore.errors import PQConsoleError
from pqcore.jobs.model import Progress, Purpose
from pqtui import show
from pqtui.local_work import LocalWork

if TYPE_CHECKING:
    from pqcore.jobs.limits import Sections
    from pqcore.jobs.repository import JobRepository

_DONE = {
    "run": "is started here",
    "pause": "is asked to pause",
    "resume": "is resumed",
    "cancel": "is cancelled",
    "retry": "is put back",
    "restart": "is put back, from its first row",
    "requeue": "is put back for its dead letters",
    "tune": "has other limits now",
    "stop": "is asked to stop here; any worker can go on with it",
    "verify": "is being verified here",
    "rollback": "is being rolled back here",
    "finalize": "is being finalized here",
}

# what ``perform`` does; limits are asked for first
DONE_TO_JOBS = tuple(action_id for action_id in _DONE if action_id != "tune")

# an operation on this job ended: what it counted, or why it broke off; called in a thread of the worker
Ended = Callable[[int, Purpose, Progress | PQConsoleError], None]


@dataclass(frozen=True, slots=True)
class Performed:
    """What came of it: ids that it was done to, what went wrong with others, and one sentence on all of it.

    ``waiting`` says that jobs now wait for a worker.
    """

    ids: tuple[int, ...]
    errors: tuple[str, ...]
    sentence: str
    waiting: bool


def perform(
    action_id: str,
    ids: tuple[int, ...],
    jobs: JobRepository,
    local: LocalWork,
    ended: Ended,
    limits: Sections | None = None,
) -> Performed:
    """Do it to each job; one that refuses does not keep the others from it. Blocks on the database.

    What takes long goes on in threads of the worker; ``ended`` is called for each operation on an ended job.
    ``limits`` is what ``tune`` changes; None takes earlier changes back.
    """

    def operate(purpose: Purpose, job_id: int) -> None:
        local.operate(job_id, purpose, partial(ended, job_id, purpose))

    do: dict[str, Callable[[int], object]] = {
        "run": local.run,
        "stop": local.stop_job,
        "tune": lambda job_id: jobs.tune(job_id, limits),
        "verify": partial(operate, Purpose.VERIFY),
        "rollback": partial(operate, Purpose.ROLLBACK),
        "finalize": partial(operate, Purpose.FINALIZE),
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


def operated(job_id: int, purpose: Purpose, counts: Progress) -> str:
    """What an operation did, as a sentence."""
    rows = show.count(counts.migrated)
    match purpose:
        case Purpose.VERIFY:
            return f"Job {job_id} is verified: {rows} values read again and proved."
        case Purpose.ROLLBACK:
            changed = f"; {show.count(counts.conflicted)} have changed since and stay" if counts.conflicted else ""
            return f"Job {job_id} is rolled back: {rows} rows hold their old value again{changed}."
    return f"Job {job_id} is finalized: {rows} originals destroyed."


def _sentence(action_id: str, done: list[int], errors: list[str]) -> str:
    parts = []
    if len(done) == 1:
        parts.append(f"Job {done[0]} {_DONE[action_id]}.")
    elif done:
        parts.append(f"{show.jobs_in_words(len(done))} {_plural(_DONE[action_id])}.")
    if errors:
        parts.append(errors[0] if len(errors) == 1 else f"{len(errors)} refused, the first: {errors[0]}")
    return " ".join(parts)


def _plural(words: str) -> str:
    return words.replace("is ", "are ", 1).replace("has ", "have ", 1).replace("with it", "with them")
