"""A worker in a process of its own that says where it is, and stands still at a point where it is told to."""

from __future__ import annotations

import multiprocessing
import os
import threading
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from pqcore.engine import executors, points, run
from pqcore.engine.executors import Opening
from pqcore.engine.points import Point
from pqcore.engine.worker import Worker
from pqcore.errors import PQConsoleError
from pqcore.jobs import leases
from pqcore.jobs.model import Purpose
from tests.faults.estate import Place


@dataclass(frozen=True)
class Stand:
    """Where to stand still: at the ``nth`` passing of ``point``, or of any point."""

    point: Point | None
    nth: int = 1


@dataclass(frozen=True)
class Orders:
    """What a worker is to do.

    Attributes:
        stand: where to stand still once; it says ``at`` and goes on when told ``go``.
        watch: points at which it says ``passed`` and goes on.
        lease: seconds of its leases.
        processes: whether large jobs run in processes of their own, and every job is large.
        sweeps: how often it looks for rows left behind before it gives up on an application that goes on writing the
            old form; None: as often as in life.
    """

    place: Place
    stand: Stand | None = None
    watch: frozenset[Point] = frozenset()
    threads: int = 2
    lease: float = 0.6
    sweeps: int | None = None
    processes: bool = False


class Stage:
    """The line to the harness: says where the worker is, and obeys."""

    def __init__(self, line: Connection, orders: Orders) -> None:
        self._line = line
        self._stand = orders.stand
        self._watch = orders.watch
        self._lock = threading.Lock()
        self._passed: Counter[Point] = Counter()
        self._go = threading.Event()
        self.over = threading.Event()
        self.on_leave: Callable[[], None] = self.over.set

    def say(self, *message: Any) -> None:
        with self._lock:
            self._line.send(message)

    def passing(self, point: Point) -> None:
        with self._lock:
            self._passed[point] += 1
            here = self._stands_at(point)
            if here:
                self._stand = None
                self._go.clear()
        if here:
            self.say("at", point)
            self._go.wait()
        elif point in self._watch:
            self.say("passed", point)

    def _stands_at(self, point: Point) -> bool:
        match self._stand:
            case Stand(None, nth):
                return self._passed.total() == nth
            case Stand(where, nth):
                return where is point and self._passed[point] == nth
        return False

    def obey(self) -> None:
        while True:
            try:
                word, *more = self._line.recv()
            except (EOFError, OSError):
                os._exit(1)  # the harness is gone
            if word == "go":
                with self._lock:
                    # so many points further on it stands still again
                    self._stand = Stand(None, self._passed.total() + more[0]) if more else None
                self._go.set()
            elif word == "leave":
                self._go.set()
                self.over.set()
                self.on_leave()


def perform(line: Connection, orders: Orders, play: Callable[[Stage], None]) -> None:
    """Call ``play`` while a thread listens to the harness; errors that nobody expected are told to it."""
    os.environ[leases.VARIABLE] = str(orders.lease)
    if orders.sweeps is not None:
        run.MAX_SWEEPS = orders.sweeps
    stage = Stage(line, orders)
    points.listen(stage.passing)
    threading.excepthook = lambda failed: stage.say(
        "crashed", "".join(traceback.format_exception(failed.exc_type, failed.exc_value, failed.exc_traceback))
    )
    threading.Thread(target=stage.obey, daemon=True).start()
    try:
        play(stage)
    except BaseException:
        stage.say("crashed", traceback.format_exc())


def work(line: Connection, orders: Orders) -> None:
    """Run what is due, and take over what dead workers left, until told to leave."""

    def play(stage: Stage) -> None:
        worker = _worker(orders)
        stage.on_leave = worker.request_stop
        while not stage.over.is_set():
            worker.drain(lambda job: stage.say("job", job.id, job.status) if job.is_done else None)
            stage.over.wait(0.05)  # as long as nothing is due
        worker.stop()

    perform(line, orders, play)


def operate(line: Connection, orders: Orders, job_id: int, purpose: Purpose) -> None:
    """Verify, roll back or finalize a job; says how that ended."""

    def play(stage: Stage) -> None:
        worker = _worker(orders)
        stage.on_leave = worker.request_stop
        try:
            stage.say("done", worker.operate(job_id, purpose))
        except PQConsoleError as error:
            stage.say("refused", type(error).__name__, str(error))
        worker.stop()

    perform(line, orders, play)


def _worker(orders: Orders) -> Worker:
    db, keys = orders.place.database(), orders.place.keys()
    opening = None
    if orders.processes:
        executors.PROCESS_ROWS = executors.DIGEST_PROCESS_ROWS = 1
        multiprocessing.current_process()._config["daemon"] = False  # type: ignore[attr-defined] # such may have children
        handed = keys.handover()
        assert handed is not None
        opening = Opening(orders.place.database, handed)
    return Worker(
        db,
        keys,
        orders.place.repository(db),
        threads=orders.threads,
        opening=None if opening is None else lambda: opening,
    )
