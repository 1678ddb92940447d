"""PostgreSQL 13 and newer, through psycopg 3."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import BYTEA, DOMAIN
from sqlalchemy.ext.compiler import compiles

from pqcore.database.dialects.base import (
    IDLE_SECONDS,
    LOCK_SECONDS,
    SESSION_OPTION,
    Dialect,
    Session,
    Width,
    connect_query,
    encode,
    encoder,
    not_unique,
)
from pqcore.database.swap import Swap, SwapPlan
from pqcore.errors import SchemaError

CONNECT_SECONDS = 5


class _BPChar(sa.types.UserDefinedType[str]):
    """CHAR of any length; CAST to CHAR alone would cut to one character."""

    cache_ok = True

    def get_col_spec(self, **_kw: Any) -> str:
        return "bpchar"


@dataclass(frozen=True, slots=True)
class _ColumnType:
    """A column's type as the catalogue has it.

    Attributes:
        name: the type without its length, so that a cast to it cuts nothing.
        category: pg_type.typcategory of the type or of its domain's base.
        base: name of the type, or of the base of a domain.
        collation: the column's collation where it is not the default, quoted.
    """

    name: str
    category: str
    base: str
    collation: str | None


_TYPES = sa.text(
    """
    SELECT a.attname, format_type(a.atttypid, -1), bt.typcategory, format_type(bt.oid, -1),
           CASE WHEN c.collname = 'default' THEN NULL
                ELSE quote_ident(n.nspname) || '.' || quote_ident(c.collname) END
    FROM pg_attribute a
    JOIN pg_type t ON t.oid = a.atttypid
    JOIN pg_type bt ON bt.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
    LEFT JOIN pg_collation c ON c.oid = a.attcollation
    LEFT JOIN pg_namespace n ON n.oid = c.collnamespace
    WHERE a.attrelid = to_regclass(:name) AND a.attnum > 0 AND NOT a.attisdropped
    """
)


# A write that nobody could see when this was asked moves one of its numbers when it commits: which of the server's
# transactions had ended, and which were under way. After a crash numbers may be used again, but not the start's time.
_MARK = sa.text("SELECT CAST(pg_current_snapshot() AS text), pg_postmaster_start_time()")


class PostgreSQL(Dialect):
    """PostgreSQL: sets of rows travel as binary arrays, one parameter for each column."""

    name: ClassVar[str] = "postgresql"
    max_bytes: ClassVar[int] = 16_000_000

    def __init__(self, url: sa.URL, *, read_only: bool, existing: bool = False) -> None:
        super().__init__(url, read_only=read_only, existing=existing)
        self._types: WeakKeyDictionary[sa.Table, dict[str, _ColumnType]] = WeakKeyDictionary()
        self._types_guard = threading.Lock()

    def engine_options(self) -> dict[str, Any]:
        arguments = {
            "connect_timeout": CONNECT_SECONDS,
            "client_encoding": "utf8",
            "application_name": "pqconsole",
            # A server that vanished without a word is noticed.
            "keepalives_idle": 30,
            "keepalives_interval": 10,
            "keepalives_count": 3,
            "tcp_user_timeout": 30_000,
        }
        return {
            "connect_args": connect_query(self.url, arguments),
            "isolation_level": "READ COMMITTED",
        }

    def attach(self, engine: sa.Engine) -> None:
        sa.event.listen(engine, "connect", self._start)
        sa.event.listen(engine, "begin", self._begin)

    def prepare(self, connection: sa.Connection, session: Session) -> None:
        super().prepare(connection, session)
        connection.execution_options(postgresql_readonly=self.read_only or session is Session.READ)

    def mark(self, read: Callable[[], AbstractContextManager[sa.Connection]]) -> object | None:
        with read() as conn:
            return tuple(conn.execute(_MARK).one())

    def column_width(self, column: sa.Column[Any]) -> Width:
        kind: Any = column.type
        while isinstance(kind, DOMAIN):
            kind = kind.data_type  # comes without its length: the database refuses what is too long
        if isinstance(kind, (BYTEA, sa.LargeBinary)):
            return Width(None, "bytes")
        return Width(getattr(kind, "length", None), "characters")

    @staticmethod
    def _begin(connection: sa.Connection) -> None:
        if connection.get_execution_options().get(SESSION_OPTION) is Session.BATCH:
            # for this transaction alone: a pooler may give the session to somebody else next
            connection.exec_driver_sql("SET LOCAL synchronous_commit = off")

    def _bind_one(self, column: sa.ColumnElement[Any], value: Any) -> sa.ColumnElement[Any]:
        if isinstance(column.type, sa.CHAR):
            # SQLAlchemy binds VARCHAR, for which an index on CHAR is not used.
            return sa.cast(sa.literal(value, sa.String()), _BPChar())
        return super()._bind_one(column, value)

    def _swap(self, conn: sa.Connection, plan: SwapPlan, swaps: Sequence[Swap]) -> list[int]:
        types = self._column_types(conn, plan.table)
        columns = plan.columns()
        kinds = [types[column.name] for column in columns]
        for column, kind in zip(columns, kinds, strict=True):
            if kind.category == "A":
                raise SchemaError(
                    f"Column {column.name} is an array, which cannot be compared and swapped", "Choose another column"
                )
        parameters: list[Any] = [
            [_document(value) for value in array] if kind.base in {"json", "jsonb"} else list(array)
            for array, kind in zip(encode(encoder(conn, columns), swaps), kinds, strict=True)
        ]
        statement = _update(conn, plan, kinds)
        rows = conn.exec_driver_sql(statement, tuple(parameters)).all()
        done = {int(row[0]) for row in rows}
        if len(rows) != len(done):
            raise not_unique(plan)
        return [index for index in range(len(swaps)) if index + 1 not in done]

    def _column_types(self, conn: sa.Connection, table: sa.Table) -> dict[str, _ColumnType]:
        with self._types_guard:
            known = self._types.get(table)
        if known is None:
            # the preparer doubles percent signs for statements; here the name is a value
            name = conn.dialect.identifier_preparer.format_table(table).replace("%%", "%")
            known = {row[0]: _ColumnType(*row[1:]) for row in conn.execute(_TYPES, {"name": name})}
            if missing := [c.name for c in table.columns if c.name not in known]:
                raise SchemaError(f"Table {table.name} has no column {missing[0]}", "Read the table's columns again")
            with self._types_guard:
                self._types[table] = known
        return known

    def _start(self, dbapi_connection: Any, _record: Any) -> None:
        with dbapi_connection.cursor() as cursor:
            cursor.execute("SET TIME ZONE 'UTC'")
            # A row that an application holds must not hold up the whole batch, nor a worker that is to stop.
            # Half a second more than deadlock_timeout, so that a deadlock is seen as one.
            cursor.execute(f"SET lock_timeout = '{LOCK_SECONDS * 1000 + 500}ms'")
            cursor.execute(f"SET idle_in_transaction_session_timeout = '{IDLE_SECONDS}s'")
            if self.read_only:
                cursor.execute("SET default_transaction_read_only = on")
        dbapi_connection.commit()


@compiles(_BPChar)
def _compile_bpchar(_element: _BPChar, _compiler: Any, **_kw: Any) -> str:
    return "bpchar"


def _document(value: Any) -> Any:
    """The text of a JSON value; psycopg's wrapper holds the object that SQLAlchemy's type gave it."""
    if value is None or isinstance(value, (str, bytes)):
        return value
    return json.dumps(getattr(value, "obj", value))


def _update(conn: sa.Connection, plan: SwapPlan, kinds: Sequence[_ColumnType]) -> str:
    preparer = conn.dialect.identifier_preparer
    quoted = preparer.quote  # doubles percent signs for the driver, too

    names = [f"c{i}" for i in range(len(kinds))]
    arrays = ", ".join(f"%b::{kind.name.replace('%', '%%')}[]" for kind in kinds)
    where = []
    position = 0
    for name in plan.key:
        kind, source = kinds[position], f"s.c{position}"
        collated = f"{source} COLLATE {kind.collation.replace('%', '%%')}" if kind.collation else source
        where.append(f"t.{quoted(name)} = {collated}")
        if kind.category in {"S", "U"}:
            where.append(_same(f"t.{quoted(name)}", source, kind))
        position += 1
    for name in plan.guards:
        where.append(_same(f"t.{quoted(name)}", f"s.c{position}", kinds[position]))
        position += 1
    sets = []
    for name in plan.writes:
        sets.append(f"{quoted(name)} = s.c{position}")
        position += 1
    table = preparer.format_table(plan.table)
    source = f"unnest({arrays}) WITH ORDINALITY AS s({', '.join(names)}, n)"
    sql = f"UPDATE {table} AS t SET {', '.join(sets)} FROM {source} WHERE {' AND '.join(where)}"  # noqa: S608
    return f"{sql} RETURNING s.n"


def _same(column: str, source: str, kind: _ColumnType) -> str:
    """Exact equality, NULL-safe: text by its bytes, whatever the collation or type says is equal."""
    if kind.base in {"json", "jsonb"}:
        return f"coalesce({column}::jsonb, 'null') = coalesce({source}::jsonb, 'null')"
    # text, citext and other text-like types; bytea and uuid are exact by themselves
    if kind.category == "S" or (kind.category == "U" and kind.base not in {"bytea", "uuid"}):
        return f'{column}::text COLLATE "C" IS NOT DISTINCT FROM {source}::text COLLATE "C"'
    return f"{column} IS NOT DISTINCT FROM {source}"
