"""What passes by itself costs a job time and nothing else, however long it lasts."""

from __future__ import annotations

import sqlite3
import threading

import pytest
import sqlalchemy as sa

from pqcore.database.connect import Database
from pqcore.engine import backoff, trouble
from pqcore.engine.points import Point
from pqcore.engine.trouble import Trouble
from pqcore.errors import DatabaseUnavailable
from pqcore.jobs.model import Status
from tests.engine.items import ITEMS, Bench, body_of, listening, sha1
from tests.throttles.clocks import Clock

TEN_MINUTES = 600.0


@pytest.fixture
def bench(database: Database) -> Bench:
    return Bench(database)


def test_a_database_that_is_away_for_ten_minutes(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock of its own: each wait counts as long as it would last, and takes no time."""
    bench.fill(300)
    job_id = bench.job()
    away, waited = threading.Event(), [0.0]
    plain = backoff.seconds

    def seconds(attempt: int, draw: float | None = None) -> float:
        waited[0] += plain(attempt, draw)
        if waited[0] > TEN_MINUTES:
            away.clear()
        return 0.001

    def refuse(_conn: sa.Connection) -> None:
        if away.is_set():
            raise DatabaseUnavailable("It is away", "Wait")

    def go_away(point: Point) -> None:
        if point is Point.BEFORE_WRITE and not waited[0]:
            away.set()

    monkeypatch.setattr(backoff, "seconds", seconds)
    sa.event.listen(bench.db.engine, "begin", refuse)
    try:
        with listening(go_away):
            job = bench.run(job_id)
    finally:
        sa.event.remove(bench.db.engine, "begin", refuse)
    assert waited[0] > TEN_MINUTES
    assert (job.status, job.error, job.progress.failed) == (Status.DONE, None, 0)
    assert (job.progress.migrated, job.processed_count) == (300, 300)
    bench.assert_all_new()


def test_a_full_disk_is_said_and_waited_for(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    if bench.db.dialect.name != "sqlite":
        return  # it alone can be told that its disk is small
    monkeypatch.setattr(trouble, "WORTH_SECONDS", 0.0)
    bench.fill(2000)
    job_id = bench.job()
    with bench.db.read() as conn:
        room = [conn.exec_driver_sql("PRAGMA page_count").scalar_one() + 3]

    def bound(connection: sqlite3.Connection, _record: object, _proxy: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {room[0]}")

    plain = Trouble.met

    def make_room(met: Trouble, what: str) -> str | None:
        room[0] = 2**20
        return plain(met, what)

    monkeypatch.setattr(Trouble, "met", make_room)
    sa.event.listen(bench.db.engine, "checkout", bound)
    try:
        job = bench.run(job_id)
    finally:
        sa.event.remove(bench.db.engine, "checkout", bound)
    assert (job.status, job.progress.migrated) == (Status.DONE, 2000)
    said = [event.message for event in bench.jobs.events(job_id) if event.kind == "waited"]
    assert "no room left on the disk" in said[-1]
    assert said[0].startswith("Went on after ")


class TestWhatIsTold:
    def test_nothing_of_what_passes_soon(self) -> None:
        clock = Clock()
        met = Trouble(clock)
        assert met.over() is None
        assert met.met("A lock.") is None
        clock.now += 9.0
        assert met.met("A lock.") is None
        assert met.over() is None

    def test_what_lasts_once_and_that_it_is_over(self) -> None:
        clock = Clock()
        met = Trouble(clock)
        met.met("A lock.")
        clock.now += 10.0
        assert met.met("A lock.") == "Batches wait. A lock."
        assert met.met("A lock.") == "Batches wait. A lock.", "until the log has it"
        met.told()
        assert met.met("A lock.") is None
        clock.now += 590.0
        assert met.over() == "Went on after 600 s. A lock."
        assert met.over() is None

    def test_what_could_not_be_written_while_it_lasted(self) -> None:
        clock = Clock()
        met = Trouble(clock)
        met.met("A full disk.")
        clock.now += 60.0
        assert met.over() == "Went on after 60 s. A full disk."


@pytest.mark.database
def test_a_column_that_is_widened_meanwhile(bench: Bench) -> None:
    """PostgreSQL refuses statements that it had prepared for the narrower one."""
    wider = {
        "postgresql": "ALTER TABLE items ALTER digest TYPE varchar(400)",
        "mysql": "ALTER TABLE items MODIFY digest varchar(400)",
    }.get(bench.db.dialect.name)
    if wider is None:
        return  # SQLite has no widths
    bench.fill(600)
    reads = iter(range(10**9))

    def widen(point: Point) -> None:
        if point is Point.BEFORE_READ and next(reads) == 20:
            with bench.db.write() as conn:
                conn.exec_driver_sql(wider)

    with listening(widen):
        job = bench.run(bench.job(batch={"rows": 20}))
    assert (job.status, job.error, job.progress.migrated) == (Status.DONE, None, 600)
    bench.assert_all_new()


@pytest.mark.parametrize("point", [Point.BEFORE_WRITE, Point.AFTER_COMMIT])
def test_rows_whose_keys_change_meanwhile(bench: Bench, point: Point) -> None:
    """Read under one key and written under another, moved before the cursor, behind it, and to where another stood."""
    bench.fill(120)
    moved = threading.Event()

    def move(reached: Point) -> None:
        if reached is not point or moved.is_set():
            return
        moved.set()
        with bench.db.write() as conn:
            for old, new in ((1, 1001), (120, -1), (60, 2001), (61, 60), (2, 61), (3, 2)):
                conn.execute(sa.update(ITEMS).where(ITEMS.c.id == old).values(id=new))
            conn.execute(sa.delete(ITEMS).where(ITEMS.c.id.in_([5, 100])))
            conn.execute(ITEMS.insert(), [{"id": 5, "body": "another", "digest": sha1("another")}])
            conn.execute(ITEMS.insert(), [{"id": -7, "body": "before all", "digest": sha1("before all")}])

    with listening(move):
        job = bench.run(bench.job(batch={"rows": 16}), threads=1)
    assert (job.status, job.error, job.progress.failed) == (Status.DONE, None, 0)
    bench.assert_all_new()
    rows = bench.rows()
    assert {key: rows[key][0] for key in (1001, -1, 2001, 60, 61, 2, 5, -7)} == {
        1001: body_of(1),
        -1: body_of(120),
        2001: body_of(60),
        60: body_of(61),
        61: body_of(2),
        2: body_of(3),
        5: "another",
        -7: "before all",
    }
    assert len(rows) == 120
