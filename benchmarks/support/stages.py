"""Where an engine run's time goes: seconds inside its steps, counted by wrapping them while a run is measured."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Any

from pqcore.engine import batch, migrate, run, turns, worker
from pqcore.jobs.repository import JobRepository


@dataclass
class Spent:
    """Calls of a step, their seconds by the clock, and their seconds of processor time in this process."""

    calls: int = 0
    seconds: float = 0.0
    cpu: float = 0.0


# step -> (where, name). Steps nest: ``swap`` and ``checkpoint`` are within ``write``.
STEPS: dict[str, tuple[Any, str]] = {
    "read": (migrate.MigrateRange, "_read"),
    "compute": (migrate.MigrateRange, "_compute"),
    "write": (migrate, "write"),
    "swap": (batch, "_swap"),
    "checkpoint": (batch, "checkpoint"),
    "claim": (turns, "claim_range"),
    "plan": (run.JobRun, "_arrange"),
    "beat": (run.JobRun, "_obey"),
    "presence": (worker.Worker, "_report_presence"),
    "events": (JobRepository, "note"),
}


def nothing_spent() -> dict[str, Spent]:
    """Each step before anything is counted."""
    return {step: Spent() for step in STEPS}


@contextmanager
def counting(spent: Mapping[str, Spent]) -> Iterator[None]:
    """Count what this process's threads spend in each step from here to the end of the block."""
    lock = Lock()
    real = {step: vars(where)[name] for step, (where, name) in STEPS.items()}
    for step, (where, name) in STEPS.items():
        setattr(where, name, _counted(real[step], spent[step], lock))
    try:
        yield
    finally:
        for step, (where, name) in STEPS.items():
            setattr(where, name, real[step])


def _counted(function: Any, into: Spent, lock: Lock) -> Any:
    def counted(*args: Any, **kwargs: Any) -> Any:
        began, began_cpu = time.perf_counter(), time.thread_time()
        try:
            return function(*args, **kwargs)
        finally:
            seconds, cpu = time.perf_counter() - began, time.thread_time() - began_cpu
            with lock:
                into.calls += 1
                into.seconds += seconds
                into.cpu += cpu

    return counted


def bookkeeping_seconds(spent: Mapping[str, Spent]) -> float:
    """Seconds that leases, checkpoints and events cost a run of one thread.

    What the batch's own thread does counts by the clock: claiming ranges, checkpoints. What runs beside it (heartbeats,
    presence, events) costs it only the processor time. Cutting the table into ranges is none of these.
    """
    beside = ("beat", "presence", "events")
    return spent["claim"].seconds + spent["checkpoint"].seconds + sum(spent[step].cpu for step in beside)
