"""A worker that is asked to stop gives its leases back, whatever it waits for; what wakes after that writes nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Thread
from typing import Any

import pytest
import sqlalchemy as sa

from pqcore.database.clock import now, now_plus
from pqcore.database.connect import Database
from pqcore.database.tables import dead_letters, ranges, runs
from pqcore.engine.operation import OperationRun
from pqcore.engine.plan import plan_ranges
from pqcore.engine.points import Point
from pqcore.engine.prepare import prepare
from pqcore.engine.unless import unless
from pqcore.engine.verify import uncovered
from pqcore.jobs.claims import LeaseLost, claim_due, claim_job
from pqcore.jobs.model import Purpose, Status
from pqcore.jobs.operation_claims import claim_operation
from pqcore.jobs.range_claims import claim_range
from pqcore.migrations.base import FailureReason, Record
from tests.engine.items import ITEMS, Bench, listening, sha1

PATIENCE = 20.0


@pytest.fixture
def bench(database: Database) -> Bench:
    return Bench(database)


@dataclass
class Sleeper:
    """Stays at the ``nth`` passing of a point, as in a statement that takes very long, until ``wake`` is set."""

    point: Point
    nth: int = 1

    def __post_init__(self) -> None:
        self.asleep, self.wake = Event(), Event()
        self._passed = 0

    def __call__(self, point: Point) -> None:
        if point is not self.point or self.asleep.is_set():
            return
        self._passed += 1
        if self._passed == self.nth:
            self.asleep.set()
            self.wake.wait(5 * PATIENCE)


@contextmanager
def asleep(sleeper: Sleeper, work: Callable[[], Any]) -> Iterator[None]:
    """While somebody sleeps; woken, and waited for, at the end."""
    with listening(sleeper):
        thread = Thread(target=work, daemon=True)
        thread.start()
        assert sleeper.asleep.wait(PATIENCE)
        try:
            yield
        finally:
            sleeper.wake.set()
            thread.join(PATIENCE)
        assert not thread.is_alive()


def until_released(bench: Bench) -> None:
    tick, began = Event(), time.monotonic()
    held = [sa.select(sa.func.count()).where(table.c.lease_owner.is_not(None)) for table in (runs, ranges)]
    while True:
        with bench.db.read() as conn:
            if not any(conn.execute(count).scalar_one() for count in held):
                return
        tick.wait(0.02)
        assert time.monotonic() - began < PATIENCE


def expire(bench: Bench) -> None:
    with bench.db.write() as conn:
        for table in (runs, ranges):
            conn.execute(sa.update(table).where(table.c.lease_owner.is_not(None)).values(lease_expires_at=now_plus(-1)))


def test_a_page_that_takes_very_long_to_read(bench: Bench) -> None:
    bench.fill(200)
    job_id = bench.job()
    worker = bench.worker(threads=1)
    with asleep(Sleeper(Point.BEFORE_READ, 3), lambda: worker.run_job(job_id)):
        worker.request_stop()
        until_released(bench)
        job, before = bench.jobs.get(job_id), bench.rows()
        assert (job.status, job.processed_count) == (Status.PENDING, job.progress.migrated)
    worker.stop()
    assert (bench.jobs.get(job_id), bench.rows()) == (job, before)
    assert bench.run(job_id).progress.migrated == 200
    bench.assert_all_new()


def test_a_count_that_takes_very_long(bench: Bench) -> None:
    bench.fill(20)
    job_id = bench.job()
    worker = bench.worker(threads=1)
    with asleep(Sleeper(Point.BEFORE_FIX), lambda: worker.run_job(job_id)):
        worker.request_stop()
        until_released(bench)
        assert bench.jobs.get(job_id).status is Status.PENDING
    worker.stop()
    with bench.db.read() as conn:
        assert conn.execute(sa.select(runs.c.total, runs.c.target)).one() == (None, None)
    assert bench.run(job_id).progress.migrated == 20


def test_what_is_left_alone_ends_by_itself() -> None:
    stop, go, ended = Event(), Event(), Event()

    def act() -> None:
        go.wait(PATIENCE)
        ended.set()

    stop.set()
    assert unless(stop, act) is None
    go.set()
    assert ended.wait(PATIENCE)
    assert unless(Event(), lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        unless(Event(), lambda: 1 // 0)


def test_halving_stops_too(bench: Bench) -> None:
    """Where every row is refused, each costs several transactions: a threshold that is passed ends that at once."""
    bench.fill(400)
    refuse_all(bench)
    job = bench.run(bench.job(max_failures=2), threads=1)
    assert job.status is Status.FAILED
    assert job.error is not None
    assert "Too many rows" in job.error
    assert 2 < job.progress.failed < 16
    assert len(bench.jobs.dead_letters(job.id)) == job.progress.failed
    assert bench.jobs.retry(job.id).status is Status.PENDING


def refuse_all(bench: Bench) -> None:
    refused = {
        "sqlite": ["CREATE TRIGGER refuse BEFORE UPDATE ON items BEGIN SELECT RAISE(ABORT, 'no'); END"],
        "postgresql": [
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$",
            "CREATE TRIGGER refuse BEFORE UPDATE ON items FOR EACH ROW EXECUTE FUNCTION refuse()",
        ],
        "mysql": ["CREATE TRIGGER refuse BEFORE UPDATE ON items FOR EACH ROW SIGNAL SQLSTATE '45000'"],
    }
    with bench.db.write() as conn:
        for statement in refused[bench.db.dialect.name]:
            conn.exec_driver_sql(statement)


class TestFences:
    def test_who_lost_the_job_begins_no_range_of_it(self, bench: Bench) -> None:
        bench.fill(300)
        job_id = bench.job()
        lost = claim_job(bench.db, "zombie", job_id)
        context = prepare(bench.db, bench.keys, bench.jobs.get(job_id), Event())
        plan_ranges(context, lost, Purpose.MIGRATE, at_most=2)
        expire(bench)
        assert claim_due(bench.db, "other") is not None
        assert claim_range(bench.db, job_id, "zombie", Purpose.MIGRATE) is None
        assert claim_range(bench.db, job_id, "other", Purpose.MIGRATE) is not None

    def test_who_lost_the_job_fixes_nothing_of_it(self, bench: Bench) -> None:
        """It was started over meanwhile, and nobody has decided yet what it is to become."""
        bench.fill(3)
        job_id = bench.job()
        lost = claim_job(bench.db, "zombie", job_id)
        found: list[type[BaseException]] = []

        def start() -> None:
            try:
                prepare(bench.db, bench.keys, bench.jobs.get(job_id), Event(), claim=lost)
            except LeaseLost as error:
                found.append(type(error))

        with asleep(Sleeper(Point.BEFORE_FIX), start):
            expire(bench)
            bench.jobs.cancel(job_id)
            bench.jobs.retry(job_id, from_scratch=True)
            claim_job(bench.db, "other", job_id)
        assert found == [LeaseLost]
        with bench.db.read() as conn:
            assert conn.execute(sa.select(runs.c.total, runs.c.target)).one() == (None, None)

    def test_a_verification_forgets_the_last_one_when_it_is_claimed_and_never_later(self, bench: Bench) -> None:
        bench.fill(3)
        job = bench.run(bench.job())
        worker = bench.worker()
        bury(bench, job.id, "of the last one")
        bury(bench, job.id, "of the migration", FailureReason.UNPROVED)
        claim, before = claim_operation(bench.db, worker.id, job.id, Purpose.VERIFY)
        assert [letter.message for letter in bench.jobs.dead_letters(job.id)] == ["of the migration"]
        bury(bench, job.id, "of a successor")
        run = OperationRun(bench.db, bench.keys, bench.jobs, lambda _: worker._in_threads, 1, claim)
        run.of(Purpose.VERIFY, before)._prepare()
        left = {letter.message for letter in bench.jobs.dead_letters(job.id)}
        assert left == {"of the migration", "of a successor"}
        worker.stop()


def bury(bench: Bench, job_id: int, message: str, reason: FailureReason = FailureReason.VERIFY_FAILED) -> None:
    letter = {"job_id": job_id, "key_digest": message, "row_key": "[1]", "walk_key": "[1]", "message": message}
    with bench.db.write() as conn:
        conn.execute(dead_letters.insert().values(**letter, reason=reason.value, created_at=now()))


def test_looking_for_rows_in_the_old_form_ends_at_the_first_and_when_asked_to(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.fill(30)
    job = bench.run(bench.job())
    with bench.db.write() as conn:
        conn.execute(sa.update(ITEMS).values(digest=sha1("x"), body="x"))
    context = prepare(bench.db, bench.keys, job, Event())
    kind = type(context.migration)
    looked: list[Record] = []

    def migrate(migration: Any, record: Record) -> Any:
        looked.append(record)
        return plain(migration, record)

    plain = kind.migrate
    monkeypatch.setattr(kind, "migrate", migrate)
    assert uncovered(context)
    assert len(looked) == 1
    context.stop.set()
    assert not uncovered(context)
    assert len(looked) == 1
