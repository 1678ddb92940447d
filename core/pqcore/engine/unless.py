"""Waiting for something that cannot be interrupted, until one is asked to stop."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, wait
from threading import Event, Thread
from typing import TypeVar

T = TypeVar("T")

_TICK_SECONDS = 0.05


def unless(stop: Event, action: Callable[[], T]) -> T | None:
    """Do it in a thread of its own and return its result; None where ``stop`` was set first: then it is left alone.

    What is left alone ends by itself some time; it must do no harm then.
    """
    outcome: Future[T] = Future()

    def act() -> None:
        try:
            outcome.set_result(action())
        except BaseException as error:
            outcome.set_exception(error)

    Thread(target=act, name="pqconsole-unless", daemon=True).start()
    while not stop.is_set():
        if wait([outcome], _TICK_SECONDS).done:
            return outcome.result()
    return None
