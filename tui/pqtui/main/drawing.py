"""Drawing what is shown into the widgets of the main screen; each writes only what changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content
from textual.widgets import Static

from pqcore.text import clean
from pqtui.detail_text import CURVE_WIDTH, View
from pqtui.main.reading import Reading
from pqtui.main.shown import Shown
from pqtui.metrics_text import summary
from pqtui.plot import values_in
from pqtui.redraw import redraw
from pqtui.snapshots import ListSnapshot
from pqtui.widgets.bars import ActionBar, Standing, TopBar
from pqtui.widgets.metrics_pane import MetricsPane

if TYPE_CHECKING:
    from pqtui.screens.main import MainScreen


class Drawing:
    """Each method draws one part of the screen from what is shown now."""

    def __init__(self, screen: MainScreen, shown: Shown, reading: Reading) -> None:
        self._screen = screen
        self._console = screen.console
        self._shown = shown
        self._reading = reading

    def list(self) -> None:
        """The lines of the list, and its heading."""
        shown = self._shown
        snapshot = shown.list
        assert snapshot is not None
        here = self._console.local.active
        self._screen.lines.show_snapshot(snapshot, shown.total, shown.paces(snapshot.rows), here, self._empty_text())
        self.title()

    def unreadable(self, sentence: str, at: float) -> None:
        """In place of a list that was never read: why."""
        self._screen.lines.show_snapshot(ListSnapshot(0, (), at), 0, {}, frozenset(), sentence)

    def _empty_text(self) -> str:
        if self._shown.filter:
            return f"No job matches the filter. Press {self._console.key_texts['back']} to clear it."
        key = self._console.key_texts["new"]
        return "No jobs yet." + ("" if self._console.workspace.read_only else f" Press {key} to create the first one.")

    def title(self) -> None:
        """The heading of the list."""
        title = self._shown.title(self._screen.lines.total)
        pane = self._screen.query_one("#jobs")
        if pane.border_title != title:
            pane.border_title = title

    def lower_borders(self) -> None:
        """Which keys the part that has the focus hears; under the list else what is to be remembered."""
        focused = self._screen.focused
        part = focused.id if focused is not None else ""
        clear = self._console.key_texts["back"]
        texts = {
            "jobs": f"enter keeps it, {clear} clears it" if part == "filter" else self._shown.reminder,
            "detail": "left right turn the page, enter opens it" if part == "detail-page" else "",
            "metrics": "left right change the time" if part == "metrics" else "",
        }
        for name, text in texts.items():
            pane = self._screen.query_one(f"#{name}")
            if pane.border_subtitle != text:
                pane.border_subtitle = text

    def detail(self) -> None:
        """The chosen page of the job under the cursor."""
        shown, console, pane = self._shown, self._console, self._screen.detail
        snapshot = shown.detail
        job = snapshot.job if snapshot is not None else None
        (width, height), here = pane.text_size, console.local.active
        points = values_in(min(width, CURVE_WIDTH), console.glyphs)
        curve = shown.curve_of(job, snapshot.minutes, points) if snapshot is not None else None
        pace, keys = shown.pace(job), console.key_texts
        view = View(width, height, console.now(), console.glyphs, pace, shown.alive, here, keys, curve)
        pane.show(snapshot, view)

    def metrics(self) -> None:
        """The metrics, and the line that sums them up."""
        shown, console = self._shown, self._console
        pane = self._screen.query_one("#metrics", MetricsPane)
        flow = shown.flow(pane.points)
        pane.show(
            shown.metrics, flow, console.local.active, console.now(), shown.totals_read, console.key_texts["work"]
        )
        line = self._screen.query_one("#summary", Static)
        redraw(line, summary(shown.metrics, flow, max(1, line.content_region.width), console.glyphs))

    def standing(self) -> None:
        """The line at the top: where we are, and how fresh it is."""
        console, trouble = self._console, self._reading.problem_words
        self._screen.query_one(TopBar).show(
            Standing(
                place=console.place,
                badge=console.badge,
                read_only=console.workspace.read_only,
                trouble=trouble,
                stale=self._shown.age if trouble else "",
                held=self._reading.held,
                working=console.local.claiming,
                here=len(console.local.active),
            )
        )

    def trouble(self) -> None:
        """Why reading fails, above what was read before; where nothing was, the list itself says it."""
        line = self._screen.query_one("#trouble", Static)
        sentence = self._reading.problem if self._shown.list is not None else ""
        redraw(line, Content.styled(sentence, "$text-error"))
        line.display = bool(sentence)

    def bar(self) -> None:
        """The actions that can be done now."""
        self._screen.query_one(ActionBar).show(self._screen.bar)

    def notice(self, text: str, *, error: bool = False) -> None:
        """Say something in the line above the actions; an empty text clears it."""
        content = Content.styled(clean(text), "$text-error" if error else "$text-success")
        for line in self._screen.query("#notice").results(Static):  # none any more where the console is closing
            line.display = bool(text)
            redraw(line, content)
