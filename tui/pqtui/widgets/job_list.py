"""The job list: a window on a list of any length, drawn line by line.

Only the part on the screen is held; only lines whose cells changed are painted.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

from pqcore.jobs.model import Job
from pqcore.jobs.sort import Sort
from pqtui import columns, show
from pqtui.columns import Line, Place
from pqtui.glyphs import Glyphs
from pqtui.pace import Pace
from pqtui.snapshots import ListSnapshot
from pqtui.window import MARGIN

_EDGE = 2  # the cells before the first column: cursor and mark
_RIM = 1  # the cell between the last column and the scroll bar

Painted = tuple[tuple[str, ...], bool, bool, str]


class JobLines(ScrollView, can_focus=True):
    """The lines. Posts ``Moved`` when another job is under the cursor, ``Wanted`` when other rows are on the screen."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "joblist--cursor",
        "joblist--cursor-blurred",
        "joblist--muted",
        "joblist--progress",
        "joblist--failed",
        "joblist--mark",
        *(
            f"joblist--state-{word}"
            for word in (
                "pending", "scheduled", "paused", "running", "pausing", "cancelling", "stalled", "done", "failed",
                "cancelled", "verifying", "restoring", "finalizing", "restored",
            )
        ),
    }  # fmt: skip
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("home,g", "edge(0)", "First", show=False),
        Binding("end,G", "edge(1)", "Last", show=False),
        Binding("enter", "open", "Open", show=False),
    ]

    class Moved(Message):
        """Another job (or none) is under the cursor."""

    class Opened(Message):
        """Enter, or a click on the job that was under the cursor."""

    class Wanted(Message):
        """These positions should be read."""

        def __init__(self, start: int, limit: int) -> None:
            super().__init__()
            self.start = start
            self.limit = limit

    def __init__(self, glyphs: Glyphs, now: Callable[[], datetime], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._glyphs = glyphs
        self._now = now
        self._start = 0
        self._rows: tuple[Job, ...] = ()
        self._total = 0
        self._cursor = 0
        self._cursor_id: int | None = None
        self._told_id: int | None = None
        self._digits = 0
        self._paces: dict[int, Pace] = {}
        self._here: Collection[int] = frozenset()
        self._places: tuple[Place, ...] = ()
        self._painted: dict[int, Painted] = {}
        self._empty = "Reading the jobs"
        self.marks: frozenset[int] = frozenset()

    # what is known

    @property
    def current(self) -> Job | None:
        """The job under the cursor."""
        return self._at(self._cursor)

    @property
    def total(self) -> int:
        """How many jobs the list has."""
        return self._total

    @property
    def rows(self) -> tuple[Job, ...]:
        """The jobs that are held now."""
        return self._rows

    def wanted(self) -> tuple[int, int]:
        """Start and number of the positions to read for what is on the screen."""
        top = round(self.scroll_y)
        start = max(0, top - MARGIN)
        return start, top - start + max(1, self.size.height) + MARGIN

    # what changes

    def show_snapshot(
        self, snapshot: ListSnapshot, total: int, paces: dict[int, Pace], here: Collection[int], empty: str
    ) -> None:
        """Take a new snapshot of a list that has ``total`` jobs; paints only lines that look different."""
        before, said = self._total, self._empty
        self._start, self._rows, self._total = snapshot.start, snapshot.rows, total
        self._paces, self._here, self._empty = paces, here, empty
        self._follow_cursor()
        digits = max((len(str(job.id)) for job in snapshot.rows), default=0)
        if digits > self._digits:  # it never shrinks: columns that come and go with every scroll tell nobody anything
            self._digits = digits
            self._lay_out()
        if before != self._total:
            self.virtual_size = Size(self.size.width, self._total)
        if (before == 0 or self._total == 0) and (before, said) != (self._total, empty):
            self.refresh()
        self.repaint()

    def repaint(self) -> None:
        """Paint the lines that look different from what is on the screen."""
        for y in range(self.size.height):
            position = round(self.scroll_y) + y
            if position in self._painted and self._painted[position] != self._looks(position):
                self.refresh_lines(position)

    def begin_at(self, job_id: int) -> None:
        """Before the first snapshot: put the cursor on this job, where it is among the first rows that are read."""
        self._cursor_id = job_id

    def set_marks(self, marks: frozenset[int]) -> None:
        """Replace the marks."""
        self.marks = marks
        self.repaint()

    def forget(self, empty: str) -> None:
        """Another filter or order: what was held is another list's."""
        self._start, self._rows, self._total = 0, (), 0
        self._empty = empty

    def _follow_cursor(self) -> None:
        """Keep the cursor on its job where that moved; else on its line."""
        index = next((i for i, job in enumerate(self._rows) if job.id == self._cursor_id), None)
        if index is not None:
            self._set_cursor_id(self._cursor_id)
            moved = self._start + index - self._cursor
            if moved:
                self._cursor += moved
                top = round(self.scroll_y)
                # at the top the list grows under the eye; further down it stays where it was
                if top > 0 and not self._in_sight(self._cursor):
                    self.scroll_to(y=max(0, top + moved), animate=False)
            return
        self._cursor = max(0, min(self._cursor, self._total - 1))
        job = self._at(self._cursor)
        if job is not None or self._total == 0:
            self._set_cursor_id(None if job is None else job.id)

    def _set_cursor_id(self, job_id: int | None) -> None:
        self._cursor_id = job_id
        if job_id != self._told_id:
            self._told_id = job_id
            self.post_message(self.Moved())

    def move_to(self, position: int) -> None:
        """Put the cursor on a position."""
        position = max(0, min(position, self._total - 1)) if self._total else 0
        old, self._cursor = self._cursor, position
        job = self._at(position)
        if job is not None:
            self._set_cursor_id(job.id)
        else:
            self._cursor_id = None
        height = max(1, self.size.height)
        top = round(self.scroll_y)
        if position < top:
            self.scroll_to(y=position, animate=False)
        elif position >= top + height:
            self.scroll_to(y=position - height + 1, animate=False)
        for line in {old, position}:
            self.refresh_lines(line)

    def _in_sight(self, position: int) -> bool:
        top = round(self.scroll_y)
        return top <= position < top + self.size.height

    def _at(self, position: int) -> Job | None:
        index = position - self._start
        return self._rows[index] if 0 <= index < len(self._rows) else None

    # drawing

    def _looks(self, position: int) -> Painted:
        job = self._at(position)
        if job is None:
            return (), False, False, ""
        now = self._now()
        line = Line(job, self._paces.get(job.id, Pace()), job.id in self._here)
        word = show.state_word(job, now)
        return (
            columns.cells(line, self._places, now, self._glyphs),
            position == self._cursor,
            job.id in self.marks,
            word,
        )

    def render_line(self, y: int) -> Strip:
        """One line of the list; an empty list says why in its middle."""
        position = round(self.scroll_y) + y
        width = self.size.width
        base = self.rich_style
        if position >= self._total:
            self._painted.pop(position, None)
            text = self._empty if self._total == 0 and y == min(2, self.size.height // 2) else ""
            style = self.get_component_rich_style("joblist--muted") if text else base
            return Strip([Segment(f"  {text}"[:width].ljust(width), style)], width)
        looks = self._looks(position)
        self._painted[position] = looks
        return self._strip(looks, width, base)

    def _strip(self, looks: Painted, width: int, base: Style) -> Strip:
        texts, is_cursor, is_marked, word = looks
        glyphs = self._glyphs
        ground = base
        if is_cursor:
            ground = self.get_component_rich_style("joblist--cursor" if self.has_focus else "joblist--cursor-blurred")
        mark_style = self.get_component_rich_style("joblist--mark", partial=True)
        segments = [
            Segment(glyphs.cursor if is_cursor else " ", ground),
            Segment(glyphs.mark if is_marked else " ", ground + mark_style if is_marked else ground),
        ]
        if not texts:
            segments.append(Segment(glyphs.ellipsis.ljust(max(0, width - _EDGE)), ground))
            return Strip(segments).adjust_cell_length(width, ground)
        for number, (place, text) in enumerate(zip(self._places, texts, strict=True)):
            if number:
                segments.append(Segment(" " * columns.GAP, ground))
            style = ground
            if ground.reverse:
                pass  # a colour would be a block that looks like a bar
            elif place.column.style == "state":
                style = ground + self.get_component_rich_style(f"joblist--state-{word}", partial=True)
            elif place.column.style:
                style = ground + self.get_component_rich_style(f"joblist--{place.column.style}", partial=True)
            segments.append(Segment(text, style))
        return Strip(segments).adjust_cell_length(width, ground)

    # events

    def _lay_out(self) -> None:
        places = columns.layout(max(0, self.scrollable_content_region.width - _EDGE - _RIM), self._digits)
        if places != self._places:
            self._places = places
            self.refresh()
            self.post_message(JobList.Laid())

    def on_resize(self) -> None:
        self._lay_out()
        self.virtual_size = Size(self.size.width, self._total)
        if self._total and not self._in_sight(self._cursor):
            self.call_after_refresh(self.move_to, self._cursor)
        self._ask()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self._painted.clear()
        self._ask()

    def _ask(self) -> None:
        self.post_message(self.Wanted(*self.wanted()))

    def on_focus(self) -> None:
        self.refresh_lines(self._cursor)

    def on_blur(self) -> None:
        self.refresh_lines(self._cursor)

    def on_click(self, event: events.Click) -> None:
        position = round(self.scroll_y) + event.y
        if position >= self._total:
            return
        if position == self._cursor:
            self.post_message(self.Opened())
        self.move_to(position)

    def action_move(self, step: int) -> None:
        """Move the cursor by lines."""
        self.move_to(self._cursor + step)

    def action_page(self, direction: int) -> None:
        """Move the cursor by a screenful."""
        self.move_to(self._cursor + direction * max(1, self.size.height - 1))

    def action_edge(self, end: int) -> None:
        """Move to the first or the last job."""
        self.move_to(self._total - 1 if end else 0)

    def action_open(self) -> None:
        """Open the job under the cursor."""
        if self.current is not None:
            self.post_message(self.Opened())

    @property
    def places(self) -> tuple[Place, ...]:
        """The columns that are shown."""
        return self._places


class JobHeading(Widget):
    """The headings above the lines."""

    DEFAULT_CSS = "JobHeading { height: 1; }"

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__()
        self._glyphs = glyphs
        self._texts: tuple[str, ...] = ()

    def show(self, places: tuple[Place, ...], sort: Sort) -> None:
        """Paint the headings where they changed."""
        texts = columns.heading(places, sort.column, sort.descending, self._glyphs)
        if texts != self._texts:
            self._texts = texts
            self.refresh()

    def render_line(self, y: int) -> Strip:  # noqa: ARG002 - there is one line
        """The one line."""
        style = self.rich_style
        text = " " * _EDGE + (" " * columns.GAP).join(self._texts)
        return Strip([Segment(text, style)]).adjust_cell_length(self.size.width, style)


class JobList(Vertical):
    """Headings and lines."""

    class Laid(Message):
        """The columns were laid out anew."""

    def __init__(self, glyphs: Glyphs, now: Callable[[], datetime], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.heading = JobHeading(glyphs)
        self.lines = JobLines(glyphs, now, id="job-lines")
        self._sort = Sort()

    def compose(self) -> ComposeResult:
        """Headings above the lines."""
        yield self.heading
        yield self.lines

    def set_sort(self, sort: Sort) -> None:
        """Show which column the list is sorted by."""
        self._sort = sort
        self.heading.show(self.lines.places, sort)

    @on(Laid)
    def _laid(self, event: Laid) -> None:
        event.stop()
        self.heading.show(self.lines.places, self._sort)
