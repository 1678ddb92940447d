"""What the main screen reads: one feed a pane and one for the count, asked, held and stopped together."""

from __future__ import annotations

from collections.abc import Callable

from textual.message import Message

from pqcore.jobs.filter import JobFilter
from pqcore.jobs.repository import JobRepository
from pqtui.feed import CALM_FACTOR, Feed, Fresh, Trouble
from pqtui.health import Health
from pqtui.snapshots import CountReader, ListQuery, ListReader, MetricsReader, read_detail

# whatever the count and the detail would find changes the list or the totals as well, and that stirs all feeds
_FOLLOW = CALM_FACTOR * 4


class Reading:
    """The feeds of one screen, and how they fare. They post to ``post`` and never touch a widget."""

    def __init__(self, jobs: JobRepository, post: Callable[[Message], object], poll_seconds: float) -> None:
        readers = (ListReader(jobs), CountReader(jobs), MetricsReader(jobs))
        self._readers = readers
        self.list: Feed[ListQuery] = Feed("list", readers[0], post, poll_seconds)
        self.count: Feed[JobFilter] = Feed("count", readers[1], post, poll_seconds, _FOLLOW)
        self.detail: Feed[int] = Feed("detail", lambda job_id: read_detail(jobs, job_id), post, poll_seconds, _FOLLOW)
        self.metrics: Feed[str] = Feed("metrics", readers[2], post, poll_seconds)
        self._feeds = (self.list, self.count, self.detail, self.metrics)
        self._health = Health()
        self.held = False

    def start(self, query: ListQuery) -> None:
        """Begin to read; the detail waits until a job is chosen."""
        self.list.start(query)
        self.count.start(query.filter)
        self.detail.start()
        self.metrics.start("all")

    def stop(self) -> None:
        """End the threads that read."""
        for feed in self._feeds:
            feed.stop()

    def refresh(self) -> None:
        """Read everything now, whatever it costs."""
        for reader in self._readers:
            reader.expire()
        for feed in self._feeds:
            feed.again()

    def toggle_hold(self) -> None:
        """Stop reading by the clock, or go on."""
        self.held = not self.held
        for feed in self._feeds:
            feed.hold(self.held)

    def fresh(self, event: Fresh) -> bool:
        """A feed has read; gives whether it could not before."""
        if event.new:
            for feed in self._feeds:
                feed.stir()
        if not self._health.fresh(event.feed):
            return False
        for feed in self._feeds:
            if self._health.in_trouble(feed.name):
                feed.again()
        return True

    def trouble(self, event: Trouble) -> None:
        """A feed could not read."""
        self._health.trouble(event)

    @property
    def problem(self) -> str:
        """Why reading fails and what to do about it; empty where it does not."""
        return self._health.sentence

    @property
    def problem_words(self) -> str:
        """The same in two words; also where a read gets no answer."""
        return self._health.word(self._feeds)
