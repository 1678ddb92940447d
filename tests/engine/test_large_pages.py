"""Pages of tens of thousands of rows, under a key of four columns: no statement passes a database's limits."""

from __future__ import annotations

import sqlite3
from threading import Event

import pytest
import sqlalchemy as sa

from pqcore.database.connect import Database
from pqcore.database.lists import MOST_PARAMETERS, parts
from pqcore.database.tables import dead_letters, originals
from pqcore.engine.batch import Computed, write
from pqcore.engine.context import JobContext
from pqcore.engine.pages import digest_of, known_dead, read_keys
from pqcore.engine.plan import plan_ranges
from pqcore.engine.prepare import prepare
from pqcore.engine.rollback import RollbackRange, _destroy
from pqcore.jobs.claims import claim_job
from pqcore.jobs.model import Purpose
from pqcore.jobs.range_claims import RangeClaim, claim_range
from pqcore.migrations.base import Record
from tests.engine.items import Bench, sha1

# more than SQLite takes of one column, and more than PostgreSQL takes of four
KEYS = [(n % 7, n, f"k{n}", n) for n in range(33_000)]
WIDE = sa.Table(
    "wide",
    sa.MetaData(),
    *(
        sa.Column(f"k{place}", type_, primary_key=True, autoincrement=False)
        for place, type_ in enumerate((sa.BigInteger(), sa.BigInteger(), sa.String(20), sa.BigInteger()))
    ),
    sa.Column("body", sa.String(200), nullable=False),
    sa.Column("digest", sa.String(200)),
)
THERE = [KEYS[0], KEYS[1], KEYS[-1]]


def as_it_is_built_by_default(connection: sqlite3.Connection, _record: object) -> None:
    connection.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, 32_766)


@pytest.fixture
def claimed(database: Database) -> tuple[JobContext, RangeClaim]:
    """A claimed range over a table that holds few rows of those that are asked for."""
    if database.dialect.name == "sqlite":
        sa.event.listen(database.engine, "connect", as_it_is_built_by_default)
    bench = Bench(database)
    WIDE.create(database.engine)
    with database.write() as conn:
        conn.execute(WIDE.insert(), [dict(zip(WIDE.c.keys(), (*key, "x", sha1("x")), strict=True)) for key in THERE])
    claim = claim_job(database, "worker", bench.job(table="wide", keep_originals=True))
    context = prepare(database, bench.keys, bench.jobs.get(claim.job_id), Event())
    plan_ranges(context, claim, Purpose.MIGRATE)
    mine = claim_range(database, claim.job_id, "worker", Purpose.MIGRATE)
    assert mine is not None
    return context, mine


def test_rows_are_found_by_their_keys(claimed: tuple[JobContext, RangeClaim]) -> None:
    context, claim = claimed
    with context.db.read() as conn:
        assert {record.key for record in read_keys(conn, context, KEYS)} == set(THERE)
    rollback = RollbackRange(context, claim)
    assert rollback._values(KEYS) == dict.fromkeys(THERE, sha1("x"))


def test_companion_rows_are_found_and_taken_away(claimed: tuple[JobContext, RangeClaim]) -> None:
    context, claim = claimed
    with context.db.write() as conn:
        for key in THERE:
            common = {"job_id": claim.job_id, "key_digest": digest_of(key), "row_key": "[]", "walk_key": "[]"}
            conn.execute(dead_letters.insert().values(**common, reason="x", message="x", created_at=sa.func.now()))
            kept = {"field": "digest", "sealed": b"x", "written_digest": "x"}
            conn.execute(originals.insert().values(**common, **kept, created_at=sa.func.now()))
    with context.db.read() as conn:
        assert known_dead(conn, context, [Record(key, {}) for key in KEYS]) == {digest_of(key) for key in THERE}
    gone = [Computed(Record(key, {}), None, letter=digest_of(key)) for key in KEYS]
    write(context, claim, gone, cursor=KEYS[-1])
    with context.db.write() as conn:
        assert conn.execute(sa.select(sa.func.count()).select_from(dead_letters)).scalar_one() == 0
        _destroy(conn, originals, claim.job_id, [digest_of(key) for key in KEYS])
        assert conn.execute(sa.select(sa.func.count()).select_from(originals)).scalar_one() == 0


@pytest.mark.parametrize("width", [1, 4, 3 * MOST_PARAMETERS])
def test_parts_are_whole_and_in_order(width: int) -> None:
    cut = list(parts(KEYS[:25_000], width)) if width < MOST_PARAMETERS else list(parts(KEYS[:5], width))
    assert [key for part in cut for key in part] == KEYS[: 25_000 if width < MOST_PARAMETERS else 5]
    assert all(len(part) == 1 or len(part) * width <= MOST_PARAMETERS for part in cut)
    assert list(parts([], width)) == []
