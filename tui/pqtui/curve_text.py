"""A plot of throughput with its axis, as styled lines."""

from __future__ import annotations

from textual.content import Content

from pqtui import plot, show
from pqtui.curve import Curve
from pqtui.glyphs import Glyphs
from pqtui.styles import MUTED


def plotted(curve: Curve, width: int, height: int, glyphs: Glyphs, *, peak: bool = False) -> list[Content]:
    """The columns in ``height`` lines, and below them from when to when they are, and how high the highest (``peak``).

    Args:
        width: cells; the curve has ``plot.values_in`` of it columns.
    """
    lines = [Content.styled(line, "$primary") for line in plot.columns(curve.values, height, glyphs)]
    return [*lines, Content.styled(_axis(curve, width, peak), MUTED)]


def _axis(curve: Curve, width: int, peak: bool) -> str:
    begin, end = show.hour(curve.begin), f"{show.hour(curve.end)} UTC"
    room = max(1, width - len(begin) - len(end))
    height = f"peak {show.rate(curve.peak)}" if peak else ""
    # what matters least is left out first
    for words in (f"{curve.words}, {height}" if peak else curve.words, height):
        if len(words) + 2 <= room:
            return begin + words.center(room) + end
    return begin + " " * room + end
