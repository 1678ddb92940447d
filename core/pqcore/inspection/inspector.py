"""Inspecting columns: which ones, a quick sample of them, every row of them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from pqcore.database.connect import Database
from pqcore.errors import DatabaseError, DatabaseUnavailable, PQConsoleError, UsageError
from pqcore.formats.detection.detect import detect
from pqcore.formats.detection.forms import Basis, Detection, State, Use
from pqcore.inspection import hints
from pqcore.inspection.lineage import History, Origins, history
from pqcore.inspection.rating import Level
from pqcore.inspection.report import Column, ColumnReport, report_of
from pqcore.inspection.rows import Row, Rows, TooLong
from pqcore.inspection.sample import Method, draw, glance
from pqcore.inspection.tally import Tally
from pqcore.selection.catalog import Catalog, ColumnInfo
from pqcore.selection.kinds import Kind
from pqcore.selection.problem import did_you_mean, listed, quoted
from pqcore.selection.target import table_name

DEFAULT_SAMPLE = 1000
PROBE = 64  # rows that tell whether a column is worth more
_KINDS = frozenset({Kind.TEXT, Kind.BYTES, Kind.OTHER})
_OWN_PREFIXES = ("pq_migration_", "vw_pq_migration_")
_OWN = frozenset({"crypto_algorithms", "encryption_policies", "policy_algorithms"})
_PAGE_ROWS = (50, 2000)  # of one read, and as many in between as make _PAGE_BYTES
_PAGE_BYTES = 4 << 20
_FITS = 0.9  # share of values whose length has to fit where nothing but the length speaks
_FEW_LENGTHS = 4

Progress = Callable[[int, int | None], None]


class Stopped(Exception):
    """The reading was stopped before its end."""


@dataclass(frozen=True, slots=True)
class Place:
    """Columns of one table that are read together. ``key`` is empty where the table has none that can be walked."""

    schema: str | None
    table: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]


@dataclass(slots=True)
class _Seen:
    """Running counts of one column."""

    column: Column
    meant: frozenset[Use] | None
    origins: Origins
    tally: Tally = field(default_factory=Tally)
    over_old: int = 0

    def take(self, row: Row) -> int:
        """Count the row's value; returns its size."""
        value = row.values[self.column.name]
        if isinstance(value, TooLong):
            self.tally.add(Detection(State.UNRECOGNISED, length=value.length))
            return 0
        found, spelled = detect(value), ""
        if found.state is State.AMBIGUOUS or found.basis is Basis.LENGTH:
            word = row.values.get(self.column.neighbour)
            named = hints.declared(word)
            found = hints.narrow(found, self.meant, named)
            if found.basis is Basis.DECLARED and isinstance(word, str):
                spelled = word
        self.tally.add(found, spelled)
        if found.state is State.RECOGNISED and found.candidates[0].form.own:
            self._note(row, found, value)
        return 0 if value is None else len(value)

    def _note(self, row: Row, found: Detection, value: str | bytes | None) -> None:
        candidate = found.candidates[0]
        if candidate.form.wraps_old:
            self.over_old += 1
        elif value is not None:
            self.origins.add(row.key, str(candidate.detail("key") or ""), value)


class Inspector:
    """Reads one database under one policy. Every method may block on the database; one thread at a time.

    Args:
        stop: asked between two reads; where it says yes, ``Stopped`` is raised.
        rng: chooses the sampled rows.

    Attributes:
        unread: tables that ``everything`` could not read, and why.
    """

    def __init__(
        self,
        db: Database,
        catalog: Catalog,
        level: Level,
        *,
        stop: Callable[[], bool] = lambda: False,
        rng: random.Random | None = None,
    ) -> None:
        self._db = db
        self._catalog = catalog
        self._level = level
        self._stop = stop
        self.unread: dict[str, str] = {}
        self._rng = rng or random.Random()  # noqa: S311 - which rows are looked at is no secret

    def named(self, names: Sequence[str]) -> list[Place]:
        """The columns that ``[SCHEMA.]TABLE[.COLUMN]`` name; of a table alone, those that look like cryptography.

        Raises:
            UsageError: there is no such table or column, or it holds neither text nor bytes.
        """
        places: list[Place] = []
        for name in names:
            schema, table, column = self._resolve(name)
            places.append(self._place(schema, table, [column]) if column else self._found(schema, table))
        return _merged(places)

    def everything(self, schema: str | None = None) -> Iterable[Place]:
        """The columns of a schema that look like cryptography, table by table; ``unread`` has the others.

        Raises UsageError where there is no such schema.
        """
        if schema is not None and schema not in self._catalog.schemas():
            schemas = self._catalog.schemas()
            raise UsageError(
                f"There is no schema {quoted(schema)}",
                did_you_mean(schema, schemas, f"Schemas here: {listed(schemas)}"),
            )
        for table in self._catalog.tables(schema):
            if table.casefold().startswith(_OWN_PREFIXES) or table.casefold() in _OWN:
                continue
            self._pause()
            try:
                place = self._found(schema, table)
            except DatabaseUnavailable:
                raise
            except PQConsoleError as error:  # a table that this user may not read keeps nobody from the others
                self.unread[table] = error.message
                continue
            if place.columns:
                yield place

    def sample(self, place: Place, size: int = DEFAULT_SAMPLE, *, seconds: float = 5.0) -> list[ColumnReport]:
        """A first answer from at most ``size`` rows of the table, drawn over its whole key, within seconds."""
        self._pause()
        drawn = draw(self._rows(place), size, seconds=seconds, rng=self._rng)
        seen = self._seen(place)
        for row in drawn.rows:
            for each in seen:
                each.take(row)
        return [self._report(each, drawn.total, drawn.method) for each in seen]

    def exact(self, place: Place, progress: Progress | None = None) -> list[ColumnReport]:
        """Every row, a page at a time; the memory used does not grow with the table.

        Args:
            progress: told (rows read, rows of the table or None) after each page.

        Raises:
            Stopped: ``stop`` said so.
        """
        rows, seen, done = self._rows(place), self._seen(place), 0
        with self._db.translated(), self._db.read() as conn:
            total = int(conn.execute(rows.count()).scalar_one())
        for page in _pages(rows):
            self._pause()
            size = sum(each.take(row) for row in page.rows for each in seen)
            page.size = size
            for each in seen:
                each.origins.settle()
            done += len(page.rows)
            if progress is not None:
                progress(done, max(total, done))
        return [self._report(each, done, Method.ALL) for each in seen]

    def _pause(self) -> None:
        if self._stop():
            raise Stopped

    def _rows(self, place: Place) -> Rows:
        names = dict.fromkeys([*(c.name for c in place.columns), *(c.neighbour for c in place.columns if c.neighbour)])
        return Rows(self._db, self._catalog.table(place.schema, place.table), place.key, list(names))

    def _seen(self, place: Place) -> list[_Seen]:
        name = table_name(place.schema, place.table)
        return [_Seen(c, hints.uses(c.name), Origins(self._db, self._history(c, name), c.name)) for c in place.columns]

    def _history(self, column: Column, name: str) -> History:
        try:
            return history(self._db, column.table, column.name, name)
        except DatabaseUnavailable:
            raise
        except DatabaseError:  # whoever may read the table but not our records is told that nothing is known
            return History()

    def _report(self, seen: _Seen, total: int | None, method: Method) -> ColumnReport:
        lineage = seen.origins.lineage(every_row=method is Method.ALL, over_old=seen.over_old)
        return report_of(seen.column, seen.tally, total=total, method=method, level=self._level, lineage=lineage)

    def _resolve(self, name: str) -> tuple[str | None, str, str | None]:
        parts = name.split(".")
        tables = self._catalog.tables()
        if name in tables:
            return None, name, None
        match parts:
            case [table, column] if table in tables:
                return None, table, self._column(None, table, column)
            case [schema, table] if schema in self._catalog.schemas() and table in self._catalog.tables(schema):
                return schema, table, None
            case [schema, table, column] if schema in self._catalog.schemas():
                if table in self._catalog.tables(schema):
                    return schema, table, self._column(schema, table, column)
        remedy = did_you_mean(parts[0], tables, f"Tables here: {listed(tables)}")
        raise UsageError(f"There is no table {quoted(name)}", remedy)

    def _column(self, schema: str | None, table: str, name: str) -> str:
        known = {column.name: column for column in self._catalog.columns(table, schema)}
        if name not in known:
            remedy = did_you_mean(name, known, f"Its columns: {listed(known, 20)}")
            raise UsageError(f"{quoted(table)} has no column {quoted(name)}", remedy)
        if known[name].kind not in _KINDS:
            raise UsageError(f"{quoted(name)} holds neither text nor bytes", "Name a column of text or bytes")
        return name

    def _place(self, schema: str | None, table: str, names: Sequence[str]) -> Place:
        infos = {info.name: info for info in self._catalog.columns(table, schema)}
        texts = [info.name for info in infos.values() if info.kind in (Kind.TEXT, Kind.ENUM)]
        readable = [name for name in texts if infos[name].kind in _KINDS]
        columns = [_column(schema, table, infos[name], hints.algorithm_column(name, readable)) for name in names]
        keys = self._catalog.candidate_keys(table, schema)
        return Place(schema, table, keys[0] if keys else (), tuple(columns))

    def _found(self, schema: str | None, table: str) -> Place:
        """The columns of a table that look like cryptography, by name, type and a few values."""
        likely = [info.name for info in self._catalog.columns(table, schema) if info.kind in _KINDS]
        place = self._place(schema, table, likely)
        if not likely:
            return place
        rows = glance(self._rows(place), PROBE, rng=self._rng)
        found = [c for c in place.columns if _looks_like_it(c.name, [row.values[c.name] for row in rows])]
        return replace(place, columns=tuple(found))


def _column(schema: str | None, table: str, info: ColumnInfo, neighbour: str | None) -> Column:
    return Column(schema, table, info.name, info.type, info.kind is Kind.BYTES, neighbour or "")


def _looks_like_it(name: str, values: Sequence[object]) -> bool:
    """Whether a column is worth inspecting: values that say what they are, or fit by their length throughout."""
    found = [detect(value) for value in values if isinstance(value, str | bytes) and value]
    if not found:
        return False
    meant = hints.uses(name)
    sure = sum(1 for d in found if d.basis is Basis.STRUCTURE)
    if sure and (meant is not None or 2 * sure >= len(found) or sure >= 2):
        return True
    fitting = [d for d in found if d.basis is Basis.LENGTH and (d.encoding is not None or meant is not None)]
    if meant is not None and 2 * len(fitting) >= len(found):
        return True
    lengths = {(d.length, d.encoding) for d in fitting}
    return len(fitting) >= _FITS * len(found) and len(lengths) <= _FEW_LENGTHS


def _merged(places: Sequence[Place]) -> list[Place]:
    """Columns of one table together, each once."""
    merged: dict[tuple[str | None, str], Place] = {}
    for place in places:
        known = merged.get((place.schema, place.table))
        columns = dict.fromkeys([*(known.columns if known else ()), *place.columns])
        merged[place.schema, place.table] = replace(place, columns=tuple(columns))
    return list(merged.values())


@dataclass(slots=True)
class _Page:
    """Rows read at once; ``size`` is set by who has looked at them, in characters or bytes."""

    rows: list[Row]
    size: int = 0


def _pages(rows: Rows) -> Iterable[_Page]:
    """All rows in key order, in pages of about the same size in bytes."""
    least, most = _PAGE_ROWS
    wanted = least * 10
    if not rows.key:
        part: list[Row] = []
        for row in rows.stream():
            part.append(row)
            if len(part) >= wanted:
                yield _Page(part)
                part = []
        if part:
            yield _Page(part)
        return
    after = None
    while True:
        page = _Page(rows.page(after, wanted))
        if not page.rows:
            return
        yield page
        after = page.rows[-1].key
        wanted = min(most, max(least, _PAGE_BYTES * len(page.rows) // max(page.size, 1)))
