"""What a stored value is bound to: data set, table, column, row, key and policy."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import math
import re
import uuid
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from pqcore.formats.errors import FormatError
from pqcore.formats.framing import frame

_LABEL = b"pqconsole context v1"
_UUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_MAX_DIGITS = 1000  # PostgreSQL NUMERIC allows more; nobody keys a table with it


@dataclass(frozen=True, slots=True)
class Context:
    """The place of a value. A value moved to another place does not open.

    Attributes:
        data_set: id of the installation, ``data_set_id`` in ``pq_migration_meta``.
        table: ``table`` or ``schema.table``, as the selection names it.
        column: the column that holds the (old) value.
        row_key: values of the key columns, as the driver returns them.
        key_id: ``name:version``; left empty by a reader, who takes it from the value.
        policy: policy id, may be empty; left empty by a reader.
    """

    data_set: str
    table: str
    column: str
    row_key: tuple[Any, ...]
    key_id: str = ""
    policy: str = ""

    def under(self, key_id: str, policy: str) -> Context:
        """This context with the key and policy that a stored value names.

        Raises FormatError where the reader asked for another key or policy than the value has.
        """
        for wanted, found, what in ((self.key_id, key_id, "key"), (self.policy, policy, "policy")):
            if wanted and wanted != found:
                raise FormatError(f"The value is stored under another {what} than the one asked for")
        return replace(self, key_id=key_id, policy=policy)

    def encode(self) -> bytes:
        """Length-prefixed bytes: label, data set, table, column, row key text, key id, policy."""
        parts = (self.data_set, self.table, self.column, row_key_text(self.row_key), self.key_id, self.policy)
        return frame(_LABEL, *(part.encode("utf-8", "surrogatepass") for part in parts))


def row_key_text(key: tuple[Any, ...]) -> str:
    """Canonical JSON text of a row key, the same whichever driver read it.

    Integers, integral decimals and floats, and booleans become JSON integers; other decimals and floats, a string
    without exponent and trailing zeros; a UUID and its text, lower case with hyphens; dates and times ISO 8601, with a
    zone in UTC and ``Z``; bytes ``{"hex": "..."}``. Raises FormatError for NULL and other types.
    """
    return json.dumps([_canonical(value) for value in key], separators=(",", ":"), ensure_ascii=True)


def key_digest(row_key_text: str) -> str:
    """SHA-256 of a row key text in lower-case hexadecimal (64 characters)."""
    return hashlib.sha256(row_key_text.encode()).hexdigest()


def _canonical(value: Any) -> int | str | dict[str, str]:
    match value:
        case bool() | int():
            return int(value)
        case Decimal() | float():
            return _number(value)
        case uuid.UUID():
            return str(value)
        case str():
            return value.lower() if _UUID.fullmatch(value) else value
        case bytes() | bytearray() | memoryview():
            return {"hex": bytes(value).hex()}
        case dt.datetime():
            return _moment(value)
        case dt.date():
            return value.isoformat()
        case dt.time():
            return value.isoformat(timespec="microseconds")
        case _:
            kind = "NULL" if value is None else type(value).__name__
            raise FormatError(f"A row key cannot hold a value of type {kind}", "Choose other key columns")


def _number(value: Decimal | float) -> int | str:
    if not math.isfinite(value):
        raise FormatError("A row key cannot hold a number that is not finite", "Choose other key columns")
    number = value if isinstance(value, Decimal) else Decimal(repr(value))
    if abs(number.adjusted()) > _MAX_DIGITS or len(number.as_tuple().digits) > _MAX_DIGITS:
        raise FormatError(f"A row key cannot hold a number of more than {_MAX_DIGITS} digits")
    if number == number.to_integral_value():
        return int(number)
    return format(number, "f").rstrip("0")


def _moment(value: dt.datetime) -> str:
    if value.tzinfo is None:
        return value.isoformat(timespec="microseconds")
    utc = value.astimezone(dt.UTC).replace(tzinfo=None)
    return utc.isoformat(timespec="microseconds") + "Z"
