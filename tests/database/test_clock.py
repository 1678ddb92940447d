"""Time comes from the database, in UTC, to the microsecond where the database has it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from pqcore.database.clock import now, now_plus, this_minute
from pqcore.database.connect import Database
from pqcore.database.tables import UTCDateTime

moments = sa.Table("moments", sa.MetaData(), sa.Column("id", sa.Integer), sa.Column("at", UTCDateTime))

CREATE = {
    "postgresql": "CREATE TABLE moments (id INTEGER, at TIMESTAMPTZ(6))",
    "mysql": "CREATE TABLE moments (id INTEGER, at DATETIME(6))",
    "sqlite": "CREATE TABLE moments (id INTEGER, at DATETIME)",
}


def test_now_is_utc(database: Database) -> None:
    with database.read() as conn:
        moment = conn.scalar(sa.select(now()))
    assert moment.tzinfo is UTC
    assert abs(moment - datetime.now(UTC)) < timedelta(minutes=1)


def test_now_plus_moves_both_ways_and_takes_expressions(database: Database) -> None:
    with database.read() as conn:
        row = conn.execute(sa.select(now(), now_plus(90), now_plus(-1.5), now_plus(sa.literal(60) * 60))).one()
    start, later, earlier, hour = row
    tolerance = timedelta(seconds=1)  # each expression reads the clock anew
    assert abs(later - start - timedelta(seconds=90)) < tolerance
    assert abs(earlier - start + timedelta(seconds=1.5)) < tolerance
    assert abs(hour - start - timedelta(hours=1)) < tolerance


def test_stored_times_compare_with_the_clock(database: Database) -> None:
    """A stored moment and the clock have one form: SQLite compares them as text."""
    with database.write() as conn:
        conn.exec_driver_sql(CREATE[database.dialect.name])
        conn.execute(moments.insert().values(id=1, at=now_plus(-0.5)))
        conn.execute(moments.insert().values(id=2, at=now_plus(60)))
        conn.execute(moments.insert().values(id=3, at=datetime.now(UTC) - timedelta(minutes=5)))
        conn.execute(moments.insert().values(id=4, at=datetime.now(UTC) + timedelta(minutes=5)))
    with database.read() as conn:
        due = conn.scalars(sa.select(moments.c.id).where(moments.c.at <= now()).order_by(moments.c.id)).all()
    assert due == [1, 3]


def test_the_clock_goes_on_within_a_transaction(database: Database) -> None:
    with database.read() as conn:
        first = conn.scalar(sa.select(now()))
        for _ in range(100_000):
            second = conn.scalar(sa.select(now()))
            if second > first:
                break
    assert second > first


def test_statements_that_ask_for_the_time_are_compiled_once() -> None:
    """Without a cache key SQLAlchemy compiles a statement at every execution: half the cost of a checkpoint."""
    for moment in (now(), now_plus(6), now_plus(-1.5)):
        assert sa.select(moment)._generate_cache_key() is not None
    one, other = (sa.select(now_plus(seconds))._generate_cache_key() for seconds in (1, 2))
    assert one == other


def test_a_minute_is_that_of_the_clock_and_is_found_again(database: Database) -> None:
    with database.write() as conn:
        conn.exec_driver_sql(CREATE[database.dialect.name])
        before, minute, after = (conn.scalar(sa.select(what)) for what in (now(), this_minute(), now()))
        conn.execute(moments.insert().values(id=1, at=minute))
        assert conn.scalar(sa.select(moments.c.id).where(moments.c.at == minute)) == 1
    assert minute.tzinfo is UTC
    assert minute in {moment.replace(second=0, microsecond=0) for moment in (before, after)}
