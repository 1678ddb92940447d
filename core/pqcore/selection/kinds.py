"""What a column holds, independent of how each database spells its type."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Any

import sqlalchemy as sa


class Kind(StrEnum):
    """Kinds of columns, as conditions and keys see them."""

    TEXT = "text"
    BYTES = "bytes"
    INTEGER = "integer"
    DECIMAL = "decimal"
    FLOAT = "float"
    BOOLEAN = "boolean"
    DATETIME = "datetime"
    DATE = "date"
    TIME = "time"
    UUID = "uuid"
    ENUM = "enum"
    JSON = "json"
    OTHER = "other"


#: Kinds whose values have one order that comparison and ORDER BY agree on, and an exact equality. Not float (values
#: change on their way), not enum (MySQL orders by position and compares by text).
KEY_KINDS = frozenset(
    {
        Kind.TEXT,
        Kind.BYTES,
        Kind.INTEGER,
        Kind.DECIMAL,
        Kind.BOOLEAN,
        Kind.DATETIME,
        Kind.DATE,
        Kind.TIME,
        Kind.UUID,
    }
)

# Types that one database has, by SQLAlchemy's name: their modules are large, and most processes meet one database.
_OWN: dict[str, Kind] = {
    "INTERVAL": Kind.OTHER,
    "BIT": Kind.OTHER,
    "SET": Kind.OTHER,
    "YEAR": Kind.INTEGER,
    "TINYBLOB": Kind.BYTES,
    "MEDIUMBLOB": Kind.BYTES,
    "LONGBLOB": Kind.BYTES,
    "CITEXT": Kind.TEXT,
}

# The first that matches wins; subclasses come before their bases.
_TYPES: tuple[tuple[Kind, tuple[type[Any], ...]], ...] = (
    (Kind.OTHER, (sa.Interval, sa.ARRAY)),
    (Kind.ENUM, (sa.Enum,)),
    (Kind.UUID, (sa.Uuid,)),
    (Kind.JSON, (sa.JSON,)),
    (Kind.BOOLEAN, (sa.Boolean,)),
    (Kind.INTEGER, (sa.Integer,)),
    (Kind.FLOAT, (sa.Float,)),
    (Kind.DECIMAL, (sa.Numeric,)),
    (Kind.DATETIME, (sa.DateTime,)),
    (Kind.DATE, (sa.Date,)),
    (Kind.TIME, (sa.Time,)),
    (Kind.BYTES, (sa.LargeBinary, sa.BINARY, sa.VARBINARY)),
    (Kind.TEXT, (sa.String,)),
)


def kind_of_type(kind: sa.types.TypeEngine[Any]) -> Kind:
    """The kind of a reflected type. MySQL's BOOLEAN is TINYINT(1) and counts as boolean."""
    own: Any = kind
    name = kind.__visit_name__
    if name == "DOMAIN":
        return kind_of_type(own.data_type)
    if name == "TINYINT" and own.display_width == 1:
        return Kind.BOOLEAN
    if name in _OWN:
        return _OWN[name]
    for found, types in _TYPES:
        if isinstance(kind, types):
            return found
    return Kind.OTHER


# SQLite knows no types, only declarations; the kinds follow what applications mean by them.
_DECLARED: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    (Kind.BOOLEAN, re.compile("BOOL")),
    (Kind.DATETIME, re.compile("DATETIME|TIMESTAMP")),
    (Kind.DATE, re.compile("^DATE")),
    (Kind.TIME, re.compile("^TIME")),
    (Kind.INTEGER, re.compile("INT")),
    (Kind.TEXT, re.compile("CHAR|CLOB|TEXT|STRING|UUID|UNIQUEIDENTIFIER|JSON")),
    (Kind.BYTES, re.compile("BLOB|BINARY|BYTEA")),
    (Kind.FLOAT, re.compile("REAL|FLOA|DOUB")),
    (Kind.DECIMAL, re.compile("DEC|NUM|MONEY")),
)


def kind_of_declaration(declared: str) -> Kind:
    """The kind of an SQLite column from its declared type; ``other`` where nothing is declared."""
    for found, pattern in _DECLARED:
        if pattern.search(declared.upper()):
            return found
    return Kind.OTHER


def kind(column: sa.Column[Any]) -> Kind:
    """The kind of a column that the catalog reflected."""
    found = column.info.get("kind")
    return found if isinstance(found, Kind) else kind_of_type(column.type)
