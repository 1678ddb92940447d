"""All that the batches of one job share: its target, its migration, its limits, and whether to stop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event
from typing import Any

import sqlalchemy as sa

from pqcore.database.connect import Database
from pqcore.database.swap import SwapPlan
from pqcore.engine.originals import OriginalsVault
from pqcore.engine.sizing import SharedPace
from pqcore.engine.throttles.live import LiveLimits
from pqcore.engine.trouble import Trouble
from pqcore.migrations.base import Migration
from pqcore.selection.document import Selection
from pqcore.selection.target import Target


@dataclass(frozen=True)
class JobContext:
    """One job as its batches see it; shared by threads.

    Attributes:
        where: the selection's condition, None where it takes every row.
        ceiling: the last key of a selection with a limit, None where it is open.
        on_failures: called after a batch that made dead letters.
        stop: set when no further batch may begin and a running one ends early.
        originals: where old values go, None where the job does not keep them.
        live: what holds the job back, and the bounds of its batches; changes while it runs.
        trouble: what batches wait for.
        pace: how large batches have become, so that a range goes on where another ended.
    """

    db: Database
    job_id: int
    selection: Selection
    target: Target
    where: sa.ColumnElement[bool] | None
    migration: Migration
    originals: OriginalsVault | None = None
    ceiling: tuple[Any, ...] | None = None
    live: LiveLimits = field(default_factory=LiveLimits)
    trouble: Trouble = field(default_factory=Trouble)
    pace: SharedPace = field(default_factory=SharedPace)
    stop: Event = field(default_factory=Event)
    on_failures: Callable[[], None] = lambda: None

    @property
    def swap_plan(self) -> SwapPlan:
        """What compare and swap needs to know of this job."""
        return SwapPlan(
            table=self.target.table,
            key=tuple(c.name for c in self.target.key),
            guards=self.migration.guards,
            writes=self.migration.writes,
        )
