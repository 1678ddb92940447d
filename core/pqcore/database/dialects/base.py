"""What differs between the databases, behind one interface."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, Literal, TypeVar

import sqlalchemy as sa

from pqcore.database.swap import Swap, SwapPlan, chunked, validate
from pqcore.errors import SchemaError

SelectT = TypeVar("SelectT", bound=sa.Select[Any])


class Session(StrEnum):
    """What a transaction is opened for."""

    READ = "read"
    WRITE = "write"
    BATCH = "batch"  # a write that is done again where the server, or its power, fails before it is on the disk


# how long a statement waits for a row that someone else holds; the batch is then tried again, halved
LOCK_SECONDS = 1

# how long the server lets a writing transaction wait for its next statement: a stopped worker, or a host that is
# gone, must not keep rows of the application locked; our transactions are short, and compute nothing
IDLE_SECONDS = 5

SESSION_OPTION = "pqconsole_session"


@dataclass(frozen=True, slots=True)
class Width:
    """Room in a column for one value; ``limit`` is None where there is no practical limit."""

    limit: int | None
    unit: Literal["bytes", "characters"]


class Dialect(ABC):
    """One kind of database. Holds no connection; safe to use from many threads.

    Attributes:
        name: ``postgresql``, ``mysql`` (also MariaDB) or ``sqlite``.
        url: the URL for SQLAlchemy.
        read_only: whether sessions are to be read-only.
    """

    name: ClassVar[str]
    # A statement stays well below any server's packet limit, and a transaction short.
    max_rows: ClassVar[int] = 5000
    max_bytes: ClassVar[int] = 4_000_000

    def __init__(self, url: sa.URL, *, read_only: bool, existing: bool = False) -> None:
        self.url = url
        self.read_only = read_only
        self.existing = existing

    # Sessions

    @abstractmethod
    def engine_options(self) -> dict[str, Any]:
        """Arguments of ``sa.create_engine`` for this kind of database."""

    @abstractmethod
    def attach(self, engine: sa.Engine) -> None:
        """Register what has to happen when a connection is made or a transaction begins."""

    def mark(self, read: Callable[[], AbstractContextManager[sa.Connection]]) -> object | None:  # noqa: ARG002
        """See ``Database.mark``. ``read`` gives a connection, where one is needed."""
        return None

    def confirm(self) -> None:
        """After a commit: raise where what was written is in no database that anybody finds again."""
        return

    def writer_turn(self, label: str) -> AbstractContextManager[None]:  # noqa: ARG002
        """Wait for this process's turn to write, where the database has one writer at a time."""
        return nullcontext()

    def prepare(self, connection: sa.Connection, session: Session) -> None:
        """Called before a transaction begins."""
        connection.execution_options(**{SESSION_OPTION: session})

    def finish(self, connection: sa.Connection, session: Session) -> None:  # noqa: B027
        """Called after a transaction ended, before the connection is returned."""

    # Expressions

    def after(self, columns: Sequence[sa.ColumnElement[Any]], values: Sequence[Any]) -> sa.ColumnElement[bool]:
        """``(a, b) > (x, y)``: rows behind this key, in a form that uses the key's index."""
        return self._row(columns) > self._row(self._bind(columns, values))

    def up_to(self, columns: Sequence[sa.ColumnElement[Any]], values: Sequence[Any]) -> sa.ColumnElement[bool]:
        """``(a, b) <= (x, y)``: rows up to and including this key."""
        return self._row(columns) <= self._row(self._bind(columns, values))

    def lock_skip(self, select: SelectT, of: Any = None) -> SelectT:
        """Lock the selected rows for this transaction and skip those that others hold."""
        return select.with_for_update(skip_locked=True, of=of)

    @abstractmethod
    def column_width(self, column: sa.Column[Any]) -> Width:
        """How long a value of this reflected column may be."""

    # Writing

    def part_bytes(self) -> int:
        """Bytes of the values of one statement that writes, at most."""
        return self.max_bytes

    def compare_and_swap(self, conn: sa.Connection, plan: SwapPlan, swaps: Sequence[Swap]) -> list[int]:
        """Write each row whose guards still hold what was read, comparing bytes whatever the collation.

        Runs in the caller's transaction with few statements however many rows there are.

        Returns:
            Ascending indexes of the swaps that did not happen: the row is gone or a guard changed.

        Raises:
            ValueError: a swap does not fit the plan, or two name the same row.
            SchemaError: a column cannot be compared exactly, or the table has no transactions.
            sqlalchemy.exc.DBAPIError: the database refuses a value or a lock; nothing may be kept of this transaction.
        """
        validate(plan, swaps)
        lost: list[int] = []
        for start, part in chunked(swaps, max_rows=self.max_rows, max_bytes=self.part_bytes()):
            lost.extend(start + index for index in self._swap(conn, plan, part))
        return lost

    @abstractmethod
    def _swap(self, conn: sa.Connection, plan: SwapPlan, swaps: Sequence[Swap]) -> list[int]:
        """``compare_and_swap`` for one part of at least one swap."""

    # Helpers of the subclasses

    def _bind(self, columns: Sequence[sa.ColumnElement[Any]], values: Sequence[Any]) -> list[sa.ColumnElement[Any]]:
        if len(columns) != len(values) or not columns:
            raise ValueError("a key needs one value for each column")
        return [self._bind_one(column, value) for column, value in zip(columns, values, strict=True)]

    def _bind_one(self, column: sa.ColumnElement[Any], value: Any) -> sa.ColumnElement[Any]:
        return sa.bindparam(None, value, type_=column.type)

    @staticmethod
    def _row(parts: Sequence[sa.ColumnElement[Any]]) -> sa.ColumnElement[Any]:
        return parts[0] if len(parts) == 1 else sa.tuple_(*parts)


def encoder(conn: sa.Connection, columns: Sequence[sa.Column[Any]]) -> list[Any]:
    """For each column, the function from a Python value to what the driver takes, or None."""
    return [column.type.dialect_impl(conn.dialect).bind_processor(conn.dialect) for column in columns]


def encode(processors: Sequence[Any], swaps: Sequence[Swap]) -> list[Sequence[Any]]:
    """The values of these swaps, column by column, after the functions of ``encoder``."""
    columns = zip(*[swap.values() for swap in swaps], strict=True)
    return [
        column if to is None else [to(value) for value in column]
        for to, column in zip(processors, columns, strict=True)
    ]


def not_unique(plan: SwapPlan) -> SchemaError:
    """The error for a key that named more than one row."""
    return SchemaError(
        f"The key ({', '.join(plan.key)}) of table {plan.table.name} names more than one row",
        "Choose a unique key in the selection",
    )


def connect_query(url: sa.URL, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """The defaults that the URL's own query does not set."""
    return {name: value for name, value in defaults.items() if name not in url.query}
