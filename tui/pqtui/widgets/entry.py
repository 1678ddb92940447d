"""A line of text to type: Textual's, with a cursor that stands still. One that blinks writes twice a second."""

from __future__ import annotations

from textual.reactive import reactive
from textual.widgets import Input


class Entry(Input):
    """An ``Input`` without blinking."""

    cursor_blink = reactive(False, init=False)
