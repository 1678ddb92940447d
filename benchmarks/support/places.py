"""Databases to measure on: SQLite in a file, servers started as the tests do but durable, or one that is given."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from benchmarks.support.machine import cpu_seconds
from tests.support import databases
from tests.support.servers import MariaDBServer, PostgreSQLServer, Server

from pqcore.database.connect import Database

KINDS = ("sqlite", "postgresql", "mariadb")


class DurablePostgreSQL(PostgreSQLServer):
    """As the tests start it, but a commit is on the disk when it returns."""

    def command(self) -> list[str]:
        return [*super().command(), "-c", "fsync=on", "-c", "synchronous_commit=on", "-c", "full_page_writes=on"]


class DurableMariaDB(MariaDBServer):
    """As the tests start it, but a commit is on the disk when it returns."""

    def command(self) -> list[str]:
        return [*super().command(), "--innodb-flush-log-at-trx-commit=1"]


class LargePostgreSQL(DurablePostgreSQL):
    """With the memory of a small production server: otherwise a large table would measure the disk's reads."""

    def command(self) -> list[str]:
        large = {"shared_buffers": "1GB", "max_wal_size": "4GB", "checkpoint_timeout": "15min"}
        return [*super().command(), *(part for name, value in large.items() for part in ("-c", f"{name}={value}"))]


class LargeMariaDB(DurableMariaDB):
    """With the memory of a small production server."""

    def command(self) -> list[str]:
        return [*super().command(), "--innodb-buffer-pool-size=1G", "--innodb-log-file-size=1G"]


DURABLE: dict[str, type[Server]] = {"postgresql": DurablePostgreSQL, "mariadb": DurableMariaDB}
LARGE: dict[str, type[Server]] = {"postgresql": LargePostgreSQL, "mariadb": LargeMariaDB}


@dataclass(frozen=True)
class Place:
    """One empty database.

    Attributes:
        kind: ``sqlite``, ``postgresql`` or ``mariadb``.
        url: as pqconsole takes it.
        db: the database, opened.
        folder: for files of the measurement; gone at the end.
        server_pid: of the server's first process; None where there is none, or it is not ours.
    """

    kind: str
    url: str
    db: Database
    folder: Path
    server_pid: int | None

    @property
    def version(self) -> str:
        """Kind and version of the database."""
        with self.db.read() as conn:
            return f"{self.kind} {'.'.join(str(part) for part in conn.dialect.server_version_info or ())}"

    def server_seconds(self) -> float:
        """Processor seconds that the server has used so far; 0 where it is not ours to see."""
        return 0.0 if self.server_pid is None else cpu_seconds(self.server_pid)

    def settle(self, *tables: str) -> None:
        """Have the database finish what earlier work left to do: statistics, dirty pages, the log."""
        statements = {
            "sqlite": ["PRAGMA wal_checkpoint(TRUNCATE)"],
            "postgresql": [*(f"VACUUM (ANALYZE) {table}" for table in tables), "CHECKPOINT"],
            "mariadb": [f"ANALYZE TABLE {table}" for table in tables],
        }
        with self.db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
            for statement in statements[self.kind]:
                conn.execute(sa.text(statement))


@contextmanager
def place(kind: str, servers: databases.Servers) -> Iterator[Place]:
    """A fresh database, gone at the end."""
    with (
        tempfile.TemporaryDirectory(prefix="pqbench-") as folder,
        databases.fresh_database(kind, servers, Path(folder)) as url,
        closing(Database.open(url)) as db,
    ):
        server = servers._running.get(kind)
        process = None if server is None else server._process
        yield Place(kind, url, db, Path(folder), None if process is None else process.pid)


@contextmanager
def given(url: str) -> Iterator[Place]:
    """The database at ``url``, which has to be empty; what is made there stays."""
    with tempfile.TemporaryDirectory(prefix="pqbench-") as folder, closing(Database.open(url)) as db:
        kind = "mariadb" if db.dialect.name == "mysql" else db.dialect.name
        yield Place(kind, url, db, Path(folder), None)


@contextmanager
def servers(kinds: dict[str, type[Server]]) -> Iterator[databases.Servers]:
    """Servers of these kinds, each started when it is first asked for."""
    databases.SERVERS.update(kinds)
    running = databases.Servers()
    try:
        yield running
    finally:
        running.stop()
