"""A list of records of any length, drawn line by line; only a window of it is held."""

from __future__ import annotations

from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from pqtui import record_text
from pqtui.glyphs import Glyphs
from pqtui.record_text import Piece
from pqtui.records import Kind, Record, RecordSnapshot

# records that are read beyond each edge of the screen
MARGIN = 60


class RecordLines(ScrollView, can_focus=True):
    """The lines, a heading on top. Posts ``Wanted`` when others are on the screen, ``Opened`` for one of them."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "record--cursor",
        "record--muted",
        "record--key",
        "record--reason",
        "record--active",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", show=False),
        Binding("up,k", "move(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("home,g", "edge(0)", show=False),
        Binding("end,G", "edge(1)", show=False),
        Binding("enter", "open", show=False, id="open"),
    ]

    class Wanted(Message):
        """Other positions are on the screen: see ``wanted``."""

    class Moved(Message):
        """The cursor is on another position."""

    class Opened(Message):
        """A record was opened."""

        def __init__(self, record: Record) -> None:
            super().__init__()
            self.record = record

    def __init__(self, glyphs: Glyphs, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._glyphs = glyphs
        self._kind = Kind.LETTERS
        self._start = 0
        self._rows: tuple[Record, ...] = ()
        self._total = 0
        self._cursor = 0
        self._empty = "Reading"
        self._painted: dict[int, tuple[tuple[Piece, ...], bool]] = {}

    @property
    def current(self) -> Record | None:
        """The record under the cursor, where it is held."""
        return self._at(self._cursor)

    @property
    def held(self) -> int:
        """How many records are held."""
        return len(self._rows)

    def wanted(self) -> tuple[int, int]:
        """Start and number of the positions to read for what is on the screen."""
        top = round(self.scroll_y)
        start = max(0, top - MARGIN)
        return start, top - start + max(1, self.size.height) + MARGIN

    def show(self, snapshot: RecordSnapshot, empty: str) -> None:
        """Take a snapshot; paints only lines that look different."""
        fresh = snapshot.kind is not self._kind or snapshot.total != self._total or empty != self._empty
        self._kind, self._empty = snapshot.kind, empty
        self._start, self._rows, self._total = snapshot.start, snapshot.rows, snapshot.total
        self._cursor = max(0, min(self._cursor, self._total - 1))
        if fresh:
            # one line more for the heading, which stays where it is
            self.virtual_size = Size(self.size.width, self._total + 1)
            self.refresh()
            return
        for position, looks in list(self._painted.items()):
            if looks != self._looks(position):
                self.refresh_line(position - round(self.scroll_y) + 1)

    def forget(self, kind: Kind) -> None:
        """Another list: begin at its top."""
        self._kind, self._rows, self._start, self._total, self._cursor = kind, (), 0, 0, 0
        self._empty = "Reading"
        self.scroll_to(y=0, animate=False)
        self.refresh()

    def _at(self, position: int) -> Record | None:
        index = position - self._start
        return self._rows[index] if 0 <= index < len(self._rows) else None

    def _looks(self, position: int) -> tuple[tuple[Piece, ...], bool]:
        record = self._at(position)
        room = max(1, self.scrollable_content_region.width - 2)
        pieces = ((self._glyphs.ellipsis, ""),) if record is None else record_text.line(record, room, self._glyphs)
        return pieces, position == self._cursor

    def render_line(self, y: int) -> Strip:
        """The heading, or one record."""
        width, base = self.size.width, self.rich_style
        muted = base + self.get_component_rich_style("record--muted", partial=True)
        if y == 0:
            heading = "  " + record_text.heading(self._kind, width - 2)
            return Strip([Segment(heading, muted + Style(bold=True))]).adjust_cell_length(width, base)
        position = round(self.scroll_y) + y - 1
        if position >= self._total:
            self._painted.pop(position, None)
            text = f"  {self._empty}" if self._total == 0 and y == 2 else ""
            return Strip([Segment(text, muted)]).adjust_cell_length(width, base)
        looks = self._looks(position)
        self._painted[position] = looks
        pieces, is_cursor = looks
        ground = self.get_component_rich_style("record--cursor") if is_cursor else base
        segments = [Segment(f"{self._glyphs.cursor if is_cursor else ' '} ", ground)]
        for text, style in pieces:
            coloured = style and not ground.reverse
            part = self.get_component_rich_style(f"record--{style}", partial=True) if coloured else None
            segments.append(Segment(text, ground + part if part is not None else ground))
        return Strip(segments).adjust_cell_length(width, ground)

    def refresh_line(self, y: int) -> None:
        """Paint one line of the screen again."""
        if 0 <= y < self.size.height:
            self.refresh_lines(y + round(self.scroll_y))

    def move_to(self, position: int) -> None:
        """Put the cursor on a position."""
        old, self._cursor = self._cursor, max(0, min(position, self._total - 1))
        room = max(1, self.size.height - 1)
        top = round(self.scroll_y)
        if self._cursor < top:
            self.scroll_to(y=self._cursor, animate=False)
        elif self._cursor >= top + room:
            self.scroll_to(y=self._cursor - room + 1, animate=False)
        for line in {old, self._cursor}:
            self.refresh_line(line - round(self.scroll_y) + 1)
        if old != self._cursor:
            self.post_message(self.Moved())

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self._painted.clear()
        self.post_message(self.Wanted())

    def on_resize(self) -> None:
        self.virtual_size = Size(self.size.width, self._total + 1)
        self.post_message(self.Wanted())
        if self._total:
            self.call_after_refresh(self.move_to, self._cursor)

    def on_click(self, event: events.Click) -> None:
        position = round(self.scroll_y) + event.y - 1
        if event.y == 0 or position >= self._total:
            return
        again = position == self._cursor
        self.move_to(position)
        if again:
            self.action_open()

    def action_move(self, step: int) -> None:
        """Move the cursor by lines."""
        self.move_to(self._cursor + step)

    def action_page(self, direction: int) -> None:
        """Move the cursor by a screenful."""
        self.move_to(self._cursor + direction * max(1, self.size.height - 2))

    def action_edge(self, end: int) -> None:
        """Move to the first or the last record."""
        self.move_to(self._total - 1 if end else 0)

    def action_open(self) -> None:
        """Open the record under the cursor."""
        record = self.current
        if record is not None:
            self.post_message(self.Opened(record))
