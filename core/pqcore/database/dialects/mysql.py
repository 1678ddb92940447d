"""MySQL 8.0 and newer and MariaDB 10.6 and newer, through PyMySQL."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

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
# Escaped, bytes take twice their room, and the statement has words around each value. A packet that is too large
# makes the server hang up, which looks like a lost connection each time.
_PACKET_PARTS = 4
REPLY_SECONDS = 600  # a count over a large table takes minutes

_TEXT_BYTES: dict[type[Any], int] = {
    mysql.TINYTEXT: 255,
    mysql.TEXT: 65_535,
    mysql.MEDIUMTEXT: 16_777_215,
    mysql.LONGTEXT: 4_294_967_295,
    mysql.TINYBLOB: 255,
    sa.BLOB: 65_535,
    mysql.MEDIUMBLOB: 16_777_215,
    mysql.LONGBLOB: 4_294_967_295,
}

_COLUMNS = sa.text(
    """
    SELECT c.column_name, c.data_type, c.character_set_name, c.collation_name, c.extra
    FROM information_schema.columns c
    WHERE c.table_schema = COALESCE(:schema, DATABASE()) AND c.table_name = :name
    """
)
_TRANSACTIONS = sa.text(
    """
    SELECT t.engine, e.transactions
    FROM information_schema.tables t LEFT JOIN information_schema.engines e ON e.engine = t.engine
    WHERE t.table_schema = COALESCE(:schema, DATABASE()) AND t.table_name = :name
    """
)


class _Double(mysql.DOUBLE):
    """Read as a float; SQLAlchemy would make a Decimal of ten places of it, and lose the rest."""

    def __init__(self, *args: Any, **kw: Any) -> None:
        super().__init__(*args, **{**kw, "asdecimal": False})


@dataclass(frozen=True, slots=True)
class _Column:
    """A column as the server has it; ``charset`` is None for what is not text."""

    data_type: str
    charset: str | None
    collation: str | None
    renews_itself: bool  # ON UPDATE CURRENT_TIMESTAMP


class MySQL(Dialect):
    """MySQL and MariaDB: a batch is joined to the table as a derived table of literals."""

    name: ClassVar[str] = "mysql"

    def __init__(self, url: sa.URL, *, read_only: bool, existing: bool = False) -> None:
        super().__init__(url, read_only=read_only, existing=existing)
        self._columns: WeakKeyDictionary[sa.Table, dict[str, _Column]] = WeakKeyDictionary()
        self._columns_guard = threading.Lock()
        self._packet_bytes: int | None = None  # as the server said last
        chosen = url.query.get("connect_timeout")
        self._handshake_seconds = int(chosen) if isinstance(chosen, str) and chosen.isdecimal() else CONNECT_SECONDS

    def engine_options(self) -> dict[str, Any]:
        # SQLAlchemy itself asks for CLIENT.FOUND_ROWS: rows that matched are counted, not those that changed.
        arguments: dict[str, Any] = {
            "connect_timeout": CONNECT_SECONDS,
            # for the handshake, which connect_timeout does not cover; longer once connected
            "read_timeout": self._handshake_seconds,
            "write_timeout": 60,
            "charset": "utf8mb4",
        }
        return {"connect_args": connect_query(self.url, arguments), "pool_recycle": 3600}

    def attach(self, engine: sa.Engine) -> None:
        names: dict[str, Any] = engine.dialect.ischema_names  # type: ignore[attr-defined]
        # MariaDB's types that the server takes and gives as text
        own: dict[str, Any] = dict.fromkeys(("uuid", "inet4", "inet6"), sa.CHAR)
        engine.dialect.ischema_names = {**own, **names, "double": _Double}  # type: ignore[attr-defined]
        sa.event.listen(engine, "connect", self._start)
        sa.event.listen(engine, "begin", self._begin)

    def after(self, columns: Sequence[sa.ColumnElement[Any]], values: Sequence[Any]) -> sa.ColumnElement[bool]:
        bound = self._bind(columns, values)
        return _expanded(columns, bound, last=lambda a, x: a > x, outer=lambda a, x: a >= x, strict=lambda a, x: a > x)

    def up_to(self, columns: Sequence[sa.ColumnElement[Any]], values: Sequence[Any]) -> sa.ColumnElement[bool]:
        bound = self._bind(columns, values)
        return _expanded(columns, bound, last=lambda a, x: a <= x, outer=lambda a, x: a <= x, strict=lambda a, x: a < x)

    def column_width(self, column: sa.Column[Any]) -> Width:
        kind = column.type
        binary = isinstance(kind, sa.types._Binary)
        for text, limit in _TEXT_BYTES.items():
            if type(kind) is text:
                return Width(limit, "bytes")
        return Width(getattr(kind, "length", None), "bytes" if binary else "characters")

    def part_bytes(self) -> int:
        packet = self._packet_bytes
        return self.max_bytes if packet is None else min(self.max_bytes, packet // _PACKET_PARTS)

    def _swap(self, conn: sa.Connection, plan: SwapPlan, swaps: Sequence[Swap]) -> list[int]:
        live = self._live_columns(conn, plan.table)
        batch = _Batch(conn, plan, live)
        rows = batch.rows(swaps)
        savepoint = conn.begin_nested()
        done = batch.update(rows)
        if done == len(rows):
            savepoint.commit()
            return []
        # Some lost, and the count does not say which. After the update the old values are gone: undo it (its row
        # locks stay), see which rows still hold what was read, lock them, and write those.
        savepoint.rollback()
        held = batch.matching(rows)
        if len(held) != len(set(held)):
            raise not_unique(plan)
        winners = set(held)
        if winners and batch.update([row for row in rows if row[0] in winners]) != len(winners):
            raise not_unique(plan)
        return [index for index in range(len(rows)) if index not in winners]

    def _live_columns(self, conn: sa.Connection, table: sa.Table) -> dict[str, _Column]:
        with self._columns_guard:
            known = self._columns.get(table)
        if known is not None:
            return known
        names = {"schema": table.schema, "name": table.name}
        engine, transactions = conn.execute(_TRANSACTIONS, names).one_or_none() or (None, None)
        if transactions != "YES":
            raise SchemaError(
                f"Table {table.name} has no transactions (engine {engine}), so a batch could be half-written",
                f"Convert it with ALTER TABLE {table.name} ENGINE=InnoDB",
            )
        known = {
            name: _Column(data_type.lower(), charset, collation, "on update" in extra.lower())
            for name, data_type, charset, collation, extra in conn.execute(_COLUMNS, names)
        }
        with self._columns_guard:
            self._columns[table] = known
        return known

    def _start(self, dbapi_connection: Any, _record: Any) -> None:
        if dbapi_connection._read_timeout == self._handshake_seconds:
            # nobody chose another; PyMySQL has no public way to change it, and reads it before each packet.
            dbapi_connection._read_timeout = REPLY_SECONDS
        with dbapi_connection.cursor() as cursor:
            cursor.execute("SET SESSION time_zone = '+00:00'")
            # Without it, a value that is too long would be cut and the cut be stored.
            cursor.execute("SET SESSION sql_mode = CONCAT_WS(',', NULLIF(@@sql_mode, ''), 'STRICT_ALL_TABLES')")
            # A row that an application holds must not hold up the whole batch, nor a worker that is to stop.
            # So must one that alters or locks the table. MariaDB alone can bound the time that a transaction idles.
            cursor.execute(
                f"SET SESSION innodb_lock_wait_timeout = {LOCK_SECONDS}, SESSION lock_wait_timeout = {LOCK_SECONDS} "
                f"/*M!100300 , SESSION idle_write_transaction_timeout = {IDLE_SECONDS} */"
            )
            cursor.execute("SHOW VARIABLES WHERE variable_name IN ('binlog_format', 'log_bin', 'max_allowed_packet')")
            said = {name.lower(): value.upper() for name, value in cursor.fetchall()}
            if said.get("max_allowed_packet", "").isdecimal():
                self._packet_bytes = int(said["max_allowed_packet"])
            # READ COMMITTED cannot be written to a statement-based binary log.
            if said.get("log_bin") != "ON" or said.get("binlog_format") != "STATEMENT":
                cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
            if self.read_only:
                cursor.execute("SET SESSION TRANSACTION READ ONLY")
        dbapi_connection.commit()

    @staticmethod
    def _begin(connection: sa.Connection) -> None:
        if connection.get_execution_options().get(SESSION_OPTION) is Session.READ:
            connection.exec_driver_sql("START TRANSACTION READ ONLY")


def _expanded(
    columns: Sequence[sa.ColumnElement[Any]],
    bound: Sequence[sa.ColumnElement[Any]],
    *,
    last: Any,
    outer: Any,
    strict: Any,
) -> sa.ColumnElement[bool]:
    """Row comparison written out: the optimizer makes no index range of ``(a, b) > (x, y)``."""
    if len(columns) == 1:
        return last(columns[0], bound[0])  # type: ignore[no-any-return]
    cases = []
    for depth in range(len(columns)):
        compare = last if depth == len(columns) - 1 else strict
        same = [a == x for a, x in zip(columns[:depth], bound[:depth], strict=True)]
        cases.append(sa.and_(*same, compare(columns[depth], bound[depth])))
    # The first column's own bound is implied; it gives the optimizer a plain range.
    return sa.and_(outer(columns[0], bound[0]), sa.or_(*cases))


class _Batch:
    """The statements that compare and swap one batch. A row is its index followed by key, guards and new values."""

    def __init__(self, conn: sa.Connection, plan: SwapPlan, live: dict[str, _Column]) -> None:
        self._conn = conn
        self._plan = plan
        self._columns = plan.columns()
        self._live = live
        self._processors = encoder(conn, self._columns)
        self._name = conn.dialect.identifier_preparer.quote  # doubles percent signs for the driver, too
        self._table = conn.dialect.identifier_preparer.format_table(plan.table)
        self._mariadb = bool(getattr(conn.dialect, "is_mariadb", False))
        for name in (*plan.key, *plan.guards):
            if live[name].data_type == "float":
                raise SchemaError(
                    f"Column {name} is a FLOAT, which the server rounds when it is read",
                    "Leave it out of the selection, or make it DOUBLE or DECIMAL",
                )

    def rows(self, swaps: Sequence[Swap]) -> list[list[Any]]:
        columns = [map(_literal, column) for column in encode(self._processors, swaps)]
        return [list(row) for row in zip(range(len(swaps)), *columns, strict=True)]

    def update(self, rows: Sequence[Sequence[Any]]) -> int:
        first = len(self._plan.key) + len(self._plan.guards)
        sets = [
            f"t.{self._name(name)} = {self._stored(f's.c{first + i}', name)}"
            for i, name in enumerate(self._plan.writes)
        ]
        # A column that renews itself would change although nobody touched the row's own data.
        sets += [
            f"t.{self._name(name)} = t.{self._name(name)}"
            for name, column in self._live.items()
            if column.renews_itself and name not in self._plan.writes
        ]
        source, parameters = self._source(rows)
        join = f"{source} STRAIGHT_JOIN {self._table} AS t ON {self._condition()}"
        sql = f"UPDATE {join} SET {', '.join(sets)}"  # noqa: S608 - identifiers are quoted, values are parameters
        return self._conn.exec_driver_sql(sql, parameters).rowcount

    def matching(self, rows: Sequence[Sequence[Any]]) -> list[int]:
        source, parameters = self._source(rows)
        sql = f"SELECT s.n FROM {source} STRAIGHT_JOIN {self._table} AS t ON {self._condition()} FOR UPDATE"  # noqa: S608
        return [int(row[0]) for row in self._conn.exec_driver_sql(sql, parameters)]

    def _source(self, rows: Sequence[Sequence[Any]]) -> tuple[str, tuple[Any, ...]]:
        width = len(rows[0])
        names = ["n", *(f"c{i}" for i in range(width - 1))]
        first = ", ".join(f"%s AS {name}" for name in names)
        sql = f"(SELECT {first}"
        if len(rows) > 1:
            row = ("(" if self._mariadb else "ROW(") + ", ".join(["%s"] * width) + ")"
            sql += " UNION ALL VALUES " + ", ".join([row] * (len(rows) - 1))
        return f"{sql}) AS s", tuple(value for row in rows for value in row)

    def _condition(self) -> str:
        terms = []
        for position, name in enumerate((*self._plan.key, *self._plan.guards)):
            column, source = f"t.{self._name(name)}", f"s.c{position}"
            if position < len(self._plan.key):
                terms.append(f"{column} = {self._typed(source, name)}")  # finds the row by its index
            terms.append(self._same(column, source, name))
        return " AND ".join(terms)

    def _same(self, column: str, source: str, name: str) -> str:
        """Exact equality, NULL-safe, by bytes whatever the collation."""
        live = self._live[name]
        if live.charset is not None or live.data_type in {"uuid", "inet4", "inet6"}:
            return f"CAST(CONVERT({column} USING utf8mb4) AS BINARY) <=> {source}"
        if live.data_type == "json":
            null = "CAST('null' AS JSON)"
            return f"COALESCE({column}, {null}) = COALESCE({self._typed(source, name)}, {null})"
        return f"{column} <=> {self._typed(source, name)}"

    def _stored(self, source: str, name: str) -> str:
        """The value to assign. The server itself brings text to the column's character set: it refuses what does
        not fit, where CONVERT would write question marks."""
        if self._live[name].charset is not None:
            return f"CONVERT({source} USING utf8mb4)"
        return self._typed(source, name)

    def _typed(self, source: str, name: str) -> str:
        """The value of the derived table in the column's own type."""
        live = self._live[name]
        text = f"CONVERT({source} USING utf8mb4)"
        if live.charset is not None:
            if live.charset != "utf8mb4":
                text = f"CONVERT({text} USING {live.charset})"
            return f"{text} COLLATE {live.collation}"
        match live.data_type:
            case "json":
                return f"CAST({text} AS JSON)"
            case "uuid" | "inet4" | "inet6":
                return text
            case "datetime" | "timestamp":
                return f"CAST({source} AS DATETIME(6))"
            case "time":
                return f"CAST({source} AS TIME(6))"
            case "date":
                return f"CAST({source} AS DATE)"
            case "double" | "float":
                return f"CAST({text} AS DOUBLE)"
            case _:
                return source


def _literal(value: Any) -> Any:
    """Text travels as its UTF-8 bytes, so that no literal has a collation; floats too: UNION would cut their range."""
    if isinstance(value, float):
        value = repr(value)
    return value.encode() if isinstance(value, str) else value
