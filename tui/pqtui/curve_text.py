"""A plot of throughput with its axis, as styled lines."""

from __future__ import annotations

from textual.content import Content

from pqtui import plot, show
from pqtui.curve import Curve
from pqtui.glyphs import Glyphs
from pqtui.styles import MUTED


def plotted(curve: Curve, width: int, height: int, glyphs: Glyphs) -> list[Content]:
    """The columns in ``height`` lines, and below them from when to when they are.

    Args:
        width: cells; the curve has ``plot.values_in`` of it columns.
    """
    lines = [Content.styled(line, "$primary") for line in plot.columns(curve.values, height, glyphs)]
    return [*lines, Content.styled(_axis(curve, width), MUTED)]


def _axis(curve: Curve, width: int) -> str:
    begin, end = show.hour(curve.begin), f"{show.hour(curve.end)} UTC"
    room = width - len(begin) - len(end)
    words = curve.words if room >= len(curve.words) + 2 else ""
    return begin + words.center(max(1, room)) + end
