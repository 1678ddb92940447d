"""What the terminal shows by what was written to it, so that of each update only the cells that differ are written.

Textual paints whole widgets, and the whole screen after a new layout: 20 kB on a terminal of 120x36, which a slow line
takes more than a second for, and mostly cells that are there already.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from rich.color import ColorSystem
from rich.console import Console
from rich.style import Style
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.strip import Strip

# one cell wide in every terminal: a line with anything else is written as it comes
_CERTAIN = re.compile(
    "[ -~\u00a0-\u00ac\u00ae-\u024f\u2010-\u2027\u2030-\u205e\u2190-\u22ff\u2500-\u25fc\u2713\u2717\u2800-\u28ff]*"
)
# so many equal cells between two that differ cost fewer bytes than another move of the cursor
_GAP = 6

# the character and the SGR codes of each cell of a line, or of a part of it
_Cells = tuple[list[str], list[str]]
_UNKNOWN = ""  # in the place of a character


class Written:
    """The cells of a terminal. A line of which a terminal may make something else is None, and written as it comes."""

    def __init__(self) -> None:
        self._width = 0
        self._lines: list[_Cells | None] = []

    def forget(self) -> None:
        """The terminal may show something else by now: everything is written once more."""
        self._lines = [self._unknown() for _ in self._lines]

    def fit(self, width: int, height: int) -> None:
        """The terminal has this size."""
        if (width, height) != (self._width, len(self._lines)):
            self._width = width
            self._lines = [self._unknown() for _ in range(height)]

    def _unknown(self) -> _Cells:
        return [_UNKNOWN] * self._width, [""] * self._width

    def difference(self, update: CompositorUpdate, console: Console) -> str | None:
        """What makes the terminal show the update; empty where it does already, None for an update of another kind."""
        pieces = _pieces(update)
        if pieces is None:
            self.forget()
            return None
        pen = _Pen()
        system = console._color_system or ColorSystem.TRUECOLOR
        for y, x, strip in pieces:
            cells = _cells(strip, system)
            if not 0 <= y < len(self._lines):
                continue
            line = self._lines[y]
            if line is None or cells is None or x + len(cells[0]) > self._width:
                pen.strip(y, x, strip, console)
                whole = cells is not None and x == 0 and len(cells[0]) == self._width
                self._lines[y] = cells if whole else None
            else:
                _write_changes(pen, y, x, line, cells)
        return pen.text


class Difference(CompositorUpdate):
    """An update as what is to be written of it."""

    def __init__(self, text: str) -> None:
        self._text = text

    def render_segments(self, console: Console) -> str:  # noqa: ARG002 - it is rendered
        """The text."""
        return self._text


def _pieces(update: CompositorUpdate) -> Iterable[tuple[int, int, Strip]] | None:
    """Line, column and content of each piece that an update paints; None for a kind that is not known."""
    if isinstance(update, LayoutUpdate):
        region = update.region
        return [(y, region.x, Strip.join(strips)) for y, strips in enumerate(update.strips, region.y)]
    return _chops(update) if isinstance(update, ChopsUpdate) else None


def _chops(update: ChopsUpdate) -> Iterator[tuple[int, int, Strip]]:
    for y, left, right in update.spans:
        for end, (x, strip) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
            if strip is not None and x <= right and end > left:
                yield y, x, strip if left <= x and end <= right else strip.crop(0, min(end, right) - x)


def _cells(strip: Strip, system: ColorSystem) -> _Cells | None:
    """The cells of a piece; None where it is not certain how a terminal draws it."""
    characters: list[str] = []
    codes: list[str] = []
    for text, style, control in strip:
        if control or (style and style.link) or not _CERTAIN.fullmatch(text):
            return None
        characters.extend(text)
        codes.extend([_code(style, system)] * len(text))
    return characters, codes


def _code(style: Style | None, system: ColorSystem) -> str:
    return Strip.render_ansi(style, system) if style else ""


def _write_changes(pen: _Pen, y: int, x: int, line: _Cells, cells: _Cells) -> None:
    """Write those cells of a piece that differ from what the line has there, and note them in the line."""
    (characters, codes), (new, new_codes) = line, cells
    end = x + len(new)
    before = characters[x:end], codes[x:end]
    if before == cells:
        return
    characters[x:end], codes[x:end] = new, new_codes
    changed = [i for i, cell in enumerate(zip(*before, *cells, strict=True)) if cell[:2] != cell[2:]]
    first = last = changed[0]
    for i in (*changed[1:], len(new) + 2 * _GAP):
        if i - last > _GAP:
            pen.cells(y, x + first, new[first : last + 1], new_codes[first : last + 1])
            first = i
        last = i


class _Pen:
    """Text for a terminal, which keeps the colours of one piece for the next."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._code = ""

    @property
    def text(self) -> str:
        """Everything so far, with the colours as they were at the beginning."""
        return "".join(self._parts) + ("\x1b[m" if self._code else "")

    def cells(self, y: int, x: int, characters: list[str], codes: list[str]) -> None:
        """Write cells beginning at a place."""
        self._move(y, x)
        start = 0
        for i in range(1, len(codes) + 1):
            if i == len(codes) or codes[i] != codes[start]:
                self._use(codes[start])
                self._parts.append("".join(characters[start:i]))
                start = i

    def strip(self, y: int, x: int, strip: Strip, console: Console) -> None:
        """Write a piece as it is."""
        system = console._color_system or ColorSystem.TRUECOLOR
        self._move(y, x)
        for segment in strip:
            if segment.style and segment.style.link:
                self._use("")
                self._parts.append(Strip([segment]).render(console))
            else:
                self._use(_code(segment.style, system))
                self._parts.append(segment.text)

    def _move(self, y: int, x: int) -> None:
        self._parts.append(f"\x1b[{y + 1};{x + 1}H")

    def _use(self, code: str) -> None:
        if code != self._code:
            self._code = code
            self._parts.append(f"\x1b[0;{code}m" if code else "\x1b[m")
