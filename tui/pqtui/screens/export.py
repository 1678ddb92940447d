"""Where an export goes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static

from pqtui.acting import key_shown
from pqtui.glyphs import Glyphs
from pqtui.styles import MUTED
from pqtui.widgets.choices import Choices
from pqtui.widgets.dialog import Dialog
from pqtui.widgets.entry import Entry


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be written and where: dead letters of ``job_id``, or, where that is None, the list."""

    job_id: int | None
    path: Path


class Export(ModalScreen["Wanted | None"]):
    """Offers the list as it is filtered and the dead letters of the chosen job."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Leave", show=False, id="dialog_leave")]

    def __init__(self, jobs: str, job_id: int | None, now: datetime, glyphs: Glyphs) -> None:
        super().__init__()
        self._job_id = job_id
        self._stamp = now.strftime("%Y%m%d-%H%M%S")
        self._glyphs = glyphs
        self._answers = [("list", f"The list: {jobs}")]
        if job_id is not None:
            self._answers.append(("letters", f"The dead letters of job {job_id}"))

    def compose(self) -> ComposeResult:
        """What, and the file."""
        leave = key_shown(self, "dialog_leave")
        with Dialog():
            yield Static(Content.styled("Export", "bold"), classes="dialog-title")
            yield Choices(self._answers, self._glyphs, id="export-what")
            yield Static(Content.styled(f"File (.csv or .json); enter writes it, {leave} leaves it", MUTED))
            yield Entry(self._file_name("list"), id="export-path", compact=True)

    def _file_name(self, what: str) -> str:
        return f"job-{self._job_id}-dead-letters-{self._stamp}.csv" if what == "letters" else f"jobs-{self._stamp}.csv"

    def on_mount(self) -> None:
        self.query_one(Choices).focus()

    @on(OptionList.OptionHighlighted)
    def _highlighted(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        path = self.query_one("#export-path", Input)
        if path.value in {self._file_name(key) for key, _ in self._answers}:  # not typed over
            path.value = self._file_name(event.option_id or "list")

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.query_one("#export-path").focus()

    @on(Input.Submitted, "#export-path")
    def _submitted(self, event: Input.Submitted) -> None:
        text = event.value.strip()
        if text:
            letters = self.query_one(Choices).chosen == "letters"
            self.dismiss(Wanted(self._job_id if letters else None, Path(text).expanduser()))

    def action_leave(self) -> None:
        """Write nothing."""
        self.dismiss(None)
