"""A fresh, empty database for each test, on every kind of server."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa

from pqcore.database.connect import parse_url
from tests.support.servers import MariaDBServer, PostgreSQLServer, Server, ServerMissing

SERVERS: dict[str, type[Server]] = {"postgresql": PostgreSQLServer, "mariadb": MariaDBServer}
# A server that is already there, used instead of an own one.
GIVEN = {
    "postgresql": "PQCONSOLE_TEST_POSTGRES_URL",
    "mariadb": "PQCONSOLE_TEST_MARIADB_URL",
    "mysql": "PQCONSOLE_TEST_MYSQL_URL",
}


def kinds() -> list[str]:
    """The kinds of database to test on; MySQL only where a server is given."""
    return ["sqlite", "postgresql", "mariadb", *(["mysql"] if os.environ.get(GIVEN["mysql"]) else [])]


ADMIN = {"postgresql": "postgres", "mariadb": "mysql", "mysql": "mysql"}  # databases that every server has


class Servers:
    """The servers of one test run, each started when it is first asked for."""

    def __init__(self) -> None:
        self._running: dict[str, Server] = {}
        self._missing: dict[str, str] = {}
        self._spare: list[sa.URL] = []  # databases of PostgreSQL, emptied

    def url(self, kind: str) -> str:
        """URL of a maintenance database; skips the test, or fails it where CI is set, if there is no server."""
        if given := os.environ.get(GIVEN[kind]):
            return given
        if kind not in self._running and kind not in self._missing:
            try:
                server = SERVERS[kind]()
                server.start()
                self._running[kind] = server
            except ServerMissing as exc:
                self._missing[kind] = str(exc)
        if reason := self._missing.get(kind):
            message = f"NO {kind.upper()} SERVER: {reason}"
            if os.environ.get("CI") == "true":
                pytest.fail(message)
            pytest.skip(message)
        return self._running[kind].url

    def server(self, kind: str) -> Server:
        """An own server that a test may pause; skips where a given one is in use."""
        self.url(kind)
        if kind not in self._running:
            pytest.skip(f"the {kind} server belongs to somebody else")
        return self._running[kind]

    def lend(self, kind: str) -> sa.URL:
        """An empty database; to be given back."""
        if kind == "postgresql" and self._spare:
            return self._spare.pop()
        given = sa.make_url(self.url(kind))
        # a URL without a name is fine here: CREATE DATABASE needs none
        url = parse_url(given.set(database=given.database or ADMIN[kind]).render_as_string(hide_password=False))
        name = f"pqtest_{uuid4().hex[:16]}"
        _run(url, f"CREATE DATABASE {name}")
        return url.set(database=name)

    def take_back(self, kind: str, url: sa.URL) -> None:
        """Empty a database of PostgreSQL for the next test (making one takes a quarter of a second); drop others."""
        if kind == "postgresql":
            _run(url, *EMPTY)
            self._spare.append(url)
        else:
            _run(url, f"DROP DATABASE {url.database}")

    def stop(self) -> None:
        """Leave nothing behind."""
        for url in self._spare if os.environ.get(GIVEN["postgresql"]) else ():
            given = sa.make_url(self.url("postgresql"))
            _run(url.set(database=given.database or ADMIN["postgresql"]), f"DROP DATABASE {url.database} WITH (FORCE)")
        while self._running:
            self._running.popitem()[1].stop()


EMPTY = (
    """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
    """,
    r"""
    DO $$ DECLARE name text; BEGIN
      FOR name IN SELECT nspname FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema$)' LOOP
        EXECUTE format('DROP SCHEMA %I CASCADE', name);
      END LOOP;
    END $$
    """,
    "CREATE SCHEMA public",
)


def _run(url: sa.URL, *statements: str) -> None:
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))


@contextmanager
def fresh_database(kind: str, servers: Servers, folder: Path) -> Iterator[str]:
    """The URL of a new, empty database, gone at the end."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'test.db'}"
        return
    url = servers.lend(kind)
    try:
        yield url.set(drivername=kind).render_as_string(hide_password=False)
    finally:
        servers.take_back(kind, url)
