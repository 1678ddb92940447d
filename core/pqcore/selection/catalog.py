"""What the live database has: tables, columns, keys, triggers; cached for a while."""

from __future__ import annotations

import re
import time
import warnings
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from threading import Lock
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine.reflection import Inspector

from pqcore.database.connect import Database
from pqcore.selection.kinds import KEY_KINDS, Kind, kind, kind_of_declaration, kind_of_type
from pqcore.selection.problem import Problem, SelectionError, did_you_mean, listed, quoted

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class ColumnInfo:
    """A column as the editor and the checks see it.

    Attributes:
        type: the database's own spelling, e.g. ``VARCHAR(128)``.
        width: most that fits, None where there is no limit: characters of text, bytes of binary values.
        generated: the database computes its value; it cannot be written.
    """

    name: str
    type: str
    kind: Kind
    nullable: bool
    width: int | None
    generated: bool


@dataclass(frozen=True, slots=True)
class _Described:
    table: sa.Table
    columns: tuple[ColumnInfo, ...]
    keys: tuple[tuple[str, ...], ...]


class Catalog:
    """Knowledge of one database, read when first asked for and again after ``max_age`` seconds. Thread-safe.

    Names are exact: the case as stored, no folding, because a table's name is bound into what is written.
    Every method raises ``DatabaseError`` where the database cannot answer.
    """

    def __init__(self, db: Database, *, max_age: float = 30.0, clock: Callable[[], float] = time.monotonic) -> None:
        self.db = db
        self._max_age = max_age
        self._clock = clock
        self._lock = Lock()
        self._cache: dict[Hashable, tuple[float, Any]] = {}

    @property
    def dialect_name(self) -> str:
        """``sqlite``, ``postgresql`` or ``mysql`` (MariaDB, too)."""
        name = self.db.engine.dialect.name
        return "mysql" if name == "mariadb" else name

    def refresh(self) -> None:
        """Forget everything; the next question asks the database."""
        with self._lock:
            self._cache.clear()

    def schemas(self) -> list[str]:
        """Names of the schemas that can be asked for."""
        return self._cached("schemas", lambda look, _: sorted(look.get_schema_names()))

    def tables(self, schema: str | None = None) -> list[str]:
        """Names of the tables of a schema (None: the connection's default), without views."""
        return self._cached(("tables", schema), lambda look, _: sorted(look.get_table_names(schema)))

    def views(self, schema: str | None = None) -> list[str]:
        """Names of the views of a schema, materialized ones too."""

        def read(look: Inspector, _: sa.Connection) -> list[str]:
            materialized = look.get_materialized_view_names(schema) if self.dialect_name == "postgresql" else []
            return sorted([*look.get_view_names(schema), *materialized])

        return self._cached(("views", schema), read)

    def columns(self, table: str, schema: str | None = None) -> list[ColumnInfo]:
        """The columns of a table in its order. Raises ``SelectionError`` where there is no such table."""
        return list(self._described(schema, table).columns)

    def candidate_keys(self, table: str, schema: str | None = None) -> list[tuple[str, ...]]:
        """Column sets that identify a row: the primary key first, then unique indexes without nullable columns.

        Only keys with an order that the engine can walk. An SQLite primary key may be nullable; ``resolve`` looks.
        """
        return list(self._described(schema, table).keys)

    def table(self, schema: str | None, name: str) -> sa.Table:
        """The table reflected as it is, without tables it refers to. Raises ``SelectionError`` where it is missing."""
        return self._described(schema, name).table

    def triggers(self, table: str, schema: str | None = None) -> list[str]:
        """Names of triggers that an UPDATE of the table fires."""
        return self._cached(("triggers", schema, table), lambda _, conn: _triggers(conn, schema, table))

    def _described(self, schema: str | None, name: str) -> _Described:
        if (schema is not None and schema not in self.schemas()) or name not in self.tables(schema):
            raise SelectionError([self._missing(schema, name)])
        return self._cached(("table", schema, name), lambda look, conn: _describe(self.db, look, conn, schema, name))

    def _missing(self, schema: str | None, name: str) -> Problem:
        if schema is not None and schema not in self.schemas():
            remedy = did_you_mean(schema, self.schemas(), f"Schemas here: {listed(self.schemas())}")
            return Problem("schema", f"there is no schema {quoted(schema)}", remedy)
        if name in self.views(schema):
            return Problem("table", f"{quoted(name)} is a view", "Name the table that holds the values")
        if not self.tables(schema):
            return Problem("table", f"there is no table {quoted(name)}", "This schema has no tables")
        remedy = did_you_mean(name, self.tables(schema), f"Tables here: {listed(self.tables(schema))}")
        return Problem("table", f"there is no table {quoted(name)}", remedy)

    def _cached(self, key: Hashable, read: Callable[[Inspector, sa.Connection], _T]) -> _T:
        with self._lock:
            found = self._cache.get(key)
        if found is not None and self._clock() - found[0] < self._max_age:
            value: _T = found[1]
            return value
        _silence_reflection()
        with self.db.translated(), self.db.read() as connection:
            fresh = read(sa.inspect(connection), connection)
        with self._lock:
            self._cache[key] = (self._clock(), fresh)
        return fresh


def _silence_reflection() -> None:
    # Types and indexes that SQLAlchemy does not know are no news to an operator; the kinds say what is usable.
    for message in ("Did not recognize type", "Skipped unsupported reflection", ".*Could not instantiate type"):
        warnings.filterwarnings("ignore", message=message, category=sa.exc.SAWarning)


def _describe(db: Database, look: Inspector, connection: sa.Connection, schema: str | None, name: str) -> _Described:
    table = sa.Table(name, sa.MetaData(), schema=schema, autoload_with=connection, resolve_fks=False)
    declared = _sqlite_columns(connection, schema, name) if db.engine.dialect.name == "sqlite" else None
    if declared is not None:
        _undo_guesses(table, declared.types)
    for column in table.columns:
        column.info["kind"] = (
            kind_of_type(column.type) if declared is None else kind_of_declaration(declared.types.get(column.name, ""))
        )
    spelled = _spelled(connection, table) if declared is None else declared.types
    _unwrap_domains(table)
    if connection.dialect.name == "mysql":
        for column_name, charset in connection.execute(_CHARSETS, {"table": name, "schema": schema}):
            table.c[column_name].info["charset"] = charset
    columns = tuple(
        ColumnInfo(
            name=column.name,
            type=spelled.get(column.name, ""),
            kind=kind(column),
            nullable=bool(column.nullable) and not (declared is not None and column.name in declared.not_null),
            width=db.dialect.column_width(column).limit,
            generated=column.computed is not None,
        )
        for column in table.columns
    )
    return _Described(table, columns, _keys(look, table, columns))


def _undo_guesses(table: sa.Table, declared: dict[str, str]) -> None:
    # An SQLite value has the type it was stored with, whatever is declared. SQLAlchemy's dates, numerics and JSON would
    # convert it, fail on what other programs stored, and write back something else: read and bind these as they are.
    for column in table.columns:
        if kind_of_declaration(declared.get(column.name, "")) is Kind.BYTES:
            column.type = _AsStored()
        elif not isinstance(column.type, sa.String | sa.Integer) or isinstance(column.type, sa.Enum):
            column.type = sa.types.NullType()


def _unwrap_domains(table: sa.Table) -> None:
    # A PostgreSQL domain compares as the type below it, of which SQLAlchemy knows the operators.
    for column in table.columns:
        while column.type.__visit_name__ == "DOMAIN":
            domain: Any = column.type
            column.type = domain.data_type


_CHARSETS = sa.text(
    "SELECT column_name, character_set_name FROM information_schema.columns WHERE character_set_name IS NOT NULL "
    "AND table_name = :table AND table_schema = coalesce(:schema, database())"
)


class _AsStored(sa.LargeBinary):
    """A BLOB column of SQLite, where applications store text as well: no conversion either way."""

    cache_ok = True

    def bind_processor(self, dialect: sa.Dialect) -> None:  # noqa: ARG002 - SQLAlchemy's signature
        return None

    def result_processor(self, dialect: sa.Dialect, coltype: object) -> None:  # noqa: ARG002 - SQLAlchemy's signature
        return None


def _spelled(connection: sa.Connection, table: sa.Table) -> dict[str, str]:
    spelled = {}
    for column in table.columns:
        try:
            spelled[column.name] = column.type.compile(connection.dialect)
        except sa.exc.CompileError:  # a type of an extension
            spelled[column.name] = "unknown type"
    return spelled


def _keys(look: Inspector, table: sa.Table, columns: tuple[ColumnInfo, ...]) -> tuple[tuple[str, ...], ...]:
    by_name = {column.name: column for column in columns}
    primary = tuple(column.name for column in table.primary_key.columns)
    found: list[tuple[str, ...]] = [primary] if primary else []
    for index in look.get_indexes(table.name, table.schema):
        names = index["column_names"]
        options = index.get("dialect_options", {})
        partial = any(key.endswith(("_where", "_length")) and value is not None for key, value in options.items())
        if index["unique"] and not partial and all(names):
            found.append(tuple(str(name) for name in names))
    if look.dialect.name == "sqlite":  # elsewhere a constraint's index is among the indexes
        for constraint in look.get_unique_constraints(table.name, table.schema):
            found.append(tuple(str(name) for name in constraint["column_names"]))
    usable: list[tuple[str, ...]] = []
    for key in found:
        walkable = all(name in by_name and by_name[name].kind in KEY_KINDS for name in key)
        filled = key == primary or not any(by_name[name].nullable for name in key if name in by_name)
        if walkable and filled and key not in usable:
            usable.append(key)
    return tuple(usable)


@dataclass(frozen=True, slots=True)
class _SQLiteColumns:
    types: dict[str, str]
    not_null: frozenset[str]


def _sqlite_columns(connection: sa.Connection, schema: str | None, name: str) -> _SQLiteColumns:
    quote = connection.dialect.identifier_preparer.quote_identifier
    prefix = f"{quote(schema)}." if schema else ""
    rows = connection.exec_driver_sql(f"PRAGMA {prefix}table_xinfo({quote(name)})").all()
    created = connection.exec_driver_sql(
        f"SELECT sql FROM {prefix}sqlite_master WHERE type = 'table' AND name = ?",  # noqa: S608 - a quoted schema name
        (name,),
    ).scalar()
    # The tail after the last parenthesis holds the table options; both make every key column NOT NULL.
    strict = re.search(r"\b(WITHOUT\s+ROWID|STRICT)\b", (created or "").rpartition(")")[2], re.IGNORECASE)
    primary = [row for row in rows if row[5]]
    not_null = {row[1] for row in rows if row[3]}
    if strict or (len(primary) == 1 and (primary[0][2] or "").upper() == "INTEGER"):
        not_null |= {row[1] for row in primary}
    return _SQLiteColumns({row[1]: row[2] or "" for row in rows}, frozenset(not_null))


_TRIGGERS = {
    "sqlite": "SELECT name, sql FROM {schema}sqlite_master WHERE type = 'trigger' AND tbl_name = :table",
    "postgresql": (
        "SELECT t.tgname FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid "
        "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE NOT t.tgisinternal AND t.tgenabled <> 'D' "
        "AND t.tgtype & 16 <> 0 AND c.relname = :table AND n.nspname = coalesce(:schema, current_schema())"
    ),
    "mysql": (
        "SELECT trigger_name FROM information_schema.triggers WHERE event_manipulation = 'UPDATE' "
        "AND event_object_table = :table AND event_object_schema = coalesce(:schema, database())"
    ),
}
_ON_UPDATE = re.compile(r"\bUPDATE\b", re.IGNORECASE)
_BODY = re.compile(r"\bBEGIN\b", re.IGNORECASE)


def _triggers(connection: sa.Connection, schema: str | None, table: str) -> list[str]:
    dialect = "mysql" if connection.dialect.name == "mariadb" else connection.dialect.name
    statement = _TRIGGERS[dialect]
    values = {"table": table, "schema": schema}
    if dialect == "sqlite":
        quote = connection.dialect.identifier_preparer.quote_identifier
        rows = connection.execute(
            sa.text(statement.format(schema=f"{quote(schema)}." if schema else "")), {"table": table}
        ).all()
        return sorted(row[0] for row in rows if _ON_UPDATE.search(_BODY.split(row[1] or "", maxsplit=1)[0]))
    return sorted(str(row[0]) for row in connection.execute(sa.text(statement), values))
