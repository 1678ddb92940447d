"""The one registry of actions: keys, the bar at the bottom, the palette and the help are made from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from pqcore.jobs.model import OPERATIONS, Job, Phase, Purpose, Request, Status
from pqcore.migrations.base import Scope
from pqtui.show import OPERATION_WORDS


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
        news: jobs to which something happened since the last session.
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
    news: int = 0


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
        return _busy(job)
    return f"Job {job.id} is {job.state}; only failed and cancelled jobs can be retried"


def _cannot_requeue(job: Job, _situation: Situation) -> str:
    if job.status in (Status.PENDING, Status.RUNNING):
        return f"Job {job.id} is {job.state}; only the dead letters of ended jobs can be tried again"
    if _busy(job):
        return _busy(job)
    return "" if job.progress.failed else f"Job {job.id} has no dead letters"


def _busy(job: Job) -> str:
    """Why nothing else can be done with an ended job now: an operation on it is under way."""
    if job.operation is None or job.held_by is None:
        return ""
    return f"Job {job.id} is {OPERATION_WORDS[job.operation]}, by {job.held_by}"


def _cannot_operate(job: Job, purpose: Purpose) -> str:
    """What holds for every operation on an ended job."""
    if job.status not in OPERATIONS[purpose][0]:
        wanted = "done" if purpose is Purpose.FINALIZE else "ended"
        return f"Job {job.id} is {job.state}; it has to be {wanted} first"
    if job.progress.total is None:
        return f"Job {job.id} was never started"
    if job.phase is Phase.FINALIZED and purpose is not Purpose.VERIFY:
        return f"Job {job.id} is finalized: its originals are destroyed"
    if job.phase is Phase.ROLLED_BACK:
        return f"Job {job.id} is rolled back: nothing of it is left"
    return _busy(job)


def _cannot_verify(job: Job, _situation: Situation) -> str:
    return _cannot_operate(job, Purpose.VERIFY)


def _cannot_roll_back(job: Job, _situation: Situation) -> str:
    reason = _cannot_operate(job, Purpose.ROLLBACK)
    if reason or job.keeps_originals or job.operation is Purpose.ROLLBACK:
        return reason
    # signatures beside the table can be withdrawn without originals; the engine knows where they went
    return "" if job.scope is Scope.SIGNATURES else f"Job {job.id} kept no originals (keep_originals in its selection)"


def _cannot_finalize(job: Job, _situation: Situation) -> str:
    reason = _cannot_operate(job, Purpose.FINALIZE)
    if reason or job.operation is Purpose.FINALIZE:
        return reason
    if not job.keeps_originals:
        return f"Job {job.id} keeps no originals; there is nothing to finalize"
    if job.progress.failed:
        return f"Job {job.id} has dead letters; mend and requeue them first"
    return "" if job.phase is Phase.VERIFIED else f"Job {job.id} is not verified; verify it first"


def _cannot_stop(job: Job, situation: Situation) -> str:
    return "" if job.id in situation.here else f"Job {job.id} does not run in this console"


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
    Action(
        "stop",
        ("x",),
        "Stop",
        "Checkpoint what runs of the job in this console and leave it to be resumed, by any worker",
        JOB,
        4,
        _cannot_stop,
        True,
    ),
    Action(
        "hand_over",
        ("H",),
        "Hand over",
        "Let a worker of its own go on with it, which outlives this console",
        JOB,
        None,
        _cannot_stop,
        True,
    ),
    Action(
        "tune",
        ("l",),
        "Limits",
        "Change the limits of the job; a running one follows within a second",
        JOB,
        9,
        _can_always,
        True,
    ),
    Action(
        "verify",
        ("v",),
        "Verify",
        "Read every value that an ended job migrated again, and prove it",
        JOB,
        5,
        _cannot_verify,
        True,
    ),
    Action(
        "rollback",
        ("B",),
        "Roll back",
        "Put the originals of an ended job back where its rows still hold what it wrote",
        JOB,
        13,
        _cannot_roll_back,
        True,
    ),
    Action(
        "finalize",
        ("F",),
        "Finalize",
        "Destroy the originals of a verified job for good",
        JOB,
        6,
        _cannot_finalize,
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
    Action("copy", ("Y",), "Copy", "Copy the jobs, or the page that has the focus, to the clipboard", VIEW),
    Action("export", ("e",), "Export", "Write the list or dead letters to a CSV or JSON file", VIEW),
    Action("pane_jobs", ("1",), "Jobs", "Go to the job list", VIEW),
    Action("pane_detail", ("2",), "Detail", "Go to the job's detail; left and right change its page", VIEW, 9),
    Action(
        "records",
        ("o",),
        "Records",
        "Open the job's ranges, events and dead letters, and the story of each row",
        VIEW,
        8,
        _can_always,
        single=True,
    ),
    Action("pane_metrics", ("3",), "Metrics", "Go to the metrics", VIEW, 10),
    Action(
        "span",
        ("z",),
        "Span",
        "Let the plots of throughput look further back: 15 minutes, 1, 6 or 24 hours, and 15 minutes again",
        VIEW,
        14,
    ),
    Action("estate", ("i",), "Estate", "See what is stored, how it stands and how much of it is safe", VIEW),
    Action("news", ("N",), "News", "See what happened to jobs since a console was last open here", VIEW),
    Action("refresh", ("R",), "Refresh", "Read everything again now", VIEW),
    Action("hold", ("f",), "Freeze", "Stop refreshing by the clock, or go on", VIEW, 15),
    Action(
        "work", ("w",), "Work", "Let this console claim and run whatever is due, or stop that", SESSION, 11, writes=True
    ),
    Action("profile", ("P",), "Profile", "Go to the database of another profile", SESSION),
    Action("help", ("question_mark", "f1"), "Help", "Show every key", SESSION, 0),
    Action("palette", ("ctrl+p",), "Palette", "Find any action by its name", SESSION, 9),
    Action("quit", ("q", "ctrl+q"), "Quit", "Leave; asks where work runs here", SESSION, 1),
)

EDITOR, DIALOG = "Editor", "Dialogs"

# what can be done while a job is written
EDITOR_ACTIONS: tuple[Action, ...] = (
    Action(
        "editor_check", ("ctrl+s",), "Check and create", "Hold it against the live database, then create it", EDITOR, 0
    ),
    Action("editor_leave", ("escape",), "Leave", "Leave; what was written is kept", EDITOR, 1),
    Action(
        "editor_complete", ("ctrl+space", "ctrl+@"), "Complete", "Offer what fits at the cursor of the JSON", EDITOR, 4
    ),
    Action("editor_turn", ("ctrl+t",), "Form/JSON", "Go from the form to the JSON, or back", EDITOR, 3),
    Action("editor_problem", ("f8",), "Problem", "Go to the first problem", EDITOR, 6),
    Action("editor_undo", ("ctrl+z",), "Undo", "Undo the last change, of the form or the JSON", EDITOR, 8),
    Action("editor_redo", ("ctrl+y",), "Redo", "Do again what was undone", EDITOR, 12),
    Action("editor_recent", ("ctrl+r",), "Recent", "Take one of the selections that were written lately", EDITOR, 9),
    Action("editor_open", ("ctrl+o",), "Open", "Open a selection from a file", EDITOR, 10),
    Action("editor_save", ("f2",), "Save as", "Save the selection to a file", EDITOR, 11),
    Action("editor_help", ("f1",), "Help", "Show every key", EDITOR, 2),
)

BELOW = "Below a job"
_COMMON = {action.id: action for action in ACTIONS if action.id in ("refresh", "help", "palette")}
_AGAIN = replace(_COMMON["refresh"], rank=7)
_LEAVE = Action("leave", ("escape", "q"), "Back", "Go back by one step", BELOW, 1)
_OPEN = Action("open", ("enter",), "Open", "Show what is under the cursor in full", BELOW, 2)
_LETTERS = Action("range_letters", ("d",), "Its dead letters", "Show the dead letters of this range", BELOW, 3)

# what can be done among the ranges, events and dead letters of a job
RECORDS_ACTIONS: tuple[Action, ...] = (
    _OPEN,
    _LETTERS,
    Action("records_find", ("slash",), "Find a row", "Tell the story of the row with a certain key", BELOW, 4),
    Action("records_next", ("right", "tab"), "Next", "Go on to the next kind of records", BELOW, 6),
    Action("records_before", ("left",), "Before", "Go to the kind of records before", BELOW),
    _AGAIN,
    _COMMON["help"],
    _COMMON["palette"],
    _LEAVE,
)
# what can be done with one of them
RECORD_ACTIONS: tuple[Action, ...] = (_LETTERS, _AGAIN, _COMMON["help"], _COMMON["palette"], _LEAVE)

# what can be done among what happened meanwhile
NEWS_ACTIONS: tuple[Action, ...] = (_OPEN, _COMMON["help"], _COMMON["palette"], _LEAVE)

ESTATE = "Estate"
ESTATE_ACTIONS: tuple[Action, ...] = (
    Action("estate_new", ("n",), "New job", "Create a job from the form under the cursor", ESTATE, 2, writes=True),
    Action(
        "estate_exact",
        ("x",),
        "Every row",
        "Read every row of the table under the cursor; once more stops it",
        ESTATE,
        3,
    ),
    Action("estate_policy", ("p",), "Policy", "Hold the same counts against the next policy", ESTATE, 4),
    _AGAIN,
    _COMMON["help"],
    _COMMON["palette"],
    _LEAVE,
)

_DIALOG_LEAVE = Action("dialog_leave", ("escape",), "Leave", "Leave a dialog, with everything as it was", DIALOG, 1)
REVIEW_ACTIONS: tuple[Action, ...] = (
    Action("review_create", ("ctrl+s",), "Create the job", "Create the job as it was checked", DIALOG, 0, writes=True),
    _DIALOG_LEAVE,
)
TUNE_ACTIONS: tuple[Action, ...] = (
    Action("limits_change", ("ctrl+s",), "Change", "Put the limits that are typed in force", DIALOG, 0, writes=True),
    _DIALOG_LEAVE,
)

# screen -> what can be done there: within one of them no key can have two meanings
PARTS: Mapping[str, tuple[Action, ...]] = {
    "main": ACTIONS,
    "editor": EDITOR_ACTIONS,
    "records": RECORDS_ACTIONS,
    "record": RECORD_ACTIONS,
    "news": NEWS_ACTIONS,
    "estate": ESTATE_ACTIONS,
    "review": REVIEW_ACTIONS,
    "tune": TUNE_ACTIONS,
}
BY_ID: Mapping[str, Action] = {action.id: action for part in PARTS.values() for action in part}


def eligible(action: Action, situation: Situation) -> tuple[Job, ...]:
    """The jobs that the action can be done to."""
    refuse = action.refuse
    return situation.jobs if refuse is None else tuple(j for j in situation.jobs if not refuse(j, situation))


def unavailable(action: Action, situation: Situation) -> str:
    """Why the action cannot be done now, as a sentence without a full stop; empty where it can."""
    if action.writes and situation.read_only:
        return "This session is read-only"
    if action.id == "news" and not situation.news:
        return "Nothing is known to have happened since a console was last open here"
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


def bar(actions: Sequence[Action], why_not: Callable[[Action], str]) -> list[Action]:
    """The actions to offer at the bottom, in reading order: only what can be done now."""
    return [a for a in actions if a.rank is not None and not why_not(a)]
