"""Whether new values fit their columns."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from pqcore.database.connect import Database
from pqcore.selection.kinds import Kind, kind
from pqcore.selection.problem import Problem, quoted
from pqcore.selection.target import Target

_MYSQL_VARCHAR = 16_000  # characters; beyond this a row of VARCHARs in utf8mb4 does not fit


def quote(db: Database, name: str) -> str:
    """A name as SQL."""
    return db.engine.dialect.identifier_preparer.quote(name)


def too_narrow(db: Database, target: Target, name: str, needed: int, path: str) -> Problem | None:
    """A problem where the column has less room than ``needed`` characters (text) or bytes (binary)."""
    column = target.table.c[name]
    width = db.dialect.column_width(column)
    if width.limit is None or width.limit >= needed:
        return None
    unit = "bytes" if kind(column) is Kind.BYTES else "characters"
    message = f"{quoted(name)} holds {width.limit} {width.unit}; new values take up to {needed} {unit}"
    return Problem(path, message, f"Widen it: {_widen(db, target.table, column, needed)}")


def misfit(db: Database, column: sa.Column[Any], value: object, path: str) -> Problem | None:
    """A problem where a new value is of the wrong type for its column, or would come back changed."""
    found = kind(column)
    option = "signature_encoding" if path == "options.signature_field" else "encoding"
    if isinstance(value, bytes) and found is Kind.TEXT:
        return Problem(
            path, f"new values are bytes, {quoted(column.name)} holds text", f'Set "{option}" to base64 or hex'
        )
    if isinstance(value, str) and found is Kind.BYTES and db.dialect.name != "sqlite":
        return Problem(path, f"new values are text, {quoted(column.name)} holds bytes", f'Set "{option}" to raw')
    fixed = _padded_to(db, column)
    if fixed is not None and isinstance(value, str | bytes) and len(value) != fixed:
        message = f"{quoted(column.name)} is padded to {fixed}; a new value of {len(value)} would come back changed"
        return Problem(path, message, "Change the column to a type of variable length (VARCHAR, VARBINARY)")
    return None


def _padded_to(db: Database, column: sa.Column[Any]) -> int | None:
    # PostgreSQL pads CHAR with spaces, MySQL BINARY with NUL bytes, and both keep the padding when read.
    length: int | None = getattr(column.type, "length", None)
    if db.dialect.name == "postgresql" and isinstance(column.type, sa.CHAR):
        return length or 1
    if db.dialect.name == "mysql" and isinstance(column.type, sa.BINARY):
        return length or 1
    return None


def _widen(db: Database, table: sa.Table, column: sa.Column[Any], needed: int) -> str:
    binary = kind(column) is Kind.BYTES
    name = db.engine.dialect.identifier_preparer.format_table(table)
    if db.dialect.name == "mysql":
        big = "MEDIUMBLOB" if binary else "MEDIUMTEXT"
        new = big if needed > _MYSQL_VARCHAR else f"{'VARBINARY' if binary else 'VARCHAR'}({needed})"
        null = "" if column.nullable else " NOT NULL"
        return f"ALTER TABLE {name} MODIFY {quote(db, column.name)} {new}{null}"
    new = "BYTEA" if binary else f"VARCHAR({needed})"
    return f"ALTER TABLE {name} ALTER COLUMN {quote(db, column.name)} TYPE {new}"
