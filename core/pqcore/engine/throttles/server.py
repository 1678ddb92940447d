"""Not while the server is busy: its replicas are behind, or many sessions are at work."""

from __future__ import annotations

import math

from pqcore.engine.throttles.base import LOOK_AGAIN_SECONDS
from pqcore.engine.throttles.gauge import Gauge


def too_far_behind(lag: float | None, most: float) -> bool:
    """Whether the slowest replica is further behind than allowed, in seconds; what is not known is not held against."""
    return lag is not None and lag > most


def too_many_running(running: int | None, most: int) -> bool:
    """Whether more sessions are at work than allowed; what is not known is not held against."""
    return running is not None and running > most


class ReplicaLag:
    """Holds the job back while a replica is more than ``most`` seconds behind."""

    def __init__(self, most: float, gauge: Gauge) -> None:
        self._most = most
        self._gauge = gauge

    @property
    def reason(self) -> str:
        load = self._gauge.load
        if load is None or load.lag is None:
            return "replica lag"
        return "a replica is catching up" if math.isinf(load.lag) else f"replica lag {load.lag:.0f} s"

    def delay(self, rows: int) -> float:  # noqa: ARG002
        load = self._gauge.load
        held = load is None or too_far_behind(load.lag, self._most)
        return LOOK_AGAIN_SECONDS if held else 0.0


class RunningSessions:
    """Holds the job back while more than ``most`` sessions are at work."""

    def __init__(self, most: int, gauge: Gauge) -> None:
        self._most = most
        self._gauge = gauge

    @property
    def reason(self) -> str:
        load = self._gauge.load
        return "running sessions" if load is None or load.running is None else f"{load.running} running"

    def delay(self, rows: int) -> float:  # noqa: ARG002
        load = self._gauge.load
        held = load is None or too_many_running(load.running, self._most)
        return LOOK_AGAIN_SECONDS if held else 0.0
