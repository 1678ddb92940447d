"""Jobs from claim to end, on every database: every row once, whatever happens meanwhile."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from pqcore.database.connect import Database
from pqcore.database.tables import control, dead_letters, jobs, ranges, runs
from pqcore.engine.checkpoint import Counts, checkpoint
from pqcore.engine.plan import plan_ranges
from pqcore.engine.points import Point
from pqcore.engine.prepare import prepare
from pqcore.engine.run import JobRun
from pqcore.errors import DatabaseUnavailable, StateConflict
from pqcore.jobs.claims import LeaseLost, beat, claim_due, claim_job, release
from pqcore.jobs.model import Progress, Purpose, Status
from pqcore.jobs.range_claims import claim_range
from tests.engine.items import ITEMS, Bench, body_of, listening, old_row, sha1, sha512


@pytest.fixture
def bench(database: Database) -> Bench:
    return Bench(database)


def test_a_job_migrates_every_row_and_is_done(bench: Bench) -> None:
    bench.fill(1500)
    job = bench.run(bench.job())
    assert job.status is Status.DONE
    assert job.error is None
    assert (job.progress.total, job.progress.migrated, job.processed_count) == (1500, 1500, 1500)
    assert job.is_done
    assert job.started_at is not None
    assert job.finished_at is not None
    assert job.held_by is None
    bench.assert_all_new()
    assert {t.status: t.processed_total for t in bench.jobs.totals()} == {Status.DONE: 1500}
    assert [e.kind for e in bench.jobs.events(job.id)] == ["done", "started", "created"]


def test_an_empty_table_is_done_at_once(bench: Bench) -> None:
    job = bench.run(bench.job())
    assert (job.status, job.progress.total, job.processed_count) == (Status.DONE, 0, 0)


def test_a_second_job_on_the_same_rows_skips_them_all(bench: Bench) -> None:
    bench.fill(50)
    bench.run(bench.job())
    before = bench.rows()
    job = bench.run(bench.job())
    assert (job.progress.migrated, job.progress.skipped) == (0, 50)
    assert bench.rows() == before


def test_only_selected_rows_are_touched(bench: Bench) -> None:
    bench.fill(100)
    job = bench.run(bench.job(where={"column": "id", "op": "gt", "value": 60}))
    assert (job.progress.total, job.progress.migrated) == (40, 40)
    assert {key for key, (_, digest) in bench.rows().items() if digest != sha1(body_of(key))} == set(range(61, 101))


def test_a_limit_takes_the_first_rows_in_key_order(bench: Bench) -> None:
    bench.fill(500)
    job = bench.run(bench.job(limit=137, where={"column": "digest", "op": "not_like", "value": "sha-512:%"}))
    assert (job.progress.total, job.progress.migrated) == (137, 137)
    new = {key for key, (body, digest) in bench.rows().items() if digest == sha512(body)}
    assert new == set(range(1, 138))


def test_an_empty_value_is_skipped(bench: Bench) -> None:
    bench.fill(10)
    with bench.db.write() as conn:
        conn.execute(sa.update(ITEMS).where(ITEMS.c.id == 3).values(digest=None))
    job = bench.run(bench.job())
    assert (job.progress.migrated, job.progress.skipped) == (9, 1)
    assert bench.rows()[3][1] is None


class TestLiveWriters:
    def test_a_row_changed_between_read_and_write_keeps_the_change(self, bench: Bench) -> None:
        bench.fill(30)
        changed = threading.Event()

        def change(point: Point) -> None:
            if point is Point.BEFORE_WRITE and not changed.is_set():
                changed.set()
                with bench.db.write() as conn:
                    for number in (5, 6):
                        values = {"body": f"new {number}", "digest": sha1(f"new {number}")}
                        conn.execute(sa.update(ITEMS).where(ITEMS.c.id == number).values(values))

        with listening(change):
            job = bench.run(bench.job(), threads=1)
        assert bench.rows()[5] == ("new 5", sha512("new 5"))
        bench.assert_all_new()
        assert job.status is Status.DONE
        assert job.progress.conflicted == 2
        assert job.progress.migrated == 30

    def test_a_row_deleted_between_read_and_write_stays_deleted(self, bench: Bench) -> None:
        bench.fill(30)
        deleted = threading.Event()

        def delete(point: Point) -> None:
            if point is Point.BEFORE_WRITE and not deleted.is_set():
                deleted.set()
                with bench.db.write() as conn:
                    conn.execute(sa.delete(ITEMS).where(ITEMS.c.id == 7))

        with listening(delete):
            job = bench.run(bench.job(), threads=1)
        assert job.status is Status.DONE
        assert 7 not in bench.rows()
        bench.assert_all_new()

    def test_rows_added_behind_the_cursor_are_swept_up(self, bench: Bench) -> None:
        bench.fill(300)
        added = threading.Event()

        def add(point: Point) -> None:
            if point is Point.AFTER_COMMIT and not added.is_set():
                added.set()
                with bench.db.write() as conn:
                    conn.execute(ITEMS.insert(), [old_row(-5), old_row(0), old_row(1000)])

        with listening(add):
            job = bench.run(bench.job())
        assert job.status is Status.DONE
        assert len(bench.rows()) == 303
        bench.assert_all_new()
        assert job.progress.migrated == 303
        assert job.progress.ratio == 1.0


class TestDeadLetters:
    def test_a_value_that_does_not_verify_is_set_aside(self, bench: Bench) -> None:
        bench.fill(40)
        with bench.db.write() as conn:
            conn.execute(sa.update(ITEMS).where(ITEMS.c.id == 9).values(digest=sha1("something else")))
            conn.execute(sa.update(ITEMS).where(ITEMS.c.id == 10).values(digest="no digest"))
        job = bench.run(bench.job())
        assert job.status is Status.DONE
        assert (job.progress.migrated, job.progress.failed) == (38, 2)
        assert job.processed_count == 40
        assert job.error is not None
        assert "2 rows" in job.error
        letters = {letter.row_key: letter for letter in bench.jobs.dead_letters(job.id)}
        assert {k: v.reason for k, v in letters.items()} == {"[9]": "unverifiable", "[10]": "unparseable"}
        assert bench.rows()[9][1] == sha1("something else")

    def test_too_many_fail_the_job_and_a_retry_takes_them_again(self, bench: Bench) -> None:
        bench.fill(20)
        with bench.db.write() as conn:
            conn.execute(sa.update(ITEMS).where(ITEMS.c.id.in_([3, 4])).values(digest=sha1("other")))
        job_id = bench.job(max_failures=1)
        job = bench.run(job_id)
        assert job.status is Status.FAILED
        assert job.error is not None
        assert "retry" in job.error
        assert job.progress.failed == 2
        with bench.db.write() as conn:
            for number in (3, 4):
                conn.execute(sa.update(ITEMS).where(ITEMS.c.id == number).values(digest=sha1(body_of(number))))
        assert bench.jobs.retry(job_id).status is Status.PENDING
        job = bench.run(job_id)
        assert job.status is Status.DONE
        assert job.error is None
        assert (job.progress.migrated, job.progress.failed) == (20, 0)
        bench.assert_all_new()
        assert bench.jobs.dead_letters(job_id) == []

    def test_a_row_that_the_database_refuses_is_found_by_halving(self, bench: Bench) -> None:
        with bench.db.write() as conn:
            conn.execute(sa.text("DROP TABLE items"))
            conn.execute(
                sa.text(
                    "CREATE TABLE items (id BIGINT NOT NULL PRIMARY KEY, body VARCHAR(200) NOT NULL, "
                    "digest VARCHAR(200), CONSTRAINT short CHECK (id <> 11 OR LENGTH(digest) < 50))"
                )
            )
        bench.fill(30)
        job = bench.run(bench.job())
        assert job.status is Status.DONE
        assert (job.progress.migrated, job.progress.failed) == (29, 1)
        assert [(x.row_key, x.reason) for x in bench.jobs.dead_letters(job.id)] == [("[11]", "rejected")]

    def test_from_scratch_forgets_ranges_and_dead_letters(self, bench: Bench) -> None:
        bench.fill(20)
        with bench.db.write() as conn:
            conn.execute(sa.update(ITEMS).where(ITEMS.c.id == 3).values(digest="junk"))
        job_id = bench.job(max_failures=0)
        assert bench.run(job_id).status is Status.FAILED
        job = bench.jobs.retry(job_id, from_scratch=True)
        assert (job.processed_count, job.started_at, job.progress.total) == (0, None, None)
        with bench.db.read() as conn:
            assert conn.execute(sa.select(sa.func.count()).select_from(ranges)).scalar_one() == 0
            assert conn.execute(sa.select(sa.func.count()).select_from(dead_letters)).scalar_one() == 0


class TestSteering:
    def test_pause_stops_between_batches_and_resume_goes_on(self, bench: Bench) -> None:
        bench.fill(2000)
        job_id = bench.job()
        asked = threading.Event()

        def ask(point: Point) -> None:
            if point is Point.AFTER_COMMIT and not asked.is_set():
                asked.set()
                assert bench.jobs.pause(job_id).state == "pausing"
            if point is Point.BEFORE_READ and asked.is_set() and not resumed.is_set():
                resumed.wait(2)  # hold the batches until the heartbeat has seen the request

        resumed = threading.Event()
        with listening(ask):
            job = bench.run(job_id)
        assert job.state == "paused"
        assert 0 < job.progress.migrated < 2000
        assert job.processed_count == job.progress.migrated
        assert claim_due(bench.db, "other") is None
        with pytest.raises(StateConflict, match="paused"):
            bench.run(job_id)
        resumed.set()
        assert bench.jobs.resume(job_id).state == "pending"
        job = bench.run(job_id)
        assert (job.status, job.progress.migrated) == (Status.DONE, 2000)
        bench.assert_all_new()

    def test_cancel_while_running_keeps_what_is_done(self, bench: Bench) -> None:
        bench.fill(2000)
        job_id = bench.job()
        asked, gone_on = threading.Event(), threading.Event()

        def ask(point: Point) -> None:
            if point is Point.AFTER_COMMIT and not asked.is_set():
                asked.set()
                bench.jobs.cancel(job_id)
            if point is Point.BEFORE_READ and asked.is_set():
                gone_on.wait(2)

        with listening(ask):
            job = bench.run(job_id)
        assert job.status is Status.CANCELLED
        assert job.finished_at is not None
        assert job.request is None
        new = sum(digest == sha512(body) for body, digest in bench.rows().values())
        assert 0 < new == job.progress.migrated == job.processed_count < 2000

    def test_pending_jobs_are_paused_and_cancelled_at_once(self, bench: Bench) -> None:
        job_id = bench.job()
        assert bench.jobs.pause(job_id).state == "paused"
        assert claim_due(bench.db, "worker") is None
        assert bench.jobs.resume(job_id).state == "pending"
        assert bench.jobs.cancel(job_id).status is Status.CANCELLED
        for action in (bench.jobs.pause, bench.jobs.resume, bench.jobs.cancel, bench.jobs.run_now):
            with pytest.raises(StateConflict):
                action(job_id)
        assert bench.jobs.retry(job_id).status is Status.PENDING

    def test_a_stopping_worker_leaves_the_job_resumable(self, bench: Bench) -> None:
        bench.fill(2000)
        job_id = bench.job()
        worker = bench.worker()

        def stop(point: Point) -> None:
            if point is Point.AFTER_COMMIT:
                worker.request_stop()
                stopped.wait(1)

        stopped = threading.Event()
        with listening(stop):
            job = worker.run_job(job_id)
        stopped.set()
        assert worker.stop()
        assert job.status is Status.PENDING
        assert job.processed_count == job.progress.migrated > 0
        assert bench.jobs.workers() == []
        assert bench.run(job_id).progress.migrated == 2000
        bench.assert_all_new()

    def test_a_job_that_another_program_cancels_is_left_alone(self, bench: Bench) -> None:
        bench.fill(2000)
        job_id = bench.job()
        asked, seen = threading.Event(), threading.Event()

        def change(point: Point) -> None:
            if point is Point.AFTER_COMMIT and not asked.is_set():
                asked.set()
                with bench.db.write() as conn:
                    conn.execute(sa.update(jobs).where(jobs.c.id == job_id).values(status="cancelled"))
            if point is Point.BEFORE_READ and asked.is_set():
                seen.wait(2)

        with listening(change):
            job = bench.run(job_id)
        assert job.status is Status.CANCELLED
        assert 0 < job.progress.migrated < 2000


class TestClaims:
    def test_one_winner(self, bench: Bench) -> None:
        for _ in range(5):
            bench.job()
        barrier = threading.Barrier(4)
        won: list[int] = []

        def claim(number: int) -> None:
            barrier.wait()
            while (got := claim_due(bench.db, f"worker {number}")) is not None:
                won.append(got.job_id)

        threads = [threading.Thread(target=claim, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(won) == sorted(set(won))
        # a claimer that finds the only free job locked may give up early; what is left is still claimable
        while (got := claim_due(bench.db, "last")) is not None:
            won.append(got.job_id)
        assert len(won) == len(set(won)) == 5

    def test_the_schedule_is_kept_by_the_databases_clock(self, bench: Bench) -> None:
        job_id = bench.job()
        with bench.db.write() as conn:
            later = datetime.now(UTC) + timedelta(hours=1)
            conn.execute(sa.update(jobs).where(jobs.c.id == job_id).values(scheduled_at=later))
        assert claim_due(bench.db, "worker") is None
        assert bench.jobs.run_now(job_id).status is Status.PENDING
        claim = claim_due(bench.db, "worker")
        assert claim is not None
        assert claim.job_id == job_id

    def test_a_held_job_is_not_claimed_twice(self, bench: Bench) -> None:
        job_id = bench.job()
        claim = claim_job(bench.db, "first", job_id)
        with pytest.raises(StateConflict, match="another worker"):
            claim_job(bench.db, "second", job_id)
        assert release(bench.db, claim, Status.PENDING)
        assert claim_job(bench.db, "second", job_id).epoch == claim.epoch + 1
        assert not release(bench.db, claim, Status.DONE)
        assert bench.jobs.get(job_id).status is Status.RUNNING

    def test_a_running_job_of_another_program_is_not_taken(self, bench: Bench) -> None:
        job_id = bench.job()
        with bench.db.write() as conn:
            conn.execute(sa.update(jobs).where(jobs.c.id == job_id).values(status="running"))
        assert claim_due(bench.db, "worker") is None
        with pytest.raises(StateConflict):
            claim_job(bench.db, "worker", job_id)


def expire_leases(bench: Bench) -> None:
    past = datetime(2000, 1, 1, tzinfo=UTC)
    with bench.db.write() as conn:
        conn.execute(sa.update(runs).where(runs.c.lease_owner.is_not(None)).values(lease_expires_at=past))
        conn.execute(sa.update(ranges).where(ranges.c.lease_owner.is_not(None)).values(lease_expires_at=past))


class TestTakeover:
    def test_starting_over_fences_whoever_was_at_it(self, bench: Bench) -> None:
        """Epochs go on when a job is started from scratch: the old worker's claims must not fit the new ranges."""
        bench.fill(300)
        job_id = bench.job()
        old_claim = claim_job(bench.db, "old", job_id)
        context = prepare(bench.db, bench.keys, bench.jobs.get(job_id), threading.Event())
        plan_ranges(context, old_claim, Purpose.MIGRATE)
        old_range = claim_range(bench.db, job_id, "old", Purpose.MIGRATE)
        assert old_range is not None
        expire_leases(bench)
        bench.jobs.cancel(job_id)
        bench.jobs.retry(job_id, from_scratch=True)
        new_claim = claim_job(bench.db, "old", job_id)  # even under the same name
        context = prepare(bench.db, bench.keys, bench.jobs.get(job_id), threading.Event())
        plan_ranges(context, new_claim, Purpose.MIGRATE)
        new_range = claim_range(bench.db, job_id, "old", Purpose.MIGRATE)
        assert new_range is not None
        assert (new_range.seq, new_claim.epoch > old_claim.epoch) == (old_range.seq, True)
        with pytest.raises(LeaseLost), bench.db.write() as conn:
            checkpoint(conn, old_range, Counts(migrated=5), cursor=(7,))
        with pytest.raises(LeaseLost):
            beat(bench.db, old_claim)
        assert not release(bench.db, old_claim, Status.FAILED)
        assert bench.jobs.get(job_id).status is Status.RUNNING

    def test_a_fenced_zombie_writes_nothing(self, bench: Bench) -> None:
        """A worker stopped just before its commit wakes after another has finished the job."""
        bench.fill(400)
        job_id = bench.job()
        asleep, wake = threading.Event(), threading.Event()
        zombie = bench.worker(threads=1)
        sleeper: list[int] = []

        def doze(point: Point) -> None:
            if point is Point.BEFORE_WRITE and not asleep.is_set():
                sleeper.append(threading.get_ident())
                asleep.set()
                wake.wait(60)

        with listening(doze):
            thread = threading.Thread(target=zombie.run_job, args=(job_id,))
            thread.start()
            assert asleep.wait(30)
            # as if the process were stopped: its heartbeat goes on, so fence it as an expiry would
            with bench.db.write() as conn:
                conn.execute(
                    sa.update(runs).values(lease_epoch=runs.c.lease_epoch + 1, lease_owner=None, lease_expires_at=None)
                )
                conn.execute(
                    sa.update(ranges).values(
                        lease_epoch=ranges.c.lease_epoch + 1, lease_owner=None, lease_expires_at=None
                    )
                )
            job = bench.run(job_id)
            assert (job.status, job.progress.migrated) == (Status.DONE, 400)
            after = bench.rows()
            wake.set()
            thread.join(30)
        assert not thread.is_alive()
        zombie.stop()
        assert bench.rows() == after
        assert bench.jobs.get(job_id) == job

    def test_the_work_of_a_dead_worker_goes_on_from_its_checkpoint(self, bench: Bench) -> None:
        bench.fill(600)
        job_id = bench.job()
        claim = claim_job(bench.db, "dead", job_id)
        assert claim_due(bench.db, "alive") is None
        expire_leases(bench)
        job = bench.jobs.get(job_id)
        assert job.lease_expired
        assert job.held_by is None
        taken = claim_due(bench.db, "alive")
        assert taken is not None
        assert (taken.job_id, taken.epoch) == (job_id, claim.epoch + 1)
        expire_leases(bench)
        worker = bench.worker()
        drained = worker.drain()
        worker.stop()
        assert drained.done == 1
        bench.assert_all_new()

    def test_an_abandoned_job_is_cancelled_at_once(self, bench: Bench) -> None:
        job_id = bench.job()
        claim = claim_job(bench.db, "dead", job_id)
        expire_leases(bench)
        assert bench.jobs.cancel(job_id).status is Status.CANCELLED
        assert not release(bench.db, claim, Status.DONE)


def test_a_job_that_cannot_start_fails_with_a_remedy(bench: Bench) -> None:
    job_id = bench.job(field="nosuch")
    job = bench.run(job_id)
    assert job.status is Status.FAILED
    assert job.error is not None
    assert "nosuch" in job.error


def test_drain_runs_what_is_due_and_tells_how_it_ended(bench: Bench) -> None:
    bench.fill(20)
    bench.job()
    bench.job(field="nosuch")
    later = bench.job()
    with bench.db.write() as conn:
        when = datetime.now(UTC) + timedelta(hours=1)
        conn.execute(sa.update(jobs).where(jobs.c.id == later).values(scheduled_at=when))
    worker = bench.worker()
    drained = worker.drain()
    worker.stop()
    assert (drained.done, drained.failed) == (1, 1)
    assert bench.jobs.get(later).status is Status.PENDING


def test_a_started_worker_finds_jobs_by_itself(bench: Bench) -> None:
    bench.fill(200)
    ended = threading.Event()
    first, second = bench.job(), bench.job(where={"column": "id", "op": "le", "value": 10})
    worker = bench.worker()
    worker.start(lambda job: ended.set() if job.is_done else None)
    try:
        deadline = threading.Event()
        while not all(bench.jobs.get(j).is_done for j in (first, second)) and not deadline.wait(0.05):
            pass
    finally:
        assert worker.stop(30)
    bench.assert_all_new()


def test_requests_are_forgotten_when_a_job_ends(bench: Bench) -> None:
    bench.fill(5)
    job_id = bench.job()
    bench.jobs.pause(job_id)
    bench.jobs.resume(job_id)
    bench.run(job_id)
    with bench.db.read() as conn:
        assert conn.execute(sa.select(control.c.request)).scalar_one_or_none() is None


class TestTrouble:
    def test_lost_connections_cost_time_and_nothing_else(self, bench: Bench) -> None:
        """Every ninth transaction finds its connection cut, wherever it is."""
        if bench.db.dialect.name == "sqlite":
            pytest.skip("SQLite has no connection to cut")
        bench.fill(800)
        job_id = bench.job()
        turns = iter(range(10**9))

        def cut(conn: sa.Connection) -> None:
            # to prepare the job takes more than nine of them, which would never be done
            if threading.current_thread().name not in ("MainThread", "pqconsole-unless") and next(turns) % 9 == 8:
                driver = conn.connection.driver_connection
                assert driver is not None
                with socket.socket(fileno=os.dup(_descriptor(driver))) as line:
                    line.shutdown(socket.SHUT_RDWR)

        sa.event.listen(bench.db.engine, "begin", cut)
        try:
            job = bench.run(job_id)
        finally:
            sa.event.remove(bench.db.engine, "begin", cut)
        assert (job.status, job.error) == (Status.DONE, None)
        bench.assert_all_new()
        assert job.progress.migrated == 800

    def test_the_end_waits_for_its_counters(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        """A database that is away when the job ends must not make its dead letters unseen."""
        bench.fill(30)
        with bench.db.write() as conn:
            conn.execute(sa.update(ITEMS).where(ITEMS.c.id == 5).values(digest="junk"))
        known, away = JobRun._progress, [3]

        def progress(run: JobRun) -> Progress:
            if run._stop.is_set() and away[0]:
                away[0] -= 1
                raise DatabaseUnavailable("It is away", "Wait")
            return known(run)

        monkeypatch.setattr(JobRun, "_progress", progress)
        job = bench.run(bench.job())
        assert away == [0]
        assert job.error is not None
        assert "1 row could not be migrated" in job.error

    def test_a_job_whose_table_changed_since_fails_with_the_remedy(self, bench: Bench) -> None:
        bench.fill(5)
        job_id = bench.job(options={"mode": "digest", "source": "nosuch"})
        job = bench.run(job_id)
        assert job.status is Status.FAILED
        assert job.error is not None
        assert "nosuch" in job.error
        assert "unexpected" not in job.error

    def test_few_rows_pass_a_threshold_of_none(self, bench: Bench) -> None:
        bench.fill(5000)
        with bench.db.write() as conn:
            conn.execute(sa.update(ITEMS).values(digest="junk"))
        job = bench.run(bench.job(max_failures=0))
        assert job.status is Status.FAILED
        assert 1 <= job.progress.failed < 500


class TestForeignWords:
    """Another product's job table may hold words that pqconsole does not know."""

    @pytest.fixture
    def foreign(self, tmp_path: Path) -> Iterator[Bench]:
        db = Database.open(f"sqlite:///{tmp_path / 'foreign.sqlite'}")
        with db.write() as conn:
            columns = ", ".join(f"{c.name} TEXT" for c in jobs.columns if c.name not in ("id", "processed_count"))
            conn.exec_driver_sql(
                f"CREATE TABLE pq_migration_jobs (id INTEGER PRIMARY KEY, {columns}, processed_count BIGINT DEFAULT 0)"
            )
            conn.exec_driver_sql("INSERT INTO pq_migration_jobs (scope, status) VALUES ('tokens', 'pending')")
            conn.exec_driver_sql("INSERT INTO pq_migration_jobs (scope, status) VALUES ('hashes', 'PAUSED')")
        yield Bench(db)
        db.close()

    def test_they_are_listed_as_they_are_and_never_run(self, foreign: Bench) -> None:
        page = foreign.jobs.page()
        assert [(job.scope.value, job.status.value) for job in page.jobs] == [
            ("hashes", "PAUSED"),
            ("tokens", "pending"),
        ]
        assert {total.status.value for total in foreign.jobs.totals()} == {"PAUSED", "pending"}
        assert claim_due(foreign.db, "worker") is None
        with pytest.raises(StateConflict):
            foreign.jobs.cancel(2)


def _descriptor(driver: object) -> int:
    """The socket of a psycopg or PyMySQL connection."""
    if hasattr(driver, "fileno"):
        return int(driver.fileno())
    return int(driver._sock.fileno())  # type: ignore[attr-defined]
