"""How values are worded, drawn and fitted: pure functions."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from pqcore.errors import UsageError
from pqcore.jobs.model import Job, Phase, Progress, Status, StatusTotal, WorkerInfo
from pqcore.migrations.base import Scope
from pqtui import columns, metrics_text, plot, show
from pqtui.columns import Line
from pqtui.curve import SPANS, Present, curve
from pqtui.filter_typing import FilterSuggester, SeenValues, typed_filter
from pqtui.glyphs import ASCII, UNICODE, choose
from pqtui.json_tokens import tokens
from pqtui.metrics_text import Flow, JobFlow
from pqtui.pace import Pace, PaceBook
from pqtui.readiness import Readiness, readiness
from pqtui.schedule import parse_start
from pqtui.snapshots import MetricsSnapshot
from tests.console.world import NOW

GLYPHS = st.sampled_from([UNICODE, ASCII])


def job(**values: object) -> Job:
    given_values = {"id": 1, "scope": Scope.HASHES, "status": Status.RUNNING, "selection": None, "is_running": True}
    return Job(**{**given_values, **values})  # type: ignore[arg-type]


@given(st.text(), st.integers(1, 60), GLYPHS, st.booleans())
def test_fitted_text_has_exactly_its_width(text: str, width: int, glyphs, right: bool) -> None:  # type: ignore[no-untyped-def]
    printable = "".join(c for c in text if c.isprintable())
    assert cell_len(show.fit(printable, width, glyphs, right=right)) == width


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (999, "999"), (1000, "1.0k"), (12_345, "12.3k"), (999_960, "1.0M"), (2_500_000, "2.5M"), (0.25, "0.2")],
)
def test_short_numbers(number: float, text: str) -> None:
    assert show.short(number) == text


@given(st.floats(0, 9e14))
def test_short_numbers_are_short(number: float) -> None:
    assert len(show.short(number)) <= 6


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (59.9, "59s"), (60, "1m 0s"), (3725, "1h 2m"), (90_000, "1d 1h"), (-5, "0s")]
)
def test_durations(seconds: float, text: str) -> None:
    assert show.duration(seconds) == text


@given(st.floats(0, 1), st.integers(1, 50), GLYPHS)
def test_a_bar_is_full_only_of_the_whole(ratio: float, width: int, glyphs) -> None:  # type: ignore[no-untyped-def]
    filled, empty = show.bar(ratio, width, glyphs)
    assert len(filled) + len(empty) == width
    assert (not empty) == (ratio == 1) or width == 1
    assert bool(filled) == (ratio > 0)


def test_percent_says_100_only_of_the_whole() -> None:
    assert show.percent(0.9999) == "99%"
    assert show.percent(1.0) == "100%"


@given(st.integers(0, 250))
def test_columns_never_exceed_the_width(width: int) -> None:
    places = columns.layout(width)
    used = sum(p.width for p in places) + columns.GAP * (len(places) - 1)
    assert used <= max(width, 19)  # id and state always stay
    assert places[0].column.id == "id"


@given(st.integers(0, 250), GLYPHS)
def test_every_cell_is_as_wide_as_its_column(width: int, glyphs) -> None:  # type: ignore[no-untyped-def]
    places = columns.layout(width)
    line = Line(job(progress=Progress(total=10, migrated=3)), Pace(12.5, 90), False)
    cells = columns.cells(line, places, NOW, glyphs)
    assert [cell_len(c) for c in cells] == [p.width for p in places]


def test_states_are_told_apart_without_colour() -> None:
    for glyphs in (UNICODE, ASCII):
        words = {
            show.state_word(job(), NOW): None,
            show.state_word(job(lease_expired=True), NOW): None,
            show.state_word(job(status=Status.PENDING, scheduled_at=NOW + timedelta(1)), NOW): None,
        }
        assert list(words) == ["running", "stalled", "scheduled"]
        assert all(word in glyphs.states for word in words)


@pytest.mark.parametrize(
    ("env", "glyphs"),
    [
        ({"LANG": "de_DE.UTF-8"}, UNICODE),
        ({"LC_ALL": "C"}, ASCII),
        ({"LANG": "C.UTF-8", "TERM": "linux"}, ASCII),
        ({"LANG": "C.UTF-8", "PQCONSOLE_ASCII": "1"}, ASCII),
    ],
)
def test_ascii_where_the_terminal_needs_it(env: dict[str, str], glyphs: object) -> None:
    assert choose(env) is glyphs


@given(st.lists(st.floats(0, 1e9), max_size=40), st.integers(1, 8), GLYPHS)
def test_a_plot_shows_every_value_above_zero(values: list[float], height: int, glyphs) -> None:  # type: ignore[no-untyped-def]
    lines = plot.columns(values, height, glyphs)
    assert len(lines) == height
    if glyphs.braille:
        padded = [0.0] * (len(values) % 2) + values
        shown = [a > 0 or b > 0 for a, b in zip(padded[::2], padded[1::2], strict=True)]
    else:
        shown = [v > 0 for v in values]
    assert all(len(line) == len(shown) for line in lines)
    assert [c != " " for c in lines[-1]] == shown
    assert [c != " " for c in plot.spark(values, glyphs)] == [v > 0 for v in values]


def test_pace_is_rows_over_time_and_forgets_what_stopped() -> None:
    book = PaceBook()
    book.observe([job(progress=Progress(total=1000, migrated=100))], 10.0)
    assert book.of(job()) == Pace()
    running = job(progress=Progress(total=1000, migrated=300))
    book.observe([running], 20.0)
    assert book.of(running) == Pace(20.0, 35.0)
    book.observe([job(status=Status.PENDING)], 21.0)
    assert book.of(running) == Pace()


def test_pace_looks_at_the_last_seconds_only() -> None:
    book = PaceBook(window=10)
    for second in range(0, 100):
        book.observe([job(progress=Progress(total=10_000, migrated=second if second < 50 else 50))], float(second))
    assert book.of(job(progress=Progress(total=10_000, migrated=50))) == Pace(0.0)


def test_time_in_which_a_throttle_held_the_job_back_is_not_in_what_is_left() -> None:
    book = PaceBook()
    book.observe([job(progress=Progress(total=1000, migrated=100))], 10.0)
    held = job(progress=Progress(total=1000, migrated=200), throttled_seconds=6.0)
    book.observe([held], 20.0)
    assert book.of(held) == Pace(10.0, 32.0)  # 800 rows, at 100 rows in the 4 seconds of work
    waiting = job(progress=Progress(total=1000, migrated=201), throttled_seconds=35.9)
    book.observe([waiting], 50.0)
    assert book.of(waiting).left is None  # it has hardly worked


def test_what_is_in_its_new_form_by_the_newest_counted_job_of_each_column() -> None:
    def about(table: str, **values: Any) -> Job:
        return job(selection={"table": table, "field": "f"}, **values)

    found = readiness(
        [
            about("c"),  # not begun
            about("a", progress=Progress(total=100, migrated=50, skipped=10, failed=5)),
            about("a", progress=Progress(total=900, migrated=900)),  # older
            about("b", status=Status.DONE, progress=Progress(total=40, migrated=40)),
            about("d", status=Status.DONE, phase=Phase.ROLLED_BACK, progress=Progress(total=20, migrated=20)),
            job(selection=None),
        ]
    )
    assert found == Readiness(safe=100, total=160, places=3, uncounted=1)
    assert readiness([]) == Readiness(0, 0, 0, 0)


def test_workers_with_their_heartbeat_and_what_holds_their_jobs_back() -> None:
    worker = WorkerInfo("w1", "ops1", 47, "work", 4, NOW, NOW - timedelta(seconds=7), alive=True)
    gone = replace(worker, id="w2", pid=48, heartbeat_at=NOW - timedelta(minutes=3), alive=False)
    held = job(
        id=12, held_by="w1", throttle_reason="outside 22:00-06:00", selection={"table": "users", "field": "pw"},
        progress=Progress(total=1000, migrated=450, failed=50),
    )  # fmt: skip
    stalled = job(id=13, lease_expired=True)
    snapshot = MetricsSnapshot((), (held, stalled), (gone, worker))
    flow = Flow(
        25.0, 20.0, curve((), Present(NOW), SPANS[0], 30), (), {12: JobFlow(Pace(25.0, 20.0), (0.0, 25.0, 50.0))}
    )
    lines = metrics_text.workers(snapshot, flow, frozenset(), NOW, 90, 10, ASCII, "w").plain.split("\n")
    assert lines[1].split() == ["*", "work", "ops1:47", "4", "7s", "ago"]
    assert lines[2].split() == ["12", "users.pw", "25/s", "=#", "20s", "10%", "dead", "outside", "22:00-06:00"]
    assert lines[3].split()[-3:] == ["3m", "ago,", "gone"]
    assert "stalled, worker gone" in lines[4]
    short = metrics_text.workers(snapshot, flow, frozenset(), NOW, 90, 3, ASCII, "w").plain.split("\n")
    assert short[-1].strip() == "and 3 more"
    rates = metrics_text.throughput(snapshot, flow, 30, 8, ASCII).plain
    assert "10% of the rows are dead letters, 1 job held back" in rates
    assert "500 rows left in 2 jobs, about 20s of work" in rates


def test_totals_say_of_which_time_they_are_and_what_they_do_not_know() -> None:
    counted = MetricsSnapshot((), (), (), readiness=Readiness(600, 1000, 2, 1))
    text = metrics_text.totals(counted, "12:03:04", 34, ASCII).plain
    assert text.startswith("at 12:03:04    Jobs")
    assert text.endswith("New form 60% of 1.0k rows\nin 2 columns; 1 not counted")
    many = replace(counted, readiness=Readiness(600, 1000, 2, 0), newest=200)
    assert "in 2 columns, newest 200 jobs" in metrics_text.totals(many, "", 34, ASCII).plain
    assert "New form" not in metrics_text.totals(MetricsSnapshot((), (), ()), "", 34, ASCII).plain


@pytest.mark.parametrize(
    ("ratio", "text"), [(0.0000001, "0.01%"), (0.0042, "0.42%"), (0.042, "4.2%"), (0.42, "42%"), (1.0, "100%")]
)
def test_small_shares_are_not_nothing(ratio: float, text: str) -> None:
    assert show.share(ratio) == text


@pytest.mark.parametrize("text", ["status:fa", "sco", "-status:d", "status:failed scope:wr", "tab"])
def test_an_unfinished_word_is_no_mistake(text: str) -> None:
    assert typed_filter(text)[1] == ""


async def test_words_are_completed_from_what_was_seen() -> None:
    seen = SeenValues()
    suggester = FilterSuggester(seen)
    assert await suggester.get_suggestion("status:failed -table:us") is None
    seen.note(
        [
            job(selection={"table": "Users", "field": "f"}, target="ML-KEM-768+X25519"),
            job(selection={"table": "user table", "field": "f"}, target="policy hybrid", target_policy_id=1),
        ]
    )
    assert await suggester.get_suggestion("status:failed -table:us") == "status:failed -table:users"
    assert await suggester.get_suggestion("algo:ML") == "algo:ml-kem-768+x25519"
    assert await suggester.get_suggestion("algo:p") is None
    assert await suggester.get_suggestion("sta") == "status:"
    assert await suggester.get_suggestion("status:fa") == "status:failed"


def test_a_finished_word_that_is_wrong_is() -> None:
    assert "names no status" in typed_filter("status:nope users")[1]


@pytest.mark.parametrize("text", ["+2h", "2 h", "2026-03-01 14:00", "2026-03-01T16:00+02:00"])
def test_start_times(text: str) -> None:
    assert parse_start(text, NOW) == NOW + timedelta(hours=2)


@pytest.mark.parametrize("text", ["", "soon", "2026-02-28 10:00", "+2w"])
def test_start_times_that_are_none(text: str) -> None:
    with pytest.raises(UsageError):
        parse_start(text, NOW)


@given(st.text(alphabet='{}[]",:\\ abt1e-.0rufalsn'))
def test_tokens_stay_within_the_line_and_in_order(line: str) -> None:
    last = 0
    for token in tokens(line):
        assert last <= token.start < token.end <= len(line)
        last = token.end


@pytest.mark.parametrize("width", [56, 76, 118, 190])
def test_an_id_is_never_cut_off(width: int) -> None:
    places = columns.layout(width, digits=19)
    line = columns.cells(Line(job(id=9_223_372_036_854_775_807), Pace(), here=False), places, NOW, UNICODE)
    assert line[0] == "9223372036854775807"
    assert sum(p.width for p in places) + columns.GAP * (len(places) - 1) <= width


@given(st.text(), st.integers(2, 40), st.integers(0, 30))
def test_hanging_text_keeps_its_words_and_its_width(text: str, room: int, indent: int) -> None:
    printable = "".join(c for c in text if c.isprintable())
    first, *others = show.hanging(printable, indent, indent + room).split("\n")
    assert all(line.startswith(" " * indent) for line in others)
    lines = [first, *(line[indent:] for line in others)]
    assert all(cell_len(line) <= room for line in lines)
    assert "".join(lines).replace(" ", "") == printable.replace(" ", "")


def test_a_text_that_fits_is_left_as_it_is() -> None:
    assert show.hanging("two words\nand more", 4, 40) == "two words\n    and more"


@pytest.mark.parametrize(("width", "words"), [(80, True), (30, False)])
def test_the_summary_loses_its_words_before_its_figures(width: int, words: bool) -> None:
    totals = tuple(StatusTotal(status, 12, 3400) for status in Status)
    flow = Flow(0.0, None, curve((), Present(NOW), SPANS[0], 8))
    line = metrics_text.summary(MetricsSnapshot(totals, (), ()), flow, width, UNICODE)
    assert line.cell_length <= width
    assert line.plain.count("12") == len(Status)
    assert ("cancelled" in line.plain) is words
