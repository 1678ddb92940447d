"""A few answers to choose from; the one under the cursor is marked by a sign, not by colour alone."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from pqtui.glyphs import Glyphs


class Choices(OptionList):
    """Answers by id. Posts ``OptionList.OptionHighlighted`` and ``OptionSelected`` as any option list does."""

    def __init__(
        self, answers: Sequence[tuple[str, str]], glyphs: Glyphs, *, at: int = 0, id: str | None = None
    ) -> None:
        self._answers = tuple(answers)
        self._glyphs = glyphs
        self._marked: int | None = None
        super().__init__(
            *(Option(self._prompt(n, False), id=key) for n, (key, _) in enumerate(answers)), id=id, compact=True
        )
        self._first = at

    def on_mount(self) -> None:
        self.highlighted = self._first

    def rename(self, texts: Sequence[str]) -> None:
        """Show other texts for the same answers; those that stay are not painted again."""
        before = self._answers
        self._answers = tuple((key, text) for (key, _), text in zip(before, texts, strict=True))
        for number, (old, new) in enumerate(zip(before, self._answers, strict=True)):
            if old != new:
                self.replace_option_prompt_at_index(number, self._prompt(number, number == self.highlighted))

    @property
    def chosen(self) -> str:
        """The id of the answer under the cursor."""
        return self._answers[self.highlighted or 0][0]

    def watch_highlighted(self, highlighted: int | None) -> None:
        super().watch_highlighted(highlighted)
        for number, marked in ((self._marked, False), (highlighted, True)):
            if number is not None and number < self.option_count:
                self.replace_option_prompt_at_index(number, self._prompt(number, marked))
        self._marked = highlighted

    def _prompt(self, number: int, marked: bool) -> Content:
        return Content(f"{self._glyphs.cursor if marked else ' '} {self._answers[number][1]}")
