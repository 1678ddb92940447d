"""The command palette: every action of the registry, found by its name or what it does."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from textual.command import DiscoveryHit, Hit, Hits, Provider

from pqtui.actions import Action, unavailable
from pqtui.screens.main import MainScreen


class ActionCommands(Provider):
    """The actions of the main screen; those that cannot be done now say why."""

    def _actions(self) -> Iterable[tuple[Action, str, str]]:
        screen = self.screen
        if not isinstance(screen, MainScreen):
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
        screen = self.screen
        for action, label, text in self._actions():
            if isinstance(screen, MainScreen):
                yield DiscoveryHit(label, partial(screen.action_do, action.id), help=text)

    async def search(self, query: str) -> Hits:
        """What matches the name or the help."""
        screen, matcher = self.screen, self.matcher(query)
        for action, label, text in self._actions():
            score = max(matcher.match(label), matcher.match(action.help) * 0.8)
            if score > 0 and isinstance(screen, MainScreen):
                yield Hit(score, matcher.highlight(label), partial(screen.action_do, action.id), help=text)
