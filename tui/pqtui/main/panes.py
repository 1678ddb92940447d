"""Which of the three panes is looked at; what a narrow terminal shows depends on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pqtui.screens.main import MainScreen

PANES = ("jobs", "detail", "metrics")


class Panes:
    """The chosen pane, kept as classes of the screen, which its styles go by."""

    def __init__(self, screen: MainScreen) -> None:
        self._screen = screen
        self.chosen = "jobs"

    def choose(self, pane: str) -> None:
        """Show a pane and give it the focus."""
        self.show(pane)
        screen = self._screen
        target = {"jobs": screen.lines, "detail": screen.detail.page, "metrics": screen.query_one("#metrics")}[pane]
        # a pane that was hidden takes the focus only when it is there
        screen.call_after_refresh(target.focus)

    def show(self, pane: str) -> None:
        """Show a pane; the focus stays where it is."""
        self.chosen = pane
        for name in PANES:
            self._screen.set_class(name == pane, f"pane-{name}")
        # stacked, the lower half keeps whichever of the two was looked at last
        if pane != "jobs":
            self._screen.set_class(pane == "metrics", "lower-metrics")

    def turn(self, step: int) -> None:
        """Go so many panes further."""
        self.choose(PANES[(PANES.index(self.chosen) + step) % len(PANES)])

    def follow_focus(self) -> None:
        """Show the pane that the focus has gone to by itself."""
        focused = self._screen.focused
        for name in PANES:
            if (
                focused is not None
                and name != self.chosen
                and self._screen.query_one(f"#{name}") in focused.ancestors_with_self
            ):
                self.show(name)
