"""Marking jobs, for actions on several."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from pqcore.jobs.pages import JobPage, JobQuery
from pqtui import show
from pqtui.main.drawing import Drawing
from pqtui.main.shown import Shown
from pqtui.snapshots import safe_job
from pqtui.tasks import Outcome, in_background

if TYPE_CHECKING:
    from pqtui.screens.main import MainScreen

MARK_ALL_LIMIT = 5000


class Marks:
    """The marks of one screen; they live in ``Shown.marked`` and survive every refresh and filter."""

    def __init__(self, screen: MainScreen, shown: Shown, drawing: Drawing) -> None:
        self._screen = screen
        self._shown = shown
        self._drawing = drawing

    def toggle(self) -> None:
        """Mark or unmark the job under the cursor, and go on to the next."""
        lines, marked = self._screen.lines, self._shown.marked
        job = lines.current
        if job is None:
            return
        if marked.pop(job.id, None) is None:
            marked[job.id] = job
        self._changed()
        lines.action_move(1)

    def all(self) -> None:
        """Mark every job that the filter keeps, up to a limit."""
        jobs = self._screen.console.workspace.jobs
        query = JobQuery(filter=self._shown.filter, sort=self._shown.sort, limit=MARK_ALL_LIMIT)
        in_background(self._screen, lambda: jobs.page(query), self._read)

    def _read(self, outcome: Outcome[JobPage]) -> None:
        page = outcome.value
        if page is None:
            self._drawing.notice(str(outcome.error), error=True)
            return
        self._shown.marked = {job.id: safe_job(job) for job in page.jobs}
        if page.next is not None:
            self._drawing.notice(
                f"The first {show.count(MARK_ALL_LIMIT)} are marked; a filter makes the rest reachable."
            )
        self._changed()

    def drop(self, ids: Iterable[int]) -> None:
        """Unmark jobs that something was done to."""
        for job_id in ids:
            self._shown.marked.pop(job_id, None)
        self._changed()

    def clear(self) -> None:
        """Unmark all."""
        self._shown.marked = {}
        self._changed()

    def _changed(self) -> None:
        self._screen.lines.set_marks(frozenset(self._shown.marked))
        self._drawing.title()
        self._drawing.bar()
