"""What a worker that wakes late may not do, and what a stopped one must not keep."""

from __future__ import annotations

import hashlib

import pytest
import sqlalchemy as sa

from pqcore.database.clock import now_plus
from pqcore.database.connect import Database
from pqcore.database.tables import runs
from pqcore.engine.points import Point
from pqcore.errors import ConfigurationError
from pqcore.jobs.claims import claim_due, claim_job, release
from pqcore.jobs.leases import DEFAULT_SECONDS, heartbeat_seconds, lease_seconds
from pqcore.jobs.model import Status
from tests.engine.items import Bench, body_of, listening
from tests.faults.conftest import Everywhere
from tests.faults.driver import Stand
from tests.faults.episode import Episode
from tests.faults.estate import Estate


def test_what_another_worker_fixed_meanwhile_is_used(database: Database) -> None:
    """Two workers start a job for the first time, one of them after a long sleep: the first decides."""
    bench = Bench(database)
    bench.fill(10)
    job_id = bench.job()
    theirs = {"algorithm": "SHA-384", "policy": "", "key_id": None, "total": 10, "ceiling": None}

    def overtake(point: Point) -> None:
        if point is Point.BEFORE_FIX:
            with bench.db.write() as conn:
                conn.execute(sa.update(runs).where(runs.c.job_id == job_id).values(target=theirs, total=10))

    with listening(overtake):
        assert bench.run(job_id).status is Status.DONE
    expected = {"sha-384:" + hashlib.sha384(body_of(n).encode()).hexdigest() for n in range(1, 11)}
    assert {digest for _, digest in bench.rows().values()} == expected


def test_a_worker_does_not_take_over_the_job_it_runs(database: Database) -> None:
    """Its lease ran out while the whole process was stopped, and the claim comes before the next heartbeat."""
    bench = Bench(database)
    job_id = bench.job()
    claim_job(bench.db, "worker", job_id)
    with bench.db.write() as conn:
        conn.execute(sa.update(runs).values(lease_expires_at=now_plus(-1)))
    assert claim_due(bench.db, "worker", busy=(job_id,)) is None
    taken = claim_due(bench.db, "other")
    assert taken is not None
    assert taken.job_id == job_id


def test_a_job_that_ends_late_is_not_taken_over(database: Database) -> None:
    """Its lease has run out and it is found abandoned; before it is taken, its worker ends it after all."""
    bench = Bench(database)
    job_id = bench.job()
    late = claim_job(bench.db, "late", job_id)
    with bench.db.write() as conn:
        conn.execute(sa.update(runs).values(lease_expires_at=now_plus(-1)))

    def end(point: Point) -> None:
        if point is Point.BEFORE_TAKE_OVER:
            assert release(bench.db, late, Status.DONE)

    with listening(end):
        assert claim_due(bench.db, "other") is None
    with bench.db.read() as conn:
        assert conn.execute(sa.select(runs.c.lease_owner)).scalar_one() is None


@pytest.mark.database
def test_a_worker_stopped_inside_a_transaction_loses_its_locks(everywhere: Everywhere) -> None:
    """PostgreSQL and MariaDB end a transaction that idles; the successor finishes while the zombie still sleeps."""

    def run(estate: Estate) -> None:
        if estate.db.dialect.name == "sqlite":
            return  # has no server that could
        with Episode(estate, jobs=("items",), items=40) as episode:
            zombie = episode.worker("a", Stand(Point.BEFORE_COMMIT), threads=1)
            zombie.wait_for("at")
            episode.stop(zombie, between=False)
            second = episode.worker("b")
            episode.until_all_ended(second)
            zombie.wake()
            zombie.tell("go")
            episode.account(zombie, second)

    everywhere(run)


class TestLeaseLength:
    def test_it_is_six_seconds_unless_told(self) -> None:
        assert lease_seconds({}) == DEFAULT_SECONDS == 6.0
        assert lease_seconds({"PQCONSOLE_LEASE_SECONDS": "1.5"}) == 1.5

    def test_it_is_renewed_several_times_before_it_expires(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert heartbeat_seconds() == 0.6
        monkeypatch.setenv("PQCONSOLE_LEASE_SECONDS", "0.6")
        assert heartbeat_seconds() == pytest.approx(0.1)

    @pytest.mark.parametrize("value", ["soon", "0", "-1", "nan", "1e9"])
    def test_nonsense_is_refused_with_the_name_of_the_variable(self, value: str) -> None:
        with pytest.raises(ConfigurationError, match="PQCONSOLE_LEASE_SECONDS"):
            lease_seconds({"PQCONSOLE_LEASE_SECONDS": value})
