"""Where a version of a key is still needed: every column that a job of this database names, read value by value.

Values are read in pages by the key of their table, so a column of any size takes the memory of one page. What cannot be
looked at is said, never taken for unused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from pqcore.database.connect import Database
from pqcore.database.tables import jobs_view, originals, runs, signatures
from pqcore.errors import DatabaseError, DatabaseUnavailable, KeyStoreError, StateConflict
from pqcore.formats import blind_index, password, signature, wrapped_key
from pqcore.formats.errors import FormatError
from pqcore.jobs.model import Status
from pqcore.jobs.query import document
from pqcore.keys.provider import KeyInfo, KeyState
from pqcore.keys.reference import parse_ref
from pqcore.migrations.base import Scope
from pqcore.migrations.options import keys_named
from pqcore.migrations.place import stored_bytes
from pqcore.selection.catalog import Catalog
from pqcore.selection.document import Selection, parse
from pqcore.selection.problem import SelectionError
from pqcore.selection.target import Target, column_problem, resolve, table_name

PAGE_ROWS = 500
_UNFINISHED = (Status.PENDING, Status.RUNNING)
# said every time: no scan of one database can know
NEVER_SEEN = "other databases with the same keyring, backups, and columns that no job of this database names"


@dataclass(frozen=True, slots=True)
class Column:
    """A column that was read to its end.

    Attributes:
        name: ``table.column`` or ``schema.table.column``.
        values: values that were read, without NULL.
        needing: how many of them need the key.
        unreadable: how many look like values of pqconsole and cannot be read.
    """

    name: str
    values: int
    needing: int
    unreadable: int = 0


@dataclass(frozen=True, slots=True)
class Usage:
    """Where one version of a key is needed.

    Attributes:
        key_id: ``name:version``.
        columns: all that were read.
        jobs: unfinished jobs that name this version, or write with it.
        unseen: what a job names and could not be looked at, a sentence each.
        originals: old values kept for rollback; what is sealed inside them may need any key.
    """

    key_id: str
    columns: tuple[Column, ...]
    jobs: tuple[int, ...] = ()
    unseen: tuple[str, ...] = ()
    originals: int = 0

    @property
    def used(self) -> bool:
        return bool(self.jobs) or any(column.needing for column in self.columns)

    @property
    def where(self) -> str:
        """Where it is needed, in a few words; empty where it is not."""
        parts = [f"{c.needing:,} of {c.values:,} values of {c.name}" for c in self.columns if c.needing]
        if self.jobs:
            numbers = ", ".join(str(number) for number in self.jobs[:5]) + (", ..." if len(self.jobs) > 5 else "")
            parts.append(f"unfinished job{'s' if len(self.jobs) > 1 else ''} {numbers}")
        return "; ".join(parts)


def named_keys(value: str | bytes) -> frozenset[str] | None:
    """Ids of the keys that a stored value of pqconsole needs to be read; None for any other value.

    A counter-signature also names the key of the old signature, which stays. Raises FormatError for a broken value.
    """
    if wrapped_key.recognise(value):
        return frozenset(wrapped_key.parse(value).key_ids)
    if signature.recognise(value):
        form = signature.parse(value)
        old = {form.old_key_id} if form.mode is signature.Mode.COUNTERSIGN else set()
        return frozenset({form.key_id} | old)
    start = value[: len(password.PREFIX)]
    if start in (password.PREFIX, password.PREFIX.encode()):
        pepper = password.parse_wrapped(value).pepper
        return frozenset({pepper} if pepper else ())
    if blind_index.recognise(value):
        return frozenset({blind_index.parse(value).key_id})
    return None


def usage_of(db: Database, info: KeyInfo) -> Usage:
    """Read every column that a job names and count the values that need this version of a key.

    A value in an old form names no key: it counts where a job would open it with this one, named as ``old_key`` in its
    options or in the row.

    Raises:
        DatabaseError: the database is away, or has no tables of pqconsole.
    """
    named = _Named(info)
    for row in _jobs(db):
        named.add(row)
    columns: list[Column] = []
    unseen = named.unseen
    catalog = Catalog(db)
    for place in named.tables.values():
        try:
            columns.extend(_read_table(db, catalog, place, info))
        except SelectionError as error:
            unseen.append(f"{place.name}: {error.problems[0].message}")
        except DatabaseUnavailable:
            raise
        except DatabaseError as error:
            unseen.append(f"{place.name}: {error.message}")
    for companion, name in ((signatures, "value"), (originals, "sealed")):
        key = tuple(companion.primary_key.columns)
        columns.extend(_read(db, companion, key, companion.name, {name: frozenset()}, info))
    kept = next(column.values for column in columns if column.name == f"{originals.name}.sealed")
    return Usage(info.id, tuple(columns), tuple(named.jobs), tuple(unseen), kept)


def require_unused(usage: Usage, state: KeyState) -> None:
    """Refuse to retire or delete a version that something needs; deleting, also where something could not be read.

    Raises:
        StateConflict: says where it is needed, or what stands in the way.
    """
    more = f"see pqconsole keys usage {usage.key_id}"
    if usage.used:
        raise StateConflict(
            f"The key {usage.key_id} is needed by {usage.where}", f"Move those values to another key first; {more}"
        )
    if state is not KeyState.DELETED:
        return
    broken = sum(column.unreadable for column in usage.columns)
    if usage.unseen or broken:
        what = usage.unseen[0] if usage.unseen else f"{broken:,} values could not be read"
        raise StateConflict(f"Not everything could be looked at, so {usage.key_id} stays: {what}", f"Mend it; {more}")
    if usage.originals:
        raise StateConflict(
            f"{usage.originals:,} originals are kept for rollback, and may need {usage.key_id}",
            "Finalize or roll back their jobs first",
        )


@dataclass(frozen=True, slots=True)
class _Claim:
    """What opens the values of a column that are in an old form: one key, or the key that another column names."""

    reference: str | None = None
    column: str | None = None


@dataclass(slots=True)
class _Table:
    """A table that jobs name: a selection for each way to walk it, and claims for each column with values."""

    name: str
    selections: dict[str, Selection] = field(default_factory=dict)
    claims: dict[str, set[_Claim]] = field(default_factory=dict)


@dataclass(slots=True)
class _Named:
    """What the jobs name; of a million jobs on one column as much is kept as of one."""

    info: KeyInfo
    tables: dict[tuple[str | None, str], _Table] = field(default_factory=dict)
    jobs: list[int] = field(default_factory=list)
    unread: list[int] = field(default_factory=list)

    @property
    def unseen(self) -> list[str]:
        return [f"job {number}: its selection cannot be read" for number in self.unread]

    def add(self, row: sa.Row[Any]) -> None:
        try:
            scope = Scope(row.scope)
            selection = parse(document(row.selection) or "", scope=scope)
            keys = keys_named(scope, selection.options).values()
        except (SelectionError, KeyError):
            self.unread.append(row.id)
            return
        target = document(row.target)
        layers = {} if target is None else target.get("layer_keys", {})
        writes = target is not None and self.info.id in (target.get("key_id"), *layers.values())
        if row.status in _UNFINISHED and (writes or self.info.id in keys):
            self.jobs.append(row.id)
        place = (selection.schema, selection.table)
        table = self.tables.setdefault(place, _Table(table_name(*place)))
        beside = selection.options.get("signature_field")
        for name in (selection.field, beside):
            if isinstance(name, str):
                table.selections.setdefault(name, selection)
                table.claims.setdefault(name, set())
        match selection.options.get("old_key"):
            case {"column": str(column)}:
                table.claims[selection.field].add(_Claim(column=column))
            case str(reference):
                table.claims[selection.field].add(_Claim(reference=reference))


def _jobs(db: Database) -> Iterator[sa.Row[Any]]:
    """All jobs by id, in pages; selection and target as the driver gives them."""
    columns = [
        jobs_view.c.id,
        jobs_view.c.scope,
        jobs_view.c.status,
        sa.type_coerce(jobs_view.c.selection, sa.types.NullType()).label("selection"),
        sa.type_coerce(runs.c.target, sa.types.NullType()).label("target"),
    ]
    statement = sa.select(*columns).select_from(jobs_view.outerjoin(runs, runs.c.job_id == jobs_view.c.id))
    for page in _pages(db, statement, (jobs_view.c.id,), lambda row: (row.id,)):
        yield from page


def _read_table(db: Database, catalog: Catalog, named: _Table, info: KeyInfo) -> Iterator[Column]:
    """The columns of one table that its selections name; those that share a key in one pass."""
    passes: dict[tuple[str, ...], tuple[Target, dict[str, frozenset[_Claim]]]] = {}
    for name, selection in named.selections.items():
        target = resolve(catalog, selection)
        claims = frozenset(named.claims[name])
        for missing in {name, *(claim.column for claim in claims if claim.column)} - set(target.table.c.keys()):
            raise SelectionError([column_problem(target.table, missing, "field")])
        _, columns = passes.setdefault(tuple(column.name for column in target.key), (target, {}))
        columns[name] = claims
    for target, columns in passes.values():
        yield from _read(db, target.table, target.key, target.name, columns, info)


def _read(
    db: Database,
    table: sa.Table,
    key: tuple[sa.Column[Any], ...],
    name: str,
    claims: Mapping[str, frozenset[_Claim]],
    info: KeyInfo,
) -> list[Column]:
    """One pass over a table: a count for each column of ``claims``."""
    counts = {column: _Count() for column in claims}
    others = {claim.column for found in claims.values() for claim in found if claim.column is not None}
    wanted = [*claims, *sorted(others - set(claims))]
    filled = sa.or_(*(table.c[column].is_not(None) for column in claims))
    statement = sa.select(*key, *(table.c[column] for column in wanted)).where(filled)
    for page in _pages(db, statement, key, lambda row: tuple(row[: len(key)])):
        for row in page:
            values = dict(zip(wanted, row[len(key) :], strict=True))
            for column, count in counts.items():
                count.add(values, column, claims[column], info)
    return [Column(f"{name}.{column}", c.values, c.needing, c.unreadable) for column, c in counts.items()]


def _pages(
    db: Database,
    statement: sa.Select[Any],
    key: tuple[sa.Column[Any], ...],
    key_of: Callable[[sa.Row[Any]], tuple[Any, ...]],
) -> Iterator[Sequence[sa.Row[Any]]]:
    statement = statement.order_by(*key).limit(PAGE_ROWS)
    page = statement
    while True:
        with db.translated(), db.read() as conn:
            rows = conn.execute(page).all()
        yield rows
        if len(rows) < PAGE_ROWS:
            return
        page = statement.where(db.dialect.after(key, key_of(rows[-1])))


@dataclass(slots=True)
class _Count:
    values: int = 0
    needing: int = 0
    unreadable: int = 0

    def add(self, row: Mapping[str, Any], column: str, claims: frozenset[_Claim], info: KeyInfo) -> None:
        if row[column] is None:
            return
        self.values += 1
        try:
            value = stored_bytes(row[column])
            keys = frozenset[str]() if value is None else named_keys(value)
        except FormatError:
            self.unreadable += 1
            return
        if keys is not None and info.id in keys:
            self.needing += 1
        elif keys is None or (value is not None and _is_nested_index(value)):
            self.needing += any(_may_open(claim, row, info) for claim in claims)


def _is_nested_index(value: str | bytes) -> bool:
    """Whether looking the value up takes its old key as well, which it does not name."""
    return blind_index.recognise(value) and bool(blind_index.parse(value).inner)


def _may_open(claim: _Claim, row: Mapping[str, Any], info: KeyInfo) -> bool:
    """Whether the key may be the one that opens a value in an old form; a bare name may mean any version."""
    reference = claim.reference if claim.column is None else row[claim.column]
    if isinstance(reference, bytes):
        reference = reference.decode("utf-8", "replace")
    try:
        name, version = parse_ref(str(reference))
    except KeyStoreError:
        return False
    return name == info.name and version in (None, info.version)
