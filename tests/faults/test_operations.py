"""Verifying, rolling back and finalizing: killed on the way, stopped and woken, cut off, and asked for again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
import sqlalchemy as sa

from pqcore.database.tables import originals
from pqcore.engine.points import Point
from pqcore.jobs.model import Phase, Progress, Purpose
from tests.engine.items import sha1, sha512
from tests.faults import driver
from tests.faults.breaking import break_connections, halt, named, start_again
from tests.faults.cast import Player
from tests.faults.conftest import Everywhere
from tests.faults.driver import Orders, Stand
from tests.faults.episode import Episode
from tests.faults.estate import ITEMS, Estate
from tests.support.servers import Server

POINTS = [Point.BEFORE_WRITE, Point.BEFORE_COMMIT, Point.AFTER_COMMIT, Point.FINISHING, Point.AFTER_FINISH]


def operate(estate: Estate, job_id: int, purpose: Purpose, stand: Stand | None = None, name: str = "a") -> Player:
    place = replace(estate.place, url=named(estate.place.url, name))
    return Player(name, driver.operate, Orders(place, stand), job_id, purpose)


@contextmanager
def ended_job(estate: Estate, purpose: Purpose) -> Iterator[Episode]:
    """A job with kept originals, that is done, and verified where it is to be finalized."""
    with Episode(estate, items=60, vault=0, jobs=("items",), writes=0, keep_originals=True, damaged=False) as episode:
        worker = episode.worker("b")
        episode.until_all_ended(worker)
        worker.leave()
        if purpose is Purpose.FINALIZE:
            verify = operate(estate, episode.jobs[0], Purpose.VERIFY)
            assert verify.wait_for("done", "refused")[0] == "done"
            verify.kill()
        yield episode


def outcome(estate: Estate, job_id: int) -> tuple[Phase | None, int, int, int, Progress]:
    """Phase, rows in the old and in the new form, originals kept, and what was counted."""
    with estate.db.read() as conn:
        rows = conn.execute(sa.select(ITEMS)).all()
        kept = conn.execute(sa.select(sa.func.count()).select_from(originals)).scalar_one()
    old, new = (sum(row.digest == form(row.body) for row in rows) for form in (sha1, sha512))
    job = estate.jobs.get(job_id)
    return job.phase, old, new, kept, job.progress


ENDED = {
    Purpose.VERIFY: (Phase.VERIFIED, 0, 60, 60),
    Purpose.ROLLBACK: (Phase.ROLLED_BACK, 60, 0, 0),
    Purpose.FINALIZE: (Phase.FINALIZED, 0, 60, 0),
}


def killed_and_again(episode: Episode, purpose: Purpose, point: Point) -> None:
    """Kill the operation at a point; once its lease is gone, the same request goes on and ends it."""
    (job_id,) = episode.jobs
    player = operate(episode.estate, job_id, purpose, Stand(point))
    player.wait_for("at")
    player.kill()
    if point is Point.AFTER_FINISH:
        return
    episode.until_leases_expire()
    again = operate(episode.estate, job_id, purpose)
    assert again.wait_for("done", "refused")[0] == "done"
    again.kill()


@pytest.mark.parametrize("point", POINTS)
def test_rolled_back_byte_for_byte(everywhere: Everywhere, point: Point) -> None:
    def run(estate: Estate) -> None:
        with Episode(estate, items=60, vault=0, jobs=("items",), writes=0, keep_originals=True) as episode:
            worker = episode.worker("a")
            episode.until_all_ended(worker)
            worker.leave()
            killed_and_again(episode, Purpose.ROLLBACK, point)
            with estate.db.read() as conn:
                rows = conn.execute(sa.select(ITEMS)).all()
                kept = conn.execute(sa.select(sa.func.count()).select_from(originals)).scalar_one()
            damaged = estate.planted["items"]
            assert [r.id for r in rows if r.digest != sha1(r.body) and r.id not in damaged] == []
            assert (len(rows), kept) == (60, 0)
            assert estate.jobs.get(episode.jobs[0]).phase is Phase.ROLLED_BACK

    everywhere(run)


@pytest.mark.parametrize("point", POINTS)
def test_verified_and_finalized(everywhere: Everywhere, point: Point) -> None:
    def run(estate: Estate) -> None:
        with Episode(
            estate, items=60, vault=0, jobs=("items",), writes=0, keep_originals=True, damaged=False
        ) as episode:
            worker = episode.worker("a")
            episode.until_all_ended(worker)
            worker.leave()
            killed_and_again(episode, Purpose.VERIFY, point)
            assert estate.jobs.get(episode.jobs[0]).phase is Phase.VERIFIED
            killed_and_again(episode, Purpose.FINALIZE, point)
            assert estate.jobs.get(episode.jobs[0]).phase is Phase.FINALIZED
            with estate.db.read() as conn:
                assert conn.execute(sa.select(sa.func.count()).select_from(originals)).scalar_one() == 0
            episode.account()

    everywhere(run)


@pytest.mark.parametrize("point", [Point.BEFORE_WRITE, Point.BEFORE_FINISH])
@pytest.mark.parametrize("purpose", ENDED)
def test_stopped_and_woken_when_another_has_ended_it(everywhere: Everywhere, purpose: Purpose, point: Point) -> None:
    def run(estate: Estate) -> None:
        with ended_job(estate, purpose) as episode:
            (job_id,) = episode.jobs
            zombie = operate(estate, job_id, purpose, Stand(point))
            zombie.wait_for("at")
            episode.stop(zombie)
            episode.until_leases_expire()
            second = operate(estate, job_id, purpose, name="b")
            assert second.wait_for("done", "refused")[0] == "done"
            second.kill()
            before = outcome(estate, job_id)
            assert before[:4] == ENDED[purpose]
            zombie.wake()
            zombie.tell("go")
            zombie.wait_for("done", "refused")
            zombie.kill()
            assert outcome(estate, job_id) == before

    everywhere(run)


@pytest.mark.database
@pytest.mark.parametrize("point", [Point.BEFORE_READ, Point.BEFORE_COMMIT, Point.FINISHING])
@pytest.mark.parametrize("purpose", ENDED)
def test_connections_broken(everywhere: Everywhere, purpose: Purpose, point: Point) -> None:
    def run(estate: Estate) -> None:
        if estate.db.dialect.name == "sqlite":
            return  # has no connections to break
        with ended_job(estate, purpose) as episode:
            (job_id,) = episode.jobs
            player = operate(estate, job_id, purpose, Stand(point))
            player.wait_for("at")
            assert break_connections(estate.place.url, "a") > 0
            player.tell("go")
            assert player.wait_for("done", "refused")[0] == "done"
            player.kill()
            assert outcome(estate, job_id)[:4] == ENDED[purpose]

    everywhere(run)


@pytest.mark.database
@pytest.mark.parametrize("purpose", ENDED)
def test_a_server_that_stops_and_starts(own: tuple[Server, Estate], purpose: Purpose) -> None:
    server, estate = own
    with ended_job(estate, purpose) as episode:
        (job_id,) = episode.jobs
        player = operate(estate, job_id, purpose, Stand(Point.BEFORE_COMMIT, 2))
        player.wait_for("at")
        halt(server)
        player.tell("go")
        start_again(server)
        assert player.wait_for("done", "refused")[0] == "done"
        player.kill()
        assert outcome(estate, job_id)[:4] == ENDED[purpose]
