"""What is in the live database now: tables, columns, indexes and keys, as far as installing needs them."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

_ENGINE = sa.text("SELECT engine FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = :name")

_COLUMNS = sa.text(
    "SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = :name"
)


class Live:
    """A look at the catalogue through one connection. Answers are remembered: make a new one after a change."""

    def __init__(self, conn: sa.Connection) -> None:
        self._conn = conn
        self._inspector = sa.inspect(conn)

    def has(self, name: str) -> bool:
        """Whether a table or view of this name can be seen."""
        return self._inspector.has_table(name)

    def columns(self, name: str) -> set[str]:
        """Names of the columns of a table or view."""
        if self._conn.dialect.name == "mysql":
            # reflecting a view there takes the right SHOW VIEW
            return set(self._conn.scalars(_COLUMNS, {"name": name}))
        return set(self._types(name))

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
