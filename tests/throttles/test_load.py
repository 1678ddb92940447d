"""What servers say of themselves, asked of real ones."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from pqcore.database.connect import Database
from pqcore.database.load import Load, Measure, _show, _Words, read_load
from pqcore.engine.points import Point
from pqcore.errors import ReadOnlySession
from pqcore.jobs.model import Status
from tests.engine.items import Bench, listening
from tests.support.databases import Servers
from tests.throttles.standby import Standby

SOON = 60.0
_HOLD = {
    "postgresql": "SET lock_timeout = 0; SELECT pg_advisory_lock(7)",
    "mysql": "SELECT GET_LOCK('pqtest', 60)",
}


@contextmanager
def waiting(db: Database, sessions: int) -> Iterator[None]:
    """Sessions that are at work in the server: they wait for a lock which another, idle one holds."""
    others = sa.create_engine(db.engine.url, poolclass=sa.NullPool)
    statement = _HOLD[db.dialect.name]

    def wait() -> None:
        with others.connect() as conn:
            conn.exec_driver_sql(statement)

    with others.connect() as keeper:
        keeper.exec_driver_sql(statement)
        threads = [threading.Thread(target=wait) for _ in range(sessions)]
        for thread in threads:
            thread.start()
        try:
            until(db, lambda load: (load.running or 0) >= sessions)
            yield
        finally:
            keeper.invalidate()  # the lock goes with its connection
            for thread in threads:
                thread.join(SOON)


def until(db: Database, when: Callable[[Load], bool]) -> Load:
    pause = threading.Event()
    for _ in range(int(SOON / 0.05)):
        load = read_load(db, Measure)
        if when(load):
            return load
        pause.wait(0.05)
    raise AssertionError(f"not reached: {load}")


@pytest.fixture
def server(database: Database) -> Database:
    if database.dialect.name == "sqlite":
        pytest.skip("SQLite has no server")
    return database


def test_the_clock_is_that_of_the_database_in_utc(database: Database) -> None:
    load = read_load(database, ())
    assert load.at.tzinfo is UTC
    assert abs((load.at - datetime.now(UTC)).total_seconds()) < 60
    assert (load.lag, load.running, load.unread) == (None, None, ())


def test_sqlite_has_nothing_to_tell(tmp_path: object) -> None:
    db = Database.open(f"sqlite:///{tmp_path}/x.db")
    assert {unread.measure for unread in read_load(db, Measure).unread} == set(Measure)
    db.close()


def test_sessions_at_work_are_counted(server: Database) -> None:
    # a session that connects or leaves counts for a moment, so the numbers are watched until they are right
    with waiting(server, 3):
        until(server, lambda load: (load.running or 0) >= 3)
    until(server, lambda load: load.running is not None and load.running < 3)


def test_a_job_waits_while_too_many_sessions_are_at_work(server: Database) -> None:
    bench = Bench(server)
    bench.fill(50)
    job_id = bench.job(throttle={"max_running": 5})
    seen: list[str] = []
    freed = threading.Event()

    def free(point: Point) -> None:
        if point is Point.AFTER_BEAT and not freed.is_set():
            reason = bench.jobs.get(job_id).throttle_reason
            if reason is not None:
                seen.append(reason)
                freed.set()

    job = None

    def run() -> None:
        nonlocal job
        job = bench.run(job_id)

    runner = threading.Thread(target=run)
    with listening(free):
        with waiting(server, 8):
            runner.start()
            assert freed.wait(SOON)
            assert bench.jobs.get(job_id).progress.total is None
        runner.join(SOON)
    assert job is not None
    assert job.status is Status.DONE
    assert seen[0].endswith(" running")
    assert int(seen[0].split()[0]) > 5


def test_a_server_without_replicas_says_so(server: Database) -> None:
    (unread,) = read_load(server, [Measure.LAG]).unread
    assert unread.message == "No replica is connected to this server"


def test_mysql_and_mariadb_have_the_columns_that_are_read(server: Database) -> None:
    """A channel that was set up and never started: its delay is NULL, as after a failover."""
    if server.dialect.name != "mysql":
        pytest.skip("not MySQL")
    with server.read() as conn:
        words = _Words.of(conn)
        mariadb = words.status == "SHOW ALL SLAVES STATUS"
    make, drop = (
        ("CHANGE MASTER 'pqtest' TO MASTER_HOST='127.0.0.1', MASTER_PORT=1", "RESET SLAVE 'pqtest' ALL")
        if mariadb
        else (
            "CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', SOURCE_PORT=1 FOR CHANNEL 'pqtest'",
            "RESET REPLICA ALL FOR CHANNEL 'pqtest'",
        )
    )
    with server.engine.connect() as conn:
        conn.exec_driver_sql(make)
    try:
        with server.read() as conn:
            (row,) = _show(conn, words.status)
        assert row["Seconds_Behind_Master" if mariadb else "Seconds_Behind_Source"] is None
        assert read_load(server, [Measure.LAG]).lag is None
    finally:
        with server.engine.connect() as conn:
            conn.exec_driver_sql(drop)


def test_postgresql_hides_others_from_users_without_the_right(database_kind: str, database_url: str) -> None:
    if database_kind != "postgresql":
        pytest.skip("PostgreSQL's rights")
    owner = Database.open(database_url)
    with owner.engine.begin() as conn:
        conn.exec_driver_sql("CREATE ROLE pqtest_blind LOGIN")
    blind = Database.open(sa.make_url(database_url).set(username="pqtest_blind").render_as_string(False))
    try:
        load = read_load(blind, Measure)
        assert {unread.measure for unread in load.unread} == set(Measure)
        assert all("pg_monitor" in unread.remedy for unread in load.unread)
        with owner.engine.begin() as conn:
            conn.exec_driver_sql("GRANT pg_monitor TO pqtest_blind")
        assert read_load(blind, Measure).running is not None
    finally:
        blind.close()
        with owner.engine.begin() as conn:
            conn.exec_driver_sql("DROP ROLE pqtest_blind")
        owner.close()


def test_a_real_standby_holds_a_job_until_it_has_caught_up(
    database_kind: str, database_url: str, servers: Servers
) -> None:
    if database_kind != "postgresql":
        pytest.skip("PostgreSQL's standby")
    bench = Bench(Database.open(database_url))
    bench.fill(50)
    standby = Standby(servers.server("postgresql").port)
    standby.start()
    follower = Database.open(standby.url)
    try:
        with bench.db.write() as conn:
            conn.exec_driver_sql("CREATE TABLE later (id INT)")  # the standby will not replay it for an hour
        load = until(bench.db, lambda load: (load.lag or 0) > 0.5)
        assert load.unread == ()
        job_id = bench.job(throttle={"max_replica_lag": 0.5})
        reasons: list[str] = []

        def let_it_replay(point: Point) -> None:
            reason = bench.jobs.get(job_id).throttle_reason if point is Point.AFTER_BEAT and not reasons else None
            if reason is not None:
                reasons.append(reason)
                with follower.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
                    conn.exec_driver_sql("ALTER SYSTEM SET recovery_min_apply_delay = 0")
                    conn.exec_driver_sql("SELECT pg_reload_conf()")

        with listening(let_it_replay):
            job = bench.run(job_id)
        assert job.status is Status.DONE
        assert reasons[0].startswith("replica lag ")
        assert job.throttled_seconds > 0
        # the same server, for whoever takes it for one that can be written to
        for _ in range(2):
            with pytest.raises(ReadOnlySession), follower.write() as conn:
                conn.exec_driver_sql("CREATE TABLE never (id INT)")
    finally:
        follower.close()
        standby.stop()
        bench.db.close()
