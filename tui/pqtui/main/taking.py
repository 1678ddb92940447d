"""Taking text and tables away: the clipboard, and files."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from pqtui import show
from pqtui.actions import Situation
from pqtui.main.drawing import Drawing
from pqtui.main.panes import Panes
from pqtui.main.shown import Shown
from pqtui.tasks import Outcome, in_background
from pqtui.widgets.metrics_pane import MetricsPane

if TYPE_CHECKING:
    from pqtui.screens.export import Wanted
    from pqtui.screens.main import MainScreen


class Taking:
    """Copies and exports of one screen."""

    def __init__(self, screen: MainScreen, shown: Shown, drawing: Drawing, panes: Panes) -> None:
        self._screen = screen
        self._shown = shown
        self._drawing = drawing
        self._panes = panes

    def copy(self, situation: Situation) -> None:
        """The jobs, or the page that has the focus, to the clipboard."""
        if self._panes.chosen == "detail":
            text = self._screen.detail.text
        elif self._panes.chosen == "metrics":
            text = self._screen.query_one("#metrics", MetricsPane).text
        else:
            text = "\n".join(show.job_in_words(job) for job in situation.jobs)
        self._screen.console.copy(text)

    def ask_export(self) -> None:
        """Ask what to write, and where."""
        from pqtui.screens.export import Export

        current, console = self._screen.lines.current, self._screen.console
        total = show.jobs_in_words(self._screen.lines.total) + (", as filtered" if self._shown.filter else "")
        letters = current.id if current is not None and current.progress.failed else None
        self._screen.app.push_screen(Export(total, letters, console.now(), console.glyphs), self._export)

    def _export(self, wanted: Wanted | None) -> None:
        if wanted is None:
            return
        workspace, job_filter = self._screen.console.workspace, self._shown.filter
        self._drawing.notice(f"Writing {wanted.path}")

        def work() -> int:
            from pqtui.export import job_rows, letter_rows, to_file

            if wanted.job_id is None:
                return to_file(job_rows(workspace.jobs, job_filter), wanted.path)
            return to_file(letter_rows(workspace.jobs, wanted.job_id), wanted.path)

        in_background(self._screen, work, partial(self._exported, wanted))

    def _exported(self, wanted: Wanted, outcome: Outcome[int]) -> None:
        if outcome.error is not None:
            self._drawing.notice(str(outcome.error), error=True)
            return
        what = show.jobs_in_words if wanted.job_id is None else show.rows_in_words
        self._drawing.notice(f"{what(outcome.value or 0)} written to {wanted.path}.")
