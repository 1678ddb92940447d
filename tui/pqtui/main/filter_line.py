"""The line above the list in which the filter is typed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content
from textual.widgets import Input, Static

from pqcore.jobs.filter import JobFilter
from pqcore.text import clean
from pqtui.filter_typing import FilterSuggester, SeenValues, typed_filter
from pqtui.widgets.entry import Entry

if TYPE_CHECKING:
    from pqtui.screens.main import MainScreen

_HINT = "status:failed scope:wrappers table:users -algo:ml-kem words"


def filter_input(seen: SeenValues) -> Input:
    """The field itself."""
    # nothing selected: a key that comes before the focus has settled would be replaced by the next
    suggester = FilterSuggester(seen)
    return Entry(id="filter", placeholder=_HINT, suggester=suggester, compact=True, select_on_focus=False)


class FilterLine:
    """The field and the line that says what is wrong with it; both are there only while they are needed."""

    def __init__(self, screen: MainScreen) -> None:
        self._screen = screen

    @property
    def _box(self) -> Input:
        return self._screen.query_one("#filter", Input)

    @property
    def text(self) -> str:
        """What is typed."""
        return self._box.value

    @property
    def has_focus(self) -> bool:
        """Whether it is being typed in."""
        return self._box.has_focus

    def begin_with(self, text: str) -> JobFilter:
        """Take a filter of last time; one that can no longer be read is left out."""
        job_filter, wrong = typed_filter(text)
        if not text or wrong:
            return JobFilter()
        box = self._box
        with box.prevent(Input.Changed):
            box.value = text
        box.display = True
        return job_filter

    def typed(self) -> JobFilter | None:
        """What the text says, None where it cannot be read; says what is wrong with it."""
        job_filter, wrong = typed_filter(self._box.value)
        problem = self._screen.query_one("#filter-problem", Static)
        problem.update(Content.styled(clean(wrong), "$text-error"))
        problem.display = bool(wrong)
        return None if wrong else job_filter

    def open(self) -> None:
        """Show the field, and type in it."""
        box = self._box
        box.display = True
        # at once: what is typed next is the filter, not a row of actions
        self._screen.set_focus(box)

    def close(self) -> None:
        """Back to the list; an empty field goes."""
        box = self._box
        box.display = bool(box.value)
        self._screen.lines.focus()

    def clear(self) -> None:
        """Lift the filter."""
        self._box.value = ""
        self.close()
