"""A database that is away costs the time it is away, and nothing else."""

from __future__ import annotations

import signal

import pytest

from pqcore.engine.points import Point
from tests.faults.breaking import halt, start_again
from tests.faults.driver import Stand
from tests.faults.episode import Episode
from tests.faults.estate import Estate
from tests.faults.test_points import POINTS, WHOLE, stand_at
from tests.support.servers import Server


@pytest.mark.database
@pytest.mark.parametrize("how", [None, signal.SIGKILL], ids=["stopped", "crashed"])
@pytest.mark.parametrize("point", POINTS if WHOLE else [Point.BEFORE_READ, Point.BEFORE_COMMIT, Point.BEFORE_FINISH])
def test_a_server_that_stops_and_starts(own: tuple[Server, Estate], point: Point, how: signal.Signals | None) -> None:
    server, estate = own
    with Episode(estate) as episode:
        worker = episode.worker("a", stand_at(point) if WHOLE else Stand(point))
        worker.wait_for("at")
        halt(server, how)
        worker.tell("go")
        start_again(server)
        episode.until_all_ended(worker)
        episode.account(worker)
