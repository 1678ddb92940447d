"""The metrics: totals by status, throughput, workers."""

from __future__ import annotations

from datetime import datetime

from textual.app import ComposeResult
from textual.containers import Container, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from pqtui import metrics_text
from pqtui.glyphs import Glyphs
from pqtui.metrics_text import Flow
from pqtui.snapshots import MetricsSnapshot


class MetricsPane(VerticalScroll, can_focus=True):
    """Three blocks, side by side where there is room, else one below the other."""

    class Resized(Message):
        """The blocks have to be drawn for another size."""

    def __init__(self, glyphs: Glyphs, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._glyphs = glyphs

    def compose(self) -> ComposeResult:
        """Totals, throughput, workers."""
        with Container(id="metrics-blocks"):
            yield Static("", id="metrics-totals")
            yield Static("", id="metrics-flow")
            yield Static("", id="metrics-workers")

    @property
    def text(self) -> str:
        """What the blocks say, in lines."""
        return "\n\n".join(str(block.content) for block in self.query(Static))

    @property
    def plot_width(self) -> int:
        """Columns that the plot has."""
        return max(10, self.query_one("#metrics-flow").content_region.width)

    def show(self, snapshot: MetricsSnapshot, flow: Flow, here: frozenset[int], now: datetime) -> None:
        """Draw the blocks that changed."""
        height = max(6, self.scrollable_content_region.height)
        flow_width = self.plot_width
        workers_width = self.query_one("#metrics-workers").content_region.width
        self._update("#metrics-totals", metrics_text.totals(snapshot, 34, self._glyphs))
        self._update("#metrics-flow", metrics_text.throughput(snapshot, flow, flow_width, height, self._glyphs))
        self._update("#metrics-workers", metrics_text.workers(snapshot, here, now, workers_width, height, self._glyphs))

    def _update(self, selector: str, content: Content) -> None:
        block = self.query_one(selector, Static)
        if content != block.content:
            block.update(content)

    def on_resize(self) -> None:
        self.post_message(self.Resized())
