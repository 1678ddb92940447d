"""A sample of a table's rows, drawn over the whole range of its key, within seconds whatever its size."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import sqlalchemy as sa

from pqcore.inspection.between import between
from pqcore.inspection.rows import Key, Row, Rows
from pqcore.selection.preview import rows_within


class Method(StrEnum):
    """How the rows were chosen."""

    ALL = "all rows"
    RANDOM = "random sample"  # each row as likely as any other
    SPREAD = "spread sample"  # random places of the key's range; rows behind gaps weigh more
    FIRST = "first rows"  # the table has no key
    NONE = "no rows"


@dataclass(frozen=True, slots=True)
class Sampled:
    """Rows of a table.

    Attributes:
        rows: those that were read.
        total: rows of the table; None where it took too long to count them.
        method: how the rows were chosen.
    """

    rows: list[Row]
    total: int | None
    method: Method


_WALKED = 4_000_000  # rows of a table whose key is walked from end to end; larger ones are looked into
_COUNT_SECONDS = 2.0


def draw(
    rows: Rows,
    size: int,
    *,
    seconds: float = 5.0,
    rng: random.Random | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Sampled:
    """At most ``size`` rows, fewer where the time is up before.

    Args:
        seconds: after this long no further row is looked for. Counting the table first takes two seconds at most.
        rng: chooses the rows.

    Raises:
        DatabaseError: the database cannot answer.
    """
    rng = rng or random.Random()  # noqa: S311 - which rows are looked at is no secret
    counted = rows_within(rows.db, rows.count(), _COUNT_SECONDS)
    total = int(counted[0][0]) if counted else None
    if not rows.key:
        found = rows.first(size)
        whole = total is not None and len(found) >= total
        return Sampled(found, total, Method.ALL if whole else Method.FIRST)
    if total is not None and total <= size:
        found = rows.page(None, size)
        return Sampled(found, max(total, len(found)), Method.ALL)
    deadline = clock() + seconds
    with rows.db.translated(), rows.db.read() as conn:
        if total is not None and total <= _WALKED:
            keys, method = _walk(conn, rows, total, size, rng, lambda: clock() > deadline), Method.RANDOM
            if keys is None:
                keys, method = _look(conn, rows, size, rng, lambda: clock() > deadline + seconds), Method.SPREAD
        else:
            keys, method = _look(conn, rows, size, rng, lambda: clock() > deadline), Method.SPREAD
        found = list(rows.at(conn, keys))
    return Sampled(found, total, method if found else Method.NONE)


def glance(rows: Rows, size: int, *, seconds: float = 2.0, rng: random.Random | None = None) -> list[Row]:
    """A few rows from all over the key, in a moment: to see whether a table is worth more. Nothing is counted."""
    if not rows.key:
        return rows.first(size)
    deadline = time.monotonic() + seconds
    chosen = rng or random.Random()  # noqa: S311 - which rows are looked at is no secret
    with rows.db.translated(), rows.db.read() as conn:
        return list(rows.at(conn, _look(conn, rows, size, chosen, lambda: time.monotonic() > deadline)))


def _walk(
    conn: sa.Connection, rows: Rows, total: int, size: int, rng: random.Random, over: Callable[[], bool]
) -> list[Key] | None:
    """The keys at positions chosen at random, found in one walk along the key; None where the time was too short."""
    keys: list[Key] = []
    at, after = -1, None
    for position in sorted(rng.sample(range(total), size)):
        if over():
            return None
        after = rows.skip(conn, after, position - at)
        if after is None:  # rows went away meanwhile
            break
        keys.append(after)
        at = position
    return keys


def _look(conn: sa.Connection, rows: Rows, size: int, rng: random.Random, over: Callable[[], bool]) -> list[Key]:
    """Keys found at random places of the key's range, column by column."""
    ends: dict[Key, tuple[Key, Key] | None] = {}
    found: dict[Key, None] = {}
    for _ in range(2 * size):
        if len(found) >= size or over():
            break
        key = _one(conn, rows, rng, ends)
        if key is None:
            break
        found[key] = None
    return list(found)


def _one(conn: sa.Connection, rows: Rows, rng: random.Random, ends: dict[Key, tuple[Key, Key] | None]) -> Key | None:
    """One key: its first column at or behind a random place, then each further one among rows that share the others."""
    prefix: Key = ()
    for depth, column in enumerate(rows.key):
        same = [rows.key[i] == prefix[i] for i in range(depth)]
        if prefix not in ends:
            first, last = rows.edge(conn, *same), rows.edge(conn, *same, last=True)
            ends[prefix] = None if first is None or last is None else (first, last)
        range_ = ends[prefix]
        if range_ is None:
            return None
        first, last = range_
        place = between(first[depth], last[depth], rng.random())
        value = sa.bindparam(None, place, type_=column.type)
        # From either side of the place: only from below, the first of a few values would never be met.
        if rng.random() < 0.5:
            found = rows.edge(conn, *same, column >= value) or last
        else:
            found = rows.edge(conn, *same, column <= value, last=True) or first
        prefix = (*prefix, found[depth])
        if found == last and first == last:
            return found
    return prefix
