"""What jobs got through is noted a minute at a time, on every database, and adds up to what they processed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from pqcore.database.connect import Database
from pqcore.database.tables import jobs, ranges, throughput
from pqcore.jobs.claims import JobClaim, LeaseLost, beat, claim_job, release
from pqcore.jobs.model import Purpose, Status
from pqcore.jobs.operation_claims import claim_operation
from pqcore.jobs.throughput import KEPT_SECONDS, forget_old, note, together
from tests.engine.items import Bench
from tests.engine.test_worker import expire_leases

EVER = datetime(2000, 1, 1, tzinfo=UTC)
T = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)


@pytest.fixture
def bench(database: Database) -> Bench:
    return Bench(database)


def noted(bench: Bench, job_id: int | None = None) -> int:
    return sum(processed for _, processed in bench.jobs.minutes(EVER, job_id))


def count(bench: Bench, job_id: int, **counters: int) -> None:
    """As batches of the job would count, in a range that nobody holds."""
    with bench.db.write() as conn:
        mine = sa.and_(ranges.c.job_id == job_id, ranges.c.seq == 1)
        values = {name: ranges.c[name] + more for name, more in counters.items()}
        if not conn.execute(sa.update(ranges).where(mine).values(values)).rowcount:
            row = {"job_id": job_id, "seq": 1, "pass_no": 1, "state": "open", "lease_epoch": 1}
            conn.execute(ranges.insert().values(**row, updated_at=T, **counters))


def test_the_minutes_of_a_job_add_up_to_what_it_processed(bench: Bench) -> None:
    bench.fill(700)
    before = bench.jobs.clock().replace(second=0, microsecond=0)
    first, second = bench.run(bench.job()), bench.run(bench.job())
    after = bench.jobs.clock()
    assert (noted(bench, first.id), noted(bench, second.id), noted(bench)) == (700, 700, 1400)
    found = bench.jobs.minutes(EVER)
    assert all(before <= minute <= after and minute.second == minute.microsecond == 0 for minute, _ in found)
    assert together(bench.jobs.minutes_of_each(EVER).values()) == found


def test_each_roll_up_notes_what_came_since_the_last(bench: Bench) -> None:
    job_id = bench.job()
    claim = claim_job(bench.db, "worker", job_id)
    beat(bench.db, claim)
    assert noted(bench, job_id) == 0  # and no row: idle jobs write none
    for total, counters in ((5, {"migrated": 5}), (5, {}), (12, {"skipped": 4, "failed": 3}), (12, {"conflicted": 9})):
        count(bench, job_id, **counters) if counters else None
        beat(bench.db, claim)
        assert (noted(bench, job_id), bench.jobs.get(job_id).processed_count) == (total, total)
    count(bench, job_id, migrated=30)
    assert release(bench.db, claim, Status.CANCELLED)
    assert (noted(bench, job_id), bench.jobs.get(job_id).processed_count) == (42, 42)


def test_whoever_lost_the_job_notes_nothing(bench: Bench) -> None:
    job_id = bench.job()
    old = claim_job(bench.db, "old", job_id)
    count(bench, job_id, migrated=8)
    expire_leases(bench)
    new = claim_job(bench.db, "new", job_id)
    with pytest.raises(LeaseLost):
        beat(bench.db, old)
    assert not release(bench.db, old, Status.FAILED)
    assert (noted(bench, job_id), bench.jobs.get(job_id).processed_count) == (0, 0)
    beat(bench.db, new)  # what the old one had done is rolled up by the new one
    assert noted(bench, job_id) == 8


@pytest.mark.parametrize("end", ["pause", "cancel"])
def test_what_a_dead_worker_had_not_rolled_up_is_noted_when_its_job_is_taken_from_it(bench: Bench, end: str) -> None:
    job_id = bench.job()
    claim = claim_job(bench.db, "dead", job_id)
    count(bench, job_id, migrated=3)
    beat(bench.db, claim)
    count(bench, job_id, migrated=4)
    expire_leases(bench)
    getattr(bench.jobs, end)(job_id)
    assert (noted(bench, job_id), bench.jobs.get(job_id).processed_count) == (7, 7)


def test_what_is_done_again_counts_again(bench: Bench) -> None:
    bench.fill(40)
    job_id = bench.job()
    claim = claim_job(bench.db, "worker", job_id)
    count(bench, job_id, migrated=25)
    release(bench.db, claim, Status.FAILED, error="Broken")
    assert noted(bench, job_id) == 25
    bench.jobs.retry(job_id, from_scratch=True)
    assert noted(bench, job_id) == 25
    job = bench.run(job_id)
    assert (job.processed_count, noted(bench, job_id)) == (40, 65)


def test_an_operation_on_an_ended_job_is_no_throughput(bench: Bench) -> None:
    bench.fill(20)
    job = bench.run(bench.job())
    claim, _ = claim_operation(bench.db, "worker", job.id, Purpose.VERIFY)
    count(bench, job.id, migrated=0)
    beat(bench.db, claim)
    assert noted(bench, job.id) == job.processed_count == 20


def test_a_count_that_another_program_set_is_no_work_of_ours(bench: Bench) -> None:
    job_id = bench.job()
    with bench.db.write() as conn:
        conn.execute(sa.update(jobs).where(jobs.c.id == job_id).values(processed_count=1000))
    claim = claim_job(bench.db, "worker", job_id)
    beat(bench.db, claim)
    count(bench, job_id, migrated=6)
    beat(bench.db, claim)
    assert noted(bench, job_id) == bench.jobs.get(job_id).processed_count == 6


def test_a_beat_for_a_job_that_is_gone_says_so(bench: Bench) -> None:
    with pytest.raises(LeaseLost):
        beat(bench.db, JobClaim(4711, "worker", 1))


def test_minutes_are_kept_for_a_week(bench: Bench) -> None:
    now = bench.jobs.clock()
    old, young = now - timedelta(seconds=KEPT_SECONDS + 60), now - timedelta(seconds=KEPT_SECONDS - 60)
    with bench.db.write() as conn:
        for minute in (old, young):
            note(conn, 1, minute, 10)
        forget_old(conn)
        left = conn.execute(sa.select(throughput.c.minute)).scalars().all()
    assert [abs(minute - young) < timedelta(milliseconds=1) for minute in left] == [True]


def test_a_started_worker_forgets_what_is_old(bench: Bench) -> None:
    with bench.db.write() as conn:
        note(conn, 1, T - timedelta(days=4000), 10)
    worker = bench.worker(threads=1)
    bench.fill(1)
    worker.run_job(bench.job())
    worker.stop()
    assert noted(bench) == 1


def test_minutes_are_added_up_and_cut_out(bench: Bench) -> None:
    with bench.db.write() as conn:
        for job_id, at, rows in ((1, 0, 5), (2, 0, 7), (1, 1, 2), (2, 3, 9), (2, 3, 1)):
            note(conn, job_id, T + timedelta(minutes=at), rows)
    minutes = [T + timedelta(minutes=n) for n in range(5)]
    assert bench.jobs.minutes(T) == ((minutes[0], 12), (minutes[1], 2), (minutes[3], 10))
    assert bench.jobs.minutes(minutes[1]) == ((minutes[1], 2), (minutes[3], 10))
    assert bench.jobs.minutes(T, 1) == ((minutes[0], 5), (minutes[1], 2))
    assert bench.jobs.minutes(T, 3) == ()
    assert bench.jobs.minutes_of_each(minutes[1]) == {1: ((minutes[1], 2),), 2: ((minutes[3], 10),)}
