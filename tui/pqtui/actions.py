"""The one registry of actions: keys, the bar at the bottom, the palette and the help are made from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from pqcore.jobs.model import Job, Request, Status


@dataclass(frozen=True, slots=True)
class Situation:
    """What an action would act on, and where.

    Attributes:
        jobs: the marked jobs, or the one under the cursor; empty where there is none.
        marked: whether ``jobs`` are marks.
        read_only: the session may not write.
        here: ids of jobs that run in this console.
        working: this console claims whatever is due.
        held: refreshing by the clock is stopped.
        filtered: the list is filtered.
        now: aware.
    """

    jobs: tuple[Job, ...]
    marked: bool
    read_only: bool
    here: frozenset[int]
    working: bool
    held: bool
    filtered: bool
    now: datetime


Refusal = Callable[[Job, Situation], str]


@dataclass(frozen=True, slots=True)
class Action:
    """Something an operator can do.

    Attributes:
        id: also the id of its key binding, for remapping.
        keys: as Textual names them, the first one is shown.
        label: one or two words for the bar.
        help: one sentence without a full stop.
        group: a heading of the help.
        rank: the lower, the longer it stays in a bar that is too narrow; None is never in the bar.
        refuse: for an action on jobs: why it cannot be done to this one, empty where it can.
        writes: whether it changes the database.
        single: it works on one job only.
    """

    id: str
    keys: tuple[str, ...]
    label: str
    help: str
    group: str
    rank: int | None = None
    refuse: Refusal | None = None
    writes: bool = False
    single: bool = False

    @property
    def key_text(self) -> str:
        """The first key as it is shown."""
        return key_text(self.keys[0])


_KEY_TEXTS: Mapping[str, str] = {
    "question_mark": "?",
    "slash": "/",
    "space": "space",
    "escape": "esc",
    "enter": "enter",
    "tab": "tab",
}


def key_text(key: str) -> str:
    """A key as it is shown: ``^p``, ``?``, ``esc``, ``R``."""
    if key.startswith("ctrl+"):
        return "^" + key.removeprefix("ctrl+")
    return _KEY_TEXTS.get(key, key)


def _cannot_run(job: Job, situation: Situation) -> str:
    if job.id in situation.here:
        return f"Job {job.id} already runs here"
    if job.paused:
        return f"Job {job.id} is paused; resume it first"
    if job.status is Status.RUNNING and not job.lease_expired:
        return f"Job {job.id} is run by {job.held_by or 'another program'}"
    if job.status in (Status.FAILED, Status.CANCELLED):
        return f"Job {job.id} is {job.status}; retry it first"
    return f"Job {job.id} is done" if job.status is Status.DONE else ""


def _cannot_pause(job: Job, _situation: Situation) -> str:
    if job.status not in (Status.PENDING, Status.RUNNING):
        return f"Job {job.id} is {job.status}; only pending and running jobs can be paused"
    return f"Job {job.id} is {job.state} already" if job.request is not None else ""


def _cannot_resume(job: Job, _situation: Situation) -> str:
    return "" if job.request is Request.PAUSE else f"Job {job.id} is {job.state}, not paused"


def _cannot_cancel(job: Job, _situation: Situation) -> str:
    if job.status not in (Status.PENDING, Status.RUNNING):
        return f"Job {job.id} is {job.status}; only pending and running jobs can be cancelled"
    return f"Job {job.id} is cancelling already" if job.request is Request.CANCEL else ""


def _cannot_retry(job: Job, _situation: Situation) -> str:
    if job.status in (Status.FAILED, Status.CANCELLED):
        return ""
    return f"Job {job.id} is {job.state}; only failed and cancelled jobs can be retried"


def _cannot_requeue(job: Job, _situation: Situation) -> str:
    if job.status in (Status.PENDING, Status.RUNNING):
        return f"Job {job.id} is {job.state}; only the dead letters of ended jobs can be tried again"
    return "" if job.progress.failed else f"Job {job.id} has no dead letters"


def _can_always(_job: Job, _situation: Situation) -> str:
    return ""


JOB, LIST, VIEW, SESSION = "Jobs", "List", "View", "Session"

ACTIONS: tuple[Action, ...] = (
    Action("new", ("n",), "New", "Create a job", JOB, rank=2, writes=True),
    Action(
        "run", ("r",), "Run", "Run the job in this console now, whatever its schedule", JOB, 3, _cannot_run, writes=True
    ),
    Action(
        "pause", ("p",), "Pause", "Stop between two batches and keep the job for later", JOB, 4, _cannot_pause, True
    ),
    Action(
        "resume", ("u",), "Resume", "Let a paused job go on with the next free worker", JOB, 4, _cannot_resume, True
    ),
    Action("cancel", ("c",), "Cancel", "Stop between two batches and end the job", JOB, 5, _cannot_cancel, True),
    Action(
        "retry",
        ("t",),
        "Retry",
        "Put a failed or cancelled job back, to go on where it stopped",
        JOB,
        5,
        _cannot_retry,
        True,
    ),
    Action(
        "restart",
        ("T",),
        "Start over",
        "Put a failed or cancelled job back, from its first row",
        JOB,
        14,
        _cannot_retry,
        True,
    ),
    Action(
        "requeue",
        ("d",),
        "Requeue",
        "Let the dead letters of an ended job be tried again, alone",
        JOB,
        6,
        _cannot_requeue,
        True,
    ),
    Action("clone", ("y",), "Clone", "Create a job like this one", JOB, 12, _can_always, True, single=True),
    Action(
        "filter",
        ("slash",),
        "Filter",
        "Filter the list: status: scope: table: algo: id: and free words, - excludes",
        LIST,
        6,
    ),
    Action("sort", ("s",), "Sort", "Choose the order of the list", LIST, 7),
    Action("mark", ("space",), "Mark", "Mark or unmark the job, for actions on several", LIST, 8, _can_always),
    Action("mark_all", ("a",), "Mark all", "Mark every job that the filter keeps", LIST, 13),
    Action("back", ("escape",), "Back", "Clear the marks, then the filter; leave a pane", LIST),
    Action("pane_jobs", ("1",), "Jobs", "Go to the job list", VIEW),
    Action("pane_detail", ("2",), "Detail", "Go to the job's detail; left and right change its page", VIEW, 9),
    Action("pane_metrics", ("3",), "Metrics", "Go to the metrics", VIEW, 10),
    Action("refresh", ("R",), "Refresh", "Read everything again now", VIEW),
    Action("hold", ("f",), "Freeze", "Stop refreshing by the clock, or go on", VIEW, 15),
    Action(
        "work", ("w",), "Work", "Let this console claim and run whatever is due, or stop that", SESSION, 11, writes=True
    ),
    Action("help", ("question_mark", "f1"), "Help", "Show every key", SESSION, 0),
    Action("palette", ("ctrl+p",), "Palette", "Find any action by its name", SESSION, 9),
    Action("quit", ("q", "ctrl+q"), "Quit", "Leave; asks where work runs here", SESSION, 1),
)
BY_ID: Mapping[str, Action] = {action.id: action for action in ACTIONS}


def eligible(action: Action, situation: Situation) -> tuple[Job, ...]:
    """The jobs that the action can be done to."""
    refuse = action.refuse
    return situation.jobs if refuse is None else tuple(j for j in situation.jobs if not refuse(j, situation))


def unavailable(action: Action, situation: Situation) -> str:
    """Why the action cannot be done now, as a sentence without a full stop; empty where it can."""
    if action.writes and situation.read_only:
        return "This session is read-only"
    if action.refuse is None:
        return ""
    if not situation.jobs:
        return "There is no job here"
    if action.single and len(situation.jobs) > 1:
        return f"{action.label} works on one job; {len(situation.jobs)} are marked"
    if eligible(action, situation):
        return ""
    if len(situation.jobs) == 1:
        return action.refuse(situation.jobs[0], situation)
    return f"None of the {len(situation.jobs)} marked jobs can be done this to"


def bar(situation: Situation) -> list[Action]:
    """The actions to offer at the bottom, in reading order: only what can be done now."""
    return [a for a in ACTIONS if a.rank is not None and not unavailable(a, situation)]
