"""The last step before a job is made: the check against the live database, when it starts, and the confirmation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, OptionList, Static

from pqcore.errors import PQConsoleError
from pqcore.jobs.model import Job
from pqcore.migrations.base import Scope
from pqcore.selection.check import Report
from pqcore.selection.problem import SelectionError
from pqcore.text import clean
from pqcore.workspace import NewJob
from pqtui import verdict_text
from pqtui.acting import Acting, bindings_of
from pqtui.actions import Action
from pqtui.schedule import parse_start
from pqtui.styles import MUTED
from pqtui.tasks import Outcome, in_background
from pqtui.widgets.choices import Choices
from pqtui.widgets.dialog import Dialog
from pqtui.widgets.entry import Entry

if TYPE_CHECKING:
    from pqtui.app import ConsoleApp


class Start(StrEnum):
    """When and where the job starts."""

    HERE = "here"
    WORKER = "worker"
    LATER = "later"


_STARTS = (
    (Start.HERE, "Now, in this console"),
    (Start.WORKER, "Now, by the next free worker"),
    (Start.LATER, "At a time"),
)


@dataclass(frozen=True, slots=True)
class Created:
    """The job that was made; ``not_started`` says why it does not run here although it was to, else it is empty."""

    job: Job
    not_started: str = ""


class Review(Acting, ModalScreen["Created | None"]):
    """Shows the report; dismissed with the job that was created, or None to go back to the editor."""

    part = "review"
    BINDINGS: ClassVar[list[BindingType]] = bindings_of("review")

    def __init__(self, scope: Scope, text: str, algorithm: str | None, policy: str | None) -> None:
        super().__init__()
        self._scope = scope
        self._text = text
        self._algorithm = algorithm
        self._policy = policy
        self._ready: bool | None = None  # None until it is checked
        self._creating = False

    @property
    def console(self) -> ConsoleApp:
        """The application."""
        return cast("ConsoleApp", self.app)

    def compose(self) -> ComposeResult:
        """Report, start, buttons."""
        target = self._algorithm or f"policy {self._policy}"
        keys = self.console.key_texts
        with Dialog(classes="dialog-wide"):
            yield Static(
                Content.assemble((f"Create a job: {self._scope} to {clean(target)}", "bold")), classes="dialog-title"
            )
            with VerticalScroll(classes="dialog-body", id="report"):
                yield Static(Content.styled("Checking against the database and the keys", MUTED), id="report-text")
            yield Choices(_STARTS, self.console.glyphs, id="start")
            yield Entry(placeholder="+2h, or 2026-12-24 22:00 (UTC)", id="start-at", compact=True)
            yield Static("", id="review-problem")
            with Horizontal(classes="dialog-buttons"):
                yield Button(f"Back to the editor ({keys['dialog_leave']})", id="leave", compact=True)
                yield Button(f"Create the job ({keys['review_create']})", id="go", compact=True, disabled=True)

    def on_mount(self) -> None:
        self.query_one("#start-at").display = False
        self.query_one("#start").focus()
        workspace, scope, text = self.console.workspace, self._scope, self._text
        algorithm, policy = self._algorithm, self._policy
        in_background(
            self.app, lambda: workspace.preflight(scope, text, algorithm=algorithm, policy=policy), self._checked
        )

    def _checked(self, outcome: Outcome[Report]) -> None:
        if not self.is_attached:
            return
        shown = self.query_one("#report-text", Static)
        if outcome.value is None:
            self._ready = False
            shown.update(_error_text(outcome.error))
            self.query_one("#leave").focus()
            return
        report = outcome.value
        shown.update(verdict_text.report_text(report, self.console.glyphs))
        self._ready = report.ok
        self.query_one("#go", Button).disabled = not report.ok
        if not report.ok:
            self.query_one("#leave").focus()

    @property
    def _start(self) -> Start:
        return Start(self.query_one("#start", Choices).chosen)

    @on(OptionList.OptionHighlighted)
    def _start_chosen(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        self.query_one("#start-at", Input).display = self._start is Start.LATER
        self.query_one("#review-problem", Static).update("")

    @on(OptionList.OptionSelected)
    def _start_taken(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        later = self._start is Start.LATER
        self.query_one("#start-at" if later else "#go").focus()

    # actions

    def doings(self) -> Mapping[str, Callable[[], object]]:
        """What each action does."""
        return {"review_create": self._create, "dialog_leave": self._leave}

    def why_not(self, action: Action) -> str:
        """Why the job cannot be created yet, or not as it is."""
        if action.id == "review_create" and self._ready is None:
            return "It is still being checked"
        if action.id == "review_create" and not self._ready:
            return "It cannot be created: see above"
        return "It is being created" if self._creating else super().why_not(action)

    def refuse(self, sentence: str) -> None:
        """Say it above the buttons."""
        self._say(sentence)

    @on(Input.Submitted, "#start-at")
    @on(Button.Pressed, "#go")
    def _go(self) -> None:
        self.action_do("review_create")

    @on(Button.Pressed, "#leave")
    def _stay(self) -> None:
        self.action_do("dialog_leave")

    def _create(self) -> None:
        """Create the job as it was checked."""
        scheduled: datetime | None = None
        if self._start is Start.LATER:
            try:
                scheduled = parse_start(self.query_one("#start-at", Input).value, self.console.now())
            except PQConsoleError as error:
                self._say(str(error))
                self.query_one("#start-at").focus()
                return
        self._creating = True
        self.query_one("#go", Button).disabled = True
        new = NewJob(self._scope, self._text, self._algorithm, self._policy, scheduled)
        workspace, local, here = self.console.workspace, self.console.local, self._start is Start.HERE

        def work() -> Created:
            job = workspace.create_job(new)
            try:
                if here:
                    local.run(job.id)
            except PQConsoleError as error:  # it is there all the same: creating it again would make two
                return Created(job, str(error))
            return Created(job)

        in_background(self.app, work, self._created)

    def _created(self, outcome: Outcome[Created]) -> None:
        if not self.is_attached:
            return
        if outcome.value is not None:
            self.dismiss(outcome.value)
            return
        self._creating = False
        self.query_one("#go", Button).disabled = False
        self._say(str(outcome.error))

    def _say(self, sentence: str) -> None:
        self.query_one("#review-problem", Static).update(Content.styled(clean(sentence), "$text-error"))

    def _leave(self) -> None:
        """Back to the editor."""
        self.dismiss(None)


def _error_text(error: PQConsoleError | None) -> Content:
    if isinstance(error, SelectionError):
        return Content("\n").join([Content.styled(clean(str(problem)), "$text-error") for problem in error.problems])
    return Content.styled(clean(str(error)), "$text-error")
