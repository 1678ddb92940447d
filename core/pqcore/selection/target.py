"""The place in the database that a selection names: table, key and field, found and fit for use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from pqcore.database.connect import Database
from pqcore.selection.catalog import Catalog
from pqcore.selection.document import Selection
from pqcore.selection.kinds import KEY_KINDS, kind
from pqcore.selection.problem import Problem, SelectionError, did_you_mean, listed, quoted, step

_OWN = ("pq_migration_", "vw_pq_migration_")


@dataclass(frozen=True)
class Target:
    """Where a job works.

    Attributes:
        table: reflected exactly.
        key: orderable, unique and never NULL; the order in which rows are walked.
        field: the column with the old value.
        name: ``schema.table`` or ``table`` as the selection names it; bound into what is written. A part that
            holds a dot or a double quote is quoted as in SQL, so that no two tables share a name.
        dialect_name: ``sqlite``, ``postgresql`` or ``mysql`` (MariaDB, too).
    """

    table: sa.Table
    key: tuple[sa.Column[Any], ...]
    field: sa.Column[Any]
    name: str
    dialect_name: str


def resolve(source: Database | Catalog, selection: Selection) -> Target:
    """Find what the selection names.

    Raises:
        SelectionError: something is missing or unusable; the remedies name what there is.
        DatabaseError: the database cannot answer.
    """
    catalog = source if isinstance(source, Catalog) else Catalog(source)
    if selection.table.casefold().startswith(_OWN):
        message = f"{quoted(selection.table)} belongs to pqconsole itself"
        raise SelectionError([Problem("table", message, "Name a table of your application")])
    table = catalog.table(selection.schema, selection.table)
    problems: list[Problem] = []
    field = _column(table, selection.field, "field", problems)
    key = _key(catalog, table, selection, problems)
    if field is not None and field in key:
        remedy = "Name another key, or move the values to a column of their own first"
        problems.append(Problem("field", f"{quoted(field.name)} is part of the key and cannot be migrated", remedy))
    if problems or field is None:
        raise SelectionError(problems)
    name = table_name(selection.schema, selection.table)
    return Target(table=table, key=key, field=field, name=name, dialect_name=catalog.dialect_name)


def table_name(schema: str | None, table: str) -> str:
    """The name of a table in contexts and companion tables; see ``Target.name``."""
    parts = [table] if schema is None else [schema, table]
    return ".".join('"' + p.replace('"', '""') + '"' if "." in p or '"' in p else p for p in parts)


def column_problem(table: sa.Table, name: str, path: str) -> Problem:
    """A problem that says that the table has no such column."""
    known = [column.name for column in table.columns]
    remedy = did_you_mean(name, known, f"Its columns: {listed(known, 20)}")
    return Problem(path, f"{quoted(table.name)} has no column {quoted(name)}", remedy)


def _column(table: sa.Table, name: str, path: str, problems: list[Problem]) -> sa.Column[Any] | None:
    if name in table.c:
        return table.c[name]
    problems.append(column_problem(table, name, path))
    return None


def _key(
    catalog: Catalog, table: sa.Table, selection: Selection, problems: list[Problem]
) -> tuple[sa.Column[Any], ...]:
    candidates = catalog.candidate_keys(selection.table, selection.schema)
    if not selection.key:
        primary = tuple(column.name for column in table.primary_key.columns)
        names = primary or (candidates[0] if candidates else ())
        if not names:
            remedy = "Add a primary key to the table, or a unique index over columns that are NOT NULL"
            problems.append(Problem("key", f"{quoted(table.name)} has no key that identifies a row", remedy))
            return ()
        paths = ["key"] * len(names)
    else:
        names = selection.key
        paths = [step("key", i) for i in range(len(names))]
    columns = [_column(table, name, path, problems) for name, path in zip(names, paths, strict=True)]
    found = tuple(column for column in columns if column is not None)
    if len(found) < len(columns):
        return found
    problems.extend(_unfit(catalog, found, paths, candidates, selection))
    return found


def _unfit(
    catalog: Catalog,
    columns: tuple[sa.Column[Any], ...],
    paths: list[str],
    candidates: list[tuple[str, ...]],
    selection: Selection,
) -> list[Problem]:
    others = f"Keys here: {'; '.join(listed(c) for c in candidates)}" if candidates else "Add a unique index"
    infos = {info.name: info for info in catalog.columns(selection.table, selection.schema)}
    problems = [
        Problem(path, f"{quoted(column.name)} ({infos[column.name].type}) has no dependable order for a key", others)
        for column, path in zip(columns, paths, strict=True)
        if kind(column) not in KEY_KINDS
    ]
    if problems:
        return problems
    names = [column.name for column in columns]
    if not any(set(candidate) <= set(names) for candidate in candidates):
        return [Problem("key", f"{listed(names)} does not identify a row: no unique index covers it", others)]
    for column, path in zip(columns, paths, strict=True):
        if not infos[column.name].nullable:
            continue
        # SQLite lets a primary key be NULL; that is harmless as long as no row makes use of it.
        if not column.primary_key:
            problems.append(Problem(path, f"{quoted(column.name)} may be NULL, which no key finds", others))
        elif _has_null(catalog.db, column):
            remedy = "Fill those rows' key first, or name another key"
            problems.append(Problem(path, f"{quoted(column.name)} is NULL in some rows, which no key finds", remedy))
    return problems


def _has_null(db: Database, column: sa.Column[Any]) -> bool:
    statement = sa.select(sa.literal(1)).select_from(column.table).where(column.is_(None)).limit(1)
    with db.translated(), db.read() as connection:
        return connection.execute(statement).first() is not None
