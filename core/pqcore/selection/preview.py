"""How many rows a selection takes, and what a few of them look like, without showing a secret."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
import sqlalchemy.exc as sa_exc

from pqcore.database.connect import Database
from pqcore.selection.compile import predicate
from pqcore.selection.document import Selection
from pqcore.selection.kinds import Kind, kind
from pqcore.selection.target import Target
from pqcore.text import clean

_HEAD = 64  # characters or bytes read of a value
_SHOWN = 6  # characters or bytes shown of a value that names no scheme, at most a quarter of it
_KEY_SHOWN = 40
_SCHEME = re.compile(r"\$?[A-Za-z0-9_-]{1,24}\$|\{[A-Za-z0-9-]{1,16}\}")
_SQLITE_STEPS = 10_000  # instructions between two looks at the clock


@dataclass(frozen=True, slots=True)
class Count:
    """Rows that a selection takes.

    Attributes:
        rows: how many; None where the database took too long to say.
        exact: False where counting stopped at ``rows``: there are at least as many.
    """

    rows: int | None
    exact: bool


@dataclass(frozen=True, slots=True)
class SampleRow:
    """One row, safe to show: its key, and per column what kind of value it holds; never a whole stored value."""

    key: tuple[str, ...]
    values: Mapping[str, str]


def count(
    db: Database, selection: Selection, target: Target, *, limit: int | None = None, timeout: float | None = None
) -> Count:
    """Count the rows that a selection takes, in its old form or not.

    Args:
        limit: stop counting here.
        timeout: seconds after which the database gives up.

    Raises:
        SelectionError: the condition does not fit the table.
        DatabaseError: the database cannot answer.
    """
    where = predicate(selection, target)
    most = min((n for n in (limit, selection.limit) if n is not None), default=None)
    rows = sa.select(sa.literal(1).label("one")).select_from(target.table)
    if where is not None:
        rows = rows.where(where)
    if most is not None:
        # One row more tells whether there are more; the selection's own limit is no cut.
        rows = rows.limit(most if most == selection.limit else most + 1)
    found = rows_within(db, sa.select(sa.func.count()).select_from(rows.subquery()), timeout)
    if found is None:
        return Count(None, False)
    total = int(found[0][0])
    return Count(most, False) if most is not None and total > most else Count(total, True)


def sample(
    db: Database,
    selection: Selection,
    target: Target,
    columns: Sequence[str],
    n: int = 5,
    *,
    timeout: float | None = None,
) -> list[SampleRow]:
    """The first ``n`` rows of a selection in key order; of other columns than the key only kind, length and start.

    Args:
        columns: names of columns of the table.
        timeout: seconds after which the database gives up; then there are no rows.

    Raises: as ``count``.
    """
    where = predicate(selection, target)
    shown = [target.table.c[name] for name in columns]
    parts = [part for column in shown for part in _glimpse(column, target.dialect_name)]
    statement = sa.select(*target.key, *parts).order_by(*target.key).limit(n)
    if where is not None:
        statement = statement.where(where)
    rows = rows_within(db, statement, timeout) or []
    width = len(target.key)
    return [
        SampleRow(
            key=tuple(show_key(value) for value in row[:width]),
            values={
                column.name: abbreviate(row[width + 2 * i], row[width + 2 * i + 1]) for i, column in enumerate(shown)
            },
        )
        for row in rows
    ]


def rows_within(db: Database, statement: sa.Select[Any], timeout: float | None) -> Sequence[sa.Row[Any]] | None:
    """The rows of a query; None where the database took longer than ``timeout`` seconds and gave up."""
    with db.translated(), db.read() as connection:
        try:
            with _patience(connection, timeout):
                return connection.execute(_timed(connection, statement, timeout)).all()
        except sa_exc.DBAPIError as error:
            if timeout is not None and _gave_up(error):
                return None
            raise


def show_key(value: object) -> str:
    """One value of a row's key, safe to show."""
    return clean(value.hex() if isinstance(value, bytes) else str(value), limit=_KEY_SHOWN)


def abbreviate(head: object, length: int | None) -> str:
    """A stored value as its scheme or its start, and its length: enough to tell formats apart, never the value.

    Args:
        head: the value or its beginning.
        length: length of the whole value in characters or bytes; None for a value that is neither text nor bytes.
    """
    if length == 0:  # the beginning of an empty BLOB is NULL in SQLite
        return "empty"
    if head is None:
        return "NULL"
    if isinstance(head, memoryview | bytearray):
        head = bytes(head)
    if not isinstance(head, str | bytes) or length is None:
        return type(head).__name__
    unit = "byte" if isinstance(head, bytes) else "character"
    size = f"({length} {unit}{'' if length == 1 else 's'})"
    most = min(_SHOWN, length // 4)
    if isinstance(head, bytes):
        return f"0x{head[:most].hex()}… {size}"
    scheme = _SCHEME.match(head)
    start = scheme.group() if scheme and scheme.end() <= length // 2 else head[:most]
    return f"{clean(start)}… {size}"


def _glimpse(column: sa.Column[Any], dialect_name: str) -> tuple[sa.ColumnElement[Any], sa.ColumnElement[Any]]:
    """The beginning of a value and its length, cut by the database: values may be megabytes."""
    found = kind(column)
    length = sa.func.char_length if dialect_name == "mysql" else sa.func.length
    if found is Kind.BYTES:
        return sa.func.substr(column, 1, _HEAD, type_=column.type), sa.func.length(column)
    if dialect_name == "sqlite":  # whatever is declared, text and bytes may be stored
        return sa.func.substr(column, 1, _HEAD), length(column)
    text = column if found is Kind.TEXT else sa.cast(column, sa.CHAR if dialect_name == "mysql" else sa.Text)
    return sa.func.substr(text, 1, _HEAD), length(text)


@contextmanager
def _patience(connection: sa.Connection, timeout: float | None) -> Iterator[None]:
    """Let the database itself give up after ``timeout`` seconds; the connection is left as it was."""
    if timeout is None:
        yield
    elif connection.dialect.name == "postgresql":
        milliseconds = str(max(1, round(timeout * 1000)))
        connection.execute(sa.select(sa.func.set_config("statement_timeout", milliseconds, True)))
        yield  # the setting ends with the transaction
    elif connection.dialect.name == "sqlite":
        driver: Any = connection.connection.driver_connection
        deadline = time.monotonic() + timeout
        driver.set_progress_handler(lambda: int(time.monotonic() > deadline), _SQLITE_STEPS)
        try:
            yield
        finally:
            driver.set_progress_handler(None, 0)
    elif getattr(connection.dialect, "is_mariadb", False):
        connection.exec_driver_sql(f"SET SESSION max_statement_time = {max(timeout, 0.001):.3f}")
        try:
            yield
        finally:
            if not connection.invalidated:
                connection.exec_driver_sql("SET SESSION max_statement_time = DEFAULT")
    else:
        yield  # MySQL takes the limit as a hint of the statement


def _timed(connection: sa.Connection, statement: sa.Select[Any], timeout: float | None) -> sa.Select[Any]:
    dialect = connection.dialect
    if timeout is None or dialect.name not in {"mysql", "mariadb"} or getattr(dialect, "is_mariadb", False):
        return statement
    return statement.prefix_with(f"/*+ MAX_EXECUTION_TIME({max(1, round(timeout * 1000))}) */")


def _gave_up(error: sa_exc.DBAPIError) -> bool:
    cause: Any = error.orig
    codes = {getattr(cause, name, None) for name in ("sqlstate", "sqlite_errorname")} | set(cause.args[:1])
    return not codes.isdisjoint({"57014", "SQLITE_INTERRUPT", 1969, 3024})
