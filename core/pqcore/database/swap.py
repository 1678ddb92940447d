"""Compare and swap: what is to be written, and to which rows only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from pqcore.errors import SchemaError

_OTHER_BYTES = 16


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
    key, old, new = len(plan.key), len(plan.guards), len(plan.writes)
    if any(len(swap.key) != key or len(swap.old) != old or len(swap.new) != new for swap in swaps):
        raise ValueError("a swap does not have the columns of its plan")
    if len({swap.key for swap in swaps}) != len(swaps):
        raise ValueError("two swaps name the same row")


def size_of(values: Sequence[Any]) -> int:
    """Bytes of these values, roughly: characters of text, and the same few for whatever is no text."""
    try:
        return sum(map(len, values))  # most columns are all text or all bytes, and this is the fast way
    except TypeError:
        return sum(len(value) if isinstance(value, (str, bytes)) else _OTHER_BYTES for value in values)


def chunked(swaps: Sequence[Swap], *, max_rows: int, max_bytes: int) -> Iterator[tuple[int, Sequence[Swap]]]:
    """Cut ``swaps`` into (index of the first, part) of at most so many rows and bytes; a part holds at least one."""
    if 0 < len(swaps) <= max_rows:
        columns = zip(*[swap.values() for swap in swaps], strict=True)
        if sum(size_of(column) for column in columns) <= max_bytes:
            yield 0, swaps
            return
    start = size = 0
    for index, swap in enumerate(swaps):
        weight = size_of(swap.values())
        if index > start and (index - start >= max_rows or size + weight > max_bytes):
            yield start, swaps[start:index]
            start, size = index, 0
        size += weight
    if start < len(swaps):
        yield start, swaps[start:]
