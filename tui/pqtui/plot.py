"""A small column plot from characters."""

from __future__ import annotations

from collections.abc import Sequence

from pqtui.glyphs import Glyphs

# the dots of a braille cell, from the lowest, in its left and its right column (Unicode, block U+2800)
_LEFT = (0x40, 0x04, 0x02, 0x01)
_RIGHT = (0x80, 0x20, 0x10, 0x08)
_BLANK = 0x2800


def values_in(width: int, glyphs: Glyphs) -> int:
    """How many values so many cells show: two in a cell of braille dots."""
    return width * 2 if glyphs.braille else width


def columns(values: Sequence[float], height: int, glyphs: Glyphs) -> list[str]:
    """Lines, top first, of one column a value, scaled to the largest; a value above 0 is never invisible.

    Args:
        values: not negative.
        height: lines.
    """
    if glyphs.braille:
        return _dots(values, height)
    levels = len(glyphs.bars)
    steps = _steps(values, height * levels)
    lines = []
    for row in range(height - 1, -1, -1):
        base = row * levels
        lines.append("".join(_cell(step - base, levels, glyphs) for step in steps))
    return lines


def spark(values: Sequence[float], glyphs: Glyphs) -> str:
    """One line of bars, a cell each value."""
    return "".join(_cell(step, len(glyphs.bars), glyphs) for step in _steps(values, len(glyphs.bars)))


def _steps(values: Sequence[float], most: int) -> list[int]:
    peak = max(values, default=0.0)
    return [0 if peak <= 0 or v <= 0 else max(1, round(v / peak * most)) for v in values]


def _dots(values: Sequence[float], height: int) -> list[str]:
    steps = _steps(values, height * len(_LEFT))
    if len(steps) % 2:
        steps.insert(0, 0)  # the newest stays at the right edge
    pairs = list(zip(steps[::2], steps[1::2], strict=True))
    lines = []
    for row in range(height - 1, -1, -1):
        base = row * len(_LEFT)
        lines.append("".join(chr(_BLANK + _column(a - base, _LEFT) + _column(b - base, _RIGHT)) for a, b in pairs))
    return [line.replace(chr(_BLANK), " ") for line in lines]


def _column(step: int, dots: Sequence[int]) -> int:
    return sum(dots[: max(0, step)])


def _cell(step: int, levels: int, glyphs: Glyphs) -> str:
    return " " if step <= 0 else glyphs.bars[min(step, levels) - 1]
