"""What is in the live database now: tables, columns, indexes and keys, as far as installing needs them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

_ENGINE = sa.text("SELECT engine FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = :name")

# (table or view, column) of those that can be seen among these names
_COLUMNS = {
    "postgresql": """
        SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE c.relname IN :names AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND pg_table_is_visible(c.oid)
            AND a.attnum > 0 AND NOT a.attisdropped
        """,
    # reflecting a view there takes the right SHOW VIEW
    "mysql": """
        SELECT table_name, column_name FROM information_schema.columns
        WHERE table_schema = DATABASE() AND table_name IN :names
        """,
    "sqlite": "SELECT t.name, c.name FROM sqlite_master t, pragma_table_xinfo(t.name) c WHERE t.name IN :names",
}


def columns_of(conn: sa.Connection, names: Iterable[str]) -> dict[str, set[str]]:
    """The columns of each table and view among these that can be seen, by one statement: servers may be far away."""
    statement = sa.text(_COLUMNS[conn.dialect.name]).bindparams(sa.bindparam("names", expanding=True))
    found: dict[str, set[str]] = {}
    for name, column in conn.execute(statement, {"names": list(names)}):
        found.setdefault(name, set()).add(column)
    return found


class Live:
    """A look at the catalogue through one connection. Answers are remembered: make a new one after a change.

    ``expected`` are names that will be asked for; they are looked up together.
    """

    def __init__(self, conn: sa.Connection, expected: Iterable[str] = ()) -> None:
        self._conn = conn
        self._inspector = sa.inspect(conn)
        self._columns = columns_of(conn, expected) if expected else {}

    def has(self, name: str) -> bool:
        """Whether a table or view of this name can be seen."""
        # where a right is missing, to ask for this one says so
        return name in self._columns or self._inspector.has_table(name)

    def columns(self, name: str) -> set[str]:
        """Names of the columns of a table or view."""
        if name not in self._columns:
            self._columns |= columns_of(self._conn, [name])
        return self._columns.get(name, set())

    def indexes(self, name: str) -> set[str]:
        """Names of the table's indexes."""
        return {str(index["name"]) for index in self._inspector.get_indexes(name)}

    def foreign_keys(self, name: str) -> set[str]:
        """Names of the table's foreign keys."""
        return {str(key["name"]) for key in self._inspector.get_foreign_keys(name)}

    def unreferable(self, name: str) -> str:
        """Why no BIGINT column can have a foreign key to ``name(id)``; empty where it can."""
        if name in self._inspector.get_view_names():
            return f"{name} is a view"
        kind = self._types(name).get("id")
        if kind is None:
            return f"{name} has no column id"
        unique: list[list[str | None]] = [list(self._inspector.get_pk_constraint(name)["constrained_columns"])]
        unique += [list(u["column_names"]) for u in self._inspector.get_unique_constraints(name)]
        unique += [list(i["column_names"]) for i in self._inspector.get_indexes(name) if i["unique"]]
        if ["id"] not in unique:
            return f"{name}.id is not unique"
        dialect = self._conn.dialect.name
        if dialect == "postgresql" and not isinstance(kind, sa.Integer):
            return f"{name}.id is {kind}, not BIGINT"
        if dialect == "mysql":
            from sqlalchemy.dialects import mysql

            if not isinstance(kind, mysql.BIGINT) or getattr(kind, "unsigned", False):
                return f"{name}.id is {kind}, not BIGINT"
            engine = self._conn.scalar(_ENGINE, {"name": name})
            if engine != "InnoDB":
                return f"{name} has the engine {engine}, not InnoDB"
        return ""

    def _types(self, name: str) -> dict[str, Any]:
        return {column["name"]: column["type"] for column in self._inspector.get_columns(name)}
