"""Confirming an action on a frozen set of jobs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from pqcore.jobs.model import Job
from pqtui import show
from pqtui.acting import key_shown
from pqtui.actions import Action
from pqtui.styles import MUTED
from pqtui.widgets.dialog import Dialog
from pqtui.widgets.entry import Entry


@dataclass(frozen=True, slots=True)
class Plan:
    """What is about to happen, fixed when it was asked for.

    Attributes:
        action: what to do.
        jobs: the jobs it will be done to, as they were then; later refreshes and marks change nothing here.
        left_out: marked jobs that it cannot be done to.
        consequence: one sentence: what becomes of the jobs and their rows.
        typed: what has to be typed before the button works; empty where a button is enough.
    """

    action: Action
    jobs: tuple[Job, ...]
    left_out: int
    consequence: str
    typed: str = ""

    @property
    def ids(self) -> tuple[int, ...]:
        """The frozen ids."""
        return tuple(job.id for job in self.jobs)


_CONSEQUENCES = {
    "run": "They are run in this console now, whatever their schedule.",
    "pause": "They stop between two batches and keep their place.",
    "resume": "They go on with the next free worker.",
    "cancel": "They stop between two batches. Rows that are migrated stay migrated; "
    "a cancelled job can be retried and goes on where it stopped.",
    "retry": "They go on where they stopped; their dead letters get another try.",
    "requeue": "Their dead letters get another try; nothing else is looked at.",
    "stop": "They are checkpointed between two batches, and any worker can go on with them.",
    "verify": "Every value that they migrated is read again and proved; nothing of the tables is written.",
    "rollback": "The old values come back, byte for byte, where a row still holds what the job wrote; "
    "what they were migrated for is undone.",
    "finalize": "The originals that are kept for rollback are destroyed. This cannot be undone.",
    "restart": "Their place, counters and dead letters are forgotten for good; every row is looked at again.",
}

# these ask for one job, too
_ASKS = frozenset({"cancel", "restart", "rollback", "finalize"})
# these want the job's number (or the number of jobs) typed, also for one job
_TYPED = frozenset({"restart", "rollback", "finalize"})


def plan_of(action: Action, jobs: Sequence[Job], left_out: int) -> Plan | None:
    """The plan to confirm; None where the action needs no confirmation.

    One job that is run, paused, resumed or retried needs none: each of these can be undone. Several do, as does
    whatever ends a job. What cannot be undone, and cancelling several, asks for something to be typed.
    """
    several = len(jobs) > 1
    if action.id not in _CONSEQUENCES or not (several or action.id in _ASKS):
        return None
    typed = ""
    if action.id in _TYPED or (action.id == "cancel" and several):
        typed = str(len(jobs)) if several else str(jobs[0].id)
    consequence = _CONSEQUENCES[action.id]
    if not several:
        consequence = consequence.replace("They are", "It is").replace("They stop", "It stops")
        consequence = consequence.replace("Their place", "Its place").replace("they migrated", "it migrated")
        consequence = consequence.replace("they were", "it was")
    return Plan(action, tuple(jobs), left_out, consequence, typed)


def question(plan: Plan) -> Content:
    """What the dialog says: how many jobs, which, how many rows, what becomes of them."""
    jobs = plan.jobs
    lines: list[Content] = []
    if len(jobs) == 1:
        job = jobs[0]
        target = f" to {job.target}" if job.target else ""
        lines.append(
            Content.assemble((f"Job {job.id}", "bold"), f", {job.state}: {job.scope} {show.subject(job)}{target}")
        )
    else:
        lines.append(Content.assemble((show.jobs_in_words(len(jobs)), "bold"), f": {show.ids_in_words(plan.ids)}"))
    lines.append(Content.styled(_touched(plan), MUTED))
    lines.append(Content(""))
    lines.append(Content(plan.consequence))
    if plan.left_out:
        lines.append(
            Content.styled(
                f"{show.jobs_in_words(plan.left_out)} of those marked cannot: left as they are.", "$text-warning"
            )
        )
    return Content("\n").join(lines)


def _touched(plan: Plan) -> str:
    """How many rows it is about."""
    jobs = plan.jobs
    migrated = sum(job.progress.migrated for job in jobs)
    match plan.action.id:
        case "verify":
            return f"{show.rows_in_words(migrated)} to read"
        case "rollback":
            return f"Up to {show.rows_in_words(migrated)} to write"
        case "finalize":
            return f"The originals of up to {show.rows_in_words(migrated)}"
    seen = sum(job.progress.seen for job in jobs)
    totals = [job.progress.total for job in jobs if job.progress.total is not None]
    touched = f"{show.rows_in_words(seen)} processed so far"
    if totals:
        touched += f", {show.count(max(0, sum(totals) - seen))} left"
    if len(totals) < len(jobs):
        left = show.jobs_in_words(len(jobs) - len(totals))
        touched += "; not yet counted" if not totals else f"; {left} not yet counted"
    return touched


class Confirm(ModalScreen[bool]):
    """Asks; dismissed with True to go ahead. It shows a frozen plan, so refreshes behind it change nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Leave as it is", show=False, id="dialog_leave"),
        Binding("n", "leave", "Leave as it is", show=False),
        Binding("left,up", "app.focus_previous", show=False),
        Binding("right,down", "app.focus_next", show=False),
    ]

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.plan = plan

    def compose(self) -> ComposeResult:
        """Question, what to type, two buttons; the harmless one has the focus."""
        plan = self.plan
        label = plan.action.label
        with Dialog():
            yield Static(Content.styled(f"{label}?", "bold"), classes="dialog-title")
            with VerticalScroll(classes="dialog-body", can_focus=False):
                yield Static(question(plan))
            if plan.typed:
                what = "the number of jobs" if len(plan.jobs) > 1 else "the job's number"
                yield Static(Content(f"Type {what}, {plan.typed}, to go ahead:"), classes="dialog-typed")
                yield Entry(id="typed", compact=True, max_length=20)
            with Horizontal(classes="dialog-buttons"):
                leave = key_shown(self, "dialog_leave")
                yield Button(f"Leave as it is ({leave})", id="leave", compact=True)
                yield Button(
                    f"{label} {show.jobs_in_words(len(plan.jobs))}", id="go", compact=True, disabled=bool(plan.typed)
                )

    def on_mount(self) -> None:
        self.query_one("#typed" if self.plan.typed else "#leave").focus()

    @on(Input.Changed, "#typed")
    def _typed(self, event: Input.Changed) -> None:
        self.query_one("#go", Button).disabled = event.value.strip() != self.plan.typed

    @on(Input.Submitted, "#typed")
    def _submitted(self, event: Input.Submitted) -> None:
        if event.value.strip() == self.plan.typed:
            self.dismiss(True)

    @on(Button.Pressed, "#go")
    def _go(self) -> None:
        self.dismiss(True)

    @on(Button.Pressed, "#leave")
    def action_leave(self) -> None:
        """Close without doing anything."""
        self.dismiss(False)
