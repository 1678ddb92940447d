"""The frame of every dialog: it names the database that the answer is for, where that is marked."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from pqtui.glyphs import ASCII
from pqtui.styles import MUTED

if TYPE_CHECKING:
    from pqtui.app import ConsoleApp


class Dialog(Vertical):
    """Holds what a dialog shows. Its border has the badge of the database and the place."""

    def __init__(self, *, classes: str = "") -> None:
        super().__init__(classes=f"dialog {classes}".strip())

    def on_mount(self) -> None:
        console = cast("ConsoleApp", self.app)
        if console.badge is None:
            return
        # Content, never text: what a profile says is no markup
        self.border_title = Content.assemble(console.badge.content, " ", console.place).markup
        if console.badge.colour:
            self.styles.border = ("ascii" if console.glyphs is ASCII else "round", f"ansi_{console.badge.colour}")


class DialogHint(Static):
    """The last line of a dialog: which keys go on and which leave it."""

    def __init__(self, text: str) -> None:
        super().__init__(Content.styled(text, MUTED), classes="dialog-hint")
