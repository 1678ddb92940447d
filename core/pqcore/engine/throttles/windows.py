"""Only at certain times of day, by the database's clock."""

from __future__ import annotations

from pqcore.engine.throttles.base import LOOK_AGAIN_SECONDS
from pqcore.engine.throttles.gauge import Gauge
from pqcore.selection.document import ThrottleSettings
from pqcore.selection.windows import opens_in, zone_of


class TimeWindows:
    """Holds the job back outside its windows."""

    def __init__(self, settings: ThrottleSettings, gauge: Gauge) -> None:
        self._windows = settings.windows
        self._zone_name = settings.time_zone
        self._zone = zone_of(settings.time_zone)
        self._gauge = gauge

    @property
    def reason(self) -> str:
        zone = "" if self._zone_name == "UTC" else f" {self._zone_name}"
        return f"outside {', '.join(map(str, self._windows))}{zone}"

    def delay(self, rows: int) -> float:  # noqa: ARG002
        now = self._gauge.now()
        if now is None or self._zone is None:
            return LOOK_AGAIN_SECONDS
        return opens_in(self._windows, self._zone, now)
