"""Opening a database: URLs, sessions, read-only, and what is said when it cannot be reached."""

from __future__ import annotations

import os
import socket
import sqlite3
import stat
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from pqcore.database.connect import Database, label_of, parse_url
from pqcore.database.errors import Fault, classify
from pqcore.errors import (
    ConfigurationError,
    DatabaseError,
    DatabaseUnavailable,
    MissingDriver,
    ReadOnlySession,
    SchemaError,
)
from tests.support.databases import Servers

SECRET = "hunter2"


@pytest.mark.parametrize(
    ("url", "driver"),
    [
        ("sqlite:///data/x.db", "sqlite"),
        ("postgresql://h/d", "postgresql+psycopg"),
        ("postgres://h/d", "postgresql+psycopg"),
        ("postgresql+psycopg://h/d", "postgresql+psycopg"),
        ("mysql://h/d", "mysql+pymysql"),
        ("mariadb://h/d", "mysql+pymysql"),
        ("mysql+pymysql://h/d?ssl_ca=/ca.pem", "mysql+pymysql"),
    ],
)
def test_urls_get_their_driver(url: str, driver: str) -> None:
    assert parse_url(url).drivername == driver


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        f"postgresql://u:{SECRET}@h:notaport/d",
        f"oracle://u:{SECRET}@h/d",
        f"postgresql+asyncpg://u:{SECRET}@h/d",
        f"mysql://u:{SECRET}@h",
        "sqlite://",
        "sqlite:///:memory:",
    ],
)
def test_a_url_that_cannot_be_used_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Database.open(url)
    assert caught.value.remedy
    assert SECRET not in str(caught.value)


def test_a_label_names_no_credentials() -> None:
    url = parse_url(f"postgresql://ada:{SECRET}@db.example:5433/app?sslpassword={SECRET}")
    assert label_of(url) == "postgresql://db.example:5433/app"


def test_a_password_given_apart_replaces_that_of_the_url() -> None:
    assert parse_url("postgresql://ada:old@h/d", "n:e/w@").password == "n:e/w@"


def test_a_missing_driver_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingDriver, match=r"pqconsole\[postgres\]"):
        Database.open("postgresql://h/d")


def test_nothing_is_connected_before_it_is_needed(tmp_path: Path) -> None:
    Database.open(f"sqlite:///{tmp_path}/new/x.db").close()
    Database.open("postgresql://127.0.0.1:1/d").close()
    assert not (tmp_path / "new").exists()


def test_sessions_are_in_utc_and_read_committed(database: Database) -> None:
    questions = {
        "postgresql": ("SHOW timezone", "UTC", "SHOW transaction_isolation", "read committed"),
        "mysql": ("SELECT @@session.time_zone", "+00:00", "SELECT @@session.{}", "READ-COMMITTED"),
    }
    if database.dialect.name == "sqlite":
        pytest.skip("SQLite has neither")
    zone_sql, zone, isolation_sql, isolation = questions[database.dialect.name]
    with database.write() as conn:
        mariadb = getattr(conn.dialect, "is_mariadb", False)
        isolation_sql = isolation_sql.format("tx_isolation" if mariadb else "transaction_isolation")
        assert conn.exec_driver_sql(zone_sql).scalar() == zone
        assert conn.exec_driver_sql(isolation_sql).scalar() == isolation


def test_a_value_too_long_is_refused_whatever_the_servers_mode(database: Database) -> None:
    """Outside of strict mode MySQL cuts values, and says so in a warning that nobody reads."""
    if database.dialect.name != "mysql":
        pytest.skip("modes are MySQL's")
    with database.write() as conn:
        mode = conn.exec_driver_sql("SELECT @@session.sql_mode").scalar()
    assert "STRICT_ALL_TABLES" in mode


def test_a_write_is_one_transaction(database: Database) -> None:
    with database.write() as conn:
        conn.exec_driver_sql("CREATE TABLE t (id INTEGER)")

    def fail() -> None:
        with database.write() as conn:
            conn.exec_driver_sql("INSERT INTO t VALUES (1)")
            raise RuntimeError("trouble")

    with pytest.raises(RuntimeError, match="trouble"):
        fail()
    with database.write() as conn:
        conn.exec_driver_sql("INSERT INTO t VALUES (2)")
    with database.read() as conn:
        assert list(conn.exec_driver_sql("SELECT id FROM t").scalars()) == [2]


def test_a_read_cannot_write_and_the_connection_can_again_afterwards(database: Database) -> None:
    with database.write() as conn:
        conn.exec_driver_sql("CREATE TABLE t (id INTEGER)")
    for _ in range(3):
        with database.read() as conn, pytest.raises(sa.exc.DBAPIError) as caught:
            conn.exec_driver_sql("INSERT INTO t VALUES (1)")
        assert classify(caught.value, database.engine.dialect.name) is Fault.READ_ONLY
        with database.write() as conn:
            conn.exec_driver_sql("INSERT INTO t VALUES (2)")
    with database.read() as conn:
        assert conn.exec_driver_sql("SELECT count(*) FROM t").scalar() == 3


def write_to_a_replica(database: Database) -> None:
    """What a server that was made a replica, or a file system that was mounted read-only, does to open connections."""
    if database.dialect.name == "postgresql":
        refused = "DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = 'read_only_sql_transaction'; END $$"
        with database.write() as conn:
            conn.exec_driver_sql(refused)
    words = {"sqlite": "PRAGMA query_only = 1", "mysql": "SET SESSION TRANSACTION READ ONLY"}
    with database.engine.connect() as conn:
        conn.exec_driver_sql(words[database.dialect.name])
        conn.commit()
    with database.write() as conn:
        conn.exec_driver_sql("INSERT INTO t VALUES (1)")


def test_a_database_that_takes_no_writes_any_more_is_away_and_connected_to_anew(database: Database) -> None:
    with database.write() as conn:
        conn.exec_driver_sql("CREATE TABLE t (id INTEGER)")
    with pytest.raises(DatabaseUnavailable, match="takes no writes any more"):
        write_to_a_replica(database)
    with database.write() as conn:  # the next connection finds the server that has taken over
        conn.exec_driver_sql("INSERT INTO t VALUES (2)")
    with database.read() as conn:
        assert list(conn.exec_driver_sql("SELECT id FROM t").scalars()) == [2]


def test_a_database_that_never_took_a_write_is_the_wrong_one(database: Database, database_url: str) -> None:
    with database.write() as conn:
        conn.exec_driver_sql("CREATE TABLE t (id INTEGER)")
    other = Database.open(database_url)
    try:
        with pytest.raises(ReadOnlySession):
            write_to_a_replica(other)
    finally:
        other.close()


@pytest.mark.database
def test_a_line_cut_while_it_is_given_back_is_nobodys_business(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    if database.dialect.name == "sqlite":
        return  # has no line
    who, end = {
        "postgresql": ("SELECT pg_backend_pid()", "SELECT pg_terminate_backend({})"),
        "mysql": ("SELECT connection_id()", "KILL {}"),
    }[database.dialect.name]
    with database.engine.connect() as conn, database.engine.connect() as other:
        number = conn.exec_driver_sql(who).scalar_one()
        conn.commit()
        other.exec_driver_sql(end.format(number))
    with database.read() as conn:
        assert conn.exec_driver_sql(who).scalar_one() != number
    assert caplog.records == []


def test_a_read_only_database_refuses_writes_twice(database: Database, database_url: str) -> None:
    with database.write() as conn:
        conn.exec_driver_sql("CREATE TABLE t (id INTEGER)")
    closed = Database.open(database_url, read_only=True)
    try:
        with pytest.raises(ReadOnlySession), closed.write():
            pass
        # and by the database itself, past our own door
        with closed.engine.connect() as conn, pytest.raises(sa.exc.DBAPIError) as caught:
            conn.exec_driver_sql("INSERT INTO t VALUES (1)")
        assert classify(caught.value, database.engine.dialect.name) is Fault.READ_ONLY
        with closed.read() as conn:
            assert conn.exec_driver_sql("SELECT count(*) FROM t").scalar() == 0
    finally:
        closed.close()


def test_threads_write_without_losing_anything(database: Database) -> None:
    with database.write() as conn:
        conn.exec_driver_sql("CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER)")
        conn.exec_driver_sql("INSERT INTO t VALUES (1, 0)")

    def increment(_: int) -> None:
        with database.write() as conn:
            conn.exec_driver_sql("UPDATE t SET n = n + 1 WHERE id = 1")
        with database.read() as conn:
            conn.exec_driver_sql("SELECT n FROM t").scalar()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(increment, range(80)))
    with database.read() as conn:
        assert conn.exec_driver_sql("SELECT n FROM t").scalar() == 80


def test_refused_statements_pass_and_are_classified(database: Database) -> None:
    with database.write() as conn:
        conn.exec_driver_sql("CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER NOT NULL)")
        conn.exec_driver_sql("INSERT INTO t VALUES (1, 1)")
    name = database.engine.dialect.name
    for statement, fault in (
        ("INSERT INTO t VALUES (1, 1)", Fault.CONSTRAINT),
        ("INSERT INTO t VALUES (2, NULL)", Fault.CONSTRAINT),
        ("SELEC", Fault.OTHER),
    ):
        with pytest.raises(sa.exc.DBAPIError) as caught, database.write() as conn:
            conn.exec_driver_sql(statement)
        assert classify(caught.value, name) is fault, statement
    for statement in ("SELECT * FROM nowhere", "SELECT absent FROM t"):
        # nothing that a caller could mend: said in words that can be shown
        with pytest.raises(SchemaError, match="pqconsole init"), database.write() as conn:
            conn.exec_driver_sql(statement)


def test_a_deadlock_is_seen_as_one(database: Database) -> None:
    if database.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer")
    with database.write() as conn:
        conn.exec_driver_sql("CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER)")
        conn.exec_driver_sql("INSERT INTO t VALUES (1, 0), (2, 0)")
    both_hold_one = threading.Barrier(2, timeout=20)

    def cross(first: int) -> Fault | None:
        try:
            with database.write() as conn:
                conn.exec_driver_sql(f"UPDATE t SET n = 1 WHERE id = {first}")
                both_hold_one.wait()
                conn.exec_driver_sql(f"UPDATE t SET n = 1 WHERE id = {3 - first}")
        except sa.exc.DBAPIError as exc:
            return classify(exc, database.engine.dialect.name)
        return None

    with ThreadPoolExecutor(2) as pool:
        faults = set(pool.map(cross, (1, 2)))
    assert faults == {None, Fault.DEADLOCK}


# When the database is away


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.mark.parametrize("scheme", ["postgresql", "mysql"])
def test_a_server_that_is_down_is_one_sentence_without_secrets(scheme: str) -> None:
    port = closed_port()
    database = Database.open(f"{scheme}://ada:{SECRET}@127.0.0.1:{port}/app")
    with pytest.raises(DatabaseUnavailable) as caught, database.read():
        pass
    database.close()
    assert f"127.0.0.1:{port}/app" in str(caught.value)
    assert caught.value.remedy
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("scheme", ["postgresql", "mysql"])
def test_a_server_that_never_answers_does_not_hang_the_caller(scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts, and says nothing
        port = silent.getsockname()[1]
        database = Database.open(f"{scheme}://ada@127.0.0.1:{port}/app?connect_timeout=2")
        with pytest.raises(DatabaseUnavailable), database.read():
            pass
        database.close()


def test_a_wrong_password_and_a_wrong_name_are_told_apart(database_kind: str, servers: Servers) -> None:
    if database_kind == "sqlite":
        pytest.skip("SQLite has neither")
    url = parse_url(sa.make_url(servers.url(database_kind)).set(database="no_such_database").render_as_string(False))
    nowhere = Database.open(url.render_as_string(hide_password=False))
    with pytest.raises(DatabaseError, match="does not exist"), nowhere.read():
        pass
    nowhere.close()
    stranger = Database.open(url.set(username="no_such_user", password=SECRET).render_as_string(hide_password=False))
    with pytest.raises(DatabaseError, match="refused") as caught, stranger.read():
        pass
    stranger.close()
    assert SECRET not in str(caught.value)


def kill_sessions(database: Database, url: str) -> None:
    """End every other session on this database, as a restarting server does."""
    other = Database.open(url)
    with other.write() as conn:
        if other.dialect.name == "postgresql":
            mine = "datname = current_database() AND pid <> pg_backend_pid()"
            conn.exec_driver_sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {mine}")
        else:
            mine = "db = DATABASE() AND id <> CONNECTION_ID()"
            for (number,) in conn.exec_driver_sql(f"SELECT id FROM information_schema.processlist WHERE {mine}").all():
                conn.exec_driver_sql(f"KILL {number}")
    other.close()


@pytest.mark.filterwarnings("ignore:.*processlist.*")
def test_a_lost_connection_is_unavailable_now_and_works_the_next_time(database: Database, database_url: str) -> None:
    if database.dialect.name == "sqlite":
        pytest.skip("SQLite has no connection to lose")

    def lose() -> None:
        with database.write() as conn:
            conn.exec_driver_sql("SELECT 1")
            kill_sessions(database, database_url)
            conn.exec_driver_sql("SELECT 1")

    with pytest.raises(DatabaseUnavailable, match="lost"):
        lose()
    with database.read() as conn:
        assert conn.exec_driver_sql("SELECT 1").scalar() == 1


@pytest.mark.filterwarnings("ignore:.*processlist.*")
def test_a_connection_that_was_lost_while_it_rested_is_replaced_unnoticed(
    database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if database.dialect.name == "sqlite":
        pytest.skip("SQLite has no connection to lose")
    monkeypatch.setattr("pqcore.database.connect._REST_SECONDS", 0.0)
    with database.read() as conn:
        conn.exec_driver_sql("SELECT 1")
    kill_sessions(database, database_url)
    with database.read() as conn:
        assert conn.exec_driver_sql("SELECT 1").scalar() == 1


def test_when_no_connection_becomes_free_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pqcore.database.connect.POOL_TIMEOUT", 0.05)
    database = Database.open(f"sqlite:///{tmp_path}/x.db", pool_size=1)
    with database.read(), database.read(), pytest.raises(DatabaseUnavailable, match="became free"), database.read():
        pass
    database.close()


# SQLite


@pytest.fixture
def sqlite(tmp_path: Path) -> Database:
    return Database.open(f"sqlite:///{tmp_path}/private/x.db")


def test_the_file_and_its_directory_are_the_owners_alone(sqlite: Database, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with sqlite.write() as conn:
            conn.exec_driver_sql("CREATE TABLE t (id INTEGER)")
    finally:
        os.umask(before)
    sqlite.close()
    assert stat.S_IMODE((tmp_path / "private").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "private" / "x.db").stat().st_mode) == 0o600


def test_readers_go_on_while_a_writer_is_at_work(sqlite: Database) -> None:
    with sqlite.write() as conn:
        conn.exec_driver_sql("CREATE TABLE t (id INTEGER)")
    with sqlite.write() as writer:
        writer.exec_driver_sql("INSERT INTO t VALUES (1)")
        with sqlite.read() as reader:
            assert reader.exec_driver_sql("SELECT count(*) FROM t").scalar() == 0
    sqlite.close()


def test_a_database_held_by_another_process_is_said_to_be_locked(
    sqlite: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sqlite3

    with sqlite.write() as conn:
        conn.exec_driver_sql("CREATE TABLE t (id INTEGER)")
    sqlite.close()
    monkeypatch.setattr("pqcore.database.dialects.sqlite.BUSY_SECONDS", 0.05)
    other = sqlite3.connect(tmp_path / "private" / "x.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        with pytest.raises(DatabaseUnavailable, match="lock"), sqlite.write():
            pass
    finally:
        other.close()
        sqlite.close()


def test_a_write_within_a_write_fails_instead_of_waiting_for_itself(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pqcore.database.dialects.sqlite.BUSY_SECONDS", 0.05)
    with sqlite.write(), pytest.raises(DatabaseUnavailable, match="nested"), sqlite.write():
        pass
    sqlite.close()


def test_a_read_only_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    database = Database.open(f"sqlite:///{tmp_path}/none.db", read_only=True)
    with pytest.raises(DatabaseUnavailable), database.read():
        pass
    assert not (tmp_path / "none.db").exists()


def test_a_file_that_is_no_database_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_text("this is not a database, and long enough to be looked at " * 20)
    database = Database.open(f"sqlite:///{tmp_path}/x.db")
    with pytest.raises(DatabaseError, match="not a SQLite database"), database.read():
        pass
    database.close()


def commit_waits(conn: sa.Connection) -> str:
    """What the database says of this transaction's commit."""
    statements = {"postgresql": "SHOW synchronous_commit", "sqlite": "PRAGMA synchronous"}
    return str(conn.exec_driver_sql(statements[conn.dialect.name]).scalar())


def test_only_a_write_that_can_be_done_again_does_not_wait_for_the_disk(database: Database) -> None:
    if database.dialect.name == "mysql":
        pytest.skip("MySQL and MariaDB set it for the whole server")
    with database.write() as conn:
        usual = commit_waits(conn)
    with database.write(durable=False) as conn:
        assert commit_waits(conn) == {"postgresql": "off", "sqlite": "1"}[database.dialect.name]
    with database.write() as conn:
        assert commit_waits(conn) == usual
    assert database.dialect.name == "postgresql" or usual == "2"


def test_without_a_wal_every_commit_waits_for_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pqcore.database.dialects.sqlite.BUSY_SECONDS", 0.05)
    with closing(sqlite3.connect(tmp_path / "x.db", isolation_level=None)) as other:
        other.execute("CREATE TABLE t (id INTEGER)")
        other.execute("BEGIN")
        other.execute("SELECT * FROM t").fetchall()  # while it is read it cannot be changed to WAL
        with (
            closing(Database.open(f"sqlite:///{tmp_path}/x.db")) as database,
            database.write(durable=False) as conn,
        ):
            assert conn.exec_driver_sql("PRAGMA journal_mode").scalar() == "delete"
            assert commit_waits(conn) == "2"
            other.rollback()
