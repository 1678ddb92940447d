"""A job that is being written, as the editor keeps it."""

from __future__ import annotations

from dataclasses import dataclass

from pqcore.migrations.base import Scope
from pqtui import selection_form as form


@dataclass(frozen=True, slots=True)
class Draft:
    """Scope, target (an id of one of the two tables, or None) and the text of the selection."""

    scope: Scope = Scope.HASHES
    algorithm_id: int | None = None
    policy_id: int | None = None
    text: str = form.START
