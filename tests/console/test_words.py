"""How values are worded, drawn and fitted: pure functions."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from pqcore.errors import UsageError
from pqcore.jobs.model import Job, Progress, Status
from pqcore.migrations.base import Scope
from pqtui import columns, plot, show
from pqtui.columns import Line
from pqtui.filter_typing import typed_filter
from pqtui.glyphs import ASCII, UNICODE, choose
from pqtui.json_tokens import tokens
from pqtui.pace import Pace, PaceBook, Throughput
from pqtui.schedule import parse_start
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
    assert all(len(line) == len(values) for line in lines)
    assert [c != " " for c in lines[-1]] == [v > 0 for v in values]


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


def test_throughput_counts_growth_and_never_shrinks() -> None:
    flow = Throughput(slots=10, seconds=1.0)
    for at, total in ((0.1, 100), (1.1, 150), (2.1, 20), (3.1, 30)):
        flow.observe(total, at)
    assert flow.series(4, 4.0) == (0.0, 50.0, 0.0, 10.0)


@pytest.mark.parametrize("text", ["status:fa", "sco", "-status:d", "status:failed scope:wr", "tab"])
def test_an_unfinished_word_is_no_mistake(text: str) -> None:
    assert typed_filter(text)[1] == ""


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
