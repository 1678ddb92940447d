"""Whether reading goes well: what each feed last complained of, and which of them waits for an answer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pqtui.feed import Feed, Trouble

# a read that has taken this long gets no answer: the host is gone, or a lock is in the way
NO_ANSWER_SECONDS = 3.0


class Health:
    """The troubles of some feeds. A trouble of one is not taken back by another that can still read."""

    def __init__(self) -> None:
        self._troubles: dict[str, Trouble] = {}

    def fresh(self, feed: str) -> bool:
        """A feed has read; gives whether it could not before."""
        return self._troubles.pop(feed, None) is not None

    def trouble(self, event: Trouble) -> None:
        """A feed could not read."""
        self._troubles[event.feed] = event

    def in_trouble(self, feed: str) -> bool:
        """Whether this feed could not read when it last tried."""
        return feed in self._troubles

    @property
    def sentence(self) -> str:
        """Why reading fails and what to do about it; empty where it does not."""
        return next((event.sentence for event in self._worst_first()), "")

    def word(self, feeds: Iterable[Feed[Any]]) -> str:
        """Two words for the badge; empty where all is well."""
        worst = next(iter(self._worst_first()), None)
        if worst is not None:
            return worst.word
        return "no answer" if any(feed.waiting >= NO_ANSWER_SECONDS for feed in feeds) else ""

    def _worst_first(self) -> list[Trouble]:
        return sorted(self._troubles.values(), key=lambda event: not event.away)
