"""Killed, stopped and cut off at every named point, on all databases, while the application goes on writing."""

from __future__ import annotations

import os

import pytest
import sqlalchemy as sa

from pqcore.engine.points import Point
from tests.faults.breaking import break_connections
from tests.faults.conftest import Everywhere
from tests.faults.driver import Stand
from tests.faults.episode import Episode
from tests.faults.estate import HISTORY, Estate

# elsewhere at the second passing, so that something is done already
PASSED_ONCE = {
    Point.BEFORE_CLAIM,
    Point.AFTER_CLAIM,
    Point.BEFORE_FIX,
    Point.AFTER_FIX,
    Point.BEFORE_SWEEP,
    Point.AFTER_SWEEP,
    Point.BEFORE_FINISH,
    Point.FINISHING,
    Point.AFTER_FINISH,
}
# a worker that is stopped here holds locks of the database until it is woken
IN_TRANSACTION = {
    Point.AFTER_WRITE,
    Point.BEFORE_COMMIT,
    Point.BEFORE_RENEWAL,
    Point.AFTER_RENEWAL,
    Point.FINISHING,
}


_SAMPLE = {
    Point.AFTER_FIX,
    Point.AFTER_RANGE_CLAIM,
    Point.BEFORE_WRITE,
    Point.BEFORE_COMMIT,
    Point.AFTER_RENEWAL,
    Point.BEFORE_FINISH,
}

# a worker that starts the run never takes one over
POINTS = [point for point in Point if point is not Point.BEFORE_TAKE_OVER]

# Killed at each point in every run of the tests; the rest is a sample there, and whole with PQCONSOLE_TEST_FAULTS=all.
WHOLE = os.environ.get("PQCONSOLE_TEST_FAULTS") == "all"
WOKEN_LATE = [p for p in POINTS if p not in IN_TRANSACTION and (WHOLE or p in _SAMPLE)]
WOKEN_AMONG_OTHERS = [p for p in POINTS if WHOLE or p in _SAMPLE]


def stand_at(point: Point) -> Stand:
    return Stand(point, 1 if point in PASSED_ONCE else 2)


@pytest.mark.parametrize("point", POINTS)
def test_killed(everywhere: Everywhere, point: Point) -> None:
    def run(estate: Estate) -> None:
        with Episode(estate) as episode:
            first = episode.worker("a", stand_at(point))
            assert first.wait_for("at") == ("at", point)
            first.kill()
            second = episode.worker("b")
            episode.until_all_ended(second)
            episode.account(second)

    everywhere(run)


@pytest.mark.parametrize("stopped", [False, True], ids=["killed", "stopped"])
def test_harmed_while_it_takes_over(everywhere: Everywhere, stopped: bool) -> None:
    """The second worker comes to harm with the first one's job in its sight; a third takes both places."""

    def run(estate: Estate) -> None:
        with Episode(estate) as episode:
            first = episode.worker("a", stand_at(Point.BEFORE_COMMIT))
            first.wait_for("at")
            second = episode.worker("b", Stand(Point.BEFORE_TAKE_OVER))
            first.kill()
            second.wait_for("at")
            if stopped:
                episode.stop(second)
            else:
                second.kill()
            third = episode.worker("c")
            episode.until_leases_expire(third, of=first)
            if stopped:
                second.wake()
                second.tell("go")
            left = (second, third) if stopped else (third,)
            episode.until_all_ended(*left)
            episode.account(*left)

    everywhere(run)


@pytest.mark.parametrize("point", WOKEN_LATE)
def test_stopped_and_woken_when_all_is_done(everywhere: Everywhere, point: Point) -> None:
    """A zombie between two transactions writes nothing any more."""

    def run(estate: Estate) -> None:
        with Episode(estate, jobs=("items",)) as episode:
            zombie = episode.worker("a", stand_at(point))
            zombie.wait_for("at")
            episode.stop(zombie)
            second = episode.worker("b")
            episode.until_all_ended(second)
            before = _last_change_of_a_worker(estate)
            job = estate.jobs.get(episode.jobs[0])
            zombie.wake()
            zombie.tell("go")
            zombie.leave()
            assert _last_change_of_a_worker(estate) == before
            assert estate.jobs.get(episode.jobs[0]) == job
            episode.account(second)

    everywhere(run)


@pytest.mark.parametrize("point", WOKEN_AMONG_OTHERS)
def test_stopped_and_woken_among_others(everywhere: Everywhere, point: Point) -> None:
    """A zombie that wakes as soon as its leases are gone, and works on beside its successor."""

    def run(estate: Estate) -> None:
        with Episode(estate) as episode:
            zombie = episode.worker("a", stand_at(point))
            zombie.wait_for("at")
            episode.stop(zombie, between=point not in IN_TRANSACTION)
            second = episode.worker("b")
            episode.until_leases_expire(second)
            zombie.wake()
            zombie.tell("go")
            episode.until_all_ended(zombie, second)
            episode.account(zombie, second)

    everywhere(run)


@pytest.mark.database
@pytest.mark.parametrize("point", WOKEN_AMONG_OTHERS)
def test_connections_broken(everywhere: Everywhere, point: Point) -> None:
    """The worker gets over it by itself."""

    def run(estate: Estate) -> None:
        if estate.db.dialect.name == "sqlite":
            return  # has no connections to break
        with Episode(estate) as episode:
            worker = episode.worker("a", stand_at(point))
            worker.wait_for("at")
            assert break_connections(estate.place.url, "a") > 0 or point is Point.BEFORE_CLAIM
            worker.tell("go")
            episode.until_all_ended(worker)
            episode.account(worker)

    everywhere(run)


def _last_change_of_a_worker(estate: Estate) -> int:
    same = sa.select(sa.func.max(HISTORY.c.n)).where(HISTORY.c.old_version == HISTORY.c.new_version)
    with estate.db.read() as conn:
        return int(conn.execute(same).scalar_one() or 0)
