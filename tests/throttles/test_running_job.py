"""Jobs that are held back while they run, on every database: what is seen of it, what changes it, what ends it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from pqcore.database.connect import Database
from pqcore.database.tables import control, ranges
from pqcore.engine.points import Point
from pqcore.engine.worker import Worker
from pqcore.jobs.leases import VARIABLE
from pqcore.jobs.model import Job, Purpose, Status
from tests.engine.items import Bench, listening

SOON = 60.0  # seconds after which a test is stuck


@pytest.fixture
def bench(database: Database, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setenv(VARIABLE, "1.2")  # a heartbeat every 0.2 s
    return Bench(database)


def closed_window() -> str:
    """A window of an hour that opens in six."""
    opens = datetime.now(UTC) + timedelta(hours=6)
    return f"{opens:%H:%M}-{opens + timedelta(hours=1):%H:%M}"


WINDOW = closed_window()


class Watching:
    """Does something once, at the first heartbeat at which the job looks a certain way; remembers all points."""

    def __init__(self, bench: Bench, job_id: int, when: Callable[[Job], bool], act: Callable[[], object]) -> None:
        self.points: list[Point] = []
        self.seen: Job | None = None
        self.acted = threading.Event()
        self._bench, self._job_id, self._when, self._act = bench, job_id, when, act

    def __call__(self, point: Point) -> None:
        if self.acted.is_set():
            self.points.append(point)
        elif point is Point.AFTER_BEAT:
            job = self._bench.jobs.get(self._job_id)
            if self._when(job):
                self.seen = job
                self._act()
                self.acted.set()


def held_by(reason: str) -> Callable[[Job], bool]:
    return lambda job: job.throttle_reason == reason


def tuning(bench: Bench, job_id: int, **throttle: Any) -> Callable[[], object]:
    return lambda: bench.jobs.tune(job_id, {"throttle": throttle})


@contextmanager
def running(bench: Bench, job_id: int, threads: int = 2) -> Iterator[Worker]:
    """The job in a thread of its own, which has to have ended at the end."""
    worker = bench.worker(threads)
    thread = threading.Thread(target=worker.run_job, args=(job_id,))
    thread.start()
    try:
        yield worker
        thread.join(SOON)
        assert not thread.is_alive(), "the job is stuck"
    finally:
        assert worker.stop(SOON)


def test_a_job_outside_its_window_waits_and_goes_on_when_the_window_is_lifted(bench: Bench) -> None:
    bench.fill(60)
    job_id = bench.job(throttle={"windows": [WINDOW]})
    lift = Watching(bench, job_id, held_by(f"outside {WINDOW}"), tuning(bench, job_id, windows=None))
    with listening(lift):
        job = bench.run(job_id)
    assert lift.seen is not None
    assert (lift.seen.state, lift.seen.progress.total) == ("running", None), "held before anything is counted"
    assert lift.seen.held_by is not None
    assert (job.status, job.progress.migrated, job.throttle_reason) == (Status.DONE, 60, None)
    assert job.throttled_seconds > 0
    bench.assert_all_new()


def test_a_change_takes_effect_with_the_next_heartbeat(bench: Bench) -> None:
    bench.fill(60)
    job_id = bench.job(throttle={"windows": [WINDOW]})
    lift = Watching(bench, job_id, held_by(f"outside {WINDOW}"), tuning(bench, job_id, windows=None))
    with listening(lift):
        bench.run(job_id)
    until_it_counts = lift.points[: lift.points.index(Point.BEFORE_FIX)]
    # the one that was under way when it was tuned, the one that reads the change, and their reports of what changed
    assert until_it_counts.count(Point.AFTER_BEAT) <= 3


def test_a_running_job_is_slowed_down_and_let_go(bench: Bench) -> None:
    bench.fill(1500)
    job_id = bench.job(batch={"rows": 50})
    slowed, batches_then = threading.Event(), []

    def act(point: Point) -> None:
        if point is Point.AFTER_COMMIT and not slowed.is_set():
            slowed.set()
            bench.jobs.tune(job_id, {"throttle": {"rows_per_second": 2}})
        if point is Point.BEFORE_READ and slowed.is_set() and not lift.acted.is_set():
            batches_then.append(point)
            obeyed.wait(SOON)  # no further batch before the heartbeat has seen the change
        if point is Point.AFTER_BEAT and slowed.is_set():
            beats.append(point)
            if len(beats) == 3:
                obeyed.set()
        lift(point)

    beats: list[Point] = []
    obeyed = threading.Event()
    lift = Watching(bench, job_id, held_by("rate 2/s"), tuning(bench, job_id, rows_per_second=None))
    with listening(act):
        job = bench.run(job_id)
    assert lift.seen is not None
    assert lift.seen.progress.migrated < 1500
    assert len(batches_then) <= 2 + 2, "those under way, and at most one more of each thread"
    assert (job.status, job.progress.migrated) == (Status.DONE, 1500)
    assert job.throttled_seconds > 0
    bench.assert_all_new()


def test_tuned_batches_are_as_large_as_they_may(bench: Bench) -> None:
    bench.fill(400)
    job_id = bench.job()
    bench.jobs.tune(job_id, {"batch": {"rows": 7}})
    batches: list[Point] = []

    def count(point: Point) -> None:
        if point is Point.BEFORE_COMMIT:
            batches.append(point)

    with listening(count):
        assert bench.run(job_id).progress.migrated == 400
    assert len(batches) >= 400 / 7


def test_a_range_goes_on_with_the_size_that_the_one_before_it_reached(bench: Bench) -> None:
    bench.fill(2800)  # in twelve ranges of 100, 200 and 400 rows
    reads: list[Point] = []

    def count(point: Point) -> None:
        if point is Point.BEFORE_READ:
            reads.append(point)

    with listening(count):
        # an aim that is always kept: how fast this machine is just now does not matter here
        job = bench.run(bench.job(batch={"target_ms": 10_000}), threads=1)
    assert job.progress.migrated == 2800
    with bench.db.read() as conn:
        cut = conn.execute(sa.select(sa.func.count()).select_from(ranges)).scalar_one()
    # starting with 16 rows in each, it would be 50
    assert len(reads) < 2 * cut + 10


@pytest.mark.parametrize(
    ("throttle", "reason"),
    [({"windows": [WINDOW]}, f"outside {WINDOW}"), ({"rows_per_second": 0.001}, "rate 0.001/s")],
    ids=["window", "rate"],
)
class TestEndsAtOnce:
    """A wait of hours gives way to what operators ask; without that, these tests would not end."""

    def test_when_paused(self, bench: Bench, throttle: dict[str, Any], reason: str) -> None:
        bench.fill(60)
        job_id = bench.job(throttle=throttle)
        with listening(Watching(bench, job_id, held_by(reason), lambda: bench.jobs.pause(job_id))):
            job = bench.run(job_id)
        assert (job.state, job.throttle_reason, job.held_by) == ("paused", None, None)
        assert_no_leases(bench)

    def test_when_cancelled(self, bench: Bench, throttle: dict[str, Any], reason: str) -> None:
        bench.fill(60)
        job_id = bench.job(throttle=throttle)
        with listening(Watching(bench, job_id, held_by(reason), lambda: bench.jobs.cancel(job_id))):
            job = bench.run(job_id)
        assert job.status is Status.CANCELLED
        assert_no_leases(bench)

    def test_when_its_worker_stops(self, bench: Bench, throttle: dict[str, Any], reason: str) -> None:
        bench.fill(60)
        job_id = bench.job(throttle=throttle)
        held = Watching(bench, job_id, held_by(reason), lambda: None)
        with listening(held), running(bench, job_id) as worker:
            assert held.acted.wait(SOON)
            worker.request_stop()
        job = bench.jobs.get(job_id)
        assert (job.status, job.held_by) == (Status.PENDING, None)
        assert job.throttled_seconds > 0
        assert_no_leases(bench)


def assert_no_leases(bench: Bench) -> None:
    with bench.db.read() as conn:
        held = sa.select(ranges.c.seq).where(ranges.c.state == "open", ranges.c.lease_owner.is_not(None))
        assert conn.execute(held).all() == []


def test_throttled_time_is_added_up_over_several_runs(bench: Bench) -> None:
    bench.fill(20)
    job_id = bench.job(throttle={"windows": [WINDOW]})
    spent = []
    for _ in range(2):
        with listening(Watching(bench, job_id, held_by(f"outside {WINDOW}"), lambda: bench.jobs.pause(job_id))):
            spent.append(bench.run(job_id).throttled_seconds)
        bench.jobs.resume(job_id)
    assert 0 < spent[0] < spent[1]


def test_a_held_job_leaves_its_threads_to_others(bench: Bench) -> None:
    bench.fill(200)
    low, high = {"column": "id", "op": "le", "value": 100}, {"column": "id", "op": "gt", "value": 100}
    held_ids = [bench.job(where=low, throttle={"windows": [WINDOW]}) for _ in range(3)]
    slow_id = bench.job(where=low, throttle={"rows_per_second": 0.001})
    free_id = bench.job(where=high)
    done = threading.Event()

    def look(_point: Point) -> None:
        if _point is Point.AFTER_FINISH:
            done.set()

    worker = bench.worker(threads=1)
    with listening(look):
        worker.start()
        assert done.wait(SOON)
        states = {job_id: bench.jobs.get(job_id).status for job_id in (*held_ids, slow_id, free_id)}
        assert worker.stop(SOON)
    assert states.pop(free_id) is Status.DONE
    assert Status.DONE not in states.values()


def test_what_cannot_be_read_is_said_once_and_holds_nothing(bench: Bench) -> None:
    """No replica is connected to the servers of the tests, and SQLite has none."""
    bench.fill(40)
    job_id = bench.job(throttle={"max_replica_lag": 1, "rows_per_second": 0.5}, batch={"rows": 1})
    beats: list[Point] = []

    def several_beats(point: Point) -> None:
        if point is Point.AFTER_BEAT:
            beats.append(point)
            if len(beats) == 4:
                bench.jobs.tune(job_id, {"throttle": {"rows_per_second": None}, "batch": {"rows": None}})

    with listening(several_beats):
        job = bench.run(job_id)
    assert job.status is Status.DONE
    said = [event.message for event in bench.jobs.events(job_id) if event.kind == "limits"]
    assert len(said) == 1
    assert said[0].startswith("Not held back by replica lag: ")


def test_limits_that_another_program_broke_are_passed_over(bench: Bench) -> None:
    bench.fill(40)
    job_id = bench.job(throttle={"windows": [WINDOW]})

    def spoil() -> None:
        with bench.db.write() as conn:
            conn.execute(control.insert().values(job_id=job_id, limits={"throttle": 5}, updated_at=datetime.now(UTC)))

    def then_lift(point: Point) -> None:
        broken(point)
        said = broken.acted.is_set() and point is Point.AFTER_BEAT
        if said and any(e.kind == "limits" for e in bench.jobs.events(job_id)) and not lifted.is_set():
            lifted.set()
            with bench.db.write() as conn:
                conn.execute(sa.update(control).values(limits={"throttle": {"windows": None}}))

    lifted = threading.Event()
    broken = Watching(bench, job_id, held_by(f"outside {WINDOW}"), spoil)
    with listening(then_lift):
        job = bench.run(job_id)
    assert job.status is Status.DONE
    (said,) = [event.message for event in bench.jobs.events(job_id) if event.kind == "limits"]
    assert said.startswith("Changed limits are passed over. throttle: ")


def test_operations_keep_to_the_limits_and_can_be_tuned(bench: Bench) -> None:
    bench.fill(40)
    job_id = bench.job()
    bench.run(job_id)
    bench.jobs.tune(job_id, {"throttle": {"windows": [WINDOW]}})
    lift = Watching(bench, job_id, held_by(f"outside {WINDOW}"), tuning(bench, job_id, windows=None))
    worker = bench.worker()
    with listening(lift):
        assert worker.operate(job_id, Purpose.VERIFY).migrated == 40
    worker.stop()
    assert lift.seen is not None
    job = bench.jobs.get(job_id)
    assert (job.status, job.throttle_reason) == (Status.DONE, None)
    assert job.throttled_seconds > 0
