"""Orders and filters of the job list on every database: keyset pages, either end first, and what they cost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from pqcore import seeding
from pqcore.actor import Actor
from pqcore.database import install
from pqcore.database.connect import Database
from pqcore.database.tables import control, jobs
from pqcore.jobs.filter import JobFilter, parse_filter
from pqcore.jobs.pages import JobQuery
from pqcore.jobs.query import TargetNames, select_count, select_order
from pqcore.jobs.repository import JobRepository
from pqcore.jobs.sort import SORTABLE, Sort

BEGUN = datetime(2026, 3, 1, tzinfo=UTC)
WORDS = ("pending", "running", "done", "failed", "cancelled")


@pytest.fixture
def repository(database: Database) -> JobRepository:
    install.apply(database, install.plan(database))
    seeding.fill(database)
    return JobRepository(database, Actor("ada", "ops1", None))


def put(db: Database, number: int) -> None:
    """``number`` jobs with ties and missing values in every column that may have them."""
    with db.write() as conn:
        algorithm = conn.execute(sa.text("SELECT min(id) FROM crypto_algorithms WHERE name = 'ML-DSA-65'")).scalar_one()
        rows = [
            {
                "id": n * 3,
                "scope": ("hashes", "wrappers", "signatures")[n % 3],
                "status": WORDS[n % 5],
                "selection": {"table": f"t{n % 4}", "field": "value"},
                "target_algo_id": algorithm if n % 3 == 2 else None,
                "processed_count": n % 4 * 10,
                "created_at": BEGUN + timedelta(hours=n % 6),
                "scheduled_at": BEGUN + timedelta(days=n % 3) if n % 2 else None,
                "started_at": BEGUN + timedelta(days=n % 3) if n % 5 else None,
                "finished_at": BEGUN if n % 5 in (2, 3) else None,
                "error": "a cable was cut" if n % 5 == 3 else None,
            }
            for n in range(1, number + 1)
        ]
        conn.execute(jobs.insert(), rows)
        conn.execute(control.insert().values(job_id=15, request="pause", updated_at=BEGUN))


def walked(repository: JobRepository, job_filter: JobFilter, sort: Sort, limit: int) -> list[int]:
    found: list[int] = []
    query = JobQuery(job_filter, sort, None, limit)
    while True:
        page = repository.keys(query)
        found += [key[-1] for key in page.kept]
        if page.next is None:
            return found
        query = JobQuery(job_filter, sort, page.next, limit)


def test_pages_of_any_order_together_are_the_whole_list_from_either_end(
    database: Database, repository: JobRepository
) -> None:
    put(database, 40)
    everything = repository.page(JobQuery(limit=100)).jobs
    for column in SORTABLE:
        for sort in (Sort(column), Sort(column, descending=False)):

            def key(job: object, column: str = column) -> tuple[object, object]:
                return getattr(job, column), job.id  # type: ignore[attr-defined]

            given = [job for job in everything if getattr(job, column) is not None]
            missing = [job for job in everything if getattr(job, column) is None]
            expected = [job.id for job in sorted(given, key=key, reverse=sort.descending)]
            expected += [job.id for job in sorted(missing, key=lambda job: job.id, reverse=sort.descending)]
            assert walked(repository, JobFilter(), sort, 7) == expected
            assert walked(repository, JobFilter(), sort.turned(), 7) == expected[::-1]
            skipped = repository.keys(JobQuery(sort=sort, limit=5), 11)
            assert [k[-1] for k in skipped.kept] == expected[11:16]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("status:failed", lambda n: n % 5 == 3),
        ("-status:failed scope:hashes", lambda n: n % 5 != 3 and n % 3 == 0),
        ("table:t1 table:t2", lambda n: n % 4 in (1, 2)),
        ("status:paused", lambda n: n == 5),
        ("-status:paused status:pending", lambda n: n % 5 == 0 and n != 5),
        ("algo:ml-dsa", lambda n: n % 3 == 2),
        ("-algo:ml-dsa", lambda n: n % 3 != 2),
        ("cable", lambda n: n % 5 == 3),
        ("-cable dsa", lambda n: n % 5 != 3 and n % 3 == 2),
        ("id:30 id:33 id:34", lambda n: n in (10, 11)),
    ],
)
def test_filters_keep_and_count_the_same(
    database: Database, repository: JobRepository, text: str, kept: object
) -> None:
    put(database, 40)
    expected = [n * 3 for n in range(40, 0, -1) if kept(n)]  # type: ignore[operator]
    job_filter = parse_filter(text)
    assert walked(repository, job_filter, Sort(), 9) == expected
    assert repository.count(job_filter) == len(expected)
    assert repository.count_above(60, job_filter) == (
        len([i for i in expected if i > 60]), max([i for i in expected if i > 60], default=60)
    )  # fmt: skip
    assert [job.id for job in repository.jobs_of([33, 7, 30, 3])] == [33, 30, 3]  # 7 is no job


def plan_of(conn: sa.Connection, statement: sa.Select[tuple[object, ...]]) -> str:
    text = str(statement.compile(conn, compile_kwargs={"literal_binds": True}))
    explain = "EXPLAIN QUERY PLAN" if conn.dialect.name == "sqlite" else "EXPLAIN"
    return "\n".join(str(row) for row in conn.exec_driver_sql(f"{explain} {text.replace('%', '%%')}"))


def test_the_polls_of_a_long_list_follow_an_index(database: Database, repository: JobRepository) -> None:
    put(database, 3000)
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(sa.text("ANALYZE TABLE pq_migration_jobs" if conn.dialect.name == "mysql" else "ANALYZE"))
        names = TargetNames(conn)
        for text in ("", "scope:hashes", "table:t1", "-status:done"):
            for sort in (Sort(), Sort().turned()):
                plan = plan_of(conn, select_order(parse_filter(text), sort, names).limit(50))
                assert not any(sign in plan for sign in ("Sort", "TEMP B-TREE", "filesort", "temporary")), plan
        running = plan_of(conn, select_count(parse_filter("status:running"), names))
        assert "idx_pq_mig_status_sched" in running
