"""The real worker, stopped by signals in the middle of a batch: it gives its leases back itself.

How long that takes, which is to be two seconds at most, is noted with each test (``--junit-xml``).
"""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event

import pytest
import sqlalchemy as sa

from pqcore.database.connect import Database
from pqcore.database.tables import ranges, runs
from pqcore.engine import executors
from pqcore.jobs.model import Status
from pqcore.keys.file import FileKeyProvider
from pqcore.keys.sealing import Cost
from pqcore.migrations.base import Scope
from pqcore.targets import algorithm_id
from tests.engine.items import Bench, body_of, sha1
from tests.engine.test_scopes import WRAP, Estate
from tests.faults.cast import PATIENCE, members_of
from tests.support.databases import Servers, fresh_database

Record = Callable[[str, object], None]
SALT = "0123456789"


@contextmanager
def working(url: str, home: Path, *flags: str, **more: str) -> Iterator[subprocess.Popen[bytes]]:
    """``pqconsole work``, as it is run by an init system."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PQCONSOLE_")},
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "PQCONSOLE_HOME": str(home),
        "PQCONSOLE_CONFIG": "",
        "PQCONSOLE_URL": url,
        **more,
    }
    command = [sys.executable, "-m", "pqtui", "work", "--threads", "2", *flags]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, start_new_session=True) as process:
        try:
            yield process
        finally:
            process.kill()


def slow_job(bench: Bench) -> int:
    """Passwords into Argon2id: some 25 ms each, so that a signal meets a batch under way."""
    accounts = sa.Table(
        "accounts",
        sa.MetaData(),
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("password", sa.String(300), nullable=False),
    )
    accounts.create(bench.db.engine)
    digest = hashlib.sha1(f"{SALT}secret".encode()).hexdigest()
    with bench.db.write() as conn:
        conn.execute(accounts.insert(), [{"id": n, "password": f"sha1${SALT}${digest}"} for n in range(1, 3001)])
    document = {"table": "accounts", "field": "password", "options": {"mode": "password"}}
    return bench.jobs.create(Scope.HASHES, document, algorithm_id=algorithm_id(bench.db, Scope.HASHES, "Argon2id")).id


def leases(db: Database) -> int:
    with db.read() as conn:
        return sum(
            int(conn.execute(sa.select(sa.func.count()).where(table.c.lease_owner.is_not(None))).scalar_one())
            for table in (runs, ranges)
        )


def until_released(db: Database) -> float:
    """Seconds until nobody is named as holder any more, which a lease that merely runs out does not bring about."""
    began = time.monotonic()
    while leases(db):
        assert time.monotonic() - began < PATIENCE
        Event().wait(0.01)
    return time.monotonic() - began


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT], ids=lambda n: n.name)
def test_leases_are_released(
    database: Database, database_url: str, tmp_path: Path, number: signal.Signals, record_property: Record
) -> None:
    bench = Bench(database)
    job_id = slow_job(bench)
    with working(database_url, tmp_path) as process:
        tick = Event()
        while bench.jobs.get(job_id).progress.migrated == 0:
            assert process.poll() is None
            tick.wait(0.02)
        process.send_signal(number)
        record_property("seconds", until_released(database))
        assert process.wait(10) == 130
    job = bench.jobs.get(job_id)
    assert (job.status, job.processed_count) == (Status.PENDING, job.progress.migrated)
    assert 0 < job.progress.migrated < 3000
    assert bench.jobs.workers() == []


@pytest.mark.database
@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_also_while_the_application_holds_a_row(
    kind: str, tmp_path: Path, servers: Servers, record_property: Record
) -> None:
    """A batch that waits for the application's lock gives up waiting."""
    with fresh_database(kind, servers, tmp_path) as url, closing(Database.open(url)) as db:
        bench = Bench(db)
        bench.fill(200)
        job_id = bench.job()
        with db.engine.begin() as holder:
            holder.execute(sa.text("UPDATE items SET body = body WHERE id = 150"))
            with working(url, tmp_path) as process:
                tick = Event()
                while bench.jobs.get(job_id).progress.migrated == 0:
                    assert process.poll() is None
                    tick.wait(0.02)
                process.send_signal(signal.SIGTERM)
                record_property("seconds", until_released(db))
                assert process.wait(10) == 130
        assert bench.rows()[150] == (body_of(150), sha1(body_of(150)))
        assert bench.run(job_id).status is Status.DONE
        bench.assert_all_new()


# how the application locks a whole table, and how many sessions the server says to wait for that
TABLE_LOCKS = {
    "postgresql": (
        "LOCK TABLE accounts IN ACCESS EXCLUSIVE MODE",
        "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = CAST('accounts' AS regclass)",
    ),
    "mariadb": (
        "LOCK TABLES accounts WRITE",
        "SELECT count(*) FROM information_schema.processlist WHERE state LIKE 'Waiting for table %'",
    ),
}


@pytest.mark.database
@pytest.mark.parametrize("kind", TABLE_LOCKS)
def test_also_while_the_application_locks_the_table(
    kind: str, tmp_path: Path, servers: Servers, record_property: Record
) -> None:
    """As an ALTER TABLE does: then even reading waits."""
    lock, waiting = TABLE_LOCKS[kind]
    with fresh_database(kind, servers, tmp_path) as url, closing(Database.open(url)) as db:
        bench = Bench(db)
        job_id = slow_job(bench)
        with working(url, tmp_path) as process, db.engine.connect() as holder:
            tick = Event()
            while bench.jobs.get(job_id).progress.migrated == 0:
                assert process.poll() is None
                tick.wait(0.02)
            holder.exec_driver_sql(lock)
            while not _scalar(db, waiting):
                tick.wait(0.02)
            process.send_signal(signal.SIGTERM)
            record_property("seconds", until_released(db))
            assert process.wait(10) == 130
            holder.invalidate()  # with its locks
        assert bench.jobs.get(job_id).status is Status.PENDING


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP], ids=lambda n: n.name)
def test_members_that_are_just_starting_say_nothing(tmp_path: Path, number: signal.Signals) -> None:
    """A terminal signals its whole group; what members would say of it would stand on the operator's screen."""
    url, keyring = f"sqlite:///{tmp_path / 'test.db'}", tmp_path / "keyring.json"
    with closing(Database.open(url)) as db:
        keys = FileKeyProvider(keyring, lambda: "secret", cost=Cost(8192, 1))
        estate = Estate(db, keys, rows=executors.PROCESS_ROWS)
        target = algorithm_id(db, Scope.WRAPPERS, "ML-KEM-768+X25519")
        job_id = estate.jobs.create(Scope.WRAPPERS, {"table": "vault", **WRAP}, algorithm_id=target).id
        secrets = {"PQCONSOLE_KEYRING": str(keyring), "PQCONSOLE_PASSPHRASE": "secret"}
        with working(url, tmp_path, **secrets) as process:
            while not members_of(process.pid):
                assert process.poll() is None
                Event().wait(0.01)
            os.killpg(process.pid, number)
            _, said = process.communicate(timeout=PATIENCE)
        assert process.returncode == 130, said.decode()
        assert b"Traceback" not in said
        assert b"Error" not in said
        assert leases(db) == 0
        assert estate.jobs.get(job_id).status is Status.PENDING


def _scalar(db: Database, query: str) -> int:
    with db.read() as conn:
        return int(conn.execute(sa.text(query)).scalar_one())


@pytest.mark.parametrize("flags", [(), ("--drain",)], ids=["for ever", "drain"])
def test_a_worker_whose_file_is_gone_ends_and_makes_no_other(tmp_path: Path, flags: tuple[str, ...]) -> None:
    """What it would go on writing is in no file that has a name any more."""
    path, aside = tmp_path / "world.sqlite", tmp_path / "aside.sqlite"
    with closing(Database.open(f"sqlite:///{path}")) as db:
        bench = Bench(db)
        job_id = slow_job(bench)
        with working(f"sqlite:///{path}", tmp_path, *flags) as process:
            tick = Event()
            while bench.jobs.get(job_id).progress.migrated == 0:
                assert process.poll() is None
                tick.wait(0.02)
            path.rename(aside)
            assert process.wait(PATIENCE) == 3
            assert process.stderr is not None
            said = process.stderr.read().decode()
            assert f"The file of sqlite:///{path} is gone. Put it back" in said
            assert "Traceback" not in said
            assert not path.exists()
            aside.rename(path)
            job = bench.jobs.get(job_id)
            assert job.status is Status.RUNNING  # its lease runs out, and the next worker takes it up
            assert 0 < job.progress.migrated < 3000
