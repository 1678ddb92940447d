"""A job that is being written, as the editor keeps it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from pqcore.migrations.base import Scope

START = '{\n  "table": "",\n  "field": ""\n}'


@dataclass(frozen=True, slots=True)
class Draft:
    """Scope, target (an id of one of the two tables, or None) and the text of the selection."""

    scope: Scope = Scope.HASHES
    algorithm_id: int | None = None
    policy_id: int | None = None
    text: str = START


@runtime_checkable
class Writing(Protocol):
    """A screen on which a job is being written: known by what it has, so that the editor need not be loaded."""

    @property
    def draft(self) -> Draft | None: ...
