"""Choosing another profile, and with it another database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static

from pqtui.acting import key_shown
from pqtui.glyphs import Glyphs
from pqtui.profiles import Choice
from pqtui.widgets.choices import Choices
from pqtui.widgets.dialog import Dialog, DialogHint


class ChooseProfile(ModalScreen["str | None"]):
    """Offers the profiles of the file, each with its badge in words; dismissed with the name of one, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Leave", show=False, id="dialog_leave"),
        Binding("P", "leave", "Leave", show=False, id="profile"),
    ]

    def __init__(self, choices: Sequence[Choice], glyphs: Glyphs) -> None:
        super().__init__()
        self._offered = tuple(choices)
        self._glyphs = glyphs

    def compose(self) -> ComposeResult:
        """A list of profiles."""
        # numbered: a name may hold what is no id of a widget
        answers = [(str(number), choice.text) for number, choice in enumerate(self._offered)]
        at = next((number for number, choice in enumerate(self._offered) if choice.in_use), 0)
        with Dialog(classes="dialog-wide"):
            yield Static(Content.styled("Go to which profile?", "bold"), classes="dialog-title")
            yield Choices(answers, self._glyphs, at=at, id="profiles")
            yield DialogHint(f"enter goes there, {key_shown(self, 'dialog_leave')} stays here")

    def on_mount(self) -> None:
        self.query_one(Choices).focus()

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        choice = self._offered[int(event.option_id or 0)]
        self.dismiss(None if choice.in_use else choice.name)

    def action_leave(self) -> None:
        """Stay where we are."""
        self.dismiss(None)
