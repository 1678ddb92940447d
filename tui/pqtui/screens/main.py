"""The main screen: the job list, the chosen job's detail, the metrics, all live. Its parts are in ``pqtui.main``."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Vertical
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import Input, Static

from pqcore.errors import DatabaseLocked
from pqcore.jobs.filter import JobFilter
from pqcore.jobs.sort import Sort
from pqtui.acting import Acting, bindings_of
from pqtui.actions import BY_ID, Action, Situation, eligible, unavailable
from pqtui.curve import SPANS
from pqtui.feed import Fresh, Trouble
from pqtui.first_lines import FirstLines
from pqtui.main.doing import Doing
from pqtui.main.drawing import Drawing
from pqtui.main.filter_line import FilterLine, filter_input
from pqtui.main.marks import Marks
from pqtui.main.opening import Opening
from pqtui.main.panes import PANES, Panes
from pqtui.main.reading import Reading
from pqtui.main.shown import Shown
from pqtui.main.taking import Taking
from pqtui.main.work import Work
from pqtui.perform import DONE_TO_JOBS
from pqtui.session_state import SessionState
from pqtui.snapshots import CountSnapshot, DetailSnapshot, ListQuery, ListSnapshot, MetricsSnapshot
from pqtui.tasks import Outcome, in_background
from pqtui.widgets.bars import ActionBar, TopBar
from pqtui.widgets.detail_pane import DetailPage, DetailPane
from pqtui.widgets.job_list import JobLines, JobList
from pqtui.widgets.metrics_pane import MetricsPane

if TYPE_CHECKING:
    from pqtui.app import ConsoleApp

_FOLLOW_SECONDS = 0.2


def _class_at(cells: int, breakpoints: list[tuple[int, str]]) -> str:
    return next(name for least, name in reversed(breakpoints) if cells >= least)


class MainScreen(Acting, Screen[None]):
    """Hears of snapshots, keys and the cursor, and lets the part act whose business it is."""

    part = "main"
    BINDINGS: ClassVar[list[BindingType]] = bindings_of("main")
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide")]  # noqa: RUF012 - as Screen declares it

    def __init__(self, console: ConsoleApp) -> None:
        # with the classes that it will have: each that comes later styles everything once more
        classes = (
            _class_at(console.size.width, self.HORIZONTAL_BREAKPOINTS),
            _class_at(console.size.height, console.VERTICAL_BREAKPOINTS),
        )
        super().__init__(classes=f"pane-jobs {' '.join(classes)}")
        self._application, workspace = console, console.workspace
        self.shown = Shown()
        self._reading = Reading(lambda: workspace.jobs, self.post_message, console.poll_seconds, console.now)
        self._drawing = Drawing(self, self.shown, self._reading)
        self._panes = Panes(self)
        self._filter_line = FilterLine(self)
        self._marks = Marks(self, self.shown, self._drawing)
        self._doing = Doing(self, self.shown, self._reading, self._drawing, self._marks)
        self._work = Work(self, self._reading, self._drawing, self._marks)
        self._taking = Taking(self, self.shown, self._drawing, self._panes)
        self._opening = Opening(self, self._reading, self._drawing)
        self._follow: Timer | None = None

    def compose(self) -> ComposeResult:
        """Top line, three panes, a line for messages, the bar of actions."""
        glyphs, now = self.console.glyphs, self.console.now
        yield TopBar(glyphs)
        with Container(id="panes"):
            with Vertical(id="jobs", classes="pane"):
                yield filter_input(self.shown.seen)
                yield Static("", id="filter-problem")
                yield Static("", id="trouble")
                yield JobList(glyphs, now, id="job-list")
            for pane in (DetailPane(id="detail"), MetricsPane(glyphs, id="metrics")):
                pane.add_class("pane")
                yield pane
        yield Static("", id="summary")
        yield Static("", id="notice")
        yield ActionBar()

    def on_mount(self) -> None:
        for pane, title in zip(PANES, ("Jobs", "Detail", "Metrics"), strict=True):
            self.query_one(f"#{pane}").border_title = title
        self._begin_where_it_was_left(self.console.session)
        first = self.console.take_first()
        if first is None:
            self._begin_reading()
        else:
            in_background(self, first, self._first_read)
        self._panes.choose("jobs")
        self.set_interval(1.0, self._drawing.standing)
        self._drawing.standing()
        self._drawing.bar()
        if self.console.note:
            self.notice(self.console.note)

    def _first_read(self, outcome: Outcome[FirstLines]) -> None:
        """Somebody has read the first lines for us: show them, and load what reads on when they are on the screen."""
        first = outcome.value
        if first is None:
            assert outcome.error is not None
            if isinstance(outcome.error, DatabaseLocked):  # it is there: wait for it, and say so meanwhile
                self.on_trouble(Trouble.of(self._reading.list.name, outcome.error))
                self._begin_reading()
            else:
                self.console.give_up(outcome.error)
            return
        self.on_fresh(Fresh(self._reading.list.name, first.query, first.snapshot, first.at))
        self.call_after_refresh(self._begin_reading)

    def _begin_reading(self) -> None:
        self._reading.start(ListQuery(self.shown.filter, self.shown.sort, *self.lines.wanted()))
        self.console.ask_news()

    def _begin_where_it_was_left(self, session: SessionState) -> None:
        """Filter, order, chosen job and span of the last session."""
        self.shown.filter = self._filter_line.begin_with(session.filter)
        self.shown.sort = session.sort
        self.shown.span = next((span for span in SPANS if span.id == session.span), self.shown.span)
        self.query_one(JobList).set_sort(session.sort)
        if session.job_id is not None:
            self.lines.begin_at(session.job_id)

    @property
    def console(self) -> ConsoleApp:
        """The application."""
        return self._application

    @property
    def session(self) -> SessionState:
        """What of this screen is worth to be found again."""
        current = self.lines.current
        job_id = current.id if current is not None else None
        return SessionState(self._filter_line.text, self.shown.sort, job_id, span=self.shown.span.id)

    @property
    def lines(self) -> JobLines:
        """The lines of the job list."""
        return self.query_one(JobList).lines

    @property
    def detail(self) -> DetailPane:
        """The detail pane."""
        return self.query_one("#detail", DetailPane)

    def notice(self, text: str, *, error: bool = False) -> None:
        """Say something in the line above the actions; an empty text clears it."""
        self._drawing.notice(text, error=error)

    def stop_feeds(self) -> None:
        """End the threads that read."""
        self._reading.stop()

    def refresh_now(self) -> None:
        """Read everything now, whatever it costs."""
        self._reading.refresh()

    # snapshots

    def on_fresh(self, event: Fresh) -> None:
        """A feed has read: take its snapshot where it still is the one that was asked for."""
        event.stop()
        if event.feed == self._reading.list.name:
            self.shown.fresh_at = event.at
        if self._reading.fresh(event):
            self._drawing.trouble()
        match event.snapshot:
            case ListSnapshot() as snapshot:
                self._take_list(snapshot, event)
            case CountSnapshot() as snapshot:
                self._take_count(snapshot, cast("JobFilter", event.query))
            case DetailSnapshot() as snapshot:
                if self.shown.take_detail(snapshot, self.lines.current):
                    self._drawing.detail()
            case MetricsSnapshot() as snapshot:
                self._take_metrics(snapshot, event.at)
        self._drawing.standing()
        self._drawing.bar()
        self._work.leave_when_ended()

    def on_trouble(self, event: Trouble) -> None:
        """A feed could not read: say so in the top line, keep everything that is shown."""
        event.stop()
        _settle()
        self._reading.trouble(event)
        self._drawing.standing()
        self._drawing.trouble()
        if self.shown.list is None:
            self._drawing.unreadable(event.sentence, event.at)

    def _take_list(self, snapshot: ListSnapshot, event: Fresh) -> None:
        if self.shown.take_list(cast("ListQuery", event.query), snapshot, event.at, self.console.now()):
            _settle()
            self._drawing.list()

    def _take_count(self, snapshot: CountSnapshot, counted: JobFilter) -> None:
        if not self.shown.take_count(counted, snapshot):
            return
        if self.shown.list is not None:
            self._drawing.list()
        # where the list ends decides from which end a part of it is read
        self._ask_list()

    def _take_metrics(self, snapshot: MetricsSnapshot, at: float) -> None:
        other_workers = self.shown.take_metrics(snapshot, at, self.console.now())
        self._drawing.metrics()
        self._drawing.title()
        self._drawing.lower_borders()
        if other_workers:
            self._drawing.detail()  # what it advises goes by the workers

    # actions

    def situation(self) -> Situation:
        """What actions would act on now."""
        console, shown, current = self.console, self.shown, self.lines.current
        return Situation(
            jobs=tuple(shown.marked.values()) or ((current,) if current is not None else ()),
            marked=bool(shown.marked),
            read_only=console.workspace.read_only,
            here=console.local.active,
            working=console.local.claiming,
            held=self._reading.held,
            filtered=bool(shown.filter),
            now=console.now(),
            news=len(console.news.jobs),
        )

    def action_do(self, action_id: str) -> None:
        """Do an action of the registry, or say why it cannot be done."""
        self.notice("")
        super().action_do(action_id)

    def why_not(self, action: Action) -> str:
        """Why the action cannot be done to the marked jobs, or the one under the cursor."""
        return unavailable(action, self.situation())

    def refuse(self, sentence: str) -> None:
        """Say it above the bar."""
        self.notice(sentence, error=True)

    def doings(self) -> Mapping[str, Callable[[], object]]:
        """What each action does: the last ones of these are simply done to jobs, one after the other."""
        situation = self.situation()
        return {
            "new": self._opening.new,
            "clone": lambda: self._opening.clone(situation),
            "records": lambda: self._opening.records(situation),
            "estate": self._opening.estate,
            "news": self._opening.news,
            "help": self._opening.help,
            "tune": lambda: self._doing.ask_limits(situation),
            "hand_over": lambda: self._work.hand_over(tuple(job.id for job in eligible(BY_ID["hand_over"], situation))),
            "work": self._work.toggle,
            "quit": self._work.quit,
            "copy": lambda: self._taking.copy(situation),
            "export": self._taking.ask_export,
            "filter": self._open_filter,
            "sort": self._open_order,
            "mark": self._marks.toggle,
            "mark_all": self._marks.all,
            "back": self._back,
            "pane_jobs": lambda: self._panes.choose("jobs"),
            "pane_detail": lambda: self._panes.choose("detail"),
            "pane_metrics": lambda: self._panes.choose("metrics"),
            "span": lambda: self._turn_span(1, around=True),
            "refresh": self._refresh_and_repaint,
            "hold": self._toggle_hold,
            "profile": self.console.choose_profile,
            "palette": self.app.action_command_palette,
            **{action_id: partial(self._doing.ask, BY_ID[action_id], situation) for action_id in DONE_TO_JOBS},
        }

    def _refresh_and_repaint(self) -> None:
        self._reading.refresh()
        self.console.repaint()

    def _toggle_hold(self) -> None:
        self._reading.toggle_hold()
        self._drawing.standing()

    def _turn_span(self, step: int, *, around: bool = False) -> None:
        self.shown.turn_span(step, around=around)
        self._drawing.metrics()
        self._drawing.detail()

    def _back(self) -> None:
        if self._filter_line.has_focus:
            self._filter_line.clear()
        elif self._panes.chosen != "jobs":
            self._panes.choose("jobs")
        elif self.shown.marked:
            self._marks.clear()
        elif self._filter_line.text:
            self._filter_line.clear()

    @on(ActionBar.Pressed)
    def _bar_pressed(self, event: ActionBar.Pressed) -> None:
        event.stop()
        self.action_do(event.action_id)

    @on(DetailPage.Opened)
    def _detail_opened(self, event: DetailPage.Opened) -> None:
        event.stop()
        self.action_do("records")

    # the list: its part on the screen, its order, its filter

    def _ask_list(self) -> None:
        start, limit = self.lines.wanted()
        self._reading.list.ask(ListQuery(self.shown.filter, self.shown.sort, start, limit, self.shown.count or 0))

    def _list_anew(self) -> None:
        self.shown.forget_list()
        self._reading.count.ask(self.shown.filter)
        self.lines.forget("Reading the jobs")
        self.lines.scroll_to(y=0, animate=False)
        self._ask_list()

    @on(JobLines.Wanted)
    def _wanted(self, event: JobLines.Wanted) -> None:
        event.stop()
        # the rows at hand may cover it already; reading further ahead can wait for the next poll
        self._ask_list()

    def _open_order(self) -> None:
        from pqtui.screens.order import Order

        self.app.push_screen(Order(self.shown.sort, self.console.glyphs), self._ordered)

    def _ordered(self, sort: Sort | None) -> None:
        if sort is not None and sort != self.shown.sort:
            self.shown.sort = sort
            self.query_one(JobList).set_sort(sort)
            self._list_anew()

    def _open_filter(self) -> None:
        self._panes.show("jobs")
        self._filter_line.open()

    @on(Input.Changed, "#filter")
    def _filter_typed(self, event: Input.Changed) -> None:
        event.stop()
        job_filter = self._filter_line.typed()
        if job_filter is not None and job_filter != self.shown.filter:
            self.shown.filter = job_filter
            self._list_anew()

    @on(Input.Submitted, "#filter")
    def _filter_done(self, event: Input.Submitted) -> None:
        event.stop()
        self._filter_line.close()

    # the cursor

    @on(JobLines.Moved)
    def _moved(self, event: JobLines.Moved) -> None:
        event.stop()
        current, detail = self.lines.current, self.shown.detail
        if current is None:
            self.shown.detail = None
        elif detail is None or detail.job_id != current.id:
            # a cursor that runs through the list drags no detail behind it, neither over the line nor in the database
            if self._follow is not None:
                self._follow.stop()
            self._follow = self.set_timer(_FOLLOW_SECONDS, self._follow_cursor)
            return
        self._drawing.detail()
        self._drawing.bar()

    def _follow_cursor(self) -> None:
        """The cursor rests on a job: show what the list knows of it, and read the rest."""
        current = self.lines.current
        if current is not None:
            self._reading.detail.ask(current.id)
        self._drawing.detail()
        self._drawing.bar()

    @on(JobLines.Opened)
    def _opened(self, event: JobLines.Opened) -> None:
        event.stop()
        self._panes.choose("detail")

    # panes

    def action_focus_next(self) -> None:
        """Tab: the next pane."""
        self._panes.turn(1)

    def action_focus_previous(self) -> None:
        """Shift+Tab: the pane before."""
        self._panes.turn(-1)

    def on_descendant_focus(self) -> None:
        self._panes.follow_focus()
        self._drawing.lower_borders()

    @on(DetailPage.Resized)
    def _detail_resized(self, event: DetailPage.Resized) -> None:
        event.stop()
        self._drawing.detail()

    def on_resize(self) -> None:
        # the line that sums up the metrics is there also where their pane is not
        self.call_after_refresh(self._drawing.metrics)

    @on(MetricsPane.Turned)
    def _span_turned(self, event: MetricsPane.Turned) -> None:
        event.stop()
        self._turn_span(event.step)

    @on(MetricsPane.Resized)
    def _metrics_resized(self, event: MetricsPane.Resized) -> None:
        event.stop()
        self._drawing.metrics()


def _settle() -> None:
    """The start is over: from now on look for garbage, though not among what it has made."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
