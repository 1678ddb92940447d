"""Naming a file to open a selection from, or to save one to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import ModalScreen
from textual.suggester import Suggester
from textual.widgets import Input, Static

from pqcore.errors import UsageError
from pqcore.text import clean
from pqtui.acting import key_shown
from pqtui.selection_files import FileExists, continued, path_of
from pqtui.styles import MUTED
from pqtui.tasks import Outcome, in_background
from pqtui.widgets.dialog import Dialog
from pqtui.widgets.entry import Entry


class PathSuggester(Suggester):
    """Completes a path from the disk, beside the screen."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        """The first path that continues ``value``."""
        return await asyncio.to_thread(continued, value)


class FileDialog(ModalScreen["str | None"]):
    """Asks for a path and uses it; dismissed with what ``use`` gave, or None. What goes wrong is said in place.

    Args:
        title: what is to be done.
        use: blocking; called with the path, and whether a file that exists is to be replaced.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Leave", show=False, id="dialog_leave")]

    def __init__(self, title: str, use: Callable[[Path, bool], str]) -> None:
        super().__init__()
        self._title = title
        self._use = use
        self._exists = ""  # the path that was found to exist: typed again, it is replaced
        self._busy = False

    def compose(self) -> ComposeResult:
        """The question, the field, what is wrong."""
        leave = key_shown(self, "dialog_leave")
        with Dialog():
            yield Static(Content.styled(self._title, "bold"), classes="dialog-title")
            yield Entry(placeholder="~/selection.json", id="path", compact=True, suggester=PathSuggester())
            hint = f"The right arrow takes a suggested name. {leave} leaves."
            yield Static(Content.styled(hint, MUTED), id="path-hint")

    def on_mount(self) -> None:
        self.query_one("#path").focus()

    @on(Input.Submitted, "#path")
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if self._busy:
            return
        try:
            path = path_of(event.value)
        except UsageError as error:
            self._say(str(error))
            return
        self._busy = True
        replace, use = event.value == self._exists, self._use
        in_background(self.app, lambda: use(path, replace), lambda outcome: self._used(event.value, outcome))

    def _used(self, typed: str, outcome: Outcome[str]) -> None:
        self._busy = False
        if not self.is_attached:
            return
        if outcome.value is not None:
            self.dismiss(outcome.value)
            return
        self._exists = typed if isinstance(outcome.error, FileExists) else ""
        self._say(str(outcome.error))

    def _say(self, sentence: str) -> None:
        self.query_one("#path-hint", Static).update(Content.styled(clean(sentence), "$text-error"))

    def action_leave(self) -> None:
        """Close without touching a file."""
        self.dismiss(None)
