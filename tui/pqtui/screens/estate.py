"""The estate: what each column holds, how it stands, how much is safe; the way from there to a new job."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from pqcore.errors import PQConsoleError
from pqcore.inspection.inspector import Inspector, Place, Stopped
from pqcore.inspection.rating import Level, level_of
from pqcore.inspection.report import ColumnReport, rated, summary
from pqcore.policies import POLICIES
from pqcore.text import clean
from pqtui import estate_text as text
from pqtui.acting import Acting, bindings_of
from pqtui.actions import Action
from pqtui.badge import place_text
from pqtui.draft import Draft
from pqtui.estate_text import Line
from pqtui.inspection_text import safe_text
from pqtui.screens.help import MOVING_IN_THE_ESTATE, Help, help_lines
from pqtui.selection_form import shown_document
from pqtui.styles import MUTED
from pqtui.tasks import Outcome, in_background
from pqtui.widgets.bars import ActionBar

if TYPE_CHECKING:
    from pqtui.app import ConsoleApp

_SAMPLE_ROWS = 1000
_EVERY_SECONDS = 0.5  # between two reports of progress


@dataclass(frozen=True, slots=True)
class _Read:
    """A table as it was read last."""

    place: Place
    reports: tuple[ColumnReport, ...]


class EstateScreen(Acting, Screen["Draft | None"]):
    """Columns and their forms, read in threads of its own. Dismissed with the draft of a job, or None."""

    class Known(Message):
        """A table was read, by a sample or to its end."""

        def __init__(self, place: Place, reports: Sequence[ColumnReport]) -> None:
            super().__init__()
            self.place = place
            self.reports = tuple(reports)

    class Reading(Message):
        """How far the reading of a table is."""

        def __init__(self, table: str, done: int, total: int | None) -> None:
            super().__init__()
            self.table = table
            self.done = done
            self.total = total

    class Policies(Message):
        """The policies that there are: what each asks for, and its id in the database where it has one."""

        def __init__(self, levels: Sequence[Level], ids: Mapping[str, int]) -> None:
            super().__init__()
            self.levels = tuple(levels)
            self.ids = dict(ids)

    part = "estate"
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings_of("estate"),
        Binding("j", "move(1)", show=False),
        Binding("k", "move(-1)", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._reads: dict[tuple[str | None, str], _Read] = {}
        self._lines: tuple[Line, ...] = ()
        self._marked = 0  # the line that has the sign of the cursor
        self._levels = tuple(level_of(policy) for policy in POLICIES)
        self._policy = 0
        self._stop = threading.Event()
        self._busy = ""  # what is being read now
        self._exact: tuple[str | None, str] | None = None  # the table that was read to its end last, or is
        self._problem = ""
        self._policy_ids: dict[str, int] = {}

    @property
    def console(self) -> ConsoleApp:
        """The application."""
        return cast("ConsoleApp", self.app)

    @property
    def level(self) -> Level:
        """The policy that values are held against."""
        return self._levels[self._policy]

    def compose(self) -> ComposeResult:
        """A title, the estate in one line, the forms, what is known of the one under the cursor."""
        yield Static("", id="estate-title")
        yield Static("", id="estate-summary")
        with Vertical(id="estate-forms"):
            yield Static("", id="estate-heading")
            yield OptionList(id="estate-list", compact=True)
        with VerticalScroll(id="estate-detail", can_focus=False):
            yield Static("", id="estate-detail-text")
        yield Static("", id="estate-note")
        yield ActionBar()

    def on_mount(self) -> None:
        title = Content.styled(" Estate ", "bold $text-primary") + place_text(self.console.badge, self.console.place)
        self.query_one("#estate-title", Static).update(title)
        self.query_one("#estate-forms").border_title = "What is stored"
        self.query_one("#estate-detail").border_title = "Form under the cursor"
        self.query_one("#estate-list").focus()
        self._begin("the tables", self._sample_all)

    def on_unmount(self) -> None:
        self._stop.set()

    def on_resize(self) -> None:
        self._draw_list()

    # reading, in threads

    def _begin(self, what: str, work: Callable[[Inspector], None]) -> None:
        """Let ``work`` read in a thread; what is read now is stopped."""
        self._stop.set()
        self._stop = stop = threading.Event()
        self._busy, self._problem = what, ""
        console, level = self.console, self.level

        def body() -> str:
            inspector = console.workspace.inspector(level, stop=stop.is_set)
            with suppress(Stopped):
                work(inspector)
            return text.left_out(inspector.unread)

        def ended(outcome: Outcome[str]) -> None:
            if stop is not self._stop:
                return  # something else is read by now
            self._busy = ""
            self._problem = (outcome.value or "") if outcome.error is None else str(outcome.error)
            if self.is_attached:
                self._draw()

        in_background(self, body, ended)  # behind what the thread has posted here
        self._draw()

    def _sample_all(self, inspector: Inspector) -> None:
        with suppress(PQConsoleError):  # without the tables of policies a job's target is chosen by hand
            self._tell(self._read_policies())
        for place in inspector.everything():
            self._tell(self.Reading(place.table, 0, None))
            self._tell(self.Known(place, inspector.sample(place, _SAMPLE_ROWS)))

    def _read_policies(self) -> Policies:
        workspace, ours = self.console.workspace, {policy.name for policy in POLICIES}
        found = workspace.policies()
        theirs = [workspace.level(policy.name) for policy in found if policy.name not in ours]
        return self.Policies([*map(level_of, POLICIES), *theirs], {policy.name: policy.id for policy in found})

    def _tell(self, message: Message) -> None:
        with suppress(RuntimeError):  # the event loop closed meanwhile
            self.post_message(message)

    @on(Policies)
    def _policies_read(self, event: Policies) -> None:
        event.stop()
        self._levels, self._policy_ids = event.levels, event.ids
        self._policy = min(self._policy, len(self._levels) - 1)

    @on(Known)
    def _known(self, event: Known) -> None:
        event.stop()
        place = event.place
        self._reads[place.schema, place.table] = _Read(place, event.reports)
        self._draw()

    @on(Reading)
    def _reading(self, event: Reading) -> None:
        event.stop()
        self._busy = text.progress(event.table, event.done, event.total)
        self._draw_note()

    # what is shown

    @property
    def reports(self) -> list[ColumnReport]:
        """All columns as they were read last, under the policy of now."""
        return [rated(report, self.level) for read in self._reads.values() for report in read.reports]

    @property
    def _width(self) -> int:
        """Cells of a line of the list, without the scroll bar."""
        return max(40, self.query_one("#estate-list", OptionList).size.width - 1)

    @property
    def current(self) -> Line | None:
        """The line under the cursor."""
        at = self.query_one("#estate-list", OptionList).highlighted
        return self._lines[at] if at is not None and at < len(self._lines) else None

    def _draw(self) -> None:
        whole = summary(self.reports)
        shown = Content.styled(f"safe: {safe_text(whole)} under {self.level.policy}", "bold")
        self._update("#estate-summary", shown if self._reads else Content.styled("looking", MUTED))
        self._draw_list()
        self._draw_note()

    def _draw_list(self) -> None:
        listing = self.query_one("#estate-list", OptionList)
        lines = text.lines(self.reports)
        width, glyphs = self._width, self.console.glyphs
        self._update("#estate-heading", Content.styled(text.heading(width, glyphs), f"bold {MUTED}"))
        kept = self.current.id if self.current is not None else ""
        at = next((number for number, line in enumerate(lines) if line.id == kept), 0)
        prompts = [text.prompt(line, width, glyphs, chosen=number == at) for number, line in enumerate(lines)]
        if tuple(line.id for line in lines) == tuple(line.id for line in self._lines):
            for number, prompt in enumerate(prompts):
                if listing.get_option_at_index(number).prompt != prompt:
                    listing.replace_option_prompt_at_index(number, prompt)
            self._lines = lines
        else:
            self._lines = lines
            listing.clear_options()
            listing.add_options([Option(prompt) for prompt in prompts])
            listing.highlighted = at if lines else None
        self._marked = at
        self._draw_detail()

    def _draw_detail(self) -> None:
        line = self.current
        nothing = "" if self._busy else "No column of this database looks like cryptography."
        room = max(20, self.query_one("#estate-detail").scrollable_content_region.width)
        self._update("#estate-detail-text", text.detail(line, room) if line is not None else Content(nothing))
        self.query_one(ActionBar).show(self.bar)

    def _draw_note(self) -> None:
        if self._problem:
            self._update("#estate-note", Content.styled(clean(self._problem), "$text-error"))
        else:
            busy = f"reading {clean(self._busy)}" if self._busy else ""
            self._update("#estate-note", Content.styled(busy, MUTED))

    def _update(self, selector: str, content: Content) -> None:
        part = self.query_one(selector, Static)
        if part.content != content:  # what has not changed sends nothing to the terminal
            part.update(content)

    @on(OptionList.OptionHighlighted)
    def _moved(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        if event.option_index != self._marked:
            self._mark(self._marked, chosen=False)
            self._mark(event.option_index, chosen=True)
            self._marked = event.option_index
        self._draw_detail()

    def _mark(self, number: int, *, chosen: bool) -> None:
        """Draw a line as the one under the cursor, or as another."""
        if number < len(self._lines):
            prompt = text.prompt(self._lines[number], self._width, self.console.glyphs, chosen=chosen)
            self.query_one("#estate-list", OptionList).replace_option_prompt_at_index(number, prompt)

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.action_do("estate_new")

    # what can be done

    def doings(self) -> Mapping[str, Callable[[], object]]:
        """What each action does."""
        return {
            "estate_new": self._new,
            "estate_exact": self._read_exactly,
            "estate_policy": self._next_policy,
            "refresh": self._look_again,
            "help": lambda: self.app.push_screen(Help(help_lines(self.offered, self.why_not, MOVING_IN_THE_ESTATE))),
            "palette": self.app.action_command_palette,
            "leave": lambda: self.dismiss(None),  # what is read now is stopped
        }

    def why_not(self, action: Action) -> str:
        """Why the action cannot be done to the line under the cursor."""
        line = self.current
        match action.id:
            case "estate_new" | "estate_exact" if line is None:
                return "There is no column here"
            case "estate_policy" if len(self._levels) < 2:
                return "There is no other policy"
            case "estate_new" if line is not None and line.proposal is None:
                return super().why_not(action) or text.why_no_job(line).rstrip(".")
        return super().why_not(action)

    def refuse(self, sentence: str) -> None:
        """Say it above the bar."""
        self._problem = sentence
        self._draw_note()

    @on(ActionBar.Pressed)
    def _bar_pressed(self, event: ActionBar.Pressed) -> None:
        event.stop()
        self.action_do(event.action_id)

    def action_move(self, step: int) -> None:
        """Go to the next line, or the one before."""
        listing = self.query_one("#estate-list", OptionList)
        if step > 0:
            listing.action_cursor_down()
        else:
            listing.action_cursor_up()

    def _look_again(self) -> None:
        """Look at all tables again."""
        self._reads, self._exact = {}, None
        self._begin("the tables", self._sample_all)

    def _next_policy(self) -> None:
        """Hold the same counts against the next policy."""
        self._policy = (self._policy + 1) % len(self._levels)
        self._draw()

    def _read_exactly(self) -> None:
        """Read every row of the table under the cursor; once more stops that."""
        line = self.current
        if line is None:
            return
        column = line.report.column
        if self._busy and self._exact == (column.schema, column.table):
            self._stop.set()
            return
        self._exact = (column.schema, column.table)
        read = self._reads[self._exact]
        last = 0.0

        def progress(done: int, total: int | None) -> None:
            nonlocal last
            if monotonic() - last >= _EVERY_SECONDS:
                last = monotonic()
                self._tell(self.Reading(column.table, done, total))

        def work(inspector: Inspector) -> None:
            self._tell(self.Known(read.place, inspector.exact(read.place, progress)))

        self._begin(text.progress(column.table, 0, line.report.total), work)

    def _new(self) -> None:
        """Open the editor with the selection that follows from the line under the cursor."""
        proposal = self.current.proposal if self.current is not None else None
        if proposal is not None:
            policy = self._policy_ids.get(self.level.policy)
            self.dismiss(Draft(proposal.scope, None, policy, shown_document(proposal.document)))
