"""An estate on each kind of database, made once: a run empties and fills it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.faults.breaking import make_users
from tests.faults.estate import Estate, Place
from tests.support.databases import SERVERS, Servers, fresh_database, kinds
from tests.support.servers import Server

Estates = Callable[[str], Estate]
Everywhere = Callable[[Callable[[Estate], None]], None]


@pytest.fixture(scope="session")
def estates(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estates]:
    """The estate on a kind of database."""
    made: dict[str, Estate] = {}
    with ExitStack() as stack:

        def of(kind: str) -> Estate:
            if kind not in made:
                folder = tmp_path_factory.mktemp(f"faults-{kind}")
                url = stack.enter_context(fresh_database(kind, servers, folder))
                make_users(url, "a", "b", "c", "writer")
                made[kind] = Estate(Place(url, folder / "keys" / "keyring.json"))
                stack.callback(made[kind].close)
            return made[kind]

        yield of


# what makes a commit outlive the process of the server
DURABLE = {
    "postgresql": ("ALTER DATABASE {name} SET synchronous_commit = on",),
    "mariadb": ("SET GLOBAL innodb_flush_log_at_trx_commit = 2",),
}


@pytest.fixture(params=list(SERVERS), ids=list(SERVERS))
def own(request: pytest.FixtureRequest, servers: Servers, tmp_path: Path) -> Iterator[tuple[Server, Estate]]:
    """An estate on a server that the test may stop."""
    server = servers.server(request.param)
    with fresh_database(request.param, servers, tmp_path) as url:
        make_users(url, "a", "b", "writer")
        estate = Estate(Place(url, tmp_path / "keyring.json"))
        with estate.db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
            for statement in DURABLE[request.param]:
                conn.exec_driver_sql(statement.format(name=sa.make_url(url).database))
        yield server, estate
        estate.close()


@pytest.fixture(scope="session")
def everywhere(estates: Estates) -> Everywhere:
    """Runs something on every kind of database at once: most of a run is waiting for a lease to expire."""
    present: list[Estate] = []
    for kind in kinds():
        with suppress(pytest.skip.Exception):  # tests of one database say so
            present.append(estates(kind))

    def run(act: Callable[[Estate], None]) -> None:
        with ThreadPoolExecutor(len(present)) as pool:
            futures = [pool.submit(act, estate) for estate in present]
        errors = [error for future in futures if isinstance(error := future.exception(), Exception)]
        if errors:
            raise errors[0] if len(errors) == 1 else ExceptionGroup("on several databases", errors)

    return run


@pytest.fixture
def estate(database_kind: str, estates: Estates) -> Estate:
    return estates(database_kind)
