"""Sampled rows migrated in memory: whether old values really parse, verify, and become new ones that fit."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from pqcore.database.connect import Database
from pqcore.migrations.base import Failed, FailureReason, Migrated, Migration, Record, Skipped
from pqcore.selection.preview import rows_within, show_key
from pqcore.selection.target import Target
from pqcore.text import clean


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of the sampled rows.

    Attributes:
        skips: reasons for which rows were skipped, with how many.
        values: the new values, by column; never shown.
        failure: the first row that failed: its reason, and a sentence with its key.
        complete: False where the time was up before all of the sample was read or tried.
    """

    migrated: int = 0
    skipped: int = 0
    failed: int = 0
    skips: tuple[tuple[str, int], ...] = ()
    values: tuple[Migrated, ...] = ()
    failure: tuple[FailureReason, str] | None = None
    complete: bool = True

    @property
    def rows(self) -> int:
        return self.migrated + self.skipped + self.failed


def try_rows(
    db: Database,
    target: Target,
    where: sa.ColumnElement[bool] | None,
    migration: Migration,
    rows: int,
    *,
    read_seconds: float,
    seconds: float,
) -> Trial:
    """Migrate rows from both ends of the key in memory; nothing is written.

    Args:
        rows: how many, half from each end.
        read_seconds: the database gives up reading after this long.
        seconds: no further row is begun after this long.
    """
    records = _read(db, target, where, migration.reads, rows, read_seconds)
    if records is None:
        return Trial(complete=False)
    values: list[Migrated] = []
    skips: Counter[str] = Counter()
    failures: list[tuple[FailureReason, str]] = []
    deadline = time.monotonic() + seconds
    tried = 0
    for record in records:
        if tried and time.monotonic() > deadline:
            break
        tried += 1
        match migration.migrate(record):
            case Migrated() as outcome:
                values.append(outcome)
            case Skipped(reason):
                skips[reason.value.replace("_", " ")] += 1
            case Failed(why, message):
                failures.append((why, f"row {_shown(record.key)}: {clean(message, limit=200).rstrip('.')}"))
    return Trial(
        migrated=len(values),
        skipped=skips.total(),
        failed=len(failures),
        skips=tuple(skips.most_common()),
        values=tuple(values),
        failure=failures[0] if failures else None,
        complete=tried == len(records),
    )


def _shown(key: tuple[Any, ...]) -> str:
    return clean(", ".join(show_key(part) for part in key), limit=60)


def _read(
    db: Database,
    target: Target,
    where: sa.ColumnElement[bool] | None,
    reads: tuple[str, ...],
    rows: int,
    seconds: float,
) -> list[Record] | None:
    """Rows from both ends of the key, each once; without an old value there is nothing to try."""
    statement = sa.select(*target.key, *(target.table.c[name] for name in reads)).where(target.field.is_not(None))
    if where is not None:
        statement = statement.where(where)
    first = rows_within(db, statement.order_by(*target.key).limit((rows + 1) // 2), seconds)
    backwards = statement.order_by(*(column.desc() for column in target.key)).limit(rows // 2)
    last = rows_within(db, backwards, seconds) if first is not None else None
    if first is None or last is None:
        return None
    width = len(target.key)
    found = {tuple(row[:width]): dict(zip(reads, row[width:], strict=True)) for row in [*first, *reversed(last)]}
    return [Record(key, values) for key, values in found.items()]
