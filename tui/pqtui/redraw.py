"""Other text in a place of the screen, with as few bytes as it takes."""

from __future__ import annotations

from rich.cells import cell_len
from textual.content import Content
from textual.widgets import Static


def redraw(block: Static, content: Content) -> None:
    """Show other text where it differs.

    A new layout repaints scrollbars and neighbours, kilobytes for a digit that changed: it is made only where the text
    takes other lines than before.
    """
    before = block.content
    if content == before:
        return
    width = block.content_region.width
    same = isinstance(before, Content) and _lines(before, width) == _lines(content, width) is not None
    block.update(content, layout=not same)


def _lines(content: Content, width: int) -> int | None:
    """How many lines the text takes; None where one of them has to wrap."""
    lines = content.plain.split("\n")
    return len(lines) if all(cell_len(line) <= width for line in lines) else None
