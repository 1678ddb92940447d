"""The detail of one job: a strip of pages, and the page that is chosen."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from rich.cells import cell_len
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from pqtui.detail_text import PAGES, View
from pqtui.snapshots import DetailSnapshot

_UNBROKEN = 100_000  # cells


class PageStrip(Static):
    """The names of the pages; the chosen one is in brackets, so that it shows without colour."""

    class Chosen(Message):
        """A page was clicked."""

        def __init__(self, number: int) -> None:
            super().__init__()
            self.number = number

    def __init__(self) -> None:
        super().__init__("")
        self._spans: list[tuple[int, int]] = []

    def show(self, chosen: int, letters: int, width: int) -> None:
        """Draw the strip; names shorten where they do not fit."""
        titles = [title for _, title, _ in PAGES]
        if letters:
            titles[-1] += f" {letters}"
        if sum(cell_len(t) + 3 for t in titles) > width:
            titles = [t if n == chosen else t[:3] for n, t in enumerate(titles)]
            if letters and chosen != len(titles) - 1:
                titles[-1] = f"Dead {letters}"
        parts: list[Content] = []
        self._spans, at = [], 0
        for number, title in enumerate(titles):
            text = f"[{title}]" if number == chosen else f" {title} "
            style = (
                "bold $text-primary"
                if number == chosen
                else "$text-error"
                if letters and number == 4
                else "$foreground-muted"
            )
            parts.append(Content.styled(text, style))
            self._spans.append((at, at + cell_len(text)))
            at += cell_len(text)
        content = Content("").join(parts)
        if content != self.content:
            self.update(content)

    def on_click(self, event: events.Click) -> None:
        for number, (start, end) in enumerate(self._spans):
            if start <= event.x < end:
                self.post_message(self.Chosen(number))


class DetailPage(VerticalScroll, can_focus=True):
    """The page itself; scrolls with the usual keys."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "turn(-1)", "Previous page", show=False),
        Binding("right", "turn(1)", "Next page", show=False),
        Binding("enter", "open", "Open", show=False),
        Binding("down,j", "scroll_down", "Down", show=False),
        Binding("up,k", "scroll_up", "Up", show=False),
    ]

    class Turned(Message):
        """Another page is wanted: this many further."""

        def __init__(self, step: int) -> None:
            super().__init__()
            self.step = step

    class Opened(Message):
        """The records behind the page are wanted."""

    class Resized(Message):
        """The text has to be drawn for another width."""

    def action_turn(self, step: int) -> None:
        """Turn to a neighbouring page."""
        self.post_message(self.Turned(step))

    def action_open(self) -> None:
        """Open the records behind the page."""
        self.post_message(self.Opened())

    def on_resize(self) -> None:
        self.post_message(self.Resized())


class DetailPane(Vertical):
    """The strip and the page."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._number = 0
        self._snapshot: DetailSnapshot | None = None
        self._view: View | None = None

    def compose(self) -> ComposeResult:
        """Strip above page."""
        yield PageStrip()
        with DetailPage(id="detail-page"):
            yield Static("", id="detail-text")

    @property
    def page_id(self) -> str:
        """The id of the chosen page, the first part of an entry of ``PAGES``."""
        return PAGES[self._number][0]

    @property
    def page(self) -> DetailPage:
        """The part that takes the focus."""
        return self.query_one(DetailPage)

    @property
    def text(self) -> str:
        """What the page says, in lines that are not broken to fit the pane."""
        if self._snapshot is None or self._view is None:
            return ""
        return PAGES[self._number][2](self._snapshot, replace(self._view, width=_UNBROKEN)).plain

    @property
    def text_size(self) -> tuple[int, int]:
        """Cells that a line of the page has, and lines that are seen of it."""
        region = self.page.scrollable_content_region
        return max(10, region.width), region.height

    def show(self, snapshot: DetailSnapshot | None, view: View) -> None:
        """Draw the chosen page where it changed."""
        other = self._snapshot is None or snapshot is None or snapshot.job_id != self._snapshot.job_id
        self._snapshot, self._view = snapshot, view
        text = self.query_one("#detail-text", Static)
        letters = 0
        if snapshot is None:
            content = Content.styled("No job is chosen.", "$foreground-muted")
        else:
            content = PAGES[self._number][2](snapshot, view)
            failed = snapshot.job.progress.failed if snapshot.job is not None else 0
            letters = max(failed, len(snapshot.dead_letters))
        self.query_one(PageStrip).show(self._number, letters, max(10, self.size.width))
        if content != text.content:
            text.update(content)
        if other:
            self.page.scroll_home(animate=False)

    def turn_to(self, number: int) -> None:
        """Choose a page."""
        self._number = number % len(PAGES)
        if self._view is not None:
            self.show(self._snapshot, self._view)
        self.page.scroll_home(animate=False)

    def on_detail_page_turned(self, event: DetailPage.Turned) -> None:
        event.stop()
        self.turn_to(self._number + event.step)

    def on_page_strip_chosen(self, event: PageStrip.Chosen) -> None:
        event.stop()
        self.turn_to(event.number)
