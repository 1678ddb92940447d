"""Choosing the order of the list."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static

from pqcore.jobs.sort import SORTABLE, Sort
from pqtui.acting import key_shown
from pqtui.glyphs import Glyphs
from pqtui.widgets.choices import Choices
from pqtui.widgets.dialog import Dialog, DialogHint

_TITLES = {
    "id": "Id",
    "status": "State",
    "scope": "Scope",
    "processed_count": "Rows processed",
    "created_at": "Created",
    "scheduled_at": "Scheduled",
    "started_at": "Started",
    "finished_at": "Finished",
}


class Order(ModalScreen[Sort | None]):
    """Offers every column to sort by; choosing the present one turns the order round."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Leave", show=False, id="dialog_leave"),
        Binding("s", "leave", "Leave", show=False, id="sort"),
    ]

    def __init__(self, sort: Sort, glyphs: Glyphs) -> None:
        super().__init__()
        self._glyphs = glyphs
        self._sort = sort

    def compose(self) -> ComposeResult:
        """A list of columns."""
        answers = []
        for column in SORTABLE:
            text = _TITLES.get(column, column)
            if column == self._sort.column:
                text += f"  (now {'largest' if self._sort.descending else 'smallest'} first; enter turns it round)"
            answers.append((column, text))
        with Dialog():
            yield Static(Content.styled("Sort by", "bold"), classes="dialog-title")
            yield Choices(answers, self._glyphs, at=SORTABLE.index(self._sort.column), id="order")
            yield DialogHint(f"enter sorts, {key_shown(self, 'dialog_leave')} leaves it as it is")

    def on_mount(self) -> None:
        self.query_one(Choices).focus()

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        column = event.option_id or "id"
        descending = not self._sort.descending if column == self._sort.column else column != "scope"
        self.dismiss(Sort(column, descending))

    def action_leave(self) -> None:
        """Keep the order."""
        self.dismiss(None)
