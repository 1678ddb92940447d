"""The SQL files of ``schema/``: where they are, and the statements in them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from pqcore.errors import SchemaError

# SQLAlchemy's name of the dialect -> the word in the file names
ENGINES = {"postgresql": "postgres", "mysql": "mysql", "mariadb": "mysql", "sqlite": "sqlite"}

REFERENCED = "000_referenced"
TABLE = "001_table"
INDEXES = "020_indexes"
FOREIGN_KEYS = "030_foreign_keys"
VIEWS = "040_views"
VIEWS_JOINS = "040_views_joins"
COMPANIONS = "050_companions"
_UPGRADE = re.compile(r"060_upgrade_(\d+)\.(\w+)\.sql")

_OBJECT = re.compile(
    r"CREATE\s+(?:ALGORITHM=\w+\s+)?(?:SQL\s+SECURITY\s+\w+\s+)?(?:UNIQUE\s+)?(?P<kind>TABLE|INDEX|VIEW)\s+(?P<name>\w+)"
    r"(?:\s+ON\s+(?P<on>\w+))?|ALTER\s+TABLE\s+(?P<altered>\w+)\s+ADD\s+CONSTRAINT\s+(?P<constraint>\w+)",
    re.IGNORECASE,
)
_REFERENCE = re.compile(r"REFERENCES\s+(\w+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Statement:
    """One SQL statement of a file.

    Attributes:
        kind: ``table``, ``index``, ``view``, ``constraint`` or ``other``.
        name: the object it makes; empty for ``other``.
        table: the table that an index or constraint belongs to, else empty.
        sql: the statement without comments and without the final semicolon.
    """

    kind: str
    name: str
    table: str
    sql: str

    @property
    def references(self) -> frozenset[str]:
        """Tables that its foreign keys name."""
        return frozenset(_REFERENCE.findall(self.sql))

    def without_references_to(self, tables: frozenset[str]) -> Statement:
        """The statement without the lines of foreign keys to ``tables`` (SQLite: each is a line of its own)."""
        lines = [line for line in self.sql.splitlines() if not tables & set(_REFERENCE.findall(line))]
        return Statement(self.kind, self.name, self.table, "\n".join(lines))


def parse(text: str) -> list[Statement]:
    """The statements of a file: each ends with a semicolon at the end of a line; comments are lines of their own."""
    lines = [line.rstrip() for line in text.splitlines() if not line.lstrip().startswith("--")]
    statements = []
    for part in re.split(r";[ \t]*(?:\n|$)", "\n".join(lines)):
        sql = part.strip()
        if not sql:
            continue
        found = _OBJECT.match(sql)
        if found is None:
            statements.append(Statement("other", "", "", sql))
        elif found["constraint"]:
            statements.append(Statement("constraint", found["constraint"], found["altered"], sql))
        else:
            statements.append(Statement(found["kind"].lower(), found["name"], found["on"] or "", sql))
    return statements


class SchemaFiles:
    """The files for one kind of database, from the installed package or the repository."""

    def __init__(self, dialect_name: str, root: Traversable | None = None) -> None:
        self._engine = ENGINES[dialect_name]
        self._root = root if root is not None else _default_root()

    def statements(self, step: str) -> list[Statement]:
        """The statements of a step such as ``001_table``."""
        path = self._root / f"{step}.{self._engine}.sql"
        try:
            return parse(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise SchemaError(f"The schema file {path.name} is missing", "Install pqconsole again") from None

    def upgrades(self) -> dict[int, list[Statement]]:
        """Statements that bring the companion tables from the version before to each version, ascending."""
        found = {}
        for path in self._root.iterdir():
            named = _UPGRADE.fullmatch(path.name)
            if named and named[2] == self._engine:
                found[int(named[1])] = parse(path.read_text(encoding="utf-8"))
        return dict(sorted(found.items()))


def _default_root() -> Traversable:
    packaged = files("pqcore") / "schema"
    if packaged.is_dir():
        return packaged
    return Path(__file__).parents[3] / "schema"  # a development install of the repository
