"""Installing the schema: say what is missing, make it, and check what is there.

Only what is missing is made. Tables, views, columns, indexes and keys that others made are never altered.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import uuid4

import sqlalchemy as sa

from pqcore.database import schema_files as sf
from pqcore.database.connect import Database
from pqcore.database.contract import COMPANION_NAMES, JOBS, META, REFERENCED, REQUIRED, SCHEMA_VERSION, SHARED, VIEWS
from pqcore.database.live import Live
from pqcore.database.schema_files import SchemaFiles, Statement
from pqcore.database.tables import meta
from pqcore.errors import DatabaseUnavailable, SchemaError

LOCK_SECONDS = 60
_LOCK_KEY = 0x70715F696E697431  # for PostgreSQL's advisory locks

_DATA_SET = "data_set_id"
_VERSION = "schema_version"
_MADE = "made:"  # prefix of the record that pqconsole made a table which others could have made


@dataclass(frozen=True, slots=True)
class Step:
    """One statement that installing will run: a unique name, its SQL, and why it is needed."""

    name: str
    sql: str
    why: str


def plan(db: Database, files: SchemaFiles | None = None) -> list[Step]:
    """What is missing, in the order in which it has to be made; empty where everything is there.

    Raises:
        SchemaError: what exists cannot be used, or was made by a newer pqconsole.
    """
    # not while another process is making tables: MySQL cannot describe them then
    with db.translated(), _named_lock(db), db.read() as conn:
        return _Planner(conn, files or SchemaFiles(db.engine.dialect.name)).steps()


def apply(db: Database, steps: Sequence[Step], files: SchemaFiles | None = None) -> list[Step]:
    """Run the steps of a plan that are still missing; returns those that ran.

    Several processes may do this at once: they take turns, and each looks again when its turn comes.
    """
    wanted = {step.name for step in steps}
    source = files or SchemaFiles(db.engine.dialect.name)
    with db.translated(), _turn(db) as conn:
        todo = [step for step in _Planner(conn, source).steps() if step.name in wanted]
        for step in todo:
            conn.exec_driver_sql(step.sql)
    return todo


def check(db: Database) -> list[str]:
    """What keeps pqconsole from working with this database: a sentence and a remedy each; empty where all is well."""
    problems = []
    with db.translated(), db.read() as conn:
        expected = (*SHARED, *VIEWS, *COMPANION_NAMES)
        live = Live(conn, expected)
        missing = [name for name in expected if not live.has(name)]
        if missing:
            problems.append(f"Missing in {db.label}: {', '.join(missing)}. Run pqconsole init.")
        for name, required in REQUIRED.items():
            if name in missing:
                continue
            if lacking := sorted(required - live.columns(name)):
                problems.append(
                    f"{name} has no column {', '.join(lacking)}. "
                    f"It was made by something else; compare it with docs/DATABASES.md."
                )
        if META not in missing:
            facts = _facts(conn)
            if _DATA_SET not in facts:
                problems.append(f"{META} has no {_DATA_SET}. Run pqconsole init.")
            version = _version(facts)
            if version > SCHEMA_VERSION:
                problems.append(
                    f"The tables are of version {version}, this pqconsole knows {SCHEMA_VERSION}. Install a newer one."
                )
            elif version < SCHEMA_VERSION:
                problems.append(
                    f"The tables are of version {version}, this pqconsole needs {SCHEMA_VERSION}. Run pqconsole init."
                )
    return problems


def notes(db: Database) -> list[str]:
    """What works, and could be better: foreign keys and an index that a table made by others does not have."""
    found = []
    with db.translated(), db.read() as conn:
        live = Live(conn)
        if not live.has(JOBS):
            return []
        files = SchemaFiles(db.engine.dialect.name)
        for statement in files.statements(sf.INDEXES):
            if statement.name not in live.indexes(JOBS):
                found.append(f"{JOBS} has no index {statement.name}; claiming jobs reads the whole table")
        keys = live.foreign_keys(JOBS)
        for statement in _foreign_keys(files):
            if statement.name not in keys:
                (target,) = statement.references
                reason = live.unreferable(target) if live.has(target) else f"{target} is missing"
                found.append(f"{JOBS} has no foreign key {statement.name}" + (f": {reason}" if reason else ""))
    return found


def require(db: Database) -> None:
    """Raise SchemaError with the first problem of ``check``."""
    for problem in check(db):
        sentence, _, remedy = problem.rstrip(".").rpartition(". ")
        raise SchemaError(sentence, remedy)


def data_set_id(db: Database) -> str:
    """The random id (UUID) of this installation's data; SchemaError where init has not run."""
    with db.translated(), db.read() as conn:
        facts = _facts(conn) if Live(conn).has(META) else {}
    if _DATA_SET not in facts:
        raise SchemaError(f"{db.label} has no tables of pqconsole", "Run pqconsole init")
    return facts[_DATA_SET]


def made_tables(db: Database) -> frozenset[str]:
    """Those of the job table and the referenced tables that pqconsole itself made here."""
    with db.translated(), db.read() as conn:
        return _made(_facts(conn)) if Live(conn).has(META) else frozenset()


class _Planner:
    """Compares the live catalogue with the schema files."""

    def __init__(self, conn: sa.Connection, files: SchemaFiles) -> None:
        self._conn = conn
        self._files = files
        self._live = Live(conn)
        self._facts = _facts(conn) if self._live.has(META) else {}
        self._made = _made(self._facts)

    def steps(self) -> list[Step]:
        installed = _version(self._facts)
        if installed > SCHEMA_VERSION:
            raise SchemaError(
                f"The tables are of version {installed}, this pqconsole knows {SCHEMA_VERSION}",
                "Install a newer pqconsole",
            )
        companions = self._files.statements(sf.COMPANIONS)
        return [
            # first, so that it is known which tables are ours if this is interrupted
            *self._created([s for s in companions if s.name == META], "facts about this installation"),
            *self._fact(_DATA_SET, str(uuid4()), "tells this data set from every other"),
            *self._referenced(),
            *self._jobs(),
            *self._views(),
            *self._created([s for s in companions if s.name != META], "what the job table has no column for"),
            *self._upgrades(installed),
        ]

    def _created(self, statements: Sequence[Statement], why: str) -> list[Step]:
        """The tables among ``statements`` that are missing, and the indexes that are missing on them."""
        steps = []
        for s in statements:
            if s.kind == "table":
                if not self._live.has(s.name):
                    steps.append(Step(f"table {s.name}", s.sql, why))
            elif not self._live.has(s.table) or s.name not in self._live.indexes(s.table):
                steps.append(Step(f"index {s.name}", s.sql, f"finds rows of {s.table} quickly"))
        return steps

    def _referenced(self) -> list[Step]:
        steps = []
        for s in self._files.statements(sf.REFERENCED):
            if not self._live.has(s.name):
                steps += self._record(s.name)
                steps.append(Step(f"table {s.name}", s.sql, f"{JOBS} refers to it, and it is missing"))
        return steps

    def _jobs(self) -> list[Step]:
        statements = self._files.statements(sf.TABLE)
        missing = not self._live.has(JOBS)
        if not missing and (lacking := sorted(REQUIRED[JOBS] - self._live.columns(JOBS))):
            raise SchemaError(
                f"{JOBS} has no column {', '.join(lacking)}",
                "Compare it with docs/DATABASES.md and have its owner add it",
            )
        if not missing and JOBS not in self._made:
            return []
        steps = []
        unreferable = frozenset(t for t in REFERENCED if self._live.has(t) and self._live.unreferable(t))
        if missing:
            steps += self._record(JOBS)
            for s in statements:
                sql = s.without_references_to(unreferable).sql
                steps.append(Step(f"table {s.name}", sql, "holds the migration jobs"))
        steps += self._created(self._files.statements(sf.INDEXES), "")
        keys = set() if missing else self._live.foreign_keys(JOBS)
        for s in self._files.statements(sf.FOREIGN_KEYS):
            if s.name not in keys and not s.references & unreferable:
                (target,) = s.references
                steps.append(Step(f"foreign key {s.name}", s.sql, f"keeps jobs from naming a missing row of {target}"))
        return steps

    def _views(self) -> list[Step]:
        statements = [*self._files.statements(sf.VIEWS), *self._files.statements(sf.VIEWS_JOINS)]
        missing = [s for s in statements if not self._live.has(s.name)]
        return [Step(f"view {s.name}", s.sql, "jobs and totals are read through it") for s in missing]

    def _upgrades(self, installed: int) -> list[Step]:
        steps = []
        if installed:  # else the companion tables are made in their newest form
            for version, statements in self._files.upgrades().items():
                if installed < version <= SCHEMA_VERSION:
                    for number, s in enumerate(statements, 1):
                        steps.append(Step(f"upgrade {version}.{number}", s.sql, f"brings tables to version {version}"))
        steps += self._fact(_VERSION, str(SCHEMA_VERSION), "the version of the companion tables")
        return steps

    def _record(self, table: str) -> list[Step]:
        return self._fact(f"{_MADE}{table}", "pqconsole", f"records that {table} was made by pqconsole")

    def _fact(self, name: str, value: str, why: str) -> list[Step]:
        known = self._facts.get(name)
        if known is not None and name != _VERSION:
            return []
        if known == value:
            return []
        # literals of our own: names and ids without quotes, so that --dry-run shows what will run
        sql = (
            f"INSERT INTO {META} (name, value) VALUES ('{name}', '{value}')"  # noqa: S608
            if known is None
            else f"UPDATE {META} SET value = '{value}' WHERE name = '{name}'"  # noqa: S608
        )
        return [Step(f"record {name}", sql, why)]


def _facts(conn: sa.Connection) -> dict[str, str]:
    return {row.name: row.value for row in conn.execute(sa.select(meta.c.name, meta.c.value))}


def _version(facts: dict[str, str]) -> int:
    text = facts.get(_VERSION, "0")
    if not text.isdecimal():
        raise SchemaError(f"The {_VERSION} in {META} is not a number", "Restore the row from a backup")
    return int(text)


def _made(facts: dict[str, str]) -> frozenset[str]:
    return frozenset(name.removeprefix(_MADE) for name in facts if name.startswith(_MADE))


def _foreign_keys(files: SchemaFiles) -> list[Statement]:
    """The foreign keys of the job table; SQLite's are read off its table."""
    found = files.statements(sf.FOREIGN_KEYS)
    if found:
        return found
    lines = [
        line.lstrip(" ,") for s in files.statements(sf.TABLE) for line in s.sql.splitlines() if "REFERENCES" in line
    ]
    return [Statement("constraint", line.split()[1], JOBS, line) for line in lines]


@contextmanager
def _turn(db: Database) -> Iterator[sa.Connection]:
    """A transaction that one process at a time is in."""
    with _named_lock(db), db.write() as conn:
        if db.engine.dialect.name == "postgresql":
            conn.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")
            conn.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK_KEY)))
        yield conn


@contextmanager
def _named_lock(db: Database) -> Iterator[None]:
    """MySQL commits at every DDL statement, so another connection keeps the turn; elsewhere the transaction does."""
    if db.engine.dialect.name != "mysql":
        yield
        return
    name = "pqconsole " + hashlib.sha256((db.engine.url.database or "").encode()).hexdigest()[:32]
    with db.read() as keeper:
        if keeper.scalar(sa.select(sa.func.GET_LOCK(name, LOCK_SECONDS))) != 1:
            raise DatabaseUnavailable("Another pqconsole init is at work", "Wait for it to end, then try again")
        try:
            yield
        finally:
            keeper.execute(sa.select(sa.func.RELEASE_LOCK(name)))
