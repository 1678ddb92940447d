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

from pqcore.errors import PQConsoleError
from pqcore.text import clean

Q = TypeVar("Q")

_log = logging.getLogger(__name__)

RETRY_SECONDS = 0.5
# a slow query takes at most this share of the time
_BUSY_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class Missing:
    """A query that a feed cannot answer: one sentence that says why."""

    reason: str


class Fresh(Message):
    """A snapshot was read. ``at`` is the monotonic second at which reading began."""

    def __init__(self, feed: str, query: object, snapshot: object, at: float) -> None:
        super().__init__()
        self.feed = feed
        self.query = query
        self.snapshot = snapshot
        self.at = at


class Trouble(Message):
    """The database did not answer by the monotonic second ``at``; the feed goes on trying."""

    def __init__(self, feed: str, sentence: str) -> None:
        super().__init__()
        self.feed = feed
        self.sentence = sentence
        self.at = monotonic()


class Feed(Generic[Q]):
    """Reads ``query`` every ``interval`` seconds, and at once when the query changes.

    Args:
        name: what ``Fresh.feed`` says.
        read: blocking; called only in this feed's thread.
        post: takes a message from any thread, such as ``Widget.post_message``.
        interval: seconds between the end of a read and the next one.
    """

    def __init__(
        self, name: str, read: Callable[[Q], object], post: Callable[[Message], object], interval: float = 1.0
    ) -> None:
        self.name = name
        self._read = read
        self._post = post
        self._interval = interval
        self._query: Q | None = None
        self._wake = threading.Event()
        self._stopped = False
        self._held = False
        self._thread = threading.Thread(target=self._loop, name=f"feed-{name}", daemon=True)

    def start(self, query: Q | None = None) -> None:
        """Begin reading."""
        self._query = query
        self._thread.start()

    def ask(self, query: Q) -> None:
        """Read this from now on, at once; replaces a query that was not read yet."""
        if query != self._query:
            self._query = query
            self._wake.set()

    def again(self) -> None:
        """Read once more now."""
        self._wake.set()

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
            if query is not None:
                began = monotonic()
                try:
                    message: Message = Fresh(self.name, query, self._read(query), began)
                except PQConsoleError as error:
                    message, pause = Trouble(self.name, clean(str(error))), RETRY_SECONDS
                except Exception as error:  # a feed that dies leaves a screen that lies
                    _log.exception("the feed %s failed", self.name)
                    message, pause = Trouble(self.name, f"Reading failed ({type(error).__name__})."), RETRY_SECONDS
                if pause is not None:
                    pause = max(pause, (monotonic() - began) / _BUSY_SHARE)
                self._send(message)
            self._wake.wait(pause)

    def _send(self, message: Message) -> None:
        if not self._stopped:
            with suppress(RuntimeError):  # the event loop closed meanwhile
                self._post(message)
