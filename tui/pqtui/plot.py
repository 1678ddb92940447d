"""A small column plot from characters."""

from __future__ import annotations

from collections.abc import Sequence

from pqtui.glyphs import Glyphs


def columns(values: Sequence[float], height: int, glyphs: Glyphs) -> list[str]:
    """Lines, top first, of one column a value, scaled to the largest; a value above 0 is never invisible.

    Args:
        values: not negative.
        height: lines.
    """
    levels = len(glyphs.bars)
    peak = max(values, default=0.0)
    steps = [0 if peak <= 0 or v <= 0 else max(1, round(v / peak * height * levels)) for v in values]
    lines = []
    for row in range(height - 1, -1, -1):
        base = row * levels
        lines.append("".join(_cell(step - base, levels, glyphs) for step in steps))
    return lines


def _cell(step: int, levels: int, glyphs: Glyphs) -> str:
    return " " if step <= 0 else glyphs.bars[min(step, levels) - 1]
