"""What the screens have in common whose keys, bar, palette and help come from the registry of actions."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual.binding import Binding, BindingType
from textual.screen import Screen

from pqtui.actions import BY_ID, PARTS, Action, bar

if TYPE_CHECKING:
    from pqtui.app import ConsoleApp


def bindings_of(part: str, *, but: Sequence[str] = ()) -> list[BindingType]:
    """A binding for each action of a part of the registry, known by its id; ``but`` those that others bind."""
    return [
        Binding(",".join(a.keys), f"do('{a.id}')", a.label, id=a.id, show=False)
        for a in PARTS[part]
        if a.id not in ("palette", *but)  # the palette is the application's own
    ]


def key_shown(screen: Screen[Any], action_id: str) -> str:
    """The key of an action as it is shown, whether or not the screen has it."""
    return cast("ConsoleApp", screen.app).key_texts[action_id]


class Acting:
    """A screen with a part of the registry. Bar, palette and keys all go through ``action_do``.

    Attributes:
        part: a name of ``PARTS``.
    """

    part: ClassVar[str]

    @property
    @abstractmethod
    def console(self) -> ConsoleApp:
        """The application."""

    @abstractmethod
    def doings(self) -> Mapping[str, Callable[[], object]]:
        """What each action does here: id -> call."""

    def why_not(self, action: Action) -> str:
        """Why the action cannot be done now, as a sentence without a full stop; empty where it can."""
        return "This session is read-only" if action.writes and self.console.workspace.read_only else ""

    @abstractmethod
    def refuse(self, sentence: str) -> None:
        """Say why something cannot be done."""

    @property
    def offered(self) -> tuple[Action, ...]:
        """The actions of this screen, with the keys that hold."""
        return self.console.parts[self.part]

    @property
    def bar(self) -> list[Action]:
        """Those to offer at the bottom now."""
        return bar(self.offered, self.why_not)

    def action_do(self, action_id: str) -> None:
        """Do an action, or say why it cannot be done."""
        reason = self.why_not(BY_ID[action_id])
        if reason:
            self.refuse(f"{reason}.")
        else:
            self.doings()[action_id]()
