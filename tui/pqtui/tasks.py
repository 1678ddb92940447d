"""One-off blocking work beside the screen: in a thread of its own, its outcome handed back as a message."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from textual.message import Message
from textual.message_pump import MessagePump

from pqcore.errors import PQConsoleError
from pqcore.patience import SCREEN_SECONDS, lock_patience

T = TypeVar("T")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """What the work gave: ``value``, or the ``error`` that a user can do something about."""

    value: T | None
    error: PQConsoleError | None = None


class Finished(Message):
    """The work ended; ``then`` takes the outcome in the thread of the screen."""

    def __init__(self, then: Callable[[Outcome[Any]], None], outcome: Outcome[Any]) -> None:
        super().__init__()
        self.then = then
        self.outcome = outcome


def in_background(pump: MessagePump, work: Callable[[], T], then: Callable[[Outcome[T]], None]) -> None:
    """Run ``work`` in a thread that quitting does not wait for; ``pump`` gets ``Finished`` and calls ``then``.

    An error that was not foreseen is logged and becomes one sentence: a thread never takes the screen with it.
    """

    def body() -> None:
        try:
            with lock_patience(SCREEN_SECONDS):
                outcome: Outcome[T] = Outcome(work())
        except PQConsoleError as error:
            outcome = Outcome(None, error)
        except Exception as error:
            _log.exception("work in the background failed")
            outcome = Outcome(
                None, PQConsoleError(f"This went wrong unexpectedly ({type(error).__name__})", "Try again")
            )
        with suppress(RuntimeError):  # the event loop closed meanwhile
            pump.post_message(Finished(then, outcome))

    threading.Thread(target=body, name="console-task", daemon=True).start()
