"""Lists of any length in statements, cut to what every database takes in one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

import sqlalchemy as sa

T = TypeVar("T")

# SQLite takes 32,766 parameters in a statement and PostgreSQL 65,535; MySQL writes them out, within its packet of at
# least 1 MiB: a digest has 64 characters
MOST_PARAMETERS = 10_000


def parts(values: Sequence[T], width: int = 1) -> Iterator[Sequence[T]]:
    """``values`` in order, in parts for one statement each; none where there are no values.

    Args:
        width: parameters that one value takes.
    """
    step = max(1, MOST_PARAMETERS // width)
    for start in range(0, len(values), step):
        yield values[start : start + step]


def among(columns: Sequence[sa.ColumnElement[Any]], keys: Sequence[tuple[Any, ...]]) -> sa.ColumnElement[bool]:
    """Rows with one of these keys, a part of ``parts(keys, len(columns))``."""
    if len(columns) == 1:
        return columns[0].in_([key[0] for key in keys])
    return sa.tuple_(*columns).in_(keys)
