"""Every key, made from the registry of actions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from pqtui.actions import ACTIONS, Action, Situation, key_text, unavailable
from pqtui.styles import MUTED
from pqtui.widgets.dialog import Dialog

_MOVING = (
    ("up down j k", "move by a line"),
    ("pgup pgdn", "move by a screenful"),
    ("home end g G", "first and last job"),
    ("enter", "open the job's detail"),
    ("tab", "next pane"),
    ("left right", "turn the pages of the detail"),
)


_MOVING_IN_THE_EDITOR = (
    ("tab shift+tab", "next field, field before"),
    ("right", "take the name that is suggested in a field"),
    ("enter space", "open a list of answers"),
)
Lines = list[tuple[str, Content]]  # keys and what they do; a heading has no keys


def help_lines(situation: Situation, actions: Sequence[Action] = ACTIONS) -> Lines:
    """All actions by group: keys, and what they do, with the reason where it cannot be done now."""
    lines: Lines = []
    for group in dict.fromkeys(action.group for action in actions):
        lines.append(("", Content.styled(group, "bold $text-primary")))
        for action in actions:
            if action.group != group:
                continue
            keys = " ".join(key_text(key) for key in action.keys)
            reason = unavailable(action, situation)
            text = Content(action.help)
            lines.append((keys, text + Content.styled(f"  (now not: {reason})", MUTED) if reason else text))
    lines.append(("", Content.styled("Moving", "bold $text-primary")))
    lines.extend((keys, Content(text)) for keys, text in _MOVING)
    return lines


def editor_lines(actions: Sequence[Action]) -> Lines:
    """What can be done while a job is written."""
    lines: Lines = [(" ".join(key_text(key) for key in action.keys), Content(action.help)) for action in actions]
    lines.append(("", Content.styled("Moving", "bold $text-primary")))
    lines.extend((keys, Content(text)) for keys, text in _MOVING_IN_THE_EDITOR)
    return lines


class Help(ModalScreen[None]):
    """The list of keys."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,f1,enter", "leave", "Close", show=False),
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
            yield Static(Content.styled("esc closes", MUTED))

    def on_mount(self) -> None:
        self.query_one("#help-body").focus()

    def action_scroll(self, step: int) -> None:
        """Scroll by a line."""
        self.query_one("#help-body", VerticalScroll).scroll_relative(y=step, animate=False)

    def action_leave(self) -> None:
        """Close."""
        self.dismiss(None)
