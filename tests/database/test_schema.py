"""The installed schema against the table document, read from each database's live catalogue."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa

from pqcore.database import install
from pqcore.database.connect import Database
from pqcore.database.tables import COMPANIONS, UTCDateTime, jobs, jobs_view, metrics_view
from tests.database import catalogue
from tests.database.expected_schema import COLUMNS, FOREIGN_KEYS, INDEXES, MYSQL_VIEW_FLAGS, SCOPES, STATUSES, VIEWS

JOBS = "pq_migration_jobs"


@pytest.fixture
def installed(database: Database) -> Database:
    install.apply(database, install.plan(database))
    return database


def test_every_column_of_the_document_and_no_other(installed: Database) -> None:
    with installed.read() as conn:
        engine = catalogue.engine_of(conn)
        live = catalogue.columns(conn, JOBS)
    expected = {c.name: (getattr(c, engine), c.nullable, c.default) for c in COLUMNS}
    assert live == expected
    assert list(live) == list(expected)


def test_the_index_of_the_document(installed: Database) -> None:
    with installed.read() as conn:
        live = catalogue.indexes(conn, JOBS)
        if installed.dialect.name == "mysql":
            # InnoDB makes one for each foreign key, under its name
            assert {name: live.pop(name) for name in FOREIGN_KEYS} == {n: (k[0],) for n, k in FOREIGN_KEYS.items()}
    assert live == INDEXES


def test_the_foreign_keys_of_the_document_with_their_action(installed: Database) -> None:
    with installed.read() as conn:
        assert catalogue.foreign_keys(conn, JOBS) == FOREIGN_KEYS


def test_the_views_have_the_columns_of_the_document(installed: Database) -> None:
    with installed.read() as conn:
        assert {view: tuple(catalogue.columns(conn, view)) for view in VIEWS} == VIEWS


def test_the_views_have_the_flags_of_the_document(installed: Database) -> None:
    if installed.dialect.name != "mysql":
        pytest.skip("flags are MySQL's")
    with installed.read() as conn:
        definitions = {view: catalogue.rows(conn, f"SHOW CREATE VIEW {view}")[0][1] for view in VIEWS}
    flags = {
        view: (re.search(r"ALGORITHM=(\w+)", text), re.search(r"SQL SECURITY (\w+)", text))
        for view, text in definitions.items()
    }
    assert {v: (a[1], s[1]) for v, (a, s) in flags.items() if a and s} == MYSQL_VIEW_FLAGS


def test_the_database_numbers_the_jobs_and_fills_the_defaults(installed: Database) -> None:
    with installed.write() as conn:
        conn.execute(sa.insert(jobs).values(scope="hashes"))
        conn.execute(sa.insert(jobs).values(scope="hashes"))
    with installed.read() as conn:
        first, second = conn.execute(sa.select(jobs).order_by(jobs.c.id)).all()
    assert first.id < second.id
    assert (first.status, first.processed_count, first.selection) == ("pending", 0, None)
    assert isinstance(first.created_at, datetime)


def test_words_that_the_document_does_not_know_are_refused(installed: Database) -> None:
    for values in ({"scope": "keys"}, {"scope": "hashes", "status": "paused"}):
        with pytest.raises(sa.exc.DBAPIError), installed.write() as conn:
            conn.execute(sa.insert(jobs).values(**values))
    with installed.write() as conn:
        for scope in SCOPES:
            for status in STATUSES:
                conn.execute(sa.insert(jobs).values(scope=scope, status=status))


def test_deleting_what_a_job_refers_to_leaves_the_job(installed: Database) -> None:
    with installed.write() as conn:
        for statement in (
            "INSERT INTO users (id, email) VALUES (7, 'a@example.org')",
            "INSERT INTO crypto_algorithms (id, class, name) VALUES (8, 'kem', 'ML-KEM-768')",
            "INSERT INTO encryption_policies (id, policy_name) VALUES (9, 'hybrid')",
        ):
            conn.exec_driver_sql(statement)
        conn.execute(sa.insert(jobs).values(scope="hashes", created_by=7, target_algo_id=8, target_policy_id=9))
    with pytest.raises(sa.exc.IntegrityError), installed.write() as conn:
        conn.execute(sa.insert(jobs).values(scope="hashes", created_by=70))
    with installed.write() as conn:
        for table in ("users", "crypto_algorithms", "encryption_policies"):
            conn.exec_driver_sql(f"DELETE FROM {table}")
    with installed.read() as conn:
        references = sa.select(jobs.c.created_by, jobs.c.target_algo_id, jobs.c.target_policy_id)
        assert conn.execute(references).all() == [(None, None, None)]


def test_what_the_views_say(installed: Database) -> None:
    with installed.write() as conn:
        for status, count in (("done", 5), ("done", 2**40), ("running", 1), ("pending", 0)):
            conn.execute(
                sa.insert(jobs).values(scope="hashes", status=status, processed_count=count, selection={"table": "ü"})
            )
    with installed.read() as conn:
        flags = conn.execute(sa.select(jobs_view.c.status, jobs_view.c.is_done, jobs_view.c.is_running)).all()
        totals = {row.status: (row.jobs, row.processed_total) for row in conn.execute(sa.select(metrics_view))}
        selections = set(map(str, conn.scalars(sa.select(jobs_view.c.selection))))
    assert sorted(set(flags)) == [("done", True, False), ("pending", False, False), ("running", False, True)]
    assert totals == {"done": (2, 2**40 + 5), "running": (1, 1), "pending": (1, 0)}
    assert all(type(number) is int for pair in totals.values() for number in pair)
    assert selections == {str({"table": "ü"})}


FAMILIES: tuple[type[Any], ...] = (
    sa.Boolean,
    sa.Integer,
    sa.Float,
    sa.types._Binary,
    sa.JSON,
    sa.DateTime,
    sa.String,
)


def family(kind: Any) -> str:
    if isinstance(kind, UTCDateTime):
        return "DateTime"
    for candidate in FAMILIES:
        if isinstance(kind, candidate):
            return candidate.__name__
    return type(kind).__name__


def test_companion_tables_are_as_described(installed: Database) -> None:
    with installed.read() as conn:
        for described in COMPANIONS:
            live = sa.Table(described.name, sa.MetaData(), autoload_with=conn)
            assert [c.name for c in live.columns] == [c.name for c in described.columns]
            assert [c.name for c in live.primary_key.columns] == [c.name for c in described.primary_key.columns]
            for column in described.columns:
                assert_alike(column, live.c[column.name])


def assert_alike(described: sa.Column[Any], live: sa.Column[Any]) -> None:
    assert live.nullable == described.nullable, described
    wanted, found = family(described.type), family(live.type)
    # JSON is text on SQLite and MariaDB, a boolean is TINYINT on MySQL
    assert wanted == found or (wanted, found) in {("JSON", "String"), ("Boolean", "Integer")}, (described, live.type)
    if wanted == "String":
        assert live.type.length == described.type.length, described  # type: ignore[attr-defined]
    if described.server_default is not None:
        assert live.server_default is not None, described


def test_the_indexes_of_companion_tables(installed: Database) -> None:
    with installed.read() as conn:
        found = {t.name: catalogue.indexes(conn, t.name) for t in COMPANIONS}
    assert {name: indexes for name, indexes in found.items() if indexes} == {
        "pq_migration_ranges": {"idx_pq_mig_ranges_claim": ("job_id", "state", "lease_expires_at")},
        "pq_migration_events": {"idx_pq_mig_events_job": ("job_id", "id")},
        "pq_migration_throughput": {"idx_pq_mig_throughput_minute": ("minute",)},
    }
