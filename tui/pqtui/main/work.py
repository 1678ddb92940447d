"""Work that runs in this console: claiming what is due, handing it over, and what becomes of it at quit."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from pqtui import show
from pqtui.main.drawing import Drawing
from pqtui.main.marks import Marks
from pqtui.main.reading import Reading
from pqtui.tasks import Outcome, in_background

if TYPE_CHECKING:
    from pqtui.hand_over import HandedOver
    from pqtui.screens.leave import Leaving
    from pqtui.screens.main import MainScreen


class Work:
    """What runs in this console, as one screen sees it."""

    def __init__(self, screen: MainScreen, reading: Reading, drawing: Drawing, marks: Marks) -> None:
        self._screen = screen
        self._console = screen.console
        self._reading = reading
        self._drawing = drawing
        self._marks = marks
        self._quitting = False

    def toggle(self) -> None:
        """Claim whatever is due, or stop that."""
        local = self._console.local
        wanted = not local.claiming
        in_background(self._screen, lambda: local.claim(wanted), partial(self._toggled, wanted))

    def _toggled(self, wanted: bool, outcome: Outcome[None]) -> None:
        if outcome.error is not None:
            self._drawing.notice(str(outcome.error), error=True)
        elif wanted:
            key = self._console.key_texts["work"]
            self._drawing.notice(f"This console now runs whatever is due. Press {key} again to stop that.")
        else:
            self._drawing.notice("This console no longer claims work; what it had claimed can be resumed.")
        self._drawing.standing()

    def quit(self) -> None:
        """Leave; ask where work runs here."""
        from pqtui.screens.leave import Leave

        self._quitting = False
        local = self._console.local
        active = tuple(sorted(local.active))
        if not active:
            self._console.leave()
            return
        self._screen.app.push_screen(Leave(active, local.operations, self._console.glyphs), self._quit_chosen)

    def _quit_chosen(self, answer: Leaving | None) -> None:
        from pqtui.screens.leave import Leaving

        if answer is Leaving.WAIT:
            self._quitting = True
            key = self._console.key_texts["quit"]
            self._drawing.notice(f"Quitting when the work here has ended. Press {key} to think again.")
        elif answer is Leaving.HAND_OVER:
            self.hand_over(tuple(sorted(self._console.local.active)), quitting=True)
        elif answer is Leaving.STOP:
            self._drawing.notice("Stopping between batches.")
            self._console.leave()

    def leave_when_ended(self) -> None:
        """Leave where that was asked for and nothing runs here any more."""
        if self._quitting and not self._console.local.active:
            self._console.leave()

    def hand_over(self, ids: tuple[int, ...], *, quitting: bool = False) -> None:
        """Let a worker of its own go on with these jobs; ``quitting``: then leave."""
        local = self._console.local
        self._drawing.notice(f"Handing over {show.jobs_in_words(len(ids))}.")
        in_background(self._screen, lambda: local.hand_over(ids), partial(self._handed_over, quitting))

    def _handed_over(self, quitting: bool, outcome: Outcome[HandedOver]) -> None:
        done = outcome.value
        if done is None:
            self._drawing.notice(str(outcome.error), error=True)
            return
        taken = f"Worker {done.pid} goes on with {show.ids_in_words(done.claimed)}; its log is {done.log}."
        said = [taken] if done.claimed else []
        if done.ended:
            said.append(f"Ended meanwhile: {show.ids_in_words(done.ended)}.")
        self._drawing.notice(" ".join([*said, *done.refused[:1]]), error=bool(done.refused))
        self._marks.drop(done.claimed)
        self._reading.refresh()
        # what was not taken is to be seen before anybody leaves
        if quitting and not done.refused:
            self._console.leave()
