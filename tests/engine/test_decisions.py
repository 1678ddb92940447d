"""The engine's pure decisions: waiting, range sizes, endings, keys as text."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqcore.engine import backoff
from pqcore.engine.plan import Rest, range_rows
from pqcore.engine.run import Why, ending, too_many
from pqcore.jobs.cursor import decode_key, encode_key
from pqcore.jobs.model import TRANSITIONS, Progress, Status, can_move
from pqcore.selection.document import DEFAULT_MAX_FAILURES


class TestBackoff:
    def test_doubles_up_to_five_seconds(self) -> None:
        waits = [backoff.seconds(attempt, draw=1.0) for attempt in range(1, 30)]
        assert waits == sorted(waits)
        assert waits[1] == 2 * waits[0]
        assert waits[-1] == 5.0

    @given(st.integers(1, 10**6), st.floats(0, 1))
    def test_jitter_keeps_half(self, attempt: int, draw: float) -> None:
        assert backoff.seconds(attempt, 1.0) / 2 <= backoff.seconds(attempt, draw) <= backoff.seconds(attempt, 1.0)


def test_ranges_start_small_and_grow_to_a_cap() -> None:
    sizes = [range_rows(n, 1) for n in range(200)]
    assert sizes[0] == 100
    assert sizes == sorted(sizes)
    assert sizes[-1] == 50_000
    assert range_rows(0, 2) > sizes[-1]


class TestShares:
    @staticmethod
    def cut(total: int, turns: int) -> list[int]:
        rest, sizes = Rest(total, 0, turns), list[int]()
        while rest.planned < total:
            sizes.append(range_rows(len(sizes), 1, rest.share))
            rest = rest.without(sizes[-1])
        return sizes

    @given(st.integers(1, 10**7), st.integers(1, 16))
    def test_the_last_ranges_are_small_and_all_are_few(self, total: int, turns: int) -> None:
        sizes = self.cut(total, turns)
        assert sizes == sorted(sizes, reverse=True)
        assert sizes[-1] <= max(1, total // (16 * turns))
        assert len(sizes) <= total // 50_000 + 40 * turns

    def test_a_few_slow_rows_go_to_all_threads(self) -> None:
        assert self.cut(16, 2)[:2] == [4, 3]

    def test_rows_that_came_later_are_cut_too(self) -> None:
        rest, ranges = Rest(1, 0, 2), 0
        while rest.planned < 10**6:
            rest = rest.without(range_rows(ranges, 1, rest.share))
            ranges += 1
        assert ranges < 1000


KEYS = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.text(),
    st.binary(),
    st.uuids(),
    st.booleans(),
    st.decimals(allow_nan=False, allow_infinity=False),
    st.datetimes(),
    st.datetimes(timezones=st.just(dt.UTC)),
    st.dates(),
    st.times(),
    st.floats(allow_nan=False),
)


@given(st.lists(KEYS, min_size=1, max_size=4).map(tuple))
def test_keys_survive_as_text_with_their_types(key: tuple[object, ...]) -> None:
    back = decode_key(encode_key(key))
    assert back == key
    assert [type(v) for v in back] == [type(v) for v in key]


def test_a_key_without_an_order_is_refused() -> None:
    with pytest.raises(TypeError, match="list"):
        encode_key(([1],))


def test_a_key_text_is_plain_json() -> None:
    assert encode_key((1, "a", uuid.UUID(int=0), Decimal("1.50"))) == (
        '[["int","1"],["str","a"],["uuid","00000000-0000-0000-0000-000000000000"],["decimal","1.50"]]'
    )


class TestThreshold:
    def test_a_count(self) -> None:
        assert not too_many(Progress(100, failed=3), 3)
        assert too_many(Progress(100, failed=4), 3)
        assert too_many(Progress(100, failed=1), 0)

    def test_a_share(self) -> None:
        assert not too_many(Progress(100, failed=5), 0.05)
        assert too_many(Progress(100, failed=6), 0.05)

    def test_the_default_stops_a_job_whose_rows_all_fail(self) -> None:
        assert not too_many(Progress(10**6, failed=DEFAULT_MAX_FAILURES), None)
        assert too_many(Progress(10**6, failed=DEFAULT_MAX_FAILURES + 1), None)


class TestEnding:
    def test_done_names_its_dead_letters(self) -> None:
        end = ending(7, None, None, Progress(10, migrated=8, failed=2))
        assert end.status is Status.DONE
        assert end.error is not None
        assert "2 rows" in end.error
        assert "jobs show 7 --dead-letters" in end.error

    def test_done_without_failures_has_no_error(self) -> None:
        assert ending(7, None, None, Progress(10, migrated=10)).error is None

    @pytest.mark.parametrize(
        ("why", "status"),
        [
            (Why.PAUSED, Status.PENDING),
            (Why.STOPPED, Status.PENDING),
            (Why.CANCELLED, Status.CANCELLED),
            (Why.FAILED, Status.FAILED),
            (Why.TAKEN, None),
        ],
    )
    def test_each_reason_has_its_state(self, why: Why, status: Status | None) -> None:
        end = ending(7, why, "It broke. Mend it.", Progress())
        assert end.status is status
        if status is not None:
            assert can_move(Status.RUNNING, status)


def test_every_state_has_its_transitions() -> None:
    assert set(TRANSITIONS) == set(Status)
    assert TRANSITIONS[Status.DONE] == {Status.PENDING}  # for its dead letters alone
    assert not any(can_move(s, s) for s in Status)


def test_progress_never_passes_one() -> None:
    assert Progress(10, migrated=12).ratio == 1.0
    assert Progress(0).ratio == 1.0
    assert Progress(None, migrated=5).ratio is None
    assert Progress(10, migrated=2, skipped=1, failed=2).ratio == 0.5
