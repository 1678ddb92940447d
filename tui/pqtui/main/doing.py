"""Doing an action to jobs: asking first where it has to be, then in the background, then saying what came of it."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from pqcore.errors import PQConsoleError
from pqcore.jobs.model import Progress, Purpose
from pqtui import show
from pqtui.actions import BY_ID, Action, Situation, eligible
from pqtui.main.drawing import Drawing
from pqtui.main.marks import Marks
from pqtui.main.reading import Reading
from pqtui.main.shown import Shown
from pqtui.tasks import Finished, Outcome, in_background

# what is not needed to show the list is loaded when it is first used
if TYPE_CHECKING:
    from pqcore.jobs.limits import Sections
    from pqtui.perform import Performed
    from pqtui.screens.main import MainScreen
    from pqtui.screens.tune import Tuning

_TUNE_LIMIT = 50


class Doing:
    """What is done to the jobs of one screen."""

    def __init__(self, screen: MainScreen, shown: Shown, reading: Reading, drawing: Drawing, marks: Marks) -> None:
        self._screen = screen
        self._shown = shown
        self._reading = reading
        self._drawing = drawing
        self._marks = marks

    def ask(self, action: Action, situation: Situation) -> None:
        """Do it to the jobs that it can be done to, after a question where one is due."""
        from pqtui.screens.confirm import Confirm, plan_of

        jobs = eligible(action, situation)
        plan = plan_of(action, jobs, len(situation.jobs) - len(jobs))
        if plan is None:
            self._do(action, tuple(job.id for job in jobs))
            return

        def decided(answer: bool | None) -> None:
            if answer:
                self._do(plan.action, plan.ids)

        self._screen.app.push_screen(Confirm(plan), decided)

    def _do(self, action: Action, ids: tuple[int, ...], limits: Sections | None = None) -> None:
        from pqtui.perform import perform

        workspace, local = self._screen.console.workspace, self._screen.console.local
        in_background(
            self._screen,
            lambda: perform(action.id, ids, workspace.jobs, local, self._ended, limits),
            self._done,
        )

    def _done(self, outcome: Outcome[Performed]) -> None:
        if outcome.value is None:
            self._drawing.notice(str(outcome.error), error=True)
            return
        done = outcome.value
        text = done.sentence
        if done.waiting and not self._shown.alive:
            text += f" No worker is running: press {self._screen.console.key_texts['run']} to run it here."
        self._drawing.notice(text, error=bool(done.errors))
        self._marks.drop(done.ids)
        self._reading.refresh()

    # operations on ended jobs end by themselves, later

    def _ended(self, job_id: int, purpose: Purpose, outcome: Progress | PQConsoleError) -> None:
        """From a thread of the worker."""
        from pqtui.perform import operated

        said: Outcome[str]
        if isinstance(outcome, PQConsoleError):
            said = Outcome(None, outcome)
        else:
            said = Outcome(operated(job_id, purpose, outcome))
        with suppress(RuntimeError):  # the event loop closed meanwhile
            self._screen.post_message(Finished(self._say_ended, said))

    def _say_ended(self, outcome: Outcome[str]) -> None:
        self._drawing.notice(outcome.value or str(outcome.error), error=outcome.error is not None)
        self._reading.refresh()

    # limits

    def ask_limits(self, situation: Situation) -> None:
        """Open the limits in force, to be changed."""
        from pqtui import limits_form

        ids, jobs = tuple(job.id for job in situation.jobs), self._screen.console.workspace.jobs
        if len(ids) > _TUNE_LIMIT:
            text = f"Limits work on {_TUNE_LIMIT} jobs at most; {show.count(len(ids))} are marked."
            self._drawing.notice(text, error=True)
            return
        # what the list holds of a selection is its names only
        in_background(
            self._screen,
            lambda: [limits_form.texts_of(jobs.get(job_id)) for job_id in ids],
            partial(self._limits_read, ids),
        )

    def _limits_read(self, ids: tuple[int, ...], outcome: Outcome[list[dict[str, str]]]) -> None:
        from pqtui import limits_form
        from pqtui.screens.tune import Tune

        if outcome.value is None:
            self._drawing.notice(str(outcome.error), error=True)
            return

        def decided(tuning: Tuning | None) -> None:
            if tuning is not None:
                self._do(BY_ID["tune"], ids, tuning.change)

        self._screen.app.push_screen(Tune(ids, *limits_form.common(outcome.value)), decided)
