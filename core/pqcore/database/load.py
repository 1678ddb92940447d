"""How busy a database server is, in its own words: its clock, how far its replicas are behind, sessions at work.

Sources: PostgreSQL ``pg_stat_replication`` and ``pg_stat_activity``; MySQL and MariaDB ``SHOW REPLICA STATUS``,
``SHOW REPLICAS`` and the status variable ``Threads_running``. What cannot be read is said, never guessed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from pqcore.database.clock import now
from pqcore.database.connect import Database
from pqcore.database.errors import AWAY, classify


class Measure(StrEnum):
    """What can be asked of a server."""

    LAG = "replica lag"
    RUNNING = "running sessions"


@dataclass(frozen=True, slots=True)
class Unread:
    """A measure that cannot be read: why, and what to do, each a sentence without a full stop."""

    measure: Measure
    message: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Load:
    """What a server said.

    Attributes:
        at: its clock, UTC.
        lag: seconds that its slowest replica is behind, infinite for one that is catching up; None where not read.
        running: sessions at work, without the one that asked; None where not read.
        unread: measures that were asked for in vain.
    """

    at: datetime
    lag: float | None = None
    running: int | None = None
    unread: tuple[Unread, ...] = ()


class _Unreadable(Exception):
    """Why a measure cannot be read, and what to do."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


def read_load(db: Database, measures: Iterable[Measure]) -> Load:
    """Ask the server; a few short queries in one read.

    Raises:
        DatabaseUnavailable: the database is away.
    """
    read: dict[Measure, float | int] = {}
    unread: list[Unread] = []
    probes = _PROBES[db.dialect.name]
    with db.read() as conn:
        at: datetime = conn.execute(sa.select(now())).scalar_one()
        for measure in sorted(measures):
            try:
                read[measure] = probes[measure](conn)
            except _Unreadable as why:
                unread.append(Unread(measure, why.message, why.remedy))
            except sa.exc.DBAPIError as error:
                if classify(error, db.dialect.name) in AWAY:
                    raise
                unread.append(Unread(measure, f"The server refuses to tell its {measure}", _RIGHTS[db.dialect.name]))
    lag, running = read.get(Measure.LAG), read.get(Measure.RUNNING)
    return Load(at, lag, None if running is None else int(running), tuple(unread))


# PostgreSQL

_GRANT = "Grant pg_monitor to pqconsole's user"
_SEES_ALL = sa.text("SELECT pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')")
_WAL_SENDERS = sa.text(
    # pg_basebackup streams, too, and is no replica
    "SELECT state, EXTRACT(EPOCH FROM replay_lag) AS lag FROM pg_stat_replication WHERE state IS DISTINCT FROM 'backup'"
)
_ACTIVE = sa.text(
    """
    SELECT count(*) FROM pg_stat_activity
    WHERE state = 'active' AND backend_type = 'client backend' AND pid <> pg_backend_pid()
    """
)


def _no_replica() -> _Unreadable:
    return _Unreadable("No replica is connected to this server", "Leave this limit out where there is none")


def worst_lag(senders: Iterable[Mapping[str, Any]]) -> float | None:
    """The largest lag of rows of ``pg_stat_replication`` (``state``, ``lag`` in seconds); None without a row.

    A replica that has nothing left to replay has no lag there (NULL); one that is catching up has none yet.
    """
    lags = [
        math.inf if sender["state"] == "catchup" and sender["lag"] is None else float(sender["lag"] or 0.0)
        for sender in senders
    ]
    return max(lags, default=None)


def _postgresql_lag(conn: sa.Connection) -> float:
    _require_sight(conn, Measure.LAG)
    lag = worst_lag([dict(row) for row in conn.execute(_WAL_SENDERS).mappings()])
    if lag is None:
        raise _no_replica()
    return lag


def _postgresql_running(conn: sa.Connection) -> int:
    _require_sight(conn, Measure.RUNNING)
    return int(conn.execute(_ACTIVE).scalar_one())


def _require_sight(conn: sa.Connection, measure: Measure) -> None:
    """Without the right, sessions of other users are shown with empty columns: the numbers would be too low."""
    if not conn.execute(_SEES_ALL).scalar_one():
        raise _Unreadable(f"pqconsole's user may not see the {measure} of this server", _GRANT)


# MySQL and MariaDB

_DELAY_COLUMNS = ("Seconds_Behind_Source", "Seconds_Behind_Master")


def own_lag(channels: Iterable[Mapping[str, Any]]) -> float | None:
    """The largest delay of rows of ``SHOW REPLICA STATUS``, in seconds; None where nothing is replicated.

    A channel that is stopped has no delay there (NULL) and does not count: it may be a leftover of a failover.
    """
    delays = (channel.get(name) for channel in channels for name in _DELAY_COLUMNS)
    return max((float(delay) for delay in delays if delay is not None), default=None)


@dataclass(frozen=True, slots=True)
class _Words:
    """Statements by which a server tells of replication; their words were changed over the years."""

    status: str
    replicas: str

    @classmethod
    def of(cls, conn: sa.Connection) -> _Words:
        if getattr(conn.dialect, "is_mariadb", False):
            return cls("SHOW ALL SLAVES STATUS", "SHOW SLAVE HOSTS")
        if (conn.dialect.server_version_info or ()) < (8, 0, 22):
            return cls("SHOW SLAVE STATUS", "SHOW SLAVE HOSTS")
        return cls("SHOW REPLICA STATUS", "SHOW REPLICAS")


def _mysql_lag(conn: sa.Connection) -> float:
    """A primary does not know how far its replicas are behind; a server that is itself one knows its own delay."""
    words = _Words.of(conn)
    own = own_lag(_show(conn, words.status))
    if own is not None:
        return own
    replicas = len(_show(conn, words.replicas))
    if not replicas:
        raise _no_replica()
    plural = "s" if replicas > 1 else ""
    raise _Unreadable(
        f"This server has {replicas} replica{plural}, and a primary of its kind does not know how far they are behind",
        "Watch them from outside and steer the job with: pqconsole jobs tune",
    )


def _mysql_running(conn: sa.Connection) -> int:
    ((_, running),) = conn.exec_driver_sql("SHOW GLOBAL STATUS LIKE 'Threads_running'").all()
    return max(0, int(running) - 1)


def _show(conn: sa.Connection, statement: str) -> list[Mapping[str, Any]]:
    return [dict(row) for row in conn.exec_driver_sql(statement).mappings()]


# SQLite


def _nothing_to_tell(measure: Measure) -> Callable[[sa.Connection], float]:
    def probe(_conn: sa.Connection) -> float:
        raise _Unreadable(f"SQLite has no {measure}", "Leave this limit out")

    return probe


_RIGHTS = {
    "postgresql": _GRANT,
    "mysql": "Grant REPLICATION CLIENT and REPLICATION SLAVE (MariaDB: also REPLICA MONITOR) to pqconsole's user",
    "sqlite": "",
}
_PROBES: Mapping[str, Mapping[Measure, Callable[[sa.Connection], float | int]]] = {
    "postgresql": {Measure.LAG: _postgresql_lag, Measure.RUNNING: _postgresql_running},
    "mysql": {Measure.LAG: _mysql_lag, Measure.RUNNING: _mysql_running},
    "sqlite": {measure: _nothing_to_tell(measure) for measure in Measure},
}
