"""Writing only the cells that differ: a terminal must show the same as if all of them were written."""

from __future__ import annotations

import importlib.metadata
import inspect
import io

import pyte
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.app import App
from textual.geometry import Region
from textual.strip import Strip

from pqtui.written import Written

WIDTH, HEIGHT = 12, 3
CONSOLE = Console(file=io.StringIO(), force_terminal=True, color_system="truecolor")
STYLES = [None, Style(bold=True), Style(color="#ff0000"), Style(color="#00ff00", bgcolor="#000080"), Style(dim=True)]
# what every terminal draws in one cell, and what takes two, of which not all agree
TEXTS = st.text(st.sampled_from("ab ›━⣿…é界"), min_size=1, max_size=5)

segments = st.tuples(TEXTS, st.sampled_from(STYLES)).map(lambda pair: Segment(*pair))


def strips(width: int) -> st.SearchStrategy[Strip]:
    """Strips of exactly this many cells."""
    return st.lists(segments, max_size=6).map(lambda parts: Strip(parts).adjust_cell_length(width))


@st.composite
def layouts(draw: st.DrawFn) -> LayoutUpdate:
    """The whole screen, in two columns of widgets."""
    cut = draw(st.integers(1, WIDTH - 1))
    lines = [[draw(strips(cut)), draw(strips(WIDTH - cut))] for _ in range(HEIGHT)]
    return LayoutUpdate(lines, Region(0, 0, WIDTH, HEIGHT))  # type: ignore[arg-type]


@st.composite
def parts(draw: st.DrawFn) -> ChopsUpdate:
    """Some lines of one of two widgets that stand side by side."""
    cut = draw(st.integers(1, WIDTH - 1))
    left, right = draw(st.sampled_from([(0, cut), (cut, WIDTH), (0, WIDTH)]))
    ys = sorted(draw(st.sets(st.integers(0, HEIGHT - 1), min_size=1)))
    chops: list[dict[int, Strip | None]] = [{0: None, cut: None} for _ in range(HEIGHT)]
    for y in ys:
        if left == 0:
            chops[y][0] = draw(strips(cut))
        if right == WIDTH:
            chops[y][cut] = draw(strips(WIDTH - cut))
    return ChopsUpdate(chops, [(y, left, right) for y in ys], [[cut, WIDTH]] * HEIGHT)


class Screen:
    """A terminal, as an emulator draws it."""

    def __init__(self) -> None:
        self._screen = pyte.Screen(WIDTH, HEIGHT)
        self._stream = pyte.Stream(self._screen)

    def write(self, text: str) -> None:
        # a terminal of a person turns line feeds into new lines
        self._stream.feed(text.replace("\n", "\r\n"))

    @property
    def cells(self) -> list[list[object]]:
        return [[self._screen.buffer[y][x] for x in range(WIDTH)] for y in range(HEIGHT)]


@settings(max_examples=100)
@given(layouts(), st.lists(st.one_of(layouts(), parts()), max_size=6))
def test_a_terminal_shows_what_it_would_if_all_were_written(first: LayoutUpdate, more: list[CompositorUpdate]) -> None:
    whole, spare = Screen(), Screen()
    written = Written()
    for update in (first, *more):
        written.fit(WIDTH, HEIGHT)
        text = written.difference(update, CONSOLE)
        assert text is not None
        spare.write(text)
        whole.write(update.render_segments(CONSOLE))
        assert spare.cells == whole.cells


def _layout(*lines: Strip) -> LayoutUpdate:
    return LayoutUpdate([[line.adjust_cell_length(WIDTH)] for line in lines], Region(0, 0, WIDTH, HEIGHT))


def _plain(*texts: str) -> LayoutUpdate:
    return _layout(*(Strip([Segment(text)]) for text in texts))


def _shown(*texts: str) -> Written:
    written = Written()
    written.fit(WIDTH, HEIGHT)
    assert written.difference(_plain(*texts), CONSOLE)
    return written


def test_what_is_there_already_is_not_written() -> None:
    written = _shown("one", "two", "three")
    assert written.difference(_plain("one", "two", "three"), CONSOLE) == ""
    assert written.difference(_plain("one", "tao", "three"), CONSOLE) == "\x1b[2;2Ha"
    styled = _layout(Strip([Segment("one", STYLES[1])]), Strip([Segment("tao")]), Strip([Segment("three")]))
    assert written.difference(styled, CONSOLE) == "\x1b[1;1H\x1b[0;1mone\x1b[m"


def test_what_may_have_been_overwritten_is_written_once_more() -> None:
    written = _shown("one", "two", "three")
    written.forget()
    text = written.difference(_plain("one", "two", "three"), CONSOLE)
    assert text is not None
    assert text.count("H") == HEIGHT
    written.fit(WIDTH, HEIGHT)
    assert written.difference(_plain("one", "two", "three"), CONSOLE) == ""
    written.fit(WIDTH + 1, HEIGHT)
    assert written.difference(_plain("one", "two", "three"), CONSOLE)


def test_a_line_that_a_terminal_may_draw_wider_is_always_written_whole() -> None:
    written = _shown("one", "t界o", "three")
    again = written.difference(_plain("one", "t界o", "three"), CONSOLE)
    assert again is not None
    assert again.startswith("\x1b[2;1Ht界o")
    # whatever such a line left behind is gone with the next one
    assert len(written.difference(_plain("one", "two", "three"), CONSOLE) or "") >= WIDTH
    assert written.difference(_plain("one", "two", "three"), CONSOLE) == ""


def test_an_update_of_another_kind_is_left_to_textual() -> None:
    written = _shown("one", "two", "three")
    assert written.difference(CompositorUpdate(), CONSOLE) is None
    assert written.difference(_plain("one", "two", "three"), CONSOLE)


_STOPGAP = (
    "Textual {version} is not what ConsoleApp._display was written for: {what}. Compare App._display with it (what is "
    "passed over there must not be noted in Written), then measure with benchmarks/console."
)


def test_textual_still_displays_as_the_console_takes_it_over() -> None:
    """There is no public way: a driver gets text in which the cells can no longer be told apart."""
    version = importlib.metadata.version("textual")
    parameters = inspect.signature(App._display).parameters
    assert list(parameters) == ["self", "screen", "renderable"], _STOPGAP.format(
        version=version, what=f"App._display takes {', '.join(parameters)}"
    )
    used = {"_running", "_closed", "_batch_count", "_driver", "is_headless", "_previous_cursor_position"}
    missing = used - set(App._display.__code__.co_names)
    assert not missing, _STOPGAP.format(version=version, what=f"App._display no longer goes by {missing}")
    for update, names in ((LayoutUpdate, {"strips", "region"}), (ChopsUpdate, {"chops", "spans", "chop_ends"})):
        kept = set(inspect.signature(update).parameters)
        assert names <= kept, _STOPGAP.format(version=version, what=f"{update.__name__} has {', '.join(kept)}")
