"""The database's own clock, as SQL expressions: leases and schedules must not depend on any host's clock."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

from pqcore.database.tables import UTCDateTime

# The text that SQLAlchemy stores for a DateTime on SQLite; SQLite's clock has milliseconds.
_SQLITE_FORMAT = "'%Y-%m-%d %H:%M:%f000'"


class now(sa.ColumnElement[Any]):
    """The moment the statement runs at, UTC, by the database's clock."""

    inherit_cache = True
    type = UTCDateTime()
    # without it no statement that holds this is cached, and each is compiled anew
    _traverse_internals = []  # noqa: RUF012


class now_plus(sa.ColumnElement[Any]):
    """``now()`` plus a number of seconds, which may be negative, fractional, or an expression."""

    inherit_cache = True
    type = UTCDateTime()
    _traverse_internals = [("seconds", sa.sql.visitors.InternalTraversal.dp_clauseelement)]  # noqa: RUF012

    def __init__(self, seconds: float | sa.ColumnElement[Any]) -> None:
        self.seconds = seconds if isinstance(seconds, sa.ColumnElement) else sa.literal(float(seconds), sa.Float())


class this_minute(sa.ColumnElement[Any]):
    """The minute of ``now()``: its first moment, UTC."""

    inherit_cache = True
    type = UTCDateTime()
    _traverse_internals = []  # noqa: RUF012


@compiles(now, "postgresql")
def _now_postgresql(_element: now, _compiler: SQLCompiler, **_kw: Any) -> str:
    # not now(): that is the start of the transaction
    return "clock_timestamp()"


@compiles(now, "mysql", "mariadb")
def _now_mysql(_element: now, _compiler: SQLCompiler, **_kw: Any) -> str:
    return "UTC_TIMESTAMP(6)"


@compiles(now, "sqlite")
def _now_sqlite(_element: now, _compiler: SQLCompiler, **_kw: Any) -> str:
    return f"strftime({_SQLITE_FORMAT}, 'now')"


@compiles(now_plus, "postgresql")
def _plus_postgresql(element: now_plus, compiler: SQLCompiler, **kw: Any) -> str:
    return f"(clock_timestamp() + {compiler.process(element.seconds, **kw)} * interval '1 second')"


@compiles(now_plus, "mysql", "mariadb")
def _plus_mysql(element: now_plus, compiler: SQLCompiler, **kw: Any) -> str:
    seconds = compiler.process(element.seconds, **kw)
    return f"TIMESTAMPADD(MICROSECOND, ROUND(({seconds}) * 1000000), UTC_TIMESTAMP(6))"


@compiles(now_plus, "sqlite")
def _plus_sqlite(element: now_plus, compiler: SQLCompiler, **kw: Any) -> str:
    seconds = compiler.process(element.seconds, **kw)
    return f"strftime({_SQLITE_FORMAT}, 'now', printf('%+.3f seconds', {seconds}))"


@compiles(this_minute, "postgresql")
def _minute_postgresql(_element: this_minute, _compiler: SQLCompiler, **_kw: Any) -> str:
    return "date_trunc('minute', clock_timestamp())"


@compiles(this_minute, "mysql", "mariadb")
def _minute_mysql(_element: this_minute, _compiler: SQLCompiler, **_kw: Any) -> str:
    # the clock of a statement stands still there
    return "TIMESTAMPADD(SECOND, -SECOND(UTC_TIMESTAMP()), UTC_TIMESTAMP())"


@compiles(this_minute, "sqlite")
def _minute_sqlite(_element: this_minute, _compiler: SQLCompiler, **_kw: Any) -> str:
    return "strftime('%Y-%m-%d %H:%M:00.000000', 'now')"
