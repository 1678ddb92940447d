"""Quitting while work runs here."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static

from pqcore.jobs.model import Purpose
from pqtui import show
from pqtui.acting import key_shown
from pqtui.glyphs import Glyphs
from pqtui.widgets.choices import Choices
from pqtui.widgets.dialog import Dialog, DialogHint


class Leaving(StrEnum):
    """What to do about the work that runs here."""

    STAY = "stay"
    WAIT = "wait"
    HAND_OVER = "hand over"
    STOP = "stop"


_ANSWERS = (
    (Leaving.STAY, "Stay here"),
    (Leaving.WAIT, "Quit when the work here has ended"),
    (Leaving.HAND_OVER, "Hand over to a worker of its own, and quit"),
    (Leaving.STOP, "Checkpoint, stop and quit (any worker can resume)"),
)


class Leave(ModalScreen[Leaving]):
    """Asks what becomes of the jobs that run in this console."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "stay", "Stay", show=False, id="dialog_leave")]

    def __init__(self, ids: tuple[int, ...], operations: Mapping[int, Purpose], glyphs: Glyphs) -> None:
        super().__init__()
        self._glyphs = glyphs
        self._ids = ids
        self._operations = operations

    def compose(self) -> ComposeResult:
        """The question and its answers."""
        number = len(self._ids)
        runs = "runs" if number == 1 else "run"
        where = f"{runs} in this console: {show.ids_in_words(self._ids)}{self._what}"
        answers = dict(_ANSWERS)
        if self._operations:  # no worker takes them up by itself
            answers[Leaving.STOP] = "Checkpoint, stop and quit (the same key resumes)"
        with Dialog():
            yield Static(Content.styled("Quit?", "bold"), classes="dialog-title")
            yield Static(Content(f"{show.jobs_in_words(number)} {where}"), classes="dialog-body")
            yield Choices([(answer.name, text) for answer, text in answers.items()], self._glyphs, id="leaving")
            yield DialogHint(f"enter chooses, {key_shown(self, 'dialog_leave')} stays here")

    @property
    def _what(self) -> str:
        """What is done with jobs that have ended: ``; verifying 3, 4``."""
        words = ""
        for purpose in Purpose:
            ids = tuple(job_id for job_id in self._ids if self._operations.get(job_id) is purpose)
            words += f"; {show.OPERATION_WORDS[purpose]} {show.ids_in_words(ids)}" if ids else ""
        return words

    def on_mount(self) -> None:
        self.query_one(OptionList).focus()

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(Leaving[event.option_id or Leaving.STAY.name])

    def action_stay(self) -> None:
        """Close without quitting."""
        self.dismiss(Leaving.STAY)
