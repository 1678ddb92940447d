"""Drilling down into one job: its ranges, events and dead letters, and the story of one row."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Input, Static

from pqcore.jobs.model import DeadLetter, Job
from pqcore.jobs.records import RecordCounts
from pqcore.jobs.story import RowStory, row_keys, row_story
from pqcore.text import clean
from pqtui import record_text, show
from pqtui.feed import Feed, Fresh, Trouble
from pqtui.records import TITLES, Kind, RecordQuery, RecordReader, RecordSnapshot, total_of
from pqtui.snapshots import safe_job
from pqtui.styles import MUTED
from pqtui.tasks import Outcome, in_background
from pqtui.widgets.record_lines import RecordLines

if TYPE_CHECKING:
    from pqtui.app import ConsoleApp

_EMPTY = {
    Kind.RANGES: "No ranges yet: they are cut when the job starts.",
    Kind.EVENTS: "Nothing has happened to this job yet.",
    Kind.LETTERS: "No dead letters: every row that was reached is migrated or needed nothing.",
}


def keys_line(keys: tuple[tuple[str, str], ...], width: int) -> Content:
    """The keys of a screen, as many as fit."""
    parts, used = [], 0
    for key, label in keys:
        size = len(key) + len(label) + 3
        if used + size <= width:
            parts.append(Content.assemble(" ", (key, "bold $text-accent"), " ", (label, MUTED), " "))
            used += size
    return Content("").join(parts)


class RecordsScreen(Screen[None]):
    """The records of one job, live. The line on top says how one came here; escape goes back."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", "Back", show=False),
        Binding("left", "turn(-1)", "Before", show=False),
        Binding("right,tab", "turn(1)", "Next", show=False),
        Binding("slash", "find", "Find a row", show=False),
    ]
    _KEYS = (("esc", "Back"), ("enter", "Open"), ("/", "Find a row"), ("left right", "Other records"))

    def __init__(self, job: Job, kind: Kind) -> None:
        super().__init__()
        self._job = job
        self._kind = kind
        self._counts = RecordCounts(0, 0, 0)
        self._trouble = ""

    @property
    def console(self) -> ConsoleApp:
        """The application."""
        return cast("ConsoleApp", self.app)

    @property
    def lines(self) -> RecordLines:
        """The list."""
        return self.query_one(RecordLines)

    def compose(self) -> ComposeResult:
        """The way here, the kinds of records, the list, the keys."""
        yield Static("", classes="crumbs")
        yield Static("", id="kinds")
        yield RecordLines(self.console.glyphs, id="records")
        yield Input(id="find", placeholder='the key of a row: 17, or ["a", 3]', compact=True)
        yield Static("", classes="keys-line")

    def on_mount(self) -> None:
        self.query_one("#find").display = False
        console = self.console
        self._feed: Feed[RecordQuery] = Feed(
            "records", RecordReader(console.workspace), self.post_message, console.poll_seconds
        )
        self.lines.forget(self._kind)
        self._feed.start(self._query())
        self.lines.focus()
        self._draw()

    def on_unmount(self) -> None:
        self._feed.stop(0)

    def on_resize(self) -> None:
        self._draw()

    def _query(self) -> RecordQuery:
        return RecordQuery(self._job.id, self._kind, *self.lines.wanted())

    @on(RecordLines.Wanted)
    def _wanted(self, event: RecordLines.Wanted) -> None:
        event.stop()
        self._feed.ask(self._query())

    def on_fresh(self, event: Fresh) -> None:
        """Take a snapshot of the records that are shown."""
        event.stop()
        self._trouble = ""
        snapshot = event.snapshot
        if isinstance(snapshot, RecordSnapshot) and snapshot.kind is self._kind:
            self._job = snapshot.job or self._job
            self._counts = snapshot.counts
            gone = "This job is gone from the table." if snapshot.job is None else _EMPTY[self._kind]
            self.lines.show(snapshot, gone)
        self._draw()

    def on_trouble(self, event: Trouble) -> None:
        """The database does not answer: say so, keep what is shown."""
        event.stop()
        self._trouble = "database away"
        self._draw()

    def _draw(self) -> None:
        width, glyphs = max(20, self.size.width), self.console.glyphs
        job = f"Job {self._job.id} {self._job.scope} {show.subject(self._job)}"
        room = width - 2 - (len(self._trouble) + 3 if self._trouble else 0)
        crumbs = record_text.crumbs((job, TITLES[self._kind]), room, glyphs)
        if self._trouble:
            crumbs = crumbs + Content.styled(f"  {glyphs.stale} {self._trouble}", "bold $text-error")
        parts = []
        for kind in Kind:
            text = f"{TITLES[kind]} {show.count(total_of(self._counts, kind))}"
            chosen = kind is self._kind
            parts.append(
                Content.styled(f"[{text}]" if chosen else f" {text} ", "bold $text-primary" if chosen else MUTED)
            )
        for selector, content in (
            (".crumbs", crumbs),
            ("#kinds", Content("").join(parts)),
            (".keys-line", keys_line(self._KEYS, width)),
        ):
            static = self.query_one(selector, Static)
            if static.content != content:
                static.update(content)

    def action_turn(self, step: int) -> None:
        """Show another kind of records."""
        kinds = list(Kind)
        self._kind = kinds[(kinds.index(self._kind) + step) % len(kinds)]
        self.lines.forget(self._kind)
        self._feed.ask(self._query())
        self._draw()

    @on(RecordLines.Opened)
    def _opened(self, event: RecordLines.Opened) -> None:
        event.stop()
        found = record_text.in_full(event.record)
        if found is not None:
            self.app.push_screen(RecordScreen(self._job, (TITLES[self._kind], found[0]), found[1]))
        elif isinstance(event.record, DeadLetter):
            self._tell(event.record.row_key)

    def action_find(self) -> None:
        """Ask for the key of a row."""
        box = self.query_one("#find", Input)
        box.display = True
        self.set_focus(box)

    @on(Input.Submitted, "#find")
    def _found(self, event: Input.Submitted) -> None:
        event.stop()
        self._close_find()
        if event.value.strip():
            self._tell(event.value)

    def _close_find(self) -> None:
        box = self.query_one("#find", Input)
        box.value = ""
        box.display = False
        self.lines.focus()

    def _tell(self, typed: str) -> None:
        self.app.push_screen(
            RecordScreen(
                self._job, (TITLES[Kind.LETTERS], clean(typed, limit=60)), Content("Reading"), keys=row_keys(typed)
            )
        )

    def action_leave(self) -> None:
        """Close the field where it is open, else go back to the jobs."""
        if self.query_one("#find").display:
            self._close_find()
        else:
            self.dismiss(None)


class RecordScreen(Screen[None]):
    """One record in full, or the story of a row.

    Args:
        way: how one came here from the job, the last is what is shown.
        content: what to show; a row's story is read first.
        keys: the row key texts whose story is asked for; empty for any other record.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,left", "leave", "Back", show=False),
        Binding("R", "read", "Read again", show=False),
        Binding("j", "scroll(1)", show=False),
        Binding("k", "scroll(-1)", show=False),
    ]

    def __init__(self, job: Job, way: tuple[str, ...], content: Content, *, keys: tuple[str, ...] = ()) -> None:
        super().__init__()
        self._job = job
        self._way = way
        self._content = content
        self._keys = keys

    @property
    def console(self) -> ConsoleApp:
        """The application."""
        return cast("ConsoleApp", self.app)

    def compose(self) -> ComposeResult:
        """The way here, the text, the keys."""
        yield Static("", classes="crumbs")
        with VerticalScroll(id="record-body"):
            yield Static(self._content, id="record-text")
        yield Static("", classes="keys-line")

    def on_mount(self) -> None:
        self.query_one("#record-body").focus()
        self.action_read()

    def on_resize(self) -> None:
        width = max(20, self.size.width)
        way = (f"Job {self._job.id}", *self._way)
        self.query_one(".crumbs", Static).update(record_text.crumbs(way, width - 2, self.console.glyphs))
        keys = (("esc", "Back"), ("up down", "Scroll"), *((("R", "Read again"),) if self._keys else ()))
        self.query_one(".keys-line", Static).update(keys_line(keys, width))

    def action_read(self) -> None:
        """Read the story of the row again."""
        if not self._keys:
            return
        workspace, job_id, keys = self.console.workspace, self._job.id, self._keys

        def work() -> RowStory:
            return row_story(workspace.db, workspace.jobs.get(job_id), keys)

        in_background(self.app, work, self._told)

    def _told(self, outcome: Outcome[RowStory]) -> None:
        if not self.is_attached:
            return
        if outcome.value is None:
            content = Content.styled(clean(str(outcome.error)), "$text-error")
        else:
            content = record_text.story(safe_job(self._job), outcome.value, self.console.glyphs)
        self.query_one("#record-text", Static).update(content)

    def action_scroll(self, step: int) -> None:
        """Scroll by a line."""
        self.query_one("#record-body", VerticalScroll).scroll_relative(y=step, animate=False)

    def action_leave(self) -> None:
        """Back to the list."""
        self.dismiss(None)
