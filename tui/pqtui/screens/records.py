"""Drilling down into one job: its ranges, events and dead letters, and the story of one row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Input, Static

from pqcore.jobs.model import DeadLetter, Job
from pqcore.jobs.pages import RecordCounts
from pqcore.jobs.story import RowStory, row_keys, row_story
from pqcore.text import clean
from pqtui import record_text, show
from pqtui.acting import Acting, bindings_of
from pqtui.actions import Action
from pqtui.feed import Feed, Fresh, Trouble
from pqtui.records import TITLES, JobRange, Kind, RecordQuery, RecordReader, RecordSnapshot, total_of
from pqtui.redraw import redraw
from pqtui.screens.help import MOVING_BELOW, Help, help_lines
from pqtui.snapshots import safe_job
from pqtui.styles import MUTED
from pqtui.tasks import Outcome, in_background
from pqtui.widgets.bars import ActionBar
from pqtui.widgets.entry import Entry
from pqtui.widgets.record_lines import RecordLines

if TYPE_CHECKING:
    from pqtui.app import ConsoleApp

_EMPTY = {
    Kind.RANGES: "No ranges yet: they are cut when the job starts.",
    Kind.EVENTS: "Nothing has happened to this job yet.",
    Kind.LETTERS: "No dead letters: every row that was reached is migrated or needed nothing.",
}


def _no_letters(record: JobRange | None) -> str:
    """Why there are no dead letters of a range to be shown."""
    if record is None:
        return "This is no range"
    return "" if record.info.progress.failed else f"Range {record.info.seq} has no dead letters"


class RecordsScreen(Acting, Screen[None]):
    """The records of one job, live. The line on top says how one came here.

    Args:
        within: show the dead letters of this range alone.
    """

    part = "records"
    BINDINGS: ClassVar[list[BindingType]] = bindings_of("records", but=("open",))  # the list has that one

    def __init__(self, job: Job, kind: Kind, within: JobRange | None = None) -> None:
        super().__init__()
        self._within = within
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
        yield Entry(id="find", placeholder='the key of a row: 17, or ["a", 3]', compact=True)
        yield Static("", classes="said")
        yield ActionBar()

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
        return RecordQuery(self._job.id, self._kind, *self.lines.wanted(), self._within)

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
            self.lines.show(snapshot, self._empty_text(snapshot))
        self._draw()

    def _empty_text(self, snapshot: RecordSnapshot) -> str:
        if snapshot.job is None:
            return "This job is gone from the table."
        return _EMPTY[self._kind] if self._within is None else "None of its rows is a dead letter any more."

    def on_trouble(self, event: Trouble) -> None:
        """The database does not answer: say so, keep what is shown."""
        event.stop()
        self._trouble = "database away" if event.away else "cannot read"
        self._said(event.sentence)
        self._draw()

    def _draw(self) -> None:
        width, glyphs = max(20, self.size.width), self.console.glyphs
        job = f"Job {self._job.id} {self._job.scope} {show.subject(self._job)}"
        room = width - 2 - (len(self._trouble) + 4 if self._trouble else 0)
        by = () if self._within is None else (TITLES[Kind.RANGES], f"Range {self._within.info.seq}")
        parts = (job, *by, TITLES[self._kind])
        crumbs = record_text.way(parts, self.console.badge, self.console.place, room, glyphs)
        if self._trouble:
            crumbs = crumbs + Content.styled(f"  {glyphs.stale} {self._trouble}", "bold $text-error")
        kinds = []
        for kind in Kind if self._within is None else (Kind.LETTERS,):
            text = f"{TITLES[kind]} {show.count(total_of(self._counts, kind))}"
            chosen = kind is self._kind
            kinds.append(
                Content.styled(f"[{text}]" if chosen else f" {text} ", "bold $text-primary" if chosen else MUTED)
            )
        for selector, content in (
            (".crumbs", crumbs),
            ("#kinds", Content("").join(kinds)),
        ):
            redraw(self.query_one(selector, Static), content)
        self.query_one(ActionBar).show(self.bar)

    # actions

    def doings(self) -> Mapping[str, Callable[[], object]]:
        """What each action does."""
        return {
            "open": self.lines.action_open,
            "range_letters": self._open_letters,
            "records_find": self._find,
            "records_next": lambda: self._turn(1),
            "records_before": lambda: self._turn(-1),
            "refresh": self._feed.again,
            "help": lambda: self.app.push_screen(Help(help_lines(self.offered, self.why_not, MOVING_BELOW))),
            "palette": self.app.action_command_palette,
            "leave": self._leave,
        }

    def why_not(self, action: Action) -> str:
        """Why the action cannot be done to the record under the cursor."""
        current = self.lines.current
        match action.id:
            case "open" if current is None:
                return "There is nothing here"
            case "range_letters":
                return _no_letters(current if isinstance(current, JobRange) else None)
            case "records_next" | "records_before" if self._within is not None:
                return "These are the dead letters of one range"
        return super().why_not(action)

    def action_do(self, action_id: str) -> None:
        """Do an action, or say why it cannot be done."""
        self._said("")
        super().action_do(action_id)

    def refuse(self, sentence: str) -> None:
        """Say it above the bar."""
        self._said(sentence)

    def _said(self, sentence: str) -> None:
        line = self.query_one(".said", Static)
        line.display = bool(sentence)
        redraw(line, Content.styled(clean(sentence), "$text-error"))

    @on(ActionBar.Pressed)
    def _bar_pressed(self, event: ActionBar.Pressed) -> None:
        event.stop()
        self.action_do(event.action_id)

    @on(RecordLines.Moved)
    def _moved(self, event: RecordLines.Moved) -> None:
        event.stop()
        self._said("")
        self.query_one(ActionBar).show(self.bar)

    def _open_letters(self) -> None:
        current = self.lines.current
        if isinstance(current, JobRange):
            self.app.push_screen(RecordsScreen(self._job, Kind.LETTERS, current))

    def _turn(self, step: int) -> None:
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
            of_range = event.record if isinstance(event.record, JobRange) else None
            self.app.push_screen(RecordScreen(self._job, (TITLES[self._kind], found[0]), found[1], of_range=of_range))
        elif isinstance(event.record, DeadLetter):
            self._tell(event.record.row_key)

    def _find(self) -> None:
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
        way: tuple[str, ...] = (TITLES[Kind.LETTERS], clean(typed, limit=60))
        if self._within is not None:
            way = (f"Range {self._within.info.seq}", *way)
        self.app.push_screen(RecordScreen(self._job, way, Content("Reading"), keys=row_keys(typed)))

    def _leave(self) -> None:
        """Close the field where it is open, else go back to the jobs."""
        if self.query_one("#find").display:
            self._close_find()
        else:
            self.dismiss(None)


class RecordScreen(Acting, Screen[None]):
    """One record in full, or the story of a row.

    Args:
        way: how one came here from the job, the last is what is shown.
        content: what to show; a row's story is read first.
        keys: the row key texts whose story is asked for; empty for any other record.
        of_range: the range that is shown, where it is one.
    """

    part = "record"
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings_of("record"),
        Binding("left", "do('leave')", show=False),
        Binding("j", "scroll(1)", show=False),
        Binding("k", "scroll(-1)", show=False),
    ]

    def __init__(
        self,
        job: Job,
        way: tuple[str, ...],
        content: Content,
        *,
        keys: tuple[str, ...] = (),
        of_range: JobRange | None = None,
    ) -> None:
        super().__init__()
        self._range = of_range
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
        yield Static("", classes="said")
        yield ActionBar()

    def on_mount(self) -> None:
        self.query_one("#record-body").focus()
        if self._keys:
            self._read()

    def on_resize(self) -> None:
        width = max(20, self.size.width)
        console, parts = self.console, (f"Job {self._job.id}", *self._way)
        crumbs = record_text.way(parts, console.badge, console.place, width - 2, console.glyphs)
        self.query_one(".crumbs", Static).update(crumbs)
        self.query_one(ActionBar).show(self.bar)

    def doings(self) -> Mapping[str, Callable[[], object]]:
        """What each action does."""
        return {
            "range_letters": self._open_letters,
            "refresh": self._read,
            "help": lambda: self.app.push_screen(Help(help_lines(self.offered, self.why_not, MOVING_BELOW))),
            "palette": self.app.action_command_palette,
            "leave": lambda: self.dismiss(None),
        }

    def why_not(self, action: Action) -> str:
        """Why the action cannot be done to this record."""
        match action.id:
            case "refresh" if not self._keys:
                return "This is shown as it was read"
            case "range_letters":
                return _no_letters(self._range)
        return super().why_not(action)

    def refuse(self, sentence: str) -> None:
        """Say it above the bar."""
        line = self.query_one(".said", Static)
        line.display = True
        redraw(line, Content.styled(clean(sentence), "$text-error"))

    @on(ActionBar.Pressed)
    def _bar_pressed(self, event: ActionBar.Pressed) -> None:
        event.stop()
        self.action_do(event.action_id)

    def _open_letters(self) -> None:
        if self._range is not None:
            self.app.push_screen(RecordsScreen(self._job, Kind.LETTERS, self._range))

    def _read(self) -> None:
        """Read the story of the row again."""
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
