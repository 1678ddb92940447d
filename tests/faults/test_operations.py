"""Verifying, rolling back and finalizing, killed on the way and asked for again."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from pqcore.database.tables import originals
from pqcore.engine.points import Point
from pqcore.jobs.model import Phase, Purpose
from tests.engine.items import sha1
from tests.faults import driver
from tests.faults.cast import Player
from tests.faults.conftest import Everywhere
from tests.faults.driver import Orders, Stand
from tests.faults.episode import Episode
from tests.faults.estate import ITEMS, Estate

POINTS = [Point.BEFORE_WRITE, Point.BEFORE_COMMIT, Point.AFTER_COMMIT, Point.FINISHING, Point.AFTER_FINISH]


def operate(estate: Estate, job_id: int, purpose: Purpose, stand: Stand | None = None) -> Player:
    return Player("operator", driver.operate, Orders(estate.place, stand), job_id, purpose)


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
