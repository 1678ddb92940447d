"""What is asked of the live database while a selection is written: names, completions, the rows it takes.

Each question waits until the typing rests, and its answer counts only while nothing newer was asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pqcore.selection import preview
from pqcore.selection.catalog import Catalog
from pqcore.selection.complete import Completion, complete
from pqcore.selection.document import Selection
from pqcore.selection.target import resolve
from pqtui.editor.verdict import Verdict
from pqtui.latest import Latest
from pqtui.names import Names, read_names
from pqtui.tasks import Outcome
from pqtui.verdict_text import Preview
from pqtui.widgets.selection_form import SelectionForm

if TYPE_CHECKING:
    from pqtui.screens.new_job import NewJobScreen

_COUNT_LIMIT = 1_000_000
_COUNT_SECONDS = 2.0
_SAMPLE_ROWS = 4


class Live:
    """The questions of one screen, and the names that are known by now."""

    def __init__(self, screen: NewJobScreen, verdict: Verdict) -> None:
        self._screen = screen
        self._verdict = verdict
        self._catalog: Catalog | None = None
        self._previews = Latest(screen)
        self._completions = Latest(screen, quiet=0.05)
        self._namings = Latest(screen, quiet=0.1)
        self.names = Names()

    def open(self) -> None:
        """Begin to answer."""
        self._catalog = self._screen.console.workspace.catalog()

    def ask_names(self, document: dict[str, Any]) -> None:
        """Read the names that a document with this table can use, where they are not known yet."""
        catalog, keys = self._catalog, self._screen.console.workspace.keys
        table, schema = document.get("table"), document.get("schema")
        table = table if isinstance(table, str) else ""
        if catalog is None or (table == self.names.table and self.names.tables):
            return
        self._namings.ask(
            lambda: read_names(catalog, keys, table, schema if isinstance(schema, str) else None), self._names_read
        )

    def _names_read(self, outcome: Outcome[Names]) -> None:
        if outcome.value is not None:
            self.names = outcome.value
            self._screen.query_one("#form", SelectionForm).names_changed()

    def ask_preview(self, selection: Selection | None) -> None:
        """Count and sample the rows of a selection; None: of none."""
        if selection is None:
            self._previews.drop()
            return
        db, catalog = self._screen.console.workspace.db, self._catalog
        if catalog is None:
            return

        def work() -> Preview:
            target = resolve(catalog, selection)
            counted = preview.count(db, selection, target, limit=_COUNT_LIMIT, timeout=_COUNT_SECONDS)
            rows = preview.sample(db, selection, target, [selection.field], _SAMPLE_ROWS)
            return Preview(counted, tuple(rows), tuple(c.name for c in target.key), selection.field)

        self._previews.ask(work, self._verdict.previewed)

    def ask_completion(self) -> None:
        """Offer what fits at the cursor of the JSON, unless it moves on meanwhile."""
        screen, catalog, keys = self._screen, self._catalog, self._screen.console.workspace.keys
        editor, scope = screen.editor, screen.scope
        text, offset = editor.text, editor.offset_in_text

        def show(outcome: Outcome[list[Completion]]) -> None:
            if outcome.value is None or editor.text != text or editor.offset_in_text != offset or not editor.has_focus:
                return
            found = outcome.value
            if len(found) == 1 and text[found[0].start : found[0].end] == found[0].insert:
                found = []
            size = screen.size
            editor.completion_list.show(found, editor.cursor_screen_offset, (size.width, size.height))

        self._completions.ask(lambda: complete(text, offset, catalog, keys, scope), show)
