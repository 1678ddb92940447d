"""Changing the limits of jobs, also while they run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from pqcore.errors import UsageError
from pqcore.text import clean
from pqtui import limits_form, show
from pqtui.acting import Acting, bindings_of
from pqtui.limits_form import FIELDS
from pqtui.styles import MUTED
from pqtui.widgets.dialog import Dialog
from pqtui.widgets.entry import Entry

if TYPE_CHECKING:
    from pqtui.app import ConsoleApp


@dataclass(frozen=True, slots=True)
class Tuning:
    """What was chosen: members of ``batch`` and ``throttle``, or None to go back to the limits of the selection."""

    change: Mapping[str, Mapping[str, Any]] | None


class Tune(Acting, ModalScreen[Tuning | None]):
    """A field for each limit, with what is in force. It works on the jobs it was opened for, whatever is refreshed.

    Args:
        ids: the jobs.
        texts: what stands in the fields, by name of the limit.
        differ: limits in which several jobs differ; their fields are empty.
    """

    part = "tune"
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings_of("tune"),
        Binding("up", "app.focus_previous", show=False),
        Binding("down", "app.focus_next", show=False),
    ]

    def __init__(self, ids: tuple[int, ...], texts: Mapping[str, str], differ: frozenset[str]) -> None:
        super().__init__()
        self.ids = ids
        self._texts = dict(texts)
        self._differ = differ

    @property
    def console(self) -> ConsoleApp:
        """The application."""
        return cast("ConsoleApp", self.app)

    def compose(self) -> ComposeResult:
        """Fields, what is wrong, buttons."""
        ids = self.ids
        what = f"job {ids[0]}" if len(ids) == 1 else f"{show.jobs_in_words(len(ids))}: {show.ids_in_words(ids)}"
        keys = self.console.key_texts
        with Dialog():
            yield Static(Content.styled(f"Limits of {what}", "bold"), classes="dialog-title")
            with VerticalScroll(classes="dialog-body", can_focus=False):
                for field in FIELDS:
                    empty = "(they differ)" if field.name in self._differ else f"({field.empty})"
                    yield Horizontal(
                        Static(field.label, classes="tune-label"),
                        Entry(self._texts[field.name], placeholder=empty, compact=True, id=field.id),
                        classes="tune-row",
                    )
            yield Static(Content.styled(FIELDS[0].help, MUTED), id="tune-hint")
            with Horizontal(classes="dialog-buttons"):
                yield Button(f"Leave ({keys['dialog_leave']})", id="leave", compact=True)
                yield Button("As selected", id="reset", compact=True)
                yield Button(f"Change ({keys['limits_change']})", id="go", compact=True)

    def on_mount(self) -> None:
        self.query_one(f"#{FIELDS[0].id}").focus()

    def _typed(self) -> dict[str, str]:
        return {field.name: self.query_one(f"#{field.id}", Input).value for field in FIELDS}

    def _change(self) -> dict[str, dict[str, Any]] | None:
        """The change that is typed; None where something of it is no limit, which is said."""
        try:
            return limits_form.change_of(self._texts, self._typed())
        except UsageError as error:
            self._hint(str(error), "$text-error")
            return None

    def _hint(self, text: str, style: str = MUTED) -> None:
        self.query_one("#tune-hint", Static).update(Content.styled(clean(text), style))

    def on_descendant_focus(self) -> None:
        focused = self.focused
        field = next((f for f in FIELDS if focused is not None and f.id == focused.id), None)
        if field is not None:
            self._hint(field.help)
        elif focused is not None and focused.id == "reset":
            self._hint("Back to the limits that the selection has")

    @on(Input.Changed)
    def _edited(self, event: Input.Changed) -> None:
        event.stop()
        field = next((f for f in FIELDS if f.id == event.input.id), FIELDS[0])
        if self._change() is not None:
            self._hint(field.help)

    # actions

    def doings(self) -> Mapping[str, Callable[[], object]]:
        """What each action does."""
        return {"limits_change": self._take, "dialog_leave": lambda: self.dismiss(None)}

    def refuse(self, sentence: str) -> None:
        """Say it below the fields."""
        self._hint(sentence, "$text-error")

    @on(Input.Submitted)
    @on(Button.Pressed, "#go")
    def _go(self) -> None:
        self.action_do("limits_change")

    @on(Button.Pressed, "#leave")
    def _leave(self) -> None:
        self.action_do("dialog_leave")

    def _take(self) -> None:
        """Take what is typed."""
        change = self._change()
        if change is not None:
            self.dismiss(Tuning(change) if change else None)

    @on(Button.Pressed, "#reset")
    def _reset(self) -> None:
        self.dismiss(Tuning(None))
