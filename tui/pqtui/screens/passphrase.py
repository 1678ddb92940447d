"""Asking for a passphrase while the console has the screen."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from pqtui.acting import key_shown
from pqtui.widgets.dialog import Dialog
from pqtui.widgets.entry import Entry


class AskPassphrase(ModalScreen[str | None]):
    """Dismissed with what was typed, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Leave", show=False, id="dialog_leave")]

    def __init__(self, question: str) -> None:
        super().__init__()
        self._question = question

    def compose(self) -> ComposeResult:
        """The question and a field that shows nothing of what is typed."""
        leave = key_shown(self, "dialog_leave")
        with Dialog():
            yield Static(Content.styled("Keyring", "bold"), classes="dialog-title")
            yield Static(Content(self._question.rstrip(": ")), classes="dialog-body")
            yield Entry(password=True, id="passphrase", compact=True)
            yield Static(Content.styled(f"enter goes on, {leave} leaves it", "$foreground-muted"))

    def on_mount(self) -> None:
        self.query_one(Input).focus()

    @on(Input.Submitted)
    def _typed(self, event: Input.Submitted) -> None:
        if event.value:
            self.dismiss(event.value)

    def action_leave(self) -> None:
        """Give no passphrase."""
        self.dismiss(None)
