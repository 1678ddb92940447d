"""Orders of the job list. Imports nothing of a database, so that whoever shows jobs can name one without."""

from __future__ import annotations

from dataclasses import dataclass

SORTABLE = (
    "id",
    "status",
    "scope",
    "processed_count",
    "created_at",
    "scheduled_at",
    "started_at",
    "finished_at",
)


@dataclass(frozen=True, slots=True)
class Sort:
    """An order of the list: one of ``SORTABLE``, ties by id; empty values come last, or first where asked."""

    column: str = "id"
    descending: bool = True
    empty_first: bool = False

    def __post_init__(self) -> None:
        if self.column not in SORTABLE:
            raise ValueError(f"jobs cannot be sorted by {self.column}; use one of {', '.join(SORTABLE)}")

    def turned(self) -> Sort:
        """The same list from its end."""
        return Sort(self.column, not self.descending, not self.empty_first)
