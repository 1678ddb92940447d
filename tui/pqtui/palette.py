"""The command palette: every action of the screen, found by its name or what it does."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from textual.command import DiscoveryHit, Hit, Hits, Provider

from pqtui.acting import Acting

_LEFT_OUT = ("palette", "back")


class ActionCommands(Provider):
    """The actions of the screen that is on top; those that cannot be done now say why."""

    def _actions(self) -> Iterable[tuple[str, str, str, Callable[[], object]]]:
        """Label, help, help with key and reason, and the call."""
        screen = self.screen
        if not isinstance(screen, Acting):
            return
        for action in screen.offered:
            if action.id in _LEFT_OUT:
                continue
            reason = screen.why_not(action)
            text = f"{action.help} ({action.key_text})" + (f". Not now: {reason}" if reason else "")
            yield action.label, action.help, text, partial(screen.action_do, action.id)

    async def discover(self) -> Hits:
        """Everything, in the registry's order."""
        for label, _, text, do in self._actions():
            yield DiscoveryHit(label, do, help=text)

    async def search(self, query: str) -> Hits:
        """What matches the name or the help."""
        matcher = self.matcher(query)
        for label, plain, text, do in self._actions():
            score = max(matcher.match(label), matcher.match(plain) * 0.8)
            if score > 0:
                yield Hit(score, matcher.highlight(label), do, help=text)
