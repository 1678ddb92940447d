"""What is wrong with a selection, or which rows it takes: shown below the form and the JSON while they are written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.widgets import Static

from pqcore.selection.jsontext import locate
from pqcore.selection.problem import Problem, SelectionError
from pqcore.text import clean
from pqtui import verdict_text
from pqtui.tasks import Outcome
from pqtui.verdict_text import Preview

if TYPE_CHECKING:
    from pqtui.screens.new_job import NewJobScreen


class Verdict:
    """Problems, else why nothing can be said, else the rows."""

    def __init__(self, screen: NewJobScreen) -> None:
        self._screen = screen
        self._preview: Preview | None = None
        self._refused = ""
        self.problems: tuple[Problem, ...] = ()

    def judge(self, problems: Sequence[Problem]) -> None:
        """The text is another one, with these problems: what was said of the one before is forgotten."""
        self._refused, self._preview = "", None
        self.problems = tuple(problems)

    def found(self, problems: Sequence[Problem]) -> None:
        """The same text has these problems, as is seen now."""
        self.problems = tuple(problems)
        self.draw()

    def previewed(self, outcome: Outcome[Preview]) -> None:
        """Take what the database says of the selection."""
        match outcome.error:
            case None:
                self._preview = outcome.value
            case SelectionError() as error:
                self.problems = tuple(locate(self._screen.editor.text, error.problems))
                self._screen.editor.show_problems(self.problems)
            case error:
                self._refused = clean(str(error))
        self.draw()

    def refuse(self, sentence: str) -> None:
        """Say why it cannot be gone on; an empty sentence takes that back."""
        self._refused = clean(sentence)
        self.draw()

    def draw(self) -> None:
        """Show what changed, and the actions that follow from it."""
        screen = self._screen
        screen.draw_keys()
        content = verdict_text.verdict(self.problems, self._preview, self._refused, screen.console.glyphs)
        text = screen.query_one("#verdict-text", Static)
        if content != text.content:
            text.update(content)
            pane = screen.query_one("#verdict")
            number = len(self.problems)
            pane.border_title = f"{number} problem{'' if number == 1 else 's'}" if number else "Rows"
