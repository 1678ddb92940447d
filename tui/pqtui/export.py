"""Lists of jobs and dead letters as CSV and JSON, a row at a time, for files and for standard output.

Text in CSV is safe to open in a spreadsheet: what would be a formula begins with an apostrophe, and control characters
are gone. JSON is exact, in plain ASCII.
"""

from __future__ import annotations

import csv
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from pqcore.errors import UsageError
from pqcore.jobs.filter import JobFilter
from pqcore.text import clean
from pqtui.cli.output import dumps, jsonable

if TYPE_CHECKING:
    from pqcore.jobs.repository import JobRepository

_PAGE = 500
# how spreadsheets know a formula; tab and carriage return are gone by then
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")

Row = Mapping[str, Any]
_LETTER = ("row_key", "reason", "message", "at")


@dataclass(frozen=True, slots=True)
class Table:
    """Rows, and the names of their columns, which hold where there is no row, too. To be read once."""

    names: tuple[str, ...]
    rows: Iterable[Row]


def job_rows(jobs: JobRepository, job_filter: JobFilter, limit: int | None = None) -> Table:
    """The jobs that the filter keeps, newest first, as rows of the view; at most ``limit``."""
    return Table(jobs.view_columns(), islice(jobs.view_rows(job_filter), limit))


def letter_rows(jobs: JobRepository, job_id: int) -> Table:
    """All dead letters of a job, page by page in the order of their key digests."""
    return Table(_LETTER, _letters(jobs, job_id))


def _letters(jobs: JobRepository, job_id: int) -> Iterator[Row]:
    from pqcore.formats.context import key_digest  # with the cryptography, which only this needs

    after = ""
    while page := jobs.dead_letters(job_id, limit=_PAGE, after=after):
        for letter in page:
            values = (letter.row_key, letter.reason, letter.message, letter.created_at)
            yield dict(zip(_LETTER, values, strict=True))
        after = key_digest(page[-1].row_key)


def write_json(table: Table, stream: TextIO) -> int:
    """Write an array, one element a line; returns how many there are."""
    number = 0
    for number, row in enumerate(table.rows, 1):
        stream.write(("[\n" if number == 1 else ",\n") + dumps(row, indent=None))
    stream.write("\n]\n" if number else "[]\n")
    return number


def write_csv(table: Table, stream: TextIO) -> int:
    """Write a line of headings and a line a row (RFC 4180); returns how many rows there are."""
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow([cell(name) for name in table.names])
    number = 0
    for row in table.rows:
        writer.writerow([cell(row[name]) for name in table.names])
        number += 1
    return number


def cell(value: Any) -> str:
    """One cell: numbers as they are, text so that no spreadsheet runs it."""
    plain = jsonable(value)
    if plain is None:
        return ""
    if isinstance(plain, bool):
        return "true" if plain else "false"
    if isinstance(plain, int | float):
        return str(plain)
    text = clean(plain if isinstance(plain, str) else dumps(plain, indent=None))
    # a blank before it does not keep a spreadsheet from it
    return f"'{text}" if text.lstrip().startswith(_FORMULA) else text


def to_file(table: Table, path: Path) -> int:
    """Write a table to a new file of this user alone (0600), as its suffix says; returns how many there are.

    Raises:
        UsageError: the suffix is neither .csv nor .json, the file exists already, or it cannot be written.
    """
    write = {".csv": write_csv, ".json": write_json}.get(path.suffix.lower())
    if write is None:
        raise UsageError(f"{clean(str(path))} names no format", "End the name in .csv or .json")
    temporary = path.with_name(f".{path.name[:100]}.{secrets.token_hex(8)}.tmp")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="", errors="backslashreplace") as stream:
            number = write(table, stream)
        os.link(temporary, path)  # unlike a rename it never takes the place of another file
    except FileExistsError:
        raise UsageError(f"{clean(str(path))} exists already", "Choose another name") from None
    except OSError as error:
        raise UsageError(f"{clean(str(path))} cannot be written: {error.strerror}", "Choose another place") from error
    finally:
        with suppress(OSError):
            temporary.unlink()
    return number
