"""Printing data: JSON for programs, tables for people, plain columns where the output is piped."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from enum import Enum
from itertools import chain, islice
from typing import Any

from pqcore.text import clean

# Plain columns are as wide as the widest cell of the first rows, so that a long list can be streamed.
_MEASURED_ROWS = 200
# one long text must not pad every row
_WIDEST = 60
_GAP = "  "


def jsonable(value: Any) -> Any:
    """A value as JSON knows it: times as ISO 8601 in UTC, bytes as base64, enumerations as their value."""
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, bytes | bytearray | memoryview):
        return base64.b64encode(bytes(value)).decode("ascii")
    if isinstance(value, Mapping):
        return {str(name): jsonable(item) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [jsonable(item) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return str(value)


def dumps(value: Any, *, indent: int | None = 2) -> str:
    """JSON in ASCII: exact, and no byte of it can steer a terminal."""
    return json.dumps(jsonable(value), indent=indent).replace("\x7f", "\\u007f")


def print_json(value: Any) -> None:
    print(dumps(value))


def print_json_rows(rows: Iterable[Mapping[str, Any]]) -> None:
    """Print an array, one element a line, as the rows arrive."""
    separator = "[\n"
    for row in rows:
        sys.stdout.write(separator + dumps(row, indent=None))
        separator = ",\n"
    print("[]" if separator == "[\n" else "\n]")


def iso(moment: datetime) -> str:
    """ISO 8601 in UTC, with ``Z``; a time without a zone is taken as UTC."""
    aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return aware.isoformat().replace("+00:00", "Z")


def shown(value: Any) -> str:
    """One table cell: short, on one line, safe to print."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        aware = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        return aware.strftime("%Y-%m-%d %H:%M:%SZ")
    if isinstance(value, Mapping):
        return clean(dumps(value, indent=None))
    return clean(str(value.value if isinstance(value, Enum) else value))


def print_table(headings: Sequence[str], rows: Iterable[Sequence[Any]], *, right: frozenset[int] = frozenset()) -> None:
    """Print rows under headings: a table on a terminal, else columns of plain text, one row a line.

    Args:
        right: indexes of the columns that are aligned to the right.
    """
    cells = ([shown(value) for value in row] for row in rows)
    if sys.stdout.isatty():
        _print_rich(headings, cells, right)
    else:
        _print_plain(headings, cells, right)


def print_properties(pairs: Iterable[tuple[str, Any]]) -> None:
    """Print names and values, one a line; values that are None or empty are left out."""
    kept = [(name, shown(value)) for name, value in pairs if value is not None]
    width = max((len(name) for name, _ in kept), default=0)
    for name, text in kept:
        if text:
            print(f"{name:<{width}}  {text}")


def _print_rich(headings: Sequence[str], cells: Iterator[list[str]], right: frozenset[int]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for index, heading in enumerate(headings):
        table.add_column(Text(heading), justify="right" if index in right else "left", overflow="fold")
    for row in cells:
        table.add_row(*[Text(cell) for cell in row])  # Text: a cell is never read as markup
    Console(highlight=False, markup=False, emoji=False).print(table)


def _print_plain(headings: Sequence[str], cells: Iterator[list[str]], right: frozenset[int]) -> None:
    from rich.cells import cell_len

    first = list(islice(cells, _MEASURED_ROWS))
    widths = [min(_WIDEST, max(map(cell_len, column))) for column in zip(headings, *first, strict=True)]
    for row in chain([list(headings)], first, cells):
        padded = []
        for index, (cell, width) in enumerate(zip(row, widths, strict=True)):
            space = " " * max(0, width - cell_len(cell))
            padded.append(space + cell if index in right else cell + space)
        print(_GAP.join(padded).rstrip())
