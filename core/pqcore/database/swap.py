"""Compare and swap: what is to be written, and to which rows only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from pqcore.errors import SchemaError


@dataclass(frozen=True)
class SwapPlan:
    """Which columns take part, the same for every row of a call.

    Attributes:
        table: the reflected table.
        key: columns of a unique, NOT NULL key; identify the row.
        guards: columns that must still hold, byte for byte, what was read.
        writes: columns to set.
    """

    table: sa.Table
    key: tuple[str, ...]
    guards: tuple[str, ...]
    writes: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.key or not self.writes:
            raise ValueError("a swap needs a key and something to write")
        for name in (*self.key, *self.guards, *self.writes):
            if name not in self.table.c:
                raise SchemaError(f"Table {self.table.name} has no column {name}", "Read the table's columns again")
        if set(self.key) & set(self.writes):
            raise ValueError("a key column cannot be written")

    def columns(self) -> list[sa.Column[Any]]:
        """The columns of one swap's values in their order: key, guards, writes."""
        return [self.table.c[name] for name in (*self.key, *self.guards, *self.writes)]


# not frozen: one is made for every row, and freezing makes that ten times slower
@dataclass(slots=True)
class Swap:
    """One row: its key, the guards as they were read, and the new values, each in the plan's order."""

    key: tuple[Any, ...]
    old: tuple[Any, ...]
    new: tuple[Any, ...]

    def values(self) -> tuple[Any, ...]:
        """Key, guards and new values in the order of ``SwapPlan.columns``."""
        return (*self.key, *self.old, *self.new)


def validate(plan: SwapPlan, swaps: Sequence[Swap]) -> None:
    """Raise ValueError where a swap does not fit the plan or two swaps name one row."""
    shape = (len(plan.key), len(plan.guards), len(plan.writes))
    seen: set[tuple[Any, ...]] = set()
    for swap in swaps:
        if (len(swap.key), len(swap.old), len(swap.new)) != shape:
            raise ValueError("a swap does not have the columns of its plan")
        if swap.key in seen:
            raise ValueError("two swaps name the same row")
        seen.add(swap.key)


def chunked(swaps: Sequence[Swap], *, max_rows: int, max_bytes: int) -> Iterator[tuple[int, Sequence[Swap]]]:
    """Cut ``swaps`` into (index of the first, part) of at most so many rows and bytes; a part holds at least one."""
    start = size = 0
    for index, swap in enumerate(swaps):
        weight = 0
        for value in swap.values():
            weight += len(value) if isinstance(value, (str, bytes)) else 16
        if index > start and (index - start >= max_rows or size + weight > max_bytes):
            yield start, swaps[start:index]
            start, size = index, 0
        size += weight
    if start < len(swaps):
        yield start, swaps[start:]
