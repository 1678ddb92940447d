"""What happened to jobs while no console was open: one line a job, each of which leads to its events."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import Screen
from textual.widgets import OptionList, Static

from pqcore.jobs.model import Job
from pqcore.text import clean
from pqtui import record_text, show
from pqtui.acting import Acting, bindings_of
from pqtui.actions import Action
from pqtui.glyphs import Glyphs
from pqtui.news import JobNews, News
from pqtui.records import Kind
from pqtui.redraw import redraw
from pqtui.screens.help import MOVING_IN_A_LIST, Help, help_lines
from pqtui.screens.records import RecordsScreen
from pqtui.snapshots import safe_job
from pqtui.styles import MUTED
from pqtui.tasks import Outcome, in_background
from pqtui.widgets.bars import ActionBar
from pqtui.widgets.choices import Choices

if TYPE_CHECKING:
    from pqtui.app import ConsoleApp

_SHOWN = 500
# cells from which a line has the kind of the event, and what the job is about
_WITH_KIND, _WITH_SUBJECT = 120, 70


def rest(news: News) -> str:
    """What is not shown; empty where all of it is."""
    if len(news.jobs) > _SHOWN:
        return f"These are the newest {show.count(_SHOWN)} of {show.jobs_in_words(len(news.jobs))}."
    return "More happened before this; the list of jobs shows where each of them stands." if news.cut else ""


def line(item: JobNews, job: Job | None, width: int, glyphs: Glyphs) -> str:
    """One job: when, which, what happened, by whom; a narrow line has less of it."""
    event = item.event
    sign = glyphs.states.get(event.kind if event.kind != "started" else "running", glyphs.bullet)
    parts = [show.stamp(event.at)[5:16], f"{item.job_id:>5}", sign]
    if width >= _WITH_KIND:
        parts.append(f"{event.kind:<9.9}")
    if width >= _WITH_SUBJECT:
        parts.append(show.fit(show.subject(job) if job is not None else "(gone)", 21, glyphs))
    more = f" ({item.events} events)" if item.events > 1 else ""
    parts += [event.message + more, event.actor + (f"@{event.host}" if event.host else "")]
    return show.fit("  ".join(parts), width, glyphs).rstrip()


class NewsScreen(Acting, Screen[None]):
    """The news as they were read when the console was opened."""

    part = "news"
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings_of("news"),
        Binding("j", "move(1)", show=False),
        Binding("k", "move(-1)", show=False),
    ]

    def __init__(self, news: News) -> None:
        super().__init__()
        self._news = news
        self._shown = news.jobs[:_SHOWN]
        self._jobs: Mapping[int, Job] = {}

    @property
    def console(self) -> ConsoleApp:
        """The application."""
        return cast("ConsoleApp", self.app)

    @property
    def _list(self) -> Choices:
        return self.query_one(Choices)

    def compose(self) -> ComposeResult:
        """Since when, the jobs, what is not shown, the keys."""
        yield Static("", classes="crumbs")
        yield Choices([(str(item.job_id), "") for item in self._shown], self.console.glyphs, id="news")
        yield Static("", classes="said")
        yield ActionBar()

    def on_mount(self) -> None:
        self._list.focus()
        self._say(rest(self._news), MUTED)
        jobs, ids = self.console.workspace.jobs, [item.job_id for item in self._shown]
        in_background(self, lambda: {job.id: safe_job(job) for job in jobs.jobs_of(ids)}, self._jobs_read)

    def _jobs_read(self, outcome: Outcome[dict[int, Job]]) -> None:
        if outcome.value is None:
            self.refuse(str(outcome.error))
        else:
            self._jobs = outcome.value
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    def _draw(self) -> None:
        width, glyphs = max(20, self.size.width), self.console.glyphs
        since = f"Since {show.stamp(self._news.since)} UTC" if self._news.since is not None else "Since last time"
        parts = ("Jobs", f"{since}: {show.jobs_in_words(len(self._news.jobs))}")
        crumbs = record_text.way(parts, self.console.badge, self.console.place, width - 2, glyphs)
        redraw(self.query_one(".crumbs", Static), crumbs)
        # a sign before each line, and the scroll bar behind it
        self._list.rename([line(item, self._jobs.get(item.job_id), width - 4, glyphs) for item in self._shown])
        self.query_one(ActionBar).show(self.bar)

    # actions

    def doings(self) -> Mapping[str, Callable[[], object]]:
        """What each action does."""
        return {
            "open": self._open,
            "help": lambda: self.app.push_screen(Help(help_lines(self.offered, self.why_not, MOVING_IN_A_LIST))),
            "palette": self.app.action_command_palette,
            "leave": lambda: self.dismiss(None),
        }

    def why_not(self, action: Action) -> str:
        """Why the action cannot be done to the job under the cursor."""
        if action.id == "open" and self._current is None:
            return "This job is gone from the table" if self._jobs else "The jobs are still being read"
        return super().why_not(action)

    def refuse(self, sentence: str) -> None:
        """Say it above the bar."""
        self._say(sentence, "$text-error")

    def _say(self, sentence: str, style: str) -> None:
        said = self.query_one(".said", Static)
        said.display = bool(sentence)
        redraw(said, Content.styled(clean(sentence), style))

    @property
    def _current(self) -> Job | None:
        return self._jobs.get(int(self._list.chosen)) if self._shown else None

    def _open(self) -> None:
        """The job's events: what happened is among the first."""
        if self._current is not None:
            self.app.push_screen(RecordsScreen(self._current, Kind.EVENTS))

    @on(OptionList.OptionHighlighted)
    def _moved(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        self.query_one(ActionBar).show(self.bar)

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.action_do("open")

    @on(ActionBar.Pressed)
    def _bar_pressed(self, event: ActionBar.Pressed) -> None:
        event.stop()
        self.action_do(event.action_id)

    def action_move(self, step: int) -> None:
        """Go to the next line, or the one before."""
        if step > 0:
            self._list.action_cursor_down()
        else:
            self._list.action_cursor_up()
