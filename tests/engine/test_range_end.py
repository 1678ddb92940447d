"""A range ends in the transaction of its last batch, but never before a row that lost the race had another turn."""

from __future__ import annotations

from dataclasses import replace
from threading import Event

import pytest
import sqlalchemy as sa

from pqcore.database.connect import Database
from pqcore.database.tables import ranges
from pqcore.engine import migrate
from pqcore.engine.batch import compute, write
from pqcore.engine.context import JobContext
from pqcore.engine.pages import read_page
from pqcore.engine.plan import plan_ranges
from pqcore.engine.prepare import prepare
from pqcore.engine.ranges import Ended
from pqcore.engine.throttles.live import LiveLimits
from pqcore.jobs.claims import LeaseLost, claim_job
from pqcore.jobs.cursor import encode_key
from pqcore.jobs.limits import effective
from pqcore.jobs.model import Purpose
from pqcore.jobs.range_claims import RangeClaim, claim_range
from tests.engine.items import ITEMS, Bench, sha1
from tests.throttles.clocks import Clock

ROWS = 5


@pytest.fixture
def bench(database: Database) -> Bench:
    made = Bench(database)
    made.fill(ROWS)
    return made


def claimed(bench: Bench) -> tuple[JobContext, RangeClaim]:
    """The only range of a job, claimed and not begun."""
    claim = claim_job(bench.db, "worker", bench.job())
    context = prepare(bench.db, bench.keys, bench.jobs.get(claim.job_id), Event())
    plan_ranges(context, claim, Purpose.MIGRATE)
    mine = claim_range(bench.db, claim.job_id, "worker", Purpose.MIGRATE)
    assert mine is not None
    return context, mine


def state(bench: Bench) -> tuple[str, int, int]:
    with bench.db.read() as conn:
        row = conn.execute(sa.select(ranges)).one()
    return row.state, row.migrated, row.conflicted


def test_the_last_batch_ends_its_range(bench: Bench) -> None:
    context, claim = claimed(bench)
    with bench.db.read() as conn:
        records = read_page(conn, context, None, None, ROWS + 1, only_old=False)
    written = write(context, claim, compute(context, records), cursor=records[-1].key, range_done=True)
    assert (written.lost, written.ended) == ((), True)
    assert state(bench) == ("done", ROWS, 0)


def test_a_range_stays_open_for_a_row_that_lost_the_race(bench: Bench) -> None:
    context, claim = claimed(bench)
    with bench.db.read() as conn:
        records = read_page(conn, context, None, None, ROWS + 1, only_old=False)
    ready = compute(context, records)
    with bench.db.write() as conn:
        conn.execute(sa.update(ITEMS).where(ITEMS.c.id == 2).values(body="other", digest=sha1("other")))
    written = write(context, claim, ready, cursor=records[-1].key, range_done=True)
    assert (written.lost, written.ended) == (((2,),), False)
    assert state(bench) == ("open", ROWS - 1, 1)


def test_a_batch_whose_time_is_over_is_written_as_far_as_it_has_come(bench: Bench) -> None:
    context, claim = claimed(bench)
    with bench.db.read() as conn:
        records = read_page(conn, context, None, None, ROWS + 1, only_old=False)
    ready = compute(context, records, seconds=0)
    assert [c.record.key for c in ready] == [(1,)]
    write(context, claim, ready, cursor=ready[-1].record.key)
    assert state(bench) == ("open", 1, 0)


def test_a_range_of_slow_rows_is_written_row_by_row(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrate, "_STRETCH", 0)
    context, claim = claimed(bench)
    clock = Clock()
    context = replace(context, live=LiveLimits(effective({"throttle": {"rows_per_second": 1e6}}, None), clock))
    assert migrate.MigrateRange(context, claim).run() is Ended.DONE
    assert state(bench) == ("done", ROWS, 0)
    assert context.live.delay() == pytest.approx(ROWS / 1e6), "rows that were read and not taken are not counted"


def test_a_range_that_a_failing_server_set_back_is_not_moved_on(bench: Bench) -> None:
    context, claim = claimed(bench)
    with bench.db.read() as conn:
        records = read_page(conn, context, None, None, ROWS + 1, only_old=False)
    write(context, claim, compute(context, records[:2]), cursor=records[1].key)
    behind = replace(claim, cursor=encode_key(records[1].key))
    with bench.db.write() as conn:
        conn.execute(sa.update(ranges).values(cursor_key=None))
    with pytest.raises(LeaseLost):
        write(context, behind, compute(context, records[2:]), cursor=records[-1].key, range_done=True)
    with bench.db.read() as conn:
        untouched = conn.execute(sa.select(ITEMS.c.digest).where(ITEMS.c.id == records[-1].key[0])).scalar_one()
    assert untouched == records[-1].values["digest"]
    assert state(bench)[0] == "open"
