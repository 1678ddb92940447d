"""Windows, feeds, background work and the registry of actions."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from queue import Queue
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from textual.message import Message

from pqcore.errors import DatabaseUnavailable
from pqcore.jobs.filter import JobFilter, parse_filter
from pqcore.jobs.model import OPERATIONS, TRANSITIONS, Job, Phase, Progress, Purpose, Request, Status
from pqcore.jobs.pages import JobQuery, KeyPage
from pqcore.jobs.sort import Sort
from pqcore.migrations.base import Scope
from pqcore.workspace import Workspace
from pqtui.actions import BY_ID, PARTS, Situation, eligible, unavailable
from pqtui.feed import Feed, Fresh, Trouble
from pqtui.screens.confirm import plan_of
from pqtui.snapshots import CountReader, ListQuery, ListReader, MetricsReader
from pqtui.window import SLOW_SHARE, Window
from tests.console.world import NOW, add_job


class Numbers:
    """Jobs 1 to n in the order of their ids, as the repository gives them; ``cost``: seconds that an order takes."""

    def __init__(self, total: int, cost: float = 0.0) -> None:
        self.total = total
        self.cost = cost
        self.now = 0.0
        self.marked: object | None = None
        self.orders_read = 0
        self.most_skipped = 0

    def keys(self, query: JobQuery, offset: int = 0) -> KeyPage:
        self.orders_read += 1
        self.now += self.cost
        self.most_skipped = max(self.most_skipped, offset)
        after = query.after[2] if query.after else (self.total + 1 if query.sort.descending else 0)
        step = -1 if query.sort.descending else 1
        first = after + step * (1 + offset)
        ids = [i for i in range(first, first + step * query.limit, step) if 1 <= i <= self.total]
        more = bool(ids) and 1 <= ids[-1] + step <= self.total
        return KeyPage(tuple((0, i, i) for i in ids), more)

    def jobs_of(self, ids: Sequence[int]) -> tuple[Job, ...]:
        return tuple(a_job(i) for i in ids if i <= self.total)

    def mark(self) -> object | None:
        return self.marked

    def clock(self) -> float:
        return self.now


def a_job(job_id: int, status: Status = Status.PENDING, **values: Any) -> Job:
    return replace(Job(job_id, Scope.HASHES, status, None), **values)


@settings(max_examples=60)
@given(
    st.integers(0, 3000),
    st.lists(st.tuples(st.integers(0, 3000), st.integers(1, 200)), min_size=1, max_size=6),
    st.booleans(),
)
def test_any_part_of_a_list_is_what_it_should_be(total: int, reads: list[tuple[int, int]], down: bool) -> None:
    everything = list(range(total, 0, -1)) if down else list(range(1, total + 1))
    window = Window(Numbers(total), JobFilter(), Sort("id", down))
    for start, limit in reads:
        part = window.read(start, limit, total)
        assert part.start == (max(0, min(start, total - 1)))
        assert [j.id for j in part.jobs] == everything[part.start : part.start + limit]


def test_any_place_of_a_long_list_is_reached_in_one_step_and_stays_near() -> None:
    order = Numbers(1_000_000)
    window = Window(order, JobFilter(), Sort())
    assert [j.id for j in window.read(999_900, 100, order.total).jobs] == list(range(100, 0, -1))
    assert (order.orders_read, order.most_skipped) == (1, 0)  # from the end: nothing is walked over
    window.read(400_000, 100, order.total)
    assert order.orders_read == 2
    order.most_skipped = 0
    for _ in range(3):  # the refreshes of that place, and the screen below it
        assert window.read(400_000, 100, order.total).jobs[0].id == 600_000
    assert window.read(400_050, 100, order.total).jobs[0].id == 599_950
    assert order.most_skipped <= 100


def test_a_list_that_became_shorter_than_its_count_shows_what_is_there() -> None:
    window = Window(Numbers(10), JobFilter(), Sort())
    assert [j.id for j in window.read(5, 20, 1000).jobs] == [5, 4, 3, 2, 1]
    assert window.read(500, 20, 1000).jobs == ()


def test_a_slow_order_is_read_rarely_and_its_jobs_each_time() -> None:
    order = Numbers(100_000, cost=0.5)
    window = Window(order, JobFilter(), Sort("created_at"), order.clock)
    first = window.read(0, 100, order.total)
    for scrolled in (0, 0, 500, 900, 50):
        part = window.read(scrolled, 100, order.total)
        assert part.jobs[0].id == 100_000 - scrolled
    assert order.orders_read <= 2
    assert part.ordered_at >= first.ordered_at
    read = order.orders_read
    order.now += 0.5 / SLOW_SHARE
    window.read(0, 100, order.total)
    assert order.orders_read == read + 1
    window.expire()
    window.read(0, 100, order.total)
    assert order.orders_read == read + 2


def test_a_slow_order_is_kept_for_as_long_as_nothing_is_written() -> None:
    order = Numbers(100_000, cost=0.5)
    order.marked = "before"
    window = Window(order, JobFilter(), Sort("created_at"), order.clock)
    window.read(0, 100, order.total)
    order.now += 1e6
    assert window.read(0, 100, order.total).ordered_at == order.now  # it is still that of now
    assert order.orders_read == 1
    order.marked = "after"
    window.read(0, 100, order.total)
    assert order.orders_read == 2


def test_the_reader_agrees_with_the_repository(filled: Workspace) -> None:
    read = ListReader(filled.jobs)
    everything = filled.jobs.page(JobQuery(sort=Sort("scheduled_at"))).jobs
    snapshot = read(ListQuery(JobFilter(), Sort("scheduled_at"), 2, 3, 8))
    assert [j.id for j in snapshot.rows] == [j.id for j in everything[2:5]]


def test_what_nobody_works_at_is_read_again_only_when_something_was_written(filled: Workspace) -> None:
    with filled.db.write() as conn:
        conn.execute(sa.text("UPDATE pq_migration_jobs SET status = 'cancelled' WHERE status = 'running'"))
        conn.execute(sa.text("DELETE FROM pq_migration_workers"))
    passed = 0.0

    def clock() -> float:
        nonlocal passed
        passed += 1.0
        return passed

    read, metrics = ListReader(filled.jobs, clock), MetricsReader(filled.jobs, clock)
    query = ListQuery(JobFilter(), Sort(), 0, 20, 8)
    asked: list[str] = []
    sa.event.listen(filled.db.engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    for _ in range(3):  # the first sees the database's mark, the second that it has held
        first, totals = read(query), metrics("all")
    asked.clear()
    again = read(query)
    assert (again, metrics("all")) == (first, totals)
    assert again.ordered_at > first.ordered_at
    assert asked == []
    assert read(replace(query, start=2)).rows == first.rows[2:]
    add_job(filled, 50)
    assert next(job.id for job in read(query).rows) == 50
    assert asked


def test_a_lease_that_runs_out_is_seen_without_a_write(filled: Workspace) -> None:
    passed = 0.0

    def clock() -> float:
        nonlocal passed
        passed += 1.0
        return passed

    read, metrics = ListReader(filled.jobs, clock), MetricsReader(filled.jobs, clock)
    asked: list[str] = []
    sa.event.listen(filled.db.engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    for _ in range(4):
        asked.clear()
        assert any(job.is_running for job in read(ListQuery(JobFilter(), Sort(), 0, 20, 8)).rows)
        assert asked
        asked.clear()
        assert metrics("all").active
        assert asked


def test_counting_again_costs_only_what_came_since(filled: Workspace) -> None:
    passed = 0.0

    def clock() -> float:
        nonlocal passed
        passed += 1.0  # a count takes a second by this clock, so the next whole one is 50 seconds away
        return passed

    count = CountReader(filled.jobs, clock)
    asked: list[str] = []
    sa.event.listen(filled.db.engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    assert count(JobFilter()).total == 8
    add_job(filled, 50)
    asked.clear()
    assert count(JobFilter()).total == 9
    assert [text for text in asked if "count" in text and "vw_pq_migration_jobs.id >" not in text] == []
    with filled.db.write() as conn:
        conn.execute(sa.text("DELETE FROM pq_migration_jobs WHERE id < 3"))
    assert count(JobFilter()).total == 9  # not seen yet
    count.expire()
    assert count(JobFilter()).total == 7
    assert count(parse_filter("status:failed")).total == 0


def test_what_was_counted_holds_for_as_long_as_nothing_is_written(filled: Workspace) -> None:
    count, metrics = CountReader(filled.jobs), MetricsReader(filled.jobs)
    assert count(JobFilter()).total == sum(t.jobs for t in metrics("all").totals) == 8
    asked: list[str] = []
    sa.event.listen(filled.db.engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    for _ in range(3):
        assert count(JobFilter()).total == 8
        assert metrics("all").totals_at > 0
    assert not [text for text in asked if "count(" in text.lower() or "metrics" in text]
    add_job(filled, 50, status="failed")
    assert count(JobFilter()).total == 9
    count.expire()
    metrics.expire()
    assert count(JobFilter()).total == 9
    assert {t.status: t.jobs for t in metrics("all").totals}[Status.FAILED] == 2


def test_a_feed_reads_again_only_after_it_has_read() -> None:
    posted: Queue[Message] = Queue()
    at_once, most = 0, 0
    lock = threading.Lock()

    def read(query: str) -> str:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        try:
            return query.upper()
        finally:
            with lock:
                at_once -= 1

    feed: Feed[str] = Feed("f", read, posted.put, interval=0.0)
    feed.start("a")
    for _ in range(5):
        message = posted.get(timeout=5)
        assert isinstance(message, Fresh)
        assert message.snapshot == "A"
        feed.again()
    feed.stop()
    assert most == 1


def test_a_feed_outlives_a_database_that_is_away_and_says_so() -> None:
    posted: Queue[Message] = Queue()
    away = True

    def read(_query: str) -> str:
        if away:
            raise DatabaseUnavailable("The database is away", "Wait")
        return "back"

    feed: Feed[str] = Feed("f", read, posted.put, interval=0.0)
    feed.start("q")
    trouble = posted.get(timeout=5)
    assert isinstance(trouble, Trouble)
    assert trouble.sentence == "The database is away. Wait."
    away = False
    feed.again()
    while isinstance(message := posted.get(timeout=5), Trouble):
        pass
    assert isinstance(message, Fresh)
    feed.stop()


class Pauses(threading.Event):
    """Notes for how long a feed wants to rest, and lets it go on at once."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.seen: list[float | None] = []
        self._most = most
        self.enough = threading.Event()

    def wait(self, timeout: float | None = None) -> bool:
        self.seen.append(timeout)
        if len(self.seen) >= self._most:
            self.enough.set()
            return super().wait()
        return True


def test_a_feed_rests_longer_where_nothing_changes_until_something_does() -> None:
    posted: Queue[Message] = Queue()
    answers = iter([*["same"] * 14, *["other"] * 5])
    feed: Feed[str] = Feed("f", lambda _query: next(answers), posted.put, interval=7.0)
    feed._wake = pauses = Pauses(16)
    feed.start("q")
    assert pauses.enough.wait(10)
    feed.stop()
    assert pauses.seen[:11] == [7.0] * 11
    assert pauses.seen[11:15] == [28.0] * 4  # the read that found something new had waited long, too
    assert pauses.seen[15:] == [7.0]
    new = [message.new for message in list(posted.queue) if isinstance(message, Fresh)]
    assert new == [True, *[False] * 13, True, False]


def test_a_feed_on_hold_reads_only_when_asked() -> None:
    posted: Queue[Message] = Queue()
    feed: Feed[str] = Feed("f", str, posted.put, interval=0.0)
    feed.hold(True)
    feed.start("one")
    first = posted.get(timeout=5)
    assert isinstance(first, Fresh)
    feed.ask("two")
    second = posted.get(timeout=5)
    assert isinstance(second, Fresh)
    assert second.query == "two"
    feed.stop()


def situation(*jobs: Job, **values: Any) -> Situation:
    plain = Situation(jobs, len(jobs) > 1, False, frozenset(), False, False, False, NOW)
    return replace(plain, **values)


def test_ids_and_keys_of_actions_are_unique_and_each_is_explained() -> None:
    for part in PARTS.values():
        keys = [key for action in part for key in action.keys]
        assert len(keys) == len(set(keys))
    for action in BY_ID.values():
        # one id is one action, on whichever screen
        same = [other for part in PARTS.values() for other in part if other.id == action.id]
        assert len({(other.keys, other.help) for other in same}) == 1
        assert action.help
        assert not action.help.endswith(".")


@pytest.mark.parametrize("status", list(Status))
def test_what_is_offered_is_what_the_transitions_allow(status: Status) -> None:
    here = situation(a_job(1, status))
    assert (not unavailable(BY_ID["cancel"], here)) == (Status.CANCELLED in TRANSITIONS[status])
    retry = status in (Status.FAILED, Status.CANCELLED)
    assert (not unavailable(BY_ID["retry"], here)) == retry
    assert not retry or Status.PENDING in TRANSITIONS[status]
    assert (not unavailable(BY_ID["run"], here)) == (status is Status.PENDING)


def test_a_paused_job_can_be_resumed_and_not_run() -> None:
    paused = situation(a_job(1, request=Request.PAUSE))
    assert unavailable(BY_ID["resume"], paused) == ""
    assert "resume it first" in unavailable(BY_ID["run"], paused)


def test_dead_letters_of_ended_jobs_can_be_tried_again() -> None:
    with_letters = Progress(total=5, migrated=3, failed=2)
    for status in Status:
        ended = status in (Status.DONE, Status.FAILED, Status.CANCELLED)
        assert (not unavailable(BY_ID["requeue"], situation(a_job(1, status, progress=with_letters)))) == ended
    assert "no dead letters" in unavailable(BY_ID["requeue"], situation(a_job(1, Status.DONE)))


def test_a_stalled_job_can_be_run_here() -> None:
    assert unavailable(BY_ID["run"], situation(a_job(1, Status.RUNNING, lease_expired=True))) == ""


def test_of_several_only_those_that_can_are_taken() -> None:
    mixed = situation(a_job(1), a_job(2, Status.DONE), a_job(3, Status.FAILED))
    assert [j.id for j in eligible(BY_ID["cancel"], mixed)] == [1]


def test_which_actions_ask_and_what_has_to_be_typed() -> None:
    one, two = [a_job(7)], [a_job(7), a_job(8)]
    for action_id in ("run", "pause", "resume", "retry"):
        assert plan_of(BY_ID[action_id], one, 0) is None
        plan = plan_of(BY_ID[action_id], two, 0)
        assert plan is not None
        assert plan.typed == ""
    typed = {
        (action_id, len(jobs)): plan.typed
        for action_id in ("cancel", "restart", "rollback", "finalize")
        for jobs in (one, two)
        if (plan := plan_of(BY_ID[action_id], jobs, 0)) is not None
    }
    assert typed == {("cancel", 1): "", ("cancel", 2): "2"} | {
        (action_id, number): text
        for action_id in ("restart", "rollback", "finalize")
        for number, text in ((1, "7"), (2, "2"))
    }


COUNTED = Progress(total=5, migrated=5)


@pytest.mark.parametrize("status", list(Status))
@pytest.mark.parametrize("action_id", ["verify", "rollback", "finalize"])
def test_operations_are_offered_in_the_states_that_the_engine_takes(action_id: str, status: Status) -> None:
    job = a_job(1, status, progress=COUNTED, phase=Phase.VERIFIED, keeps_originals=True)
    assert (not unavailable(BY_ID[action_id], situation(job))) == (status in OPERATIONS[Purpose(action_id)][0])


def test_an_operation_under_way_keeps_others_out_and_an_interrupted_one_goes_on() -> None:
    held = a_job(1, Status.DONE, progress=COUNTED, phase=Phase.FINALIZING, held_by="w", keeps_originals=True)
    for action_id in ("verify", "rollback", "finalize", "requeue"):
        assert "finalizing" in unavailable(BY_ID[action_id], situation(held))
    left = replace(held, held_by=None, keeps_originals=False)
    assert unavailable(BY_ID["finalize"], situation(left)) == ""


def test_dead_letters_keep_a_job_from_being_finalized() -> None:
    progress = Progress(total=5, migrated=4, failed=1)
    job = a_job(1, Status.DONE, progress=progress, phase=Phase.VERIFIED, keeps_originals=True)
    assert "dead letters" in unavailable(BY_ID["finalize"], situation(job))
