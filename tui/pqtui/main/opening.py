"""Opening the screens that lie above the main one, and taking what they bring back.

Each is loaded when it is first opened: the first lines of the list are there the sooner.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pqcore.jobs.model import Job
from pqtui.actions import Situation
from pqtui.draft import Draft
from pqtui.main.drawing import Drawing
from pqtui.main.reading import Reading
from pqtui.tasks import Outcome, in_background

if TYPE_CHECKING:
    from pqtui.screens.main import MainScreen
    from pqtui.screens.review import Created


class Opening:
    """What can be opened from one screen."""

    def __init__(self, screen: MainScreen, reading: Reading, drawing: Drawing) -> None:
        self._screen = screen
        self._reading = reading
        self._drawing = drawing

    def new(self, draft: Draft | None = None) -> None:
        """The editor, on a draft or on the one that was left."""
        from pqtui.screens.new_job import NewJobScreen

        self._screen.app.push_screen(NewJobScreen(draft or self._screen.console.draft), self._created)

    def _created(self, made: Created | None) -> None:
        if made is None:
            return
        self._screen.console.draft = None
        text = f"Job {made.job.id} is created. {made.not_started}".rstrip()
        self._drawing.notice(text, error=bool(made.not_started))
        self._reading.refresh()

    def clone(self, situation: Situation) -> None:
        """The editor, on the selection of a job."""
        job_id, jobs = situation.jobs[0].id, self._screen.console.workspace.jobs
        in_background(self._screen, lambda: jobs.get(job_id), self._cloned)

    def _cloned(self, outcome: Outcome[Job]) -> None:
        from pqtui.selection_form import shown_document

        job = outcome.value
        if job is None:
            self._drawing.notice(str(outcome.error), error=True)
            return
        self.new(Draft(job.scope, job.target_algo_id, job.target_policy_id, shown_document(job.selection or {})))

    def estate(self) -> None:
        """What the columns hold; the editor, where a selection is brought back."""
        from pqtui.screens.estate import EstateScreen

        def left(draft: Draft | None) -> None:
            if draft is not None:
                self.new(draft)

        self._screen.app.push_screen(EstateScreen(), left)

    def news(self) -> None:
        """What happened while no console was open."""
        from pqtui.screens.news import NewsScreen

        self._screen.app.push_screen(NewsScreen(self._screen.console.news))

    def records(self, situation: Situation) -> None:
        """What is kept of a job, at the page that the detail shows."""
        from pqtui.records import Kind
        from pqtui.screens.records import RecordsScreen

        job, page = situation.jobs[0], self._screen.detail.page_id
        kind = Kind(page) if page in list(Kind) else Kind.LETTERS if job.progress.failed else Kind.RANGES
        self._screen.app.push_screen(RecordsScreen(job, kind))

    def help(self) -> None:
        """Every key."""
        from pqtui.screens.help import MOVING, Help, help_lines

        screen = self._screen
        screen.app.push_screen(Help(help_lines(screen.offered, screen.why_not, MOVING)))
