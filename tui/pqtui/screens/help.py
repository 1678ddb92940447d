"""Every key, made from the registry of actions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from pqtui.acting import key_shown
from pqtui.actions import Action, key_text
from pqtui.styles import MUTED
from pqtui.widgets.dialog import Dialog, DialogHint

Moving = Sequence[tuple[str, str]]

MOVING: Moving = (
    ("up down j k", "move by a line"),
    ("pgup pgdn", "move by a screenful"),
    ("home end g G", "first and last job"),
    ("enter", "open the job's detail"),
    ("tab", "next pane"),
    ("left right", "turn the pages of the detail"),
)
MOVING_IN_THE_EDITOR: Moving = (
    ("tab shift+tab", "next field, field before"),
    ("right", "take the name that is suggested in a field"),
    ("enter space", "open a list of answers"),
)
MOVING_IN_A_LIST: Moving = (("up down j k", "move by a line"), ("pgup pgdn", "move by a screenful"))
MOVING_IN_THE_ESTATE: Moving = (
    ("up down j k", "move by a line"),
    ("enter", "create a job from the form under the cursor"),
)
MOVING_BELOW: Moving = (
    ("up down j k", "move by a line"),
    ("pgup pgdn", "move by a screenful"),
    ("home end g G", "first and last"),
)
Lines = list[tuple[str, Content]]  # keys and what they do; a heading has no keys


def help_lines(actions: Sequence[Action], why_not: Callable[[Action], str], moving: Moving) -> Lines:
    """All actions by group: keys, and what they do, with the reason where it cannot be done now; then ``moving``."""
    lines: Lines = []
    for group in dict.fromkeys(action.group for action in actions):
        lines.append(("", Content.styled(group, "bold $text-primary")))
        for action in actions:
            if action.group != group:
                continue
            keys = " ".join(key_text(key) for key in action.keys)
            reason = why_not(action)
            text = Content.assemble((action.label, "bold"), f"  {action.help}")
            lines.append((keys, text + Content.styled(f"  (not now: {reason})", MUTED) if reason else text))
    lines.append(("", Content.styled("Moving", "bold $text-primary")))
    lines.extend((keys, Content(text)) for keys, text in moving)
    return lines


class Help(ModalScreen[None]):
    """The list of keys."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Close", show=False, id="dialog_leave"),
        Binding("q,enter", "leave", "Close", show=False),
        # what opened it closes it
        Binding("question_mark,f1", "leave", "Close", show=False, id="help"),
        Binding("f1", "leave", "Close", show=False, id="editor_help"),
        Binding("j", "scroll(1)", show=False),
        Binding("k", "scroll(-1)", show=False),
    ]

    def __init__(self, lines: Lines) -> None:
        super().__init__()
        self._lines = lines

    def compose(self) -> ComposeResult:
        """The text, scrollable."""
        with Dialog(classes="dialog-wide"):
            yield Static(Content.styled("Keys", "bold"), classes="dialog-title")
            with VerticalScroll(id="help-body", classes="dialog-body"):
                for keys, text in self._lines:
                    if not keys:
                        yield Static(text)
                        continue
                    yield Horizontal(
                        Static(Content.styled(keys, "$text-accent"), classes="help-keys"),
                        Static(text, classes="help-text"),
                        classes="help-line",
                    )
            yield DialogHint(f"up and down scroll, {key_shown(self, 'dialog_leave')} closes")

    def on_mount(self) -> None:
        self.query_one("#help-body").focus()

    def action_scroll(self, step: int) -> None:
        """Scroll by a line."""
        self.query_one("#help-body", VerticalScroll).scroll_relative(y=step, animate=False)

    def action_leave(self) -> None:
        """Close."""
        self.dismiss(None)
