"""Values of conditions, converted to what a column of their kind compares with."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from pqcore.selection.condition import Op, Value
from pqcore.selection.kinds import Kind, kind
from pqcore.selection.problem import did_you_mean, listed, quoted


class Mismatch(Exception):
    """A value that cannot be compared with the column: one sentence and a remedy."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


_EQUALITY = frozenset({Op.EQ, Op.NE, Op.IN, Op.NOT_IN})
_ORDER = _EQUALITY | {Op.LT, Op.LE, Op.GT, Op.GE, Op.BETWEEN}
_TEXTUAL = _ORDER | {Op.LIKE, Op.NOT_LIKE, Op.PREFIX}

#: Operators that take a value, by kind; is_null and not_null fit every column.
OPERATORS: Mapping[Kind, frozenset[Op]] = {
    Kind.TEXT: _TEXTUAL,
    Kind.BYTES: _ORDER | {Op.PREFIX},
    Kind.INTEGER: _ORDER,
    Kind.DECIMAL: _ORDER,
    Kind.FLOAT: _ORDER,
    Kind.BOOLEAN: _EQUALITY,
    Kind.DATETIME: _ORDER,
    Kind.DATE: _ORDER,
    Kind.TIME: _ORDER,
    Kind.UUID: _ORDER,
    Kind.ENUM: _EQUALITY,
    Kind.JSON: frozenset(),
    Kind.OTHER: frozenset(),
}


def bound(column: sa.Column[Any], value: Value, dialect_name: str) -> sa.ColumnElement[Any]:
    """``value`` as a bound parameter of the column's kind. Raises ``Mismatch`` where it is none."""
    found = kind(column)
    return sa.literal(_CONVERT[found](column, value, dialect_name), _bind_type(column, found, dialect_name))


def _bind_type(column: sa.Column[Any], found: Kind, dialect_name: str) -> sa.types.TypeEngine[Any]:
    # The column's own type may cut (VARCHAR(3)) or overflow (SMALLINT) a value before it is compared; use its wide kin.
    if dialect_name == "sqlite":
        return sa.LargeBinary() if found is Kind.BYTES else sa.types.NullType()
    match found:
        case Kind.TEXT if type(column.type).__name__.upper() == "CITEXT":
            return column.type
        case Kind.ENUM:
            return column.type if dialect_name == "postgresql" else sa.String()
        case Kind.INTEGER | Kind.BOOLEAN if dialect_name == "mysql":
            return sa.BigInteger()
        case Kind.DATETIME:
            return sa.DateTime(timezone=_zoned(column))
        case _:
            return _BIND[found]()


_BIND: Mapping[Kind, Callable[[], sa.types.TypeEngine[Any]]] = {
    Kind.TEXT: sa.String,
    Kind.BYTES: sa.LargeBinary,
    Kind.INTEGER: sa.BigInteger,
    Kind.DECIMAL: sa.Numeric,
    Kind.FLOAT: sa.Double,
    Kind.BOOLEAN: sa.Boolean,
    Kind.DATE: sa.Date,
    Kind.TIME: sa.Time,
    Kind.UUID: sa.Uuid,
}


def _zoned(column: sa.Column[Any]) -> bool:
    return bool(getattr(column.type, "timezone", False))


def _text(column: sa.Column[Any], value: Value, _dialect: str) -> str:
    if isinstance(value, str):
        check_charset(column, value)
        return value
    raise Mismatch(f"{_shown(value)} is compared with a text column", "Write the value in double quotes")


def check_charset(column: sa.Column[Any], text: str) -> None:
    """MySQL refuses to compare text with a column whose character set lacks its characters; raises ``Mismatch``."""
    charset: str = column.info.get("charset") or "utf8mb4"
    if charset in ("utf8mb3", "utf8", "ucs2"):
        fits = all(character <= "\uffff" for character in text)
    else:
        try:
            text.encode({"latin1": "cp1252", "utf8mb4": "utf-8", "binary": "utf-8"}.get(charset, charset))
            fits = True
        except LookupError:  # a character set that Python does not know
            fits = text.isascii()
        except UnicodeEncodeError:
            fits = False
    if not fits:
        raise Mismatch(f"{_shown(text)} has characters that the column's {charset} lacks", "No row can hold them")


def _bytes(_column: sa.Column[Any], value: Value, _dialect: str) -> bytes:
    if isinstance(value, bytes):
        return value
    raise Mismatch(f"{_shown(value)} is compared with a binary column", 'Write it as {"bytes": "00ff"}, in hexadecimal')


def _integer(column: sa.Column[Any], value: Value, _dialect: str) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise Mismatch(f"{_shown(value)} is compared with a column of whole numbers", "Write a whole number, no quotes")
    high = 2**64 if getattr(column.type, "unsigned", False) else 2**63
    if not -(2**63) <= value < high:
        raise Mismatch("this number is larger than any that the column can hold", "Use a smaller one")
    return value


def _decimal(_column: sa.Column[Any], value: Value, dialect_name: str) -> Any:
    if isinstance(value, str):
        try:
            number = Decimal(value)
        except InvalidOperation:
            number = Decimal("NaN")
        if not number.is_finite():
            raise Mismatch(f"{_shown(value)} is no number", 'Write a number, or an exact decimal as text: "12.50"')
    elif isinstance(value, bool) or not isinstance(value, int | float):
        raise Mismatch(f"{_shown(value)} is compared with a column of numbers", "Write a number")
    else:
        number = Decimal(repr(value))
    # SQLite keeps no decimals: numeric columns hold integers and doubles.
    if dialect_name == "sqlite":
        whole = number == number.to_integral_value() and abs(number) < 2**63
        return int(number) if whole else float(number)
    return number


def _float(_column: sa.Column[Any], value: Value, _dialect: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Mismatch(f"{_shown(value)} is compared with a column of numbers", "Write a number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if math.isinf(number):
        raise Mismatch("this number is larger than any that the column can hold", "Use a smaller one")
    return number


def _boolean(column: sa.Column[Any], value: Value, dialect_name: str) -> bool | int:
    if isinstance(value, bool):
        return int(value) if dialect_name != "postgresql" else value
    # MySQL's TINYINT(1) may be meant as a small number.
    if dialect_name == "mysql" and isinstance(value, int | float):
        return _integer(column, value, dialect_name)
    raise Mismatch(f"{_shown(value)} is compared with a column of true and false", "Write true or false, no quotes")


def _datetime(column: sa.Column[Any], value: Value, dialect_name: str) -> datetime | str:
    remedy = "Write it as 2026-01-31T12:00:00Z; without a zone it is read as UTC"
    if not isinstance(value, str):
        raise Mismatch(f"{_shown(value)} is compared with a column of times", remedy)
    try:
        moment = datetime.fromisoformat(value)
        aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Mismatch(f"{_shown(value)} is no date and time", remedy) from None
    if dialect_name == "sqlite":
        return aware.replace(tzinfo=None).isoformat(" ", "microseconds")
    return aware if _zoned(column) else aware.replace(tzinfo=None)


def _date(_column: sa.Column[Any], value: Value, dialect_name: str) -> date | str:
    remedy = "Write it as 2026-01-31"
    if not isinstance(value, str):
        raise Mismatch(f"{_shown(value)} is compared with a column of dates", remedy)
    try:
        day = date.fromisoformat(value)
    except ValueError:
        raise Mismatch(f"{_shown(value)} is no date", remedy) from None
    return day.isoformat() if dialect_name == "sqlite" else day


def _time(_column: sa.Column[Any], value: Value, dialect_name: str) -> time | str:
    remedy = "Write it as 12:00:00, without a zone"
    if not isinstance(value, str):
        raise Mismatch(f"{_shown(value)} is compared with a column of times of day", remedy)
    try:
        moment = time.fromisoformat(value)
    except ValueError:
        raise Mismatch(f"{_shown(value)} is no time of day", remedy) from None
    if moment.tzinfo is not None:
        raise Mismatch(f"{_shown(value)} has a zone, the column's times have none", remedy)
    return moment.isoformat("microseconds") if dialect_name == "sqlite" else moment


def _uuid(_column: sa.Column[Any], value: Value, _dialect: str) -> UUID:
    try:
        if isinstance(value, str):
            return UUID(value)
    except ValueError:
        pass
    remedy = 'Write it as "123e4567-e89b-12d3-a456-426614174000"'
    raise Mismatch(f"{_shown(value)} is no UUID", remedy)


def _enum(column: sa.Column[Any], value: Value, _dialect: str) -> str:
    members: list[str] = list(getattr(column.type, "enums", []))
    if isinstance(value, str) and (value in members or not members):
        return value
    remedy = did_you_mean(str(value), members, f"Its values: {listed(members, 20)}")
    raise Mismatch(f"{_shown(value)} is no value of this column", remedy)


def _unsupported(_column: sa.Column[Any], value: Value, _dialect: str) -> Any:
    raise Mismatch(f"{_shown(value)} cannot be compared with a column of this type", 'Use "is_null" or "not_null"')


_CONVERT: Mapping[Kind, Callable[[sa.Column[Any], Value, str], Any]] = {
    Kind.TEXT: _text,
    Kind.BYTES: _bytes,
    Kind.INTEGER: _integer,
    Kind.DECIMAL: _decimal,
    Kind.FLOAT: _float,
    Kind.BOOLEAN: _boolean,
    Kind.DATETIME: _datetime,
    Kind.DATE: _date,
    Kind.TIME: _time,
    Kind.UUID: _uuid,
    Kind.ENUM: _enum,
    Kind.JSON: _unsupported,
    Kind.OTHER: _unsupported,
}


def _shown(value: Value) -> str:
    if isinstance(value, bytes):
        return "a value in bytes"
    return quoted(value, 40) if isinstance(value, str) else str(value).lower()
