"""Reading pages of rows by key: short reads that keep no lock."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from pqcore.database.lists import among, parts
from pqcore.database.tables import dead_letters, signatures
from pqcore.engine.context import JobContext
from pqcore.formats.context import key_digest, row_key_text
from pqcore.migrations.base import Filled, Length, Mark, Prefix, Record, StoredSignature


def digest_of(key: tuple[Any, ...]) -> str:
    """The digest under which companion tables know a row."""
    return key_digest(row_key_text(key))


def bounds(
    context: JobContext, after: tuple[Any, ...] | None, upper: tuple[Any, ...] | None
) -> list[sa.ColumnElement[bool]]:
    """Conditions for keys in (after, upper]; None is open."""
    key = context.target.key
    conditions = []
    if after is not None:
        conditions.append(context.db.dialect.after(key, after))
    if upper is not None:
        conditions.append(context.db.dialect.up_to(key, upper))
    return conditions


def read_page(
    conn: sa.Connection,
    context: JobContext,
    after: tuple[Any, ...] | None,
    upper: tuple[Any, ...] | None,
    rows: int,
    *,
    only_old: bool,
) -> list[Record]:
    """At most ``rows`` selected rows in key order; with ``only_old`` those not marked as being in the new form."""
    statement = _selected(context).where(*bounds(context, after, upper))
    if only_old:
        statement = statement.where(*not_new(context))
    statement = statement.order_by(*context.target.key).limit(rows)
    return _records(conn, context, statement)


def read_new(
    conn: sa.Connection,
    context: JobContext,
    after: tuple[Any, ...] | None,
    upper: tuple[Any, ...] | None,
    rows: int,
) -> list[Record]:
    """At most ``rows`` rows in the new form, in key order, whether the selection's condition still holds or not.

    Where signatures are kept beside the table, the rows of the selection, with or without one.
    """
    if context.migration.beside:
        return read_page(conn, context, after, upper, rows, only_old=False)
    marked = sa.or_(*(_mark(context, mark) for mark in context.migration.marks))
    statement = _columns(context).where(*bounds(context, after, upper), marked)
    return _records(conn, context, statement.order_by(*context.target.key).limit(rows))


def read_keys(conn: sa.Connection, context: JobContext, keys: Sequence[tuple[Any, ...]]) -> list[Record]:
    """The selected rows among these keys, in key order where the keys are."""
    columns = context.target.key
    records: list[Record] = []
    for part in parts(keys, len(columns)):
        records += _records(conn, context, _selected(context).where(among(columns, part)).order_by(*columns))
    return records


def not_new(context: JobContext) -> list[sa.ColumnElement[bool]]:
    """Conditions that leave out what is surely in the new form or has no value."""
    conditions = [~sa.func.coalesce(_mark(context, mark), sa.false()) for mark in context.migration.marks]
    return [context.target.field.is_not(None), *conditions]


def known_dead(conn: sa.Connection, context: JobContext, records: Iterable[Record]) -> set[str]:
    """Digests of those rows that are dead letters of this job already."""
    statement = sa.select(dead_letters.c.key_digest).where(dead_letters.c.job_id == context.job_id)
    found: set[str] = set()
    for part in parts([digest_of(r.key) for r in records]):
        found.update(conn.execute(statement.where(dead_letters.c.key_digest.in_(part))).scalars())
    return found


def _columns(context: JobContext) -> sa.Select[Any]:
    table = context.target.table
    return sa.select(*context.target.key, *(table.c[name] for name in context.migration.reads))


def _selected(context: JobContext) -> sa.Select[Any]:
    return _columns(context) if context.where is None else _columns(context).where(context.where)


def _records(conn: sa.Connection, context: JobContext, statement: sa.Select[Any]) -> list[Record]:
    width = len(context.target.key)
    reads = context.migration.reads
    rows = conn.execute(statement).all()
    keys = [row[:width] for row in rows]
    beside = _signatures(conn, context, keys) if context.migration.beside else {}
    return [
        Record(key, dict(zip(reads, row[width:], strict=True)), beside.get(key) if beside else None)
        for key, row in zip(keys, rows, strict=True)
    ]


def _signatures(
    conn: sa.Connection, context: JobContext, keys: Sequence[tuple[Any, ...]]
) -> dict[tuple[Any, ...], StoredSignature]:
    by_digest = {digest_of(key): key for key in keys}
    statement = sa.select(signatures).where(
        signatures.c.table_name == context.target.name, signatures.c.field == context.selection.field
    )
    return {
        by_digest[row.key_digest]: StoredSignature(
            row.field, bytes.fromhex(row.old_digest), row.algorithm, row.key_id, bytes(row.value)
        )
        for part in parts(list(by_digest))
        for row in conn.execute(statement.where(signatures.c.key_digest.in_(part)))
    }


def _mark(context: JobContext, mark: Mark) -> sa.ColumnElement[bool]:
    column = context.target.table.c[mark.column]
    match mark:
        case Prefix(_, bytes() as start):
            return sa.type_coerce(sa.func.substr(column, 1, len(start)), sa.LargeBinary) == start
        case Prefix(_, str() as start):
            return _text_starts(context.db.dialect.name, column, start)
        case Length(_, length):
            return sa.func.length(column) == length
        case Filled():
            return column.is_not(None)
    raise TypeError(f"unknown mark {mark!r}")


def _text_starts(dialect: str, column: sa.ColumnElement[Any], start: str) -> sa.ColumnElement[bool]:
    """Whether a text starts with exactly this, whatever the column's collation takes for equal."""
    if dialect == "mysql":
        return sa.func.substr(sa.cast(column, sa.LargeBinary), 1, len(start)) == start.encode()
    text = sa.func.substr(sa.cast(column, sa.Text), 1, len(start))
    return (text.collate("C") if dialect == "postgresql" else text) == start
