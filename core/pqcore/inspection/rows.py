"""Reading columns for inspection: pages by key, single rows by key, never a value of megabytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from pqcore.database.connect import Database
from pqcore.selection.kinds import Kind, kind

Key = tuple[Any, ...]

LONGEST = 1 << 17  # characters or bytes of a value that is looked at; SLH-DSA signatures in hexadecimal are shorter
_IN_ONE = 200  # rows asked for by key in one statement
_STREAMED = 500  # rows fetched at once from a table without a key


@dataclass(frozen=True, slots=True)
class TooLong:
    """Stands for a value longer than ``LONGEST``, which was not read."""

    length: int


Value = str | bytes | TooLong | None


@dataclass(frozen=True, slots=True)
class Row:
    """A row's key (empty where its table has none) and the columns that were asked for."""

    key: Key
    values: Mapping[str, Value]


class Rows:
    """Reads chosen columns of one table."""

    def __init__(self, db: Database, table: sa.Table, key: Sequence[str], columns: Sequence[str]) -> None:
        self.db = db
        self.table = table
        self.key = tuple(table.c[name] for name in key)
        self.columns = tuple(columns)
        dialect = "mysql" if db.engine.dialect.name == "mariadb" else db.engine.dialect.name
        self._read = [part for name in columns for part in _bounded(table.c[name], dialect)]
        # PostgreSQL gives CHAR(n) with its padding, the others without.
        self._padded = frozenset(
            name for name in columns if dialect == "postgresql" and isinstance(table.c[name].type, sa.CHAR)
        )

    def count(self) -> sa.Select[Any]:
        """The statement that counts the rows of the table."""
        return sa.select(sa.func.count()).select_from(self.table)

    def edge(self, conn: sa.Connection, *conditions: sa.ColumnElement[bool], last: bool = False) -> Key | None:
        """The first (or last) key for which the conditions hold; None where there is none."""
        order = [column.desc() if last else column for column in self.key]
        row = conn.execute(sa.select(*self.key).where(*conditions).order_by(*order).limit(1)).first()
        return None if row is None else tuple(row)

    def skip(self, conn: sa.Connection, after: Key | None, rows: int) -> Key | None:
        """The key that stands ``rows`` rows behind ``after`` (None: behind the beginning), from 1."""
        statement = sa.select(*self.key)
        if after is not None:
            statement = statement.where(self.db.dialect.after(self.key, after))
        row = conn.execute(statement.order_by(*self.key).limit(1).offset(rows - 1)).first()
        return None if row is None else tuple(row)

    def page(self, after: Key | None, rows: int) -> list[Row]:
        """At most ``rows`` rows behind ``after`` in key order."""
        statement = sa.select(*self.key, *self._read)
        if after is not None:
            statement = statement.where(self.db.dialect.after(self.key, after))
        with self.db.translated(), self.db.read() as conn:
            return [self._row(row) for row in conn.execute(statement.order_by(*self.key).limit(rows))]

    def at(self, conn: sa.Connection, keys: Sequence[Key]) -> Iterator[Row]:
        """The rows of these keys that are still there."""
        for start in range(0, len(keys), _IN_ONE):
            part = keys[start : start + _IN_ONE]
            one = len(self.key) == 1
            chosen = self.key[0].in_([key[0] for key in part]) if one else sa.tuple_(*self.key).in_(part)
            for row in conn.execute(sa.select(*self.key, *self._read).where(chosen)):
                yield self._row(row)

    def first(self, rows: int) -> list[Row]:
        """The first rows in no order: all that can be had quickly of a table without a key."""
        with self.db.translated(), self.db.read() as conn:
            return [self._row(row) for row in conn.execute(sa.select(*self.key, *self._read).limit(rows))]

    def stream(self) -> Iterator[Row]:
        """All rows in one long read, for a table without a key."""
        with self.db.translated(), self.db.read() as conn:
            streaming = conn.execution_options(stream_results=True, max_row_buffer=_STREAMED, yield_per=_STREAMED)
            for row in streaming.execute(sa.select(*self._read)):
                yield self._row(row)

    def _row(self, row: sa.Row[Any]) -> Row:
        width = len(row) - len(self._read)
        values = {
            name: self._value(name, row[width + 2 * i], row[width + 2 * i + 1]) for i, name in enumerate(self.columns)
        }
        return Row(tuple(row[:width]), values)

    def _value(self, name: str, value: Any, length: Any) -> Value:
        match value:
            case str():
                return value.rstrip(" ") if name in self._padded else value
            case bytes():
                return value
            case bytearray() | memoryview():
                return bytes(value)
            case None:
                return TooLong(int(length)) if length else None
        return TooLong(0)  # a number in a column without a type: nothing that is looked for


def _bounded(column: sa.Column[Any], dialect: str) -> tuple[sa.ColumnElement[Any], sa.ColumnElement[Any]]:
    """The value, NULL where it is too long, and its length."""
    counted = sa.func.char_length if dialect == "mysql" and kind(column) is Kind.TEXT else sa.func.length
    length = counted(column, type_=sa.Integer())
    return sa.case((length <= LONGEST, column)), length
