"""After a job has ended: verify, roll back, finalize, and another try for its dead letters; on every database."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from pqcore.database.connect import Database
from pqcore.database.tables import dead_letters, originals, runs, signatures
from pqcore.engine.points import Point
from pqcore.errors import OperationFailed, StateConflict
from pqcore.jobs.model import Job, Phase, Progress, Purpose, Status
from pqcore.jobs.operation_claims import claim_operation
from pqcore.migrations.base import Scope
from tests.engine.items import ITEMS, Bench, body_of, listening, sha1, sha512
from tests.engine.test_scopes import ROWS, SIGN, Estate


@pytest.fixture
def bench(database: Database) -> Bench:
    return Bench(database)


def operate(bench: Bench, job: Job, purpose: Purpose) -> Progress:
    worker = bench.worker()
    try:
        return worker.operate(job.id, purpose)
    finally:
        worker.stop()


def stopped_on_the_way(bench: Bench, job: Job, purpose: Purpose) -> None:
    """Begin it, and stop it once a batch of it is written."""
    worker = bench.worker(threads=1)

    def stop(point: Point) -> None:
        if point is Point.AFTER_COMMIT and worker.active:
            worker.stop_job(job.id)

    with listening(stop), pytest.raises(StateConflict, match="again to go on"):
        worker.operate(job.id, purpose)
    worker.stop()


def kept(bench: Bench) -> int:
    with bench.db.read() as conn:
        return int(conn.execute(sa.select(sa.func.count()).select_from(originals)).scalar_one())


def set_digest(bench: Bench, number: int, digest: str) -> None:
    with bench.db.write() as conn:
        conn.execute(sa.update(ITEMS).where(ITEMS.c.id == number).values(digest=digest))


class TestVerify:
    def test_every_migrated_value_is_proved(self, bench: Bench) -> None:
        bench.fill(300)
        job = bench.run(bench.job())
        assert operate(bench, job, Purpose.VERIFY).migrated == 300
        after = bench.jobs.get(job.id)
        assert (after.phase, after.status, after.progress) == (Phase.VERIFIED, Status.DONE, job.progress)
        assert bench.jobs.events(job.id)[0].message == "Verified: 300 values proved"

    def test_a_changed_content_is_found_and_named(self, bench: Bench) -> None:
        bench.fill(50)
        job = bench.run(bench.job())
        with bench.db.write() as conn:
            conn.execute(sa.update(ITEMS).where(ITEMS.c.id == 8).values(body="tampered"))
        with pytest.raises(OperationFailed, match="1 value does not prove"):
            operate(bench, job, Purpose.VERIFY)
        assert [x.row_key for x in bench.jobs.dead_letters(job.id)] == ["[8]"]
        with bench.db.write() as conn:
            conn.execute(sa.update(ITEMS).where(ITEMS.c.id == 8).values(body=body_of(8)))
        assert operate(bench, job, Purpose.VERIFY).migrated == 50
        assert bench.jobs.dead_letters(job.id) == []

    def test_only_ended_jobs_are_verified(self, bench: Bench) -> None:
        job = bench.jobs.get(bench.job())
        with pytest.raises(StateConflict, match="pending"):
            operate(bench, job, Purpose.VERIFY)


class TestRollback:
    @pytest.mark.parametrize("binary", [False, True], ids=["text", "binary"])
    def test_letter_case_spaces_and_bytes_come_back(self, bench: Bench, binary: bool) -> None:
        """What a collation, or a fixed width, would take for the same; NULL stays NULL."""
        table = sa.Table(
            "odd",
            sa.MetaData(),
            sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
            sa.Column("body", sa.String(200), nullable=False),
            sa.Column("digest", sa.LargeBinary(200) if binary else sa.String(200)),
        )
        table.create(bench.db.engine)
        old: dict[int, str | bytes | None] = {
            n: bytes.fromhex(sha1(f"{n}")) if binary else (sha1(f"{n}").upper() if n % 2 else sha1(f"{n}"))
            for n in range(1, 900)
        }
        old[7] = None
        with bench.db.write() as conn:
            conn.execute(table.insert(), [{"id": n, "body": f"{n}", "digest": value} for n, value in old.items()])
        if binary:
            ends = {value[-1:] for value in old.values() if isinstance(value, bytes)}
            assert {b"\x00", b" "} <= ends, "some end as padding would"
        job = bench.run(bench.job(table="odd", keep_originals=True))
        assert (job.status, job.progress.migrated, job.progress.failed) == (Status.DONE, 898, 0)
        assert operate(bench, job, Purpose.ROLLBACK).migrated == 898
        with bench.db.read() as conn:
            assert {row.id: row.digest for row in conn.execute(sa.select(table))} == old

    def test_old_values_come_back_byte_for_byte(self, bench: Bench) -> None:
        bench.fill(400)
        before = bench.rows()
        job = bench.run(bench.job(keep_originals=True))
        assert kept(bench) == 400
        assert operate(bench, job, Purpose.ROLLBACK).migrated == 400
        assert bench.rows() == before
        assert kept(bench) == 0
        after = bench.jobs.get(job.id)
        assert after.phase is Phase.ROLLED_BACK
        assert after.error is not None
        assert "400 rows" in after.error
        for purpose in (Purpose.VERIFY, Purpose.FINALIZE):
            with pytest.raises(StateConflict, match="was rolled back"):
                operate(bench, job, purpose)

    def test_a_row_that_has_changed_since_stays(self, bench: Bench) -> None:
        bench.fill(30)
        job = bench.run(bench.job(keep_originals=True))
        set_digest(bench, 4, "sha-512:changed")
        with bench.db.write() as conn:
            conn.execute(sa.delete(ITEMS).where(ITEMS.c.id == 5))
        counts = operate(bench, job, Purpose.ROLLBACK)
        assert (counts.migrated, counts.conflicted) == (28, 2)
        rows = bench.rows()
        assert rows[4][1] == "sha-512:changed"
        assert 5 not in rows
        assert rows[6][1] == sha1(body_of(6))

    def test_it_goes_on_after_a_stop(self, bench: Bench) -> None:
        bench.fill(400)
        before = bench.rows()
        job = bench.run(bench.job(keep_originals=True))
        stopped_on_the_way(bench, job, Purpose.ROLLBACK)
        assert 0 < kept(bench) < 400
        assert operate(bench, job, Purpose.ROLLBACK).migrated == 400
        assert bench.rows() == before

    def test_a_job_without_originals_says_so(self, bench: Bench) -> None:
        bench.fill(5)
        job = bench.run(bench.job())
        with pytest.raises(OperationFailed, match="kept no originals"):
            operate(bench, job, Purpose.ROLLBACK)
        assert bench.jobs.get(job.id).phase is Phase.ENDED

    def test_nor_does_it_count_as_rolled_back(self, bench: Bench) -> None:
        """Killed right after its claim, it can neither go on nor keep the job from being verified."""
        bench.fill(5)
        job = bench.run(bench.job())
        claim_operation(bench.db, "killed", job.id, Purpose.ROLLBACK)
        with bench.db.write() as conn:
            conn.execute(sa.update(runs).values(lease_expires_at=None))
        with pytest.raises(OperationFailed, match="kept no originals"):
            operate(bench, job, Purpose.ROLLBACK)
        assert operate(bench, job, Purpose.VERIFY).migrated == 5

    def test_signatures_beside_the_table_are_withdrawn(self, database: Database) -> None:
        estate = Estate(database)
        job = estate.run(Scope.SIGNATURES, "ML-DSA-44", field="signature", options=SIGN)
        bench = object.__new__(Bench)
        bench.db, bench.keys, bench.jobs = estate.db, estate.keys, estate.jobs
        assert operate(bench, job, Purpose.VERIFY).migrated == ROWS
        assert operate(bench, job, Purpose.ROLLBACK).migrated == ROWS
        with database.read() as conn:
            assert conn.execute(sa.select(sa.func.count()).select_from(signatures)).scalar_one() == 0


class TestFinalize:
    def test_originals_are_destroyed_once_all_is_verified(self, bench: Bench) -> None:
        bench.fill(200)
        job = bench.run(bench.job(keep_originals=True))
        with pytest.raises(StateConflict, match="not verified"):
            operate(bench, job, Purpose.FINALIZE)
        assert kept(bench) == 200
        operate(bench, job, Purpose.VERIFY)
        assert operate(bench, job, Purpose.FINALIZE).migrated == 200
        assert kept(bench) == 0
        assert bench.jobs.get(job.id).phase is Phase.FINALIZED
        bench.assert_all_new()
        with pytest.raises(StateConflict, match="originals destroyed"):
            operate(bench, job, Purpose.ROLLBACK)
        assert operate(bench, job, Purpose.VERIFY).migrated == 200
        assert bench.jobs.get(job.id).phase is Phase.FINALIZED
        with pytest.raises(StateConflict, match="finalized already"):
            operate(bench, job, Purpose.FINALIZE)

    def test_an_attempt_does_not_stand_for_a_verification(self, bench: Bench) -> None:
        """Nor where it is cut short right after its claim: the claim itself is refused."""
        bench.fill(20)
        job = bench.run(bench.job(keep_originals=True))
        for _ in range(2):
            with pytest.raises(StateConflict, match="not verified"):
                claim_operation(bench.db, "soon killed", job.id, Purpose.FINALIZE)
        assert bench.jobs.get(job.id).phase is Phase.ENDED

    def test_a_verification_that_was_stopped_does_not_hide_it(self, bench: Bench) -> None:
        bench.fill(200)
        job = bench.run(bench.job(keep_originals=True))
        operate(bench, job, Purpose.VERIFY)
        operate(bench, job, Purpose.FINALIZE)
        stopped_on_the_way(bench, job, Purpose.VERIFY)
        assert bench.jobs.get(job.id).phase is Phase.VERIFYING
        with pytest.raises(StateConflict, match="originals destroyed"):
            operate(bench, job, Purpose.ROLLBACK)
        assert operate(bench, job, Purpose.VERIFY).migrated == 200
        assert bench.jobs.get(job.id).phase is Phase.FINALIZED

    def test_one_that_was_stopped_leaves_nothing_to_roll_back(self, bench: Bench) -> None:
        bench.fill(200)
        job = bench.run(bench.job(keep_originals=True))
        operate(bench, job, Purpose.VERIFY)
        stopped_on_the_way(bench, job, Purpose.FINALIZE)
        assert 0 < kept(bench) < 200
        operate(bench, job, Purpose.VERIFY)
        with pytest.raises(StateConflict, match="originals destroyed"):
            operate(bench, job, Purpose.ROLLBACK)
        operate(bench, job, Purpose.FINALIZE)
        assert kept(bench) == 0

    def test_a_new_value_in_the_old_form_keeps_them(self, bench: Bench) -> None:
        bench.fill(20)
        job = bench.run(bench.job(keep_originals=True))
        operate(bench, job, Purpose.VERIFY)
        set_digest(bench, 3, sha1(body_of(3)))
        with pytest.raises(OperationFailed, match="old form again"):
            operate(bench, job, Purpose.FINALIZE)
        assert kept(bench) == 20
        assert bench.jobs.get(job.id).phase is Phase.VERIFIED

    def test_dead_letters_keep_them(self, bench: Bench) -> None:
        bench.fill(20)
        set_digest(bench, 3, "junk")
        job = bench.run(bench.job(keep_originals=True))
        operate(bench, job, Purpose.VERIFY)
        with pytest.raises(OperationFailed, match="dead letters"):
            operate(bench, job, Purpose.FINALIZE)
        assert kept(bench) == 19


class TestRequeue:
    def test_dead_letters_are_tried_again_alone(self, bench: Bench) -> None:
        bench.fill(40)
        for number in (3, 4, 5):
            set_digest(bench, number, "junk")
        job = bench.run(bench.job())
        assert (job.status, job.progress.failed) == (Status.DONE, 3)
        set_digest(bench, 3, sha1(body_of(3)))
        with bench.db.write() as conn:
            conn.execute(sa.delete(ITEMS).where(ITEMS.c.id == 4))
        assert bench.jobs.requeue(job.id).status is Status.PENDING
        job = bench.run(job.id)
        assert job.status is Status.DONE
        assert (job.progress.migrated, job.progress.failed) == (38, 1)
        assert [x.row_key for x in bench.jobs.dead_letters(job.id)] == ["[5]"]
        assert bench.rows()[3][1] == sha512(body_of(3))
        assert job.processed_count == 39
        set_digest(bench, 5, sha1(body_of(5)))
        bench.jobs.requeue(job.id)
        job = bench.run(job.id)
        assert (job.progress.migrated, job.progress.failed, job.error) == (39, 0, None)
        bench.assert_all_new()

    def test_the_rest_of_a_failed_job_waits_for_a_retry(self, bench: Bench) -> None:
        bench.fill(500)
        set_digest(bench, 3, "junk")
        job = bench.run(bench.job(max_failures=0))
        assert (job.status, job.progress.failed) == (Status.FAILED, 1)
        assert job.progress.migrated < 499
        set_digest(bench, 3, sha1(body_of(3)))
        bench.jobs.requeue(job.id)
        job = bench.run(job.id)
        assert job.status is Status.FAILED
        assert job.error is not None
        assert "unfinished" in job.error
        assert bench.rows()[3][1] == sha512(body_of(3))
        bench.jobs.retry(job.id)
        job = bench.run(job.id)
        assert (job.status, job.progress.migrated) == (Status.DONE, 500)
        bench.assert_all_new()

    def test_a_job_without_dead_letters_says_so(self, bench: Bench) -> None:
        bench.fill(3)
        job = bench.run(bench.job())
        with pytest.raises(StateConflict, match="no dead letters"):
            bench.jobs.requeue(job.id)

    def test_none_is_lost_while_they_are_tried(self, bench: Bench) -> None:
        bench.fill(10)
        set_digest(bench, 3, "junk")
        job = bench.run(bench.job())
        bench.jobs.requeue(job.id)
        with bench.db.read() as conn:
            assert conn.execute(sa.select(sa.func.count()).select_from(dead_letters)).scalar_one() == 1
