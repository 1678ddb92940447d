"""Whether the database numbers a table's rows itself."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa


def next_id_needed(table: sa.Table, dialect_name: str, column: str = "id") -> bool:
    """Whether an INSERT into this reflected table has to bring the value of ``column``.

    A table made by another product may have neither identity nor auto-increment nor default for it.
    """
    found: sa.Column[Any] = table.c[column]
    if found.identity is not None or found.server_default is not None or found.computed is not None:
        return False
    if dialect_name == "sqlite":
        # INTEGER PRIMARY KEY, in exactly these words, is the rowid; INT is reflected as a subclass
        alone = [c.name for c in table.primary_key.columns] == [column]
        return not (alone and type(found.type) is sa.INTEGER)
    return found.autoincrement is not True


def next_id(conn: sa.Connection, table: sa.Table, column: str = "id") -> int:
    """One more than the largest id; two writers may get the same, so an INSERT must be ready to try again."""
    highest = conn.scalar(sa.select(sa.func.max(table.c[column])))
    return int(highest or 0) + 1
