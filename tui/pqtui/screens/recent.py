"""Choosing one of the selections that were written lately."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static

from pqcore.text import clean
from pqtui import selection_form as form
from pqtui.acting import key_shown
from pqtui.glyphs import Glyphs
from pqtui.history import Recent
from pqtui.widgets.choices import Choices
from pqtui.widgets.dialog import Dialog, DialogHint


def summary(entry: Recent) -> str:
    """One line: when, what is migrated, and how many rows at most."""
    document = form.read_document(entry.text) or {}
    names = [document.get(name) for name in ("table", "field")]
    subject = ".".join(clean(name, limit=40) for name in names if isinstance(name, str) and name) or "(unfinished)"
    more = [name for name in ("where", "limit", "throttle", "keep_originals") if document.get(name)]
    tail = f"  with {', '.join(more)}" if more else ""
    return f"{entry.at[:16].replace('T', ' ')}  {entry.scope:<10} {subject}{tail}"


class RecentSelections(ModalScreen["Recent | None"]):
    """The selections, newest first; dismissed with the one that was chosen."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Leave", show=False, id="dialog_leave")]

    def __init__(self, entries: Sequence[Recent], glyphs: Glyphs) -> None:
        super().__init__()
        self._entries = tuple(entries)
        self._glyphs = glyphs

    def compose(self) -> ComposeResult:
        """A list, or why there is none."""
        with Dialog(classes="dialog-wide"):
            yield Static(Content.styled("Recent selections for this database", "bold"), classes="dialog-title")
            if self._entries:
                answers = [(str(number), summary(entry)) for number, entry in enumerate(self._entries)]
                yield Choices(answers, self._glyphs, id="recent")
            else:
                yield Static("There are none yet.")
            leave = f"{key_shown(self, 'dialog_leave')} leaves it as it is"
            yield DialogHint(f"enter takes one, {leave}" if self._entries else leave)

    def on_mount(self) -> None:
        if self._entries:
            self.query_one(Choices).focus()

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._entries[int(event.option_id or 0)])

    def action_leave(self) -> None:
        """Keep what is written."""
        self.dismiss(None)
