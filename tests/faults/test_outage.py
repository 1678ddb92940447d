"""A database that is away costs the time it is away, and nothing else."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from pqcore.engine.points import Point
from tests.faults.breaking import halt, make_users, start_again
from tests.faults.driver import Stand
from tests.faults.episode import Episode
from tests.faults.estate import Estate, Place
from tests.support.databases import SERVERS, Servers, fresh_database
from tests.support.servers import Server

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


@pytest.mark.database
@pytest.mark.parametrize("how", [None, signal.SIGKILL], ids=["stopped", "crashed"])
@pytest.mark.parametrize("point", [Point.BEFORE_READ, Point.BEFORE_COMMIT, Point.BEFORE_FINISH])
def test_a_server_that_stops_and_starts(own: tuple[Server, Estate], point: Point, how: signal.Signals | None) -> None:
    server, estate = own
    with Episode(estate) as episode:
        worker = episode.worker("a", Stand(point))
        worker.wait_for("at")
        halt(server, how)
        worker.tell("go")
        start_again(server)
        episode.until_all_ended(worker)
        episode.account(worker)
