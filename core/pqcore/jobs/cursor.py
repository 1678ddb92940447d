"""Row keys as JSON text and back, with their Python types, for bounds and cursors of ranges.

A key is a tuple of column values; its text is a JSON array of ``[type, text]`` pairs, so that a cursor read by
another process binds the very same values. (``pqcore.formats.context.row_key_text`` is the driver-independent form
that goes into cryptographic contexts; this one is only for walking.)
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

_DECODERS: dict[str, Callable[[str], Any]] = {
    "int": int,
    "str": str,
    "bytes": bytes.fromhex,
    "uuid": UUID,
    "decimal": Decimal,
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
    "time": time.fromisoformat,
    "float": float.fromhex,
    "bool": lambda text: text == "1",
}


def _pair(value: Any) -> list[str]:
    match value:
        case bool():
            return ["bool", "1" if value else "0"]
        case int():
            return ["int", str(value)]
        case str():
            return ["str", value]
        case bytes() | bytearray() | memoryview():
            return ["bytes", bytes(value).hex()]
        case UUID():
            return ["uuid", str(value)]
        case Decimal():
            return ["decimal", str(value)]
        case datetime():
            return ["datetime", value.isoformat()]
        case date():
            return ["date", value.isoformat()]
        case time():
            return ["time", value.isoformat()]
        case float():
            return ["float", value.hex()]
    raise TypeError(f"a key of type {type(value).__name__} cannot be walked")


def encode_key(key: tuple[Any, ...]) -> str:
    """A row key as text. Raises ``TypeError`` for a type that no key column has."""
    return json.dumps([_pair(value) for value in key], ensure_ascii=True, separators=(",", ":"))


def decode_key(text: str) -> tuple[Any, ...]:
    """The row key that ``encode_key`` was given."""
    return tuple(_DECODERS[kind](value) for kind, value in json.loads(text))
