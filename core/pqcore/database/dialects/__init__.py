"""What differs between the databases: sessions, key comparison, compare and swap, column widths."""

from __future__ import annotations

import sqlalchemy as sa

from pqcore.database.dialects.base import Dialect, Session, Width
from pqcore.database.dialects.mysql import MySQL
from pqcore.database.dialects.postgresql import PostgreSQL
from pqcore.database.dialects.sqlite import SQLite

__all__ = ["Dialect", "Session", "Width", "dialect_for"]

_DIALECTS: dict[str, type[Dialect]] = {d.name: d for d in (PostgreSQL, MySQL, SQLite)}


def dialect_for(url: sa.URL, *, read_only: bool = False) -> Dialect:
    """The dialect for a URL that ``connect.parse_url`` returned."""
    return _DIALECTS[url.get_backend_name()](url, read_only=read_only)
