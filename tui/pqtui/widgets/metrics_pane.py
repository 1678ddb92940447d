"""The metrics: totals by status, throughput, workers."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from pqtui import metrics_text, plot
from pqtui.glyphs import Glyphs
from pqtui.metrics_text import Flow
from pqtui.redraw import redraw
from pqtui.snapshots import MetricsSnapshot

_BLOCK_LINES = 9  # as console.tcss has it


class MetricsPane(VerticalScroll, can_focus=True):
    """Three blocks, side by side where there is room, else one below the other.

    Left and right choose how far back the plot looks.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "span(1)", "Longer", show=False),
        Binding("right", "span(-1)", "Shorter", show=False),
    ]

    class Turned(Message):
        """Another span is wanted: this many longer."""

        def __init__(self, step: int) -> None:
            super().__init__()
            self.step = step

    class Resized(Message):
        """The blocks have to be drawn for another size."""

    def __init__(self, glyphs: Glyphs, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._glyphs = glyphs

    def action_span(self, step: int) -> None:
        """Another one of ``curve.SPANS`` is wanted: this many further back."""
        self.post_message(self.Turned(step))

    def compose(self) -> ComposeResult:
        """Totals, throughput, workers."""
        with Container(id="metrics-blocks"):
            yield Static("", id="metrics-totals")
            yield _Plotted("", id="metrics-flow")
            yield Static("", id="metrics-workers")

    @property
    def text(self) -> str:
        """What the blocks say, in lines."""
        return "\n\n".join(str(block.content) for block in self.query(Static))

    @property
    def points(self) -> int:
        """Values that the plot has room for."""
        return plot.values_in(self._plot_width, self._glyphs)

    @property
    def _plot_width(self) -> int:
        return max(10, self.query_one("#metrics-flow").content_region.width)

    def show(
        self, snapshot: MetricsSnapshot, flow: Flow, here: frozenset[int], now: datetime, as_of: str, work_key: str
    ) -> None:
        """Draw the blocks that changed; ``as_of`` is the time of the totals where that is not now.

        ``work_key`` lets this console work.
        """
        height = max(6, self.scrollable_content_region.height)
        tall = min(height, _BLOCK_LINES)
        workers_width = self.query_one("#metrics-workers").content_region.width
        self._update("#metrics-totals", metrics_text.totals(snapshot, as_of, 34, self._glyphs))
        self._update("#metrics-flow", metrics_text.throughput(snapshot, flow, self._plot_width, tall, self._glyphs))
        self._update(
            "#metrics-workers",
            metrics_text.workers(snapshot, flow, here, now, workers_width, height, self._glyphs, work_key),
        )

    def _update(self, selector: str, content: Content) -> None:
        redraw(self.query_one(selector, Static), content)

    def on_resize(self) -> None:
        self.post_message(self.Resized())


class _Plotted(Static):
    """A block that is as wide as what it shows: a scroll bar beside it makes it narrower."""

    def on_resize(self) -> None:
        self.post_message(MetricsPane.Resized())
