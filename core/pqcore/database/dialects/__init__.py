"""What differs between the databases: sessions, key comparison, compare and swap, column widths."""

from __future__ import annotations

from importlib import import_module

import sqlalchemy as sa

from pqcore.database.dialects.base import Dialect, Session, Width

__all__ = ["Dialect", "Session", "Width", "dialect_for"]

# each is loaded with its half of SQLAlchemy when a database of its kind is opened
_DIALECTS = {"postgresql": "PostgreSQL", "mysql": "MySQL", "sqlite": "SQLite"}


def dialect_for(url: sa.URL, *, read_only: bool = False, existing: bool = False) -> Dialect:
    """The dialect for a URL that ``connect.parse_url`` returned; ``existing``: it makes no file that is missing."""
    name = url.get_backend_name()
    dialect: type[Dialect] = getattr(import_module(f"{__name__}.{name}"), _DIALECTS[name])
    return dialect(url, read_only=read_only, existing=existing)
