"""Blocking questions of which only the newest matters: one at a time, asked after a moment of quiet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from textual.timer import Timer
from textual.widget import Widget

from pqtui.tasks import Outcome, in_background

T = TypeVar("T")

QUIET_SECONDS = 0.3


class Latest:
    """Runs the newest question; while one runs, the newest of those that follow waits, the others are dropped."""

    def __init__(self, owner: Widget, quiet: float = QUIET_SECONDS) -> None:
        self._owner = owner
        self._quiet = quiet
        self._timer: Timer | None = None
        self._running = False
        self._waiting: tuple[Callable[[], Any], Callable[[Outcome[Any]], None]] | None = None
        self._number = 0

    def ask(self, work: Callable[[], T], then: Callable[[Outcome[T]], None]) -> None:
        """Ask once it was quiet for a moment; an answer to an older question is dropped."""
        self._number += 1
        self._waiting = (work, then)
        if self._timer is not None:
            self._timer.stop()
        self._timer = self._owner.set_timer(self._quiet, self._next)

    def drop(self) -> None:
        """Forget the question and whatever answer is on its way."""
        self._number += 1
        self._waiting = None

    def _next(self) -> None:
        if self._running or self._waiting is None:
            return
        (work, then), self._waiting = self._waiting, None
        self._running = True
        number = self._number

        def answered(outcome: Outcome[Any]) -> None:
            self._running = False
            if number == self._number and self._owner.is_attached:
                then(outcome)
            self._next()

        in_background(self._owner.app, work, answered)
