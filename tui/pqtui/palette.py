"""The command palette: every action of the registry, found by its name or what it does."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING

from textual.command import DiscoveryHit, Hit, Hits, Provider

from pqtui.actions import Action, unavailable
from pqtui.screens.main import MainScreen

if TYPE_CHECKING:
    from pqtui.screens.new_job import NewJobScreen


class ActionCommands(Provider):
    """The actions of the main screen or the editor; those that cannot be done now say why."""

    def _do(self, action: Action) -> Callable[[], object]:
        screen = self.screen
        if isinstance(screen, MainScreen):
            return partial(screen.action_do, action.id)
        editor = self._editor()
        assert editor is not None
        return partial(editor.action_edit, action.id)

    def _editor(self) -> NewJobScreen | None:
        """The editor, where it is open; loaded only when the palette is, which the first lines do without."""
        from pqtui.screens.new_job import NewJobScreen

        return self.screen if isinstance(self.screen, NewJobScreen) else None

    def _actions(self) -> Iterable[tuple[Action, str, str]]:
        screen = self.screen
        if not isinstance(screen, MainScreen):
            editor = self._editor()
            for action in editor.console.editor_actions if editor is not None else ():
                yield action, action.label, f"{action.help} ({action.key_text})"
            return
        situation = screen.situation()
        for action in screen.console.actions:
            if action.id in ("palette", "back"):
                continue
            reason = unavailable(action, situation)
            text = f"{action.help} ({action.key_text})" + (f". Now not: {reason}" if reason else "")
            yield action, action.label, text

    async def discover(self) -> Hits:
        """Everything, in the registry's order."""
        for action, label, text in self._actions():
            yield DiscoveryHit(label, self._do(action), help=text)

    async def search(self, query: str) -> Hits:
        """What matches the name or the help."""
        matcher = self.matcher(query)
        for action, label, text in self._actions():
            score = max(matcher.match(label), matcher.match(action.help) * 0.8)
            if score > 0:
                yield Hit(score, matcher.highlight(label), self._do(action), help=text)
