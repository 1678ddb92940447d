"""The main screen: the job list, the chosen job's detail, the metrics, all live."""

from __future__ import annotations

import gc
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from time import monotonic
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import Input, Static

from pqcore.errors import PQConsoleError
from pqcore.jobs.filter import JobFilter
from pqcore.jobs.model import Job, Progress, Purpose
from pqcore.jobs.query import Sort
from pqcore.jobs.repository import JobQuery
from pqcore.text import clean
from pqtui import show
from pqtui.actions import ACTIONS, BY_ID, Action, Situation, bar, eligible, unavailable
from pqtui.detail_text import View
from pqtui.draft import Draft
from pqtui.export import job_rows, letter_rows, to_file
from pqtui.feed import CALM_FACTOR, Feed, Fresh, Trouble
from pqtui.filter_typing import FilterSuggester, SeenValues, typed_filter
from pqtui.hand_over import HandedOver
from pqtui.health import Health
from pqtui.metrics_text import Flow, JobFlow, summary
from pqtui.pace import SPANS, Pace, PaceBook, Throughput
from pqtui.perform import Performed, operated, perform
from pqtui.records import Kind
from pqtui.redraw import redraw
from pqtui.screens.confirm import Confirm, Plan, plan_of
from pqtui.screens.export import Export, Wanted
from pqtui.screens.help import Help, help_lines
from pqtui.screens.leave import Leave, Leaving
from pqtui.screens.order import Order
from pqtui.session_state import SessionState
from pqtui.snapshots import (
    KEEPING_LIMIT,
    CountReader,
    CountSnapshot,
    DetailSnapshot,
    ListQuery,
    ListReader,
    ListSnapshot,
    MetricsReader,
    MetricsSnapshot,
    read_detail,
    safe_job,
)
from pqtui.tasks import Outcome, in_background
from pqtui.widgets.bars import ActionBar, Standing, TopBar
from pqtui.widgets.detail_pane import DetailPage, DetailPane
from pqtui.widgets.job_list import JobLines, JobList
from pqtui.widgets.metrics_pane import MetricsPane

# screens that bring the selection document and its editor along are loaded when they are first opened: the first
# lines of the list are there the sooner
if TYPE_CHECKING:
    from pqcore.jobs.limits import Sections
    from pqtui.app import ConsoleApp
    from pqtui.screens.review import Created
    from pqtui.screens.tune import Tuning

MARK_ALL_LIMIT = 5000
_TUNE_LIMIT = 50
_FILTER_HINT = "status:failed scope:wrappers table:users -algo:ml-kem words"
_PANES = ("jobs", "detail", "metrics")
_STALE_SECONDS = 3.0
_FOLLOW_SECONDS = 0.2


def _bindings() -> list[BindingType]:
    return [
        Binding(",".join(a.keys), f"do('{a.id}')", a.label, id=a.id, show=False) for a in ACTIONS if a.id != "palette"
    ]


def _class_at(cells: int, breakpoints: list[tuple[int, str]]) -> str:
    return next(name for least, name in reversed(breakpoints) if cells >= least)


class MainScreen(Screen[None]):
    """Owns what is shown; feeds read the database in threads of their own and post snapshots here."""

    class Operated(Message):
        """An operation on an ended job ended here."""

        def __init__(self, job_id: int, purpose: Purpose, outcome: Progress | PQConsoleError) -> None:
            super().__init__()
            self.job_id = job_id
            self.purpose = purpose
            self.outcome = outcome

    BINDINGS: ClassVar[list[BindingType]] = _bindings()
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide")]  # noqa: RUF012 - as Screen declares it
    VERTICAL_BREAKPOINTS = [(0, "-short"), (20, "-medium"), (36, "-tall")]  # noqa: RUF012 - as Screen declares it

    def __init__(self, size: Size) -> None:
        # with the classes that it will have: each that comes later styles everything once more
        classes = (
            _class_at(size.width, self.HORIZONTAL_BREAKPOINTS),
            _class_at(size.height, self.VERTICAL_BREAKPOINTS),
        )
        super().__init__(classes=f"pane-jobs {' '.join(classes)}")
        self._filter = JobFilter()
        self._sort = Sort()
        self._marked: dict[int, Job] = {}
        self._list: ListSnapshot | None = None
        self._count: int | None = None
        self._detail: DetailSnapshot | None = None
        self._metrics = MetricsSnapshot((), (), ())
        self._book = PaceBook()
        self._throughput = Throughput()
        self._totals_clock = ""
        self._list_at = self._metrics_at = 0.0
        self._follow: Timer | None = None
        self._fresh_at: float | None = None
        self._health = Health()
        self._seen = SeenValues()
        self._held = False
        self._leaving = False
        self._pane = "jobs"

    @property
    def console(self) -> ConsoleApp:
        """The application."""
        return cast("ConsoleApp", self.app)

    def compose(self) -> ComposeResult:
        """Top line, three panes, a line for messages, the bar of actions."""
        glyphs, now = self.console.glyphs, self.console.now
        yield TopBar(glyphs)
        with Container(id="panes"):
            with Vertical(id="jobs", classes="pane"):
                # nothing selected: a key that comes before the focus has settled would be replaced by the next
                yield Input(
                    id="filter",
                    placeholder=_FILTER_HINT,
                    suggester=FilterSuggester(self._seen),
                    compact=True,
                    select_on_focus=False,
                )
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
        for pane, title in zip(_PANES, ("Jobs", "Detail", "Metrics"), strict=True):
            self.query_one(f"#{pane}").border_title = title
        jobs, poll = self.console.workspace.jobs, self.console.poll_seconds
        self._readers = (ListReader(jobs), CountReader(jobs), MetricsReader(jobs))
        read_list, count, read_metrics = self._readers
        self._list_feed: Feed[ListQuery] = Feed("list", read_list, self.post_message, poll)
        # whatever these two would find changes the list or the totals as well, and that stirs all feeds
        follow = CALM_FACTOR * 4
        self._count_feed: Feed[JobFilter] = Feed("count", count, self.post_message, poll, follow)
        self._detail_feed: Feed[int] = Feed(
            "detail", lambda job_id: read_detail(jobs, job_id), self.post_message, poll, follow
        )
        self._metrics_feed: Feed[str] = Feed("metrics", read_metrics, self.post_message, poll)
        self._feeds: tuple[Feed[ListQuery], Feed[JobFilter], Feed[int], Feed[str]] = (
            self._list_feed,
            self._count_feed,
            self._detail_feed,
            self._metrics_feed,
        )
        self._begin_where_it_was_left(self.console.session)
        self._list_feed.start(ListQuery(self._filter, self._sort, *self.lines.wanted()))
        self._count_feed.start(self._filter)
        self._detail_feed.start()
        self._metrics_feed.start("all")
        self._choose_pane("jobs")
        self.set_interval(1.0, self._draw_standing)
        self._draw_standing()
        self._draw_bar()
        if self.console.note:
            self.notice(self.console.note)

    def _begin_where_it_was_left(self, session: SessionState) -> None:
        """Filter, order and chosen job of the last session; a filter that can no longer be read is left out."""
        job_filter, wrong = typed_filter(session.filter)
        if session.filter and not wrong:
            self._filter = job_filter
            box = self.query_one("#filter", Input)
            with box.prevent(Input.Changed):
                box.value = session.filter
            box.display = True
        self._sort = session.sort
        self.query_one(JobList).set_sort(session.sort)
        if session.job_id is not None:
            self.lines.begin_at(session.job_id)

    @property
    def session(self) -> SessionState:
        """What of this screen is worth to be found again."""
        current = self.lines.current
        return SessionState(
            self.query_one("#filter", Input).value, self._sort, current.id if current is not None else None
        )

    def stop_feeds(self) -> None:
        """End the threads that read."""
        for feed in self._feeds:
            feed.stop()

    # parts

    @property
    def lines(self) -> JobLines:
        """The lines of the job list."""
        return self.query_one(JobList).lines

    @property
    def detail(self) -> DetailPane:
        """The detail pane."""
        return self.query_one("#detail", DetailPane)

    # snapshots

    def on_fresh(self, event: Fresh) -> None:
        """A feed has read: take its snapshot where it still is the one that was asked for."""
        event.stop()
        if event.feed == self._list_feed.name:
            self._fresh_at = event.at
        if event.new:
            for feed in self._feeds:
                feed.stir()
        if self._health.fresh(event.feed):
            for feed in self._feeds:
                if self._health.in_trouble(feed.name):
                    feed.again()
            self._draw_trouble()
        match event.snapshot:
            case ListSnapshot() as snapshot:
                self._take_list(snapshot, event)
            case CountSnapshot() as snapshot:
                self._take_count(snapshot, cast("JobFilter", event.query))
            case DetailSnapshot() as snapshot:
                self._take_detail(snapshot)
            case MetricsSnapshot() as snapshot:
                self._take_metrics(snapshot, event.at)
        self._draw_standing()
        self._draw_bar()
        if self._leaving and not self.console.local.active:
            self.console.leave()

    def on_trouble(self, event: Trouble) -> None:
        """A feed could not read: say so in the top line, keep everything that is shown."""
        event.stop()
        self._settle()
        self._health.trouble(event)
        self._draw_standing()
        self._draw_trouble()
        if self._list is None:
            self.lines.show_snapshot(ListSnapshot(0, (), event.at), 0, {}, frozenset(), event.sentence)

    def _take_list(self, snapshot: ListSnapshot, event: Fresh) -> None:
        query = cast("ListQuery", event.query)
        if (query.filter, query.sort) != (self._filter, self._sort):
            return
        if self._list is None or snapshot.ordered_at != self._list.ordered_at:
            self._order_read = self.console.now() - timedelta(seconds=monotonic() - snapshot.ordered_at)
        if self._list is None:
            self._settle()
        self._list, self._list_at = snapshot, event.at
        self._book.observe(snapshot.rows, event.at)
        self._seen.note(snapshot.rows)
        for job in snapshot.rows:
            if job.id in self._marked:
                self._marked[job.id] = job
        self._show_list()

    def _settle(self) -> None:
        """The start is over: from now on look for garbage, though not among what it has made."""
        if not gc.isenabled():
            gc.freeze()
            gc.enable()

    def _take_count(self, snapshot: CountSnapshot, counted: JobFilter) -> None:
        if counted != self._filter or snapshot.total == self._count:
            return
        self._count = snapshot.total
        if self._list is not None:
            self._show_list()
        # where the list ends decides from which end a part of it is read
        self._ask_list()

    def _show_list(self) -> None:
        snapshot = self._list
        assert snapshot is not None
        # what is there counts, whatever was counted before it came
        total = max(self._count or 0, snapshot.start + len(snapshot.rows))
        paces = self._paces(snapshot.rows)
        self.lines.show_snapshot(snapshot, total, paces, self.console.local.active, self._empty_text())
        self._draw_title()

    def _take_detail(self, snapshot: DetailSnapshot) -> None:
        current = self.lines.current
        if current is not None and snapshot.job_id != current.id:
            return
        self._detail = snapshot
        self._draw_detail()

    def _take_metrics(self, snapshot: MetricsSnapshot, at: float) -> None:
        before = self._alive
        if snapshot.totals_at != self._metrics.totals_at:
            self._totals_clock = show.clock(self.console.now())
        self._metrics, self._metrics_at = snapshot, at
        self._book.observe(snapshot.active, at)
        self._throughput.observe(snapshot.active, snapshot.ended, at)
        self._draw_metrics()
        self._draw_title()
        self._remind(snapshot.keeping)
        if self._alive != before:
            self._draw_detail()  # what it advises goes by the workers

    def _remind(self, keeping: tuple[int, ...]) -> None:
        """Kept originals hold the old forms: name the jobs that keep them until they are finalized."""
        more = " and more" if len(keeping) >= KEEPING_LIMIT else ""
        ids = show.ids_in_words(keeping)
        text = f"Originals kept until finalized: job{'s' if len(keeping) > 1 else ''} {ids}{more}" if keeping else ""
        pane = self.query_one("#jobs")
        if pane.border_subtitle != text:
            pane.border_subtitle = text

    def _paces(self, jobs: tuple[Job, ...]) -> dict[int, Pace]:
        return {job.id: self._book.of(job) for job in jobs if job.is_running}

    # drawing

    @property
    def _alive(self) -> int:
        """How many workers answer."""
        return sum(worker.alive for worker in self._metrics.workers)

    def _empty_text(self) -> str:
        if self._filter:
            return "No job matches the filter. Press esc to clear it."
        return "No jobs yet." + (
            ""
            if self.console.workspace.read_only
            else f" Press {self.console.key_texts['new']} to create the first one."
        )

    def _draw_title(self) -> None:
        total = self.lines.total
        title = f"Jobs {show.count(total)}" + ("+" if self._count is None and total else "")
        if self._filter:
            title += f" of {show.count(max(total, sum(t.jobs for t in self._metrics.totals)))}, filtered"
        if self._marked:
            title += f", {show.count(len(self._marked))} marked"
        if self._list is not None and self._list_at - self._list.ordered_at > _STALE_SECONDS:
            title += f", in the order of {show.clock(self._order_read)}"
        pane = self.query_one("#jobs")
        if pane.border_title != title:
            pane.border_title = title

    def _draw_detail(self) -> None:
        snapshot = self._detail
        pace = self._book.of(snapshot.job) if snapshot is not None and snapshot.job is not None else Pace()
        console = self.console
        width, here = self.detail.text_width, console.local.active
        view = View(width, console.now(), console.glyphs, pace, self._alive, here, console.key_texts)
        self.detail.show(snapshot, view)

    def _flow(self, pane: MetricsPane) -> Flow:
        active = self._metrics.active
        paces = [self._book.of(job) for job in active]
        lefts = [pace.left for pace in paces if pace.left is not None]
        left = max(lefts) if lefts and len(lefts) == len(paces) else None
        at = monotonic()
        series = self._throughput.series(pane.span, pane.points, at)
        each = {
            job.id: JobFlow(pace, self._throughput.of(job.id, 12, at)) for job, pace in zip(active, paces, strict=True)
        }
        return Flow(sum(pace.rate or 0.0 for pace in paces), left, series, SPANS[pane.span][0], each)

    @property
    def _totals_read(self) -> str:
        """When the totals were read, where that is not now."""
        return self._totals_clock if self._metrics_at - self._metrics.totals_at > _STALE_SECONDS else ""

    def _draw_metrics(self) -> None:
        pane = self.query_one("#metrics", MetricsPane)
        flow = self._flow(pane)
        pane.show(self._metrics, flow, self.console.local.active, self.console.now(), self._totals_read)
        line = self.query_one("#summary", Static)
        content = summary(self._metrics, flow, self.console.glyphs)
        redraw(line, content)

    def _draw_standing(self) -> None:
        console = self.console
        stale, trouble = "", self._health.word(self._feeds)
        if trouble and self._fresh_at is not None:
            age = monotonic() - self._fresh_at
            stale = show.duration(age) if age >= _STALE_SECONDS else "a moment"
        self.query_one(TopBar).show(
            Standing(
                place=console.place,
                badge=console.badge,
                read_only=console.workspace.read_only,
                trouble=trouble,
                stale=stale,
                held=self._held,
                working=console.local.claiming,
                here=len(console.local.active),
            )
        )

    def _draw_trouble(self) -> None:
        """Say why reading fails above what was read before; where nothing was, the list itself says it."""
        line = self.query_one("#trouble", Static)
        sentence = self._health.sentence if self._list is not None else ""
        content = Content.styled(sentence, "$text-error")
        redraw(line, content)
        line.display = bool(sentence)

    def _draw_bar(self) -> None:
        self.query_one(ActionBar).show(bar(self.situation(), self.console.actions))

    def notice(self, text: str, *, error: bool = False) -> None:
        """Say something in the line above the actions; an empty text clears it."""
        line = self.query_one("#notice", Static)
        content = Content.styled(clean(text), "$text-error" if error else "$text-success")
        line.display = bool(text)
        redraw(line, content)

    # what actions act on

    def situation(self) -> Situation:
        """What actions would act on now."""
        current = self.lines.current
        jobs = tuple(self._marked.values()) or ((current,) if current is not None else ())
        return Situation(
            jobs=jobs,
            marked=bool(self._marked),
            read_only=self.console.workspace.read_only,
            here=self.console.local.active,
            working=self.console.local.claiming,
            held=self._held,
            filtered=bool(self._filter),
            now=self.console.now(),
        )

    def action_do(self, action_id: str) -> None:
        """Do an action of the registry, or say why it cannot be done."""
        action, situation = BY_ID[action_id], self.situation()
        self.notice("")
        reason = unavailable(action, situation)
        if reason:
            self.notice(f"{reason}.", error=True)
            return
        special: dict[str, Callable[[], None]] = {
            "new": lambda: self._open_new(None),
            "clone": self._clone,
            "records": lambda: self._open_records(situation),
            "tune": lambda: self._ask_limits(situation),
            "hand_over": lambda: self._hand_over(tuple(job.id for job in eligible(action, situation)), quitting=False),
            "copy": lambda: self.console.copy(self._text_in_focus(situation)),
            "export": self._open_export,
            "filter": self._open_filter,
            "sort": self._open_order,
            "mark": self._toggle_mark,
            "mark_all": self._mark_all,
            "back": self._back,
            "pane_jobs": lambda: self._choose_pane("jobs"),
            "pane_detail": lambda: self._choose_pane("detail"),
            "pane_metrics": lambda: self._choose_pane("metrics"),
            "estate": self._open_estate,
            "refresh": self._refresh_now,
            "hold": self._toggle_hold,
            "work": self._toggle_work,
            "profile": self.console.choose_profile,
            "help": lambda: self._open_help(situation),
            "palette": self.app.action_command_palette,
            "quit": self._quit,
        }
        if action_id in special:
            special[action_id]()
        else:
            self._plan(action, situation)

    # actions on jobs

    def _plan(self, action: Action, situation: Situation) -> None:
        jobs = eligible(action, situation)
        plan = plan_of(action, jobs, len(situation.jobs) - len(jobs))
        if plan is None:
            self._perform(action, tuple(job.id for job in jobs))
            return

        def decided(answer: bool | None, plan: Plan = plan) -> None:
            if answer:
                self._perform(plan.action, plan.ids)

        self.app.push_screen(Confirm(plan), decided)

    def _perform(self, action: Action, ids: tuple[int, ...], limits: Sections | None = None) -> None:
        console = self.console
        in_background(
            self.app,
            lambda: perform(action.id, ids, console.workspace.jobs, console.local, self._operation_ended, limits),
            self._performed,
        )

    def _open_records(self, situation: Situation) -> None:
        from pqtui.screens.records import RecordsScreen

        job, page = situation.jobs[0], self.detail.page_id
        kind = Kind(page) if page in list(Kind) else Kind.LETTERS if job.progress.failed else Kind.RANGES
        self.app.push_screen(RecordsScreen(job, kind))

    @on(DetailPage.Opened)
    def _detail_opened(self, event: DetailPage.Opened) -> None:
        event.stop()
        self.action_do("records")

    def _ask_limits(self, situation: Situation) -> None:
        from pqtui import limits_form

        ids, jobs = tuple(job.id for job in situation.jobs), self.console.workspace.jobs
        if len(ids) > _TUNE_LIMIT:
            self.notice(f"Limits work on {_TUNE_LIMIT} jobs at most; {show.count(len(ids))} are marked.", error=True)
            return
        in_background(
            self.app,
            # what the list holds of a selection is its names only
            lambda: [limits_form.texts_of(jobs.get(job_id)) for job_id in ids],
            lambda outcome: self._limits_read(ids, outcome),
        )

    def _limits_read(self, ids: tuple[int, ...], outcome: Outcome[list[dict[str, str]]]) -> None:
        from pqtui import limits_form
        from pqtui.screens.tune import Tune

        if outcome.value is None:
            self.notice(str(outcome.error), error=True)
            return

        def decided(tuning: Tuning | None) -> None:
            if tuning is not None:
                self._perform(BY_ID["tune"], ids, tuning.change)

        self.app.push_screen(Tune(ids, *limits_form.common(outcome.value)), decided)

    def _operation_ended(self, job_id: int, purpose: Purpose, outcome: Progress | PQConsoleError) -> None:
        """From a thread of the worker."""
        with suppress(RuntimeError):  # the event loop closed meanwhile
            self.post_message(self.Operated(job_id, purpose, outcome))

    @on(Operated)
    def _say_operated(self, event: Operated) -> None:
        event.stop()
        match event.outcome:
            case PQConsoleError() as error:
                self.notice(str(error), error=True)
            case counts:
                self.notice(operated(event.job_id, event.purpose, counts))
        self._refresh_now()

    def _performed(self, outcome: Outcome[Performed]) -> None:
        if outcome.value is None:
            self.notice(str(outcome.error), error=True)
            return
        done = outcome.value
        text = done.sentence
        if done.waiting and not self._alive:
            text += f" No worker is running: press {self.console.key_texts['run']} to run it here."
        self.notice(text, error=bool(done.errors))
        for job_id in done.ids:
            self._marked.pop(job_id, None)
        self._marks_changed()
        self._refresh_now()

    def _open_new(self, draft: Draft | None) -> None:
        from pqtui.screens.new_job import NewJobScreen

        self.app.push_screen(NewJobScreen(draft or self.console.draft), self._created)

    def _open_estate(self) -> None:
        from pqtui.screens.estate import EstateScreen

        def left(draft: Draft | None) -> None:
            if draft is not None:
                self._open_new(draft)

        self.app.push_screen(EstateScreen(), left)

    def _created(self, made: Created | None) -> None:
        if made is None:
            return
        self.console.draft = None
        self.notice(f"Job {made.job.id} is created. {made.not_started}".rstrip(), error=bool(made.not_started))
        self._refresh_now()

    def _clone(self) -> None:
        job = self.situation().jobs[0]
        jobs = self.console.workspace.jobs
        in_background(self.app, lambda: jobs.get(job.id), self._cloned)

    def _cloned(self, outcome: Outcome[Job]) -> None:
        from pqtui.selection_form import shown_document

        job = outcome.value
        if job is None:
            self.notice(str(outcome.error), error=True)
            return
        self._open_new(Draft(job.scope, job.target_algo_id, job.target_policy_id, shown_document(job.selection or {})))

    # the list

    def _ask_list(self) -> None:
        start, limit = self.lines.wanted()
        self._list_feed.ask(ListQuery(self._filter, self._sort, start, limit, self._count or 0))

    @on(JobLines.Wanted)
    def _wanted(self, event: JobLines.Wanted) -> None:
        event.stop()
        # the rows at hand may cover it already; reading further ahead can wait for the next poll
        self._ask_list()

    @on(JobLines.Moved)
    def _moved(self, event: JobLines.Moved) -> None:
        event.stop()
        current = self.lines.current
        if current is None:
            self._detail = None
        elif self._detail is None or self._detail.job_id != current.id:
            # a cursor that runs through the list drags no detail behind it, neither over the line nor in the database
            if self._follow is not None:
                self._follow.stop()
            self._follow = self.set_timer(_FOLLOW_SECONDS, self._follow_cursor)
            return
        self._draw_detail()
        self._draw_bar()

    def _follow_cursor(self) -> None:
        """The cursor rests on a job: show what the list knows of it, and read the rest."""
        current = self.lines.current
        if current is not None:
            self._detail_feed.ask(current.id)
        self._draw_detail()
        self._draw_bar()

    @on(JobLines.Opened)
    def _opened(self, event: JobLines.Opened) -> None:
        event.stop()
        self._choose_pane("detail")

    def _open_order(self) -> None:
        self.app.push_screen(Order(self._sort, self.console.glyphs), self._ordered)

    def _ordered(self, sort: Sort | None) -> None:
        if sort is not None and sort != self._sort:
            self._sort = sort
            self.query_one(JobList).set_sort(sort)
            self._list_anew()

    def _list_anew(self) -> None:
        self._list, self._count = None, None
        self._count_feed.ask(self._filter)
        self.lines.forget("Reading the jobs")
        self.lines.scroll_to(y=0, animate=False)
        self._ask_list()

    def _toggle_mark(self) -> None:
        job = self.lines.current
        if job is None:
            return
        if self._marked.pop(job.id, None) is None:
            self._marked[job.id] = job
        self._marks_changed()
        self.lines.action_move(1)

    def _mark_all(self) -> None:
        jobs, job_filter, sort = self.console.workspace.jobs, self._filter, self._sort
        query = JobQuery(filter=job_filter, sort=sort, limit=MARK_ALL_LIMIT)
        in_background(self.app, lambda: jobs.page(query), self._all_read)

    def _all_read(self, outcome: Outcome[object]) -> None:
        page = outcome.value
        if page is None:
            self.notice(str(outcome.error), error=True)
            return
        rows = getattr(page, "jobs", ())
        self._marked = {job.id: safe_job(job) for job in rows}
        if getattr(page, "next", None) is not None:
            self.notice(f"The first {show.count(MARK_ALL_LIMIT)} are marked; a filter makes the rest reachable.")
        self._marks_changed()

    def _marks_changed(self) -> None:
        self.lines.set_marks(frozenset(self._marked))
        self._draw_title()
        self._draw_bar()

    # the filter

    def _open_filter(self) -> None:
        self._show_pane("jobs")
        box = self.query_one("#filter", Input)
        box.display = True
        # at once: what is typed next is the filter, not a row of actions
        self.set_focus(box)

    @on(Input.Changed, "#filter")
    def _filter_typed(self, event: Input.Changed) -> None:
        event.stop()
        problem = self.query_one("#filter-problem", Static)
        job_filter, wrong = typed_filter(event.value)
        problem.update(Content.styled(clean(wrong), "$text-error"))
        problem.display = bool(wrong)
        if not wrong and job_filter != self._filter:
            self._filter = job_filter
            self._list_anew()

    @on(Input.Submitted, "#filter")
    def _filter_done(self, event: Input.Submitted) -> None:
        event.stop()
        self._close_filter()

    def _close_filter(self) -> None:
        box = self.query_one("#filter", Input)
        box.display = bool(box.value)
        self.lines.focus()

    def _back(self) -> None:
        box = self.query_one("#filter", Input)
        if box.has_focus:
            box.value = ""
            self._close_filter()
        elif self._pane != "jobs":
            self._choose_pane("jobs")
        elif self._marked:
            self._marked = {}
            self._marks_changed()
        elif box.value:
            box.value = ""
            self._close_filter()

    # panes

    def _choose_pane(self, pane: str) -> None:
        self._show_pane(pane)
        target = {"jobs": self.lines, "detail": self.detail.page, "metrics": self.query_one("#metrics")}[pane]
        # a pane that was hidden takes the focus only when it is there
        self.call_after_refresh(target.focus)

    def _show_pane(self, pane: str) -> None:
        self._pane = pane
        for name in _PANES:
            self.set_class(name == pane, f"pane-{name}")
        # stacked, the lower half keeps whichever of the two was looked at last
        if pane != "jobs":
            self.set_class(pane == "metrics", "lower-metrics")

    def action_focus_next(self) -> None:
        """Tab: the next pane."""
        self._choose_pane(_PANES[(_PANES.index(self._pane) + 1) % len(_PANES)])

    def action_focus_previous(self) -> None:
        """Shift+Tab: the pane before."""
        self._choose_pane(_PANES[(_PANES.index(self._pane) - 1) % len(_PANES)])

    def on_descendant_focus(self) -> None:
        focused = self.focused
        for name in _PANES:
            if focused is not None and name != self._pane and self.query_one(f"#{name}") in focused.ancestors_with_self:
                self._show_pane(name)

    @on(DetailPage.Resized)
    def _detail_resized(self, event: DetailPage.Resized) -> None:
        event.stop()
        self._draw_detail()

    @on(MetricsPane.Resized)
    def _metrics_resized(self, event: MetricsPane.Resized) -> None:
        event.stop()
        self._draw_metrics()

    @on(ActionBar.Pressed)
    def _bar_pressed(self, event: ActionBar.Pressed) -> None:
        event.stop()
        self.action_do(event.action_id)

    # session

    def _refresh_now(self) -> None:
        for reader in self._readers:
            reader.expire()
        for feed in self._feeds:
            feed.again()

    def _toggle_hold(self) -> None:
        self._held = not self._held
        for feed in self._feeds:
            feed.hold(self._held)
        self._draw_standing()

    def _toggle_work(self) -> None:
        local = self.console.local
        wanted = not local.claiming
        in_background(self.app, lambda: local.claim(wanted), lambda outcome: self._work_toggled(wanted, outcome))

    def _work_toggled(self, wanted: bool, outcome: Outcome[None]) -> None:
        if outcome.error is not None:
            self.notice(str(outcome.error), error=True)
        elif wanted:
            key = self.console.key_texts["work"]
            self.notice(f"This console now runs whatever is due. Press {key} again to stop that.")
        else:
            self.notice("This console no longer claims work; what it had claimed can be resumed.")
        self._draw_standing()

    def _open_help(self, situation: Situation) -> None:
        self.app.push_screen(Help(help_lines(situation, self.console.actions)))

    def _quit(self) -> None:
        self._leaving = False
        active = tuple(sorted(self.console.local.active))
        if not active:
            self.console.leave()
            return
        self.app.push_screen(Leave(active, self.console.glyphs), self._leave_chosen)

    def _leave_chosen(self, answer: Leaving | None) -> None:
        if answer is Leaving.WAIT:
            self._leaving = True
            key = self.console.key_texts["quit"]
            self.notice(f"Quitting when the work here has ended. Press {key} to think again.")
        elif answer is Leaving.HAND_OVER:
            self._hand_over(tuple(sorted(self.console.local.active)), quitting=True)
        elif answer is Leaving.STOP:
            self.notice("Stopping between batches.")
            self.console.leave()

    def _hand_over(self, ids: tuple[int, ...], *, quitting: bool) -> None:
        local = self.console.local
        self.notice(f"Handing over {show.jobs_in_words(len(ids))}.")
        in_background(self.app, lambda: local.hand_over(ids), lambda outcome: self._handed_over(outcome, quitting))

    def _handed_over(self, outcome: Outcome[HandedOver], quitting: bool) -> None:
        done = outcome.value
        if done is None:
            self.notice(str(outcome.error), error=True)
            return
        taken = f"Worker {done.pid} goes on with {show.ids_in_words(done.claimed)}; its log is {done.log}."
        said = [taken] if done.claimed else ["No job was taken."]
        self.notice(" ".join([*said, *done.refused[:1]]), error=bool(done.refused))
        for job_id in done.claimed:
            self._marked.pop(job_id, None)
        self._marks_changed()
        self._refresh_now()
        # what was not taken is to be seen before anybody leaves
        if quitting and not done.refused:
            self.console.leave()

    # taking text and tables away

    def _text_in_focus(self, situation: Situation) -> str:
        if self._pane == "detail":
            return self.detail.text
        if self._pane == "metrics":
            return self.query_one("#metrics", MetricsPane).text
        return "\n".join(show.job_in_words(job) for job in situation.jobs)

    def _open_export(self) -> None:
        current = self.lines.current
        total = show.jobs_in_words(self.lines.total) + (", as filtered" if self._filter else "")
        letters = current.id if current is not None and current.progress.failed else None
        self.app.push_screen(Export(total, letters, self.console.now(), self.console.glyphs), self._export)

    def _export(self, wanted: Wanted | None) -> None:
        if wanted is None:
            return
        jobs, job_filter = self.console.workspace.jobs, self._filter
        self.notice(f"Writing {wanted.path}")

        def work() -> int:
            if wanted.job_id is None:
                return to_file(job_rows(jobs, job_filter), wanted.path)
            return to_file(letter_rows(jobs, wanted.job_id), wanted.path)

        in_background(self.app, work, lambda outcome: self._exported(outcome, wanted))

    def _exported(self, outcome: Outcome[int], wanted: Wanted) -> None:
        if outcome.error is not None:
            self.notice(str(outcome.error), error=True)
            return
        what = show.jobs_in_words if wanted.job_id is None else show.rows_in_words
        self.notice(f"{what(outcome.value or 0)} written to {wanted.path}.")
