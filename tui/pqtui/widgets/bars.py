"""The line at the top (where we are, how fresh it is) and the line at the bottom (what can be done)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from pqtui.actions import Action
from pqtui.badge import Badge
from pqtui.glyphs import Glyphs
from pqtui.redraw import redraw
from pqtui.styles import MUTED


@dataclass(frozen=True, slots=True)
class Standing:
    """What the top line says.

    Attributes:
        place: profile and database, without a password.
        badge: what marks the database, such as production.
        read_only: the session may not write.
        trouble: what is wrong with reading, in two words; empty while nothing is.
        stale: the age of what is displayed, in words; empty while it is fresh.
        held: refreshing is frozen.
        working: this console claims due jobs.
        here: jobs that run in this console.
    """

    place: str = ""
    badge: Badge | None = None
    read_only: bool = False
    trouble: str = ""
    stale: str = ""
    held: bool = False
    working: bool = False
    here: int = 0


class TopBar(Static):
    """Name, place, and badges on the right."""

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__("")
        self._glyphs = glyphs
        self._standing = Standing()

    def show(self, standing: Standing) -> None:
        """Draw the line where it changed."""
        self._standing = standing
        content = self._line(max(20, self.size.width))
        redraw(self, content)

    def on_resize(self) -> None:
        self.show(self._standing)

    def _line(self, width: int) -> Content:
        standing, glyphs = self._standing, self._glyphs
        badges: list[Content] = []
        if standing.read_only:
            badges.append(Content.styled(" READ-ONLY ", "bold $text-warning"))
        if standing.here:
            badges.append(Content.styled(f" {glyphs.states['running']} {standing.here} here ", "$text-primary"))
        if standing.working:
            badges.append(Content.styled(" working ", "$text-accent"))
        if standing.held:
            badges.append(Content.styled(" FROZEN ", "bold $text-warning"))
        if standing.trouble:
            age = f", shown: {standing.stale} old" if standing.stale else ""
            text = f" {glyphs.stale} {standing.trouble}{age} "
            badges.append(Content.styled(text, "bold $text-error"))
        else:
            badges.append(Content.styled(f" {glyphs.live} live ", "$text-success"))
        right = Content("").join(badges)
        left = Content.assemble((" pqconsole ", "bold $text-primary"), " ")
        if standing.badge is not None:
            left = left + standing.badge.content + Content(" ")
        room = width - right.cell_length - left.cell_length
        place = standing.place
        if cell_len(place) > room:
            place = place[: max(0, room - 2)] + glyphs.ellipsis if room > 4 else ""
        left = left + Content.styled(place, MUTED)
        return left + Content(" " * max(0, width - left.cell_length - right.cell_length)) + right


class ActionBar(Static):
    """The actions that can be done now, as many as fit; each can be clicked."""

    class Pressed(Message):
        """An action was clicked."""

        def __init__(self, action_id: str) -> None:
            super().__init__()
            self.action_id = action_id

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__("", id=id)
        self._actions: Sequence[Action] = ()
        self._spans: list[tuple[int, int, str]] = []

    def show(self, actions: Sequence[Action]) -> None:
        """Draw the bar where it changed."""
        self._actions = actions
        content = self._line(max(10, self.size.width))
        redraw(self, content)

    def on_resize(self) -> None:
        self.show(self._actions)

    def _line(self, width: int) -> Content:
        parts: list[Content] = []
        self._spans, at = [], 0
        for action in fitting(self._actions, width):
            size = _size(action)
            parts.append(Content.assemble(" ", (action.key_text, "bold $text-accent"), " ", (action.label, MUTED), " "))
            self._spans.append((at, at + size, action.id))
            at += size
        return Content("").join(parts)

    def on_click(self, event: events.Click) -> None:
        for start, end, action_id in self._spans:
            if start <= event.x < end:
                self.post_message(self.Pressed(action_id))


def _size(action: Action) -> int:
    return cell_len(action.key_text) + cell_len(action.label) + 3


def fitting(actions: Sequence[Action], width: int) -> list[Action]:
    """The most important actions that fit, in the order in which they are given."""
    kept: list[Action] = []
    used = 0
    for action in sorted(actions, key=lambda a: a.rank if a.rank is not None else 99):
        if used + _size(action) <= width:
            kept.append(action)
            used += _size(action)
    return sorted(kept, key=list(actions).index)
