"""A feed: one thread that reads the database again and again and posts what it found as immutable snapshots.

The next read is armed only when the last one has ended, so reads never overlap. A feed never touches a widget; it
outlives a database that is away and says so in a message.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import Generic, TypeVar

from textual.message import Message

from pqcore.errors import DatabaseGone, DatabaseLocked, DatabaseUnavailable, PQConsoleError
from pqcore.patience import SCREEN_SECONDS, lock_patience
from pqcore.text import clean

Q = TypeVar("Q")

_log = logging.getLogger(__name__)

RETRY_SECONDS = 0.5
# a slow query takes at most this share of the time
_BUSY_SHARE = 0.2
# after so many reads in a row that found nothing new, a feed rests longer between them
_CALM_READS = 10
CALM_FACTOR = 4.0


# the first that fits
_WORDS = {DatabaseLocked: "locked", DatabaseGone: "file gone", DatabaseUnavailable: "database away"}


@dataclass(frozen=True, slots=True)
class Missing:
    """A query that a feed cannot answer: one sentence that says why."""

    reason: str


class Fresh(Message):
    """A snapshot was read. ``at`` is the monotonic second at which reading began; ``new``: it differs from the last."""

    def __init__(self, feed: str, query: object, snapshot: object, at: float, new: bool = True) -> None:
        super().__init__()
        self.feed = feed
        self.query = query
        self.snapshot = snapshot
        self.at = at
        self.new = new


class Trouble(Message):
    """A feed could not read, by the monotonic second ``at``; it goes on trying.

    ``away``: the database cannot be reached, or is locked by another program; else something is missing in it, or a
    right. ``word`` says it in two words.
    """

    def __init__(self, feed: str, sentence: str, away: bool = False, word: str = "cannot read") -> None:
        super().__init__()
        self.feed = feed
        self.sentence = sentence
        self.away = away
        self.word = word
        self.at = monotonic()

    @classmethod
    def of(cls, feed: str, error: PQConsoleError) -> Trouble:
        """The trouble that an error makes for a feed."""
        word = next((word for kind, word in _WORDS.items() if isinstance(error, kind)), "cannot read")
        return cls(feed, clean(str(error)), isinstance(error, DatabaseUnavailable), word)


class Feed(Generic[Q]):
    """Reads ``query`` every ``interval`` seconds, and at once when the query changes.

    Where nothing changes it rests ``calm`` times as long; ``stir`` ends that.

    Args:
        name: what ``Fresh.feed`` says.
        read: blocking; called only in this feed's thread.
        post: takes a message from any thread, such as ``Widget.post_message``.
        interval: seconds between the end of a read and the next one.
        calm: how much longer it rests after ten reads that found nothing new.
    """

    def __init__(
        self,
        name: str,
        read: Callable[[Q], object],
        post: Callable[[Message], object],
        interval: float = 1.0,
        calm: float = CALM_FACTOR,
    ) -> None:
        self.name = name
        self._read = read
        self._post = post
        self._interval = interval
        self._calm_factor = calm
        self._query: Q | None = None
        self._wake = threading.Event()
        self._stopped = False
        self._held = False
        self._calm = 0
        self._began: float | None = None
        self._last: tuple[Q, object] | None = None
        self._thread = threading.Thread(target=self._loop, name=f"feed-{name}", daemon=True)

    @property
    def waiting(self) -> float:
        """Seconds that the read which is under way has taken; 0 where none is."""
        began = self._began
        return 0.0 if began is None else monotonic() - began

    def start(self, query: Q | None = None) -> None:
        """Begin reading ``query``; without one, what was asked for already, or will be."""
        self._query = query if query is not None else self._query
        self._thread.start()

    def ask(self, query: Q) -> None:
        """Read this from now on, at once; replaces a query that was not read yet."""
        if query != self._query:
            self._query = query
            self.again()

    def again(self) -> None:
        """Read once more now."""
        self._calm = 0
        self._wake.set()

    def stir(self) -> None:
        """Something is going on: read every ``interval`` seconds again."""
        if self._calm >= _CALM_READS:
            self.again()

    def hold(self, held: bool) -> None:
        """Stop reading by the clock (``again`` and ``ask`` still read), or go on."""
        self._held = held
        self._wake.set()

    def stop(self, timeout: float = 0.5) -> None:
        """End the thread; one that waits for the database is left behind."""
        self._stopped = True
        self._wake.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(timeout)

    def _loop(self) -> None:
        while not self._stopped:
            self._wake.clear()
            query = self._query
            pause: float | None = None if self._held else self._interval
            if pause is not None and self._calm >= _CALM_READS:
                pause *= self._calm_factor
            if query is not None:
                self._began = began = monotonic()
                try:
                    with lock_patience(SCREEN_SECONDS):
                        message: Message = self._fresh(query, began)
                    if pause is not None:
                        pause = max(pause, (monotonic() - began) / _BUSY_SHARE)
                except PQConsoleError as error:
                    message = Trouble.of(self.name, error)
                    pause = RETRY_SECONDS
                except Exception as error:  # a feed that dies leaves a screen that lies
                    _log.exception("the feed %s failed", self.name)
                    message = Trouble(self.name, f"Reading failed ({type(error).__name__}).")
                    pause = RETRY_SECONDS
                self._began = None
                self._send(message)
            self._wake.wait(pause)

    def _fresh(self, query: Q, began: float) -> Fresh:
        found = (query, self._read(query))
        new, self._last = found != self._last, found
        self._calm = 0 if new else self._calm + 1
        return Fresh(self.name, *found, began, new)

    def _send(self, message: Message) -> None:
        if not self._stopped:
            with suppress(RuntimeError):  # the event loop closed meanwhile
                self._post(message)
