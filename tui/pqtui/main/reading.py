"""What the main screen reads: one feed a pane and one for the count, asked, held and stopped together."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from textual.message import Message

from pqcore.jobs.filter import JobFilter
from pqtui.feed import CALM_FACTOR, Feed, Fresh, Trouble
from pqtui.health import Health
from pqtui.snapshots import CountReader, ListQuery, ListReader, MetricsReader, read_detail

if TYPE_CHECKING:
    from pqcore.jobs.repository import JobRepository

# whatever the count and the detail would find changes the list or the totals as well, and that stirs all feeds
_FOLLOW = CALM_FACTOR * 4


Q = TypeVar("Q")
Q_contra = TypeVar("Q_contra", contravariant=True)


class _Reader(Protocol[Q_contra]):
    def __call__(self, query: Q_contra, /) -> object: ...

    def expire(self) -> None: ...


class _Late(Generic[Q]):
    """A reader that is made when it first reads, in the thread of its feed: making it may open the database."""

    def __init__(self, make: Callable[[], _Reader[Q]]) -> None:
        self._make = make
        self._reader: _Reader[Q] | None = None

    def __call__(self, query: Q) -> object:
        if self._reader is None:
            self._reader = self._make()
        return self._reader(query)

    def expire(self) -> None:
        if self._reader is not None:
            self._reader.expire()


class Reading:
    """The feeds of one screen, and how they fare. They post to ``post`` and never touch a widget.

    ``jobs`` gives the repository; it may block, and is called in their threads alone. ``now`` gives the time.
    """

    def __init__(
        self,
        jobs: Callable[[], JobRepository],
        post: Callable[[Message], object],
        poll_seconds: float,
        now: Callable[[], datetime],
    ) -> None:
        read_list: _Late[ListQuery] = _Late(lambda: ListReader(jobs()))
        count: _Late[JobFilter] = _Late(lambda: CountReader(jobs()))
        read_metrics: _Late[object] = _Late(lambda: MetricsReader(jobs(), now=now))
        self._readers = (read_list, count, read_metrics)
        self.list: Feed[ListQuery] = Feed("list", read_list, post, poll_seconds)
        self.count: Feed[JobFilter] = Feed("count", count, post, poll_seconds, _FOLLOW)
        self.detail: Feed[int] = Feed(
            "detail", lambda job_id: read_detail(jobs(), job_id, now), post, poll_seconds, _FOLLOW
        )
        self.metrics: Feed[str] = Feed("metrics", read_metrics, post, poll_seconds)
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
