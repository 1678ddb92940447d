"""The JSON side of the selection editor: colours, problems at their place, completion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.document._edit import Edit
from textual.document._history import EditHistory
from textual.geometry import Offset
from textual.message import Message
from textual.widgets import OptionList, TextArea
from textual.widgets.option_list import Option
from textual.widgets.text_area import Selection

from pqcore.selection.complete import Completion
from pqcore.selection.problem import Problem
from pqcore.text import clean
from pqtui.json_tokens import tokens

_SHOWN = 8
_KINDS = ("member", "string", "number", "word", "mark")


class CompletionList(OptionList, can_focus=False):
    """What could be written at the cursor; floats over the screen."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, compact=True)
        self.completions: tuple[Completion, ...] = ()

    def show(self, completions: Sequence[Completion], cursor: Offset, space: tuple[int, int]) -> None:
        """Open below the cursor, or above it where there is no room.

        Args:
            cursor: where the cursor is on the screen.
            space: width and height of the screen.
        """
        self.completions = tuple(completions)
        self.clear_options()
        labels = [
            Text.assemble(clean(c.label, limit=40), (f"  {clean(c.detail, limit=40)}", "dim")) for c in completions
        ]
        self.add_options([Option(label, id=str(n)) for n, label in enumerate(labels)])
        self.display = bool(completions)
        if not completions:
            return
        self.highlighted = 0
        width = min(60, max(label.cell_len for label in labels) + 4)
        height = min(_SHOWN, len(labels))
        below = cursor.y + 1 + height <= space[1]
        self.styles.width = width
        self.styles.height = height
        self.styles.offset = (
            max(0, min(cursor.x, space[0] - width)),
            cursor.y + 1 if below else max(0, cursor.y - height),
        )

    def hide(self) -> None:
        """Close."""
        self.display = False

    @property
    def chosen(self) -> Completion | None:
        """The highlighted completion."""
        number = self.highlighted
        return None if number is None or number >= len(self.completions) else self.completions[number]


class Steps(EditHistory):
    """What can be undone. Edits that one field of the form makes in a row are one step, however many keys they took."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._field = ""
        self._last: Edit | None = None

    def join(self, field: str) -> None:
        """The last edit came from this field (empty: from none): let it join the step before, where that did, too."""
        steps = self._undo_stack
        if field and field == self._field and len(steps) > 1 and steps[-2][-1] is self._last:
            last = steps.pop()
            steps[-1].extend(last)
        self._field, self._last = field, steps[-1][-1] if steps else None


class JsonEditor(TextArea):
    """A text area for one JSON document. Posts ``CompletionWanted`` while names are typed."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {*(f"json--{kind}" for kind in _KINDS), "json--problem"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+space,ctrl+@", "complete", "Complete", show=False, id="editor_complete")
    ]

    class CompletionWanted(Message):
        """The operator types a name, or asked for completion (``asked``)."""

        def __init__(self, asked: bool) -> None:
            super().__init__()
            self.asked = asked

    def __init__(self, text: str, completions: CompletionList, *, id: str | None = None) -> None:
        super().__init__(text, id=id, show_line_numbers=True, soft_wrap=False, tab_behavior="focus", compact=True)
        self.history: Steps = Steps(max_checkpoints=50, checkpoint_timer=2.0, checkpoint_max_characters=100)
        self.cursor_blink = False
        self.match_cursor_bracket = False
        self.highlight_cursor_line = False
        self.indent_width = 2
        self._completions = completions
        self._problems: dict[int, list[int]] = {}

    def show_problems(self, problems: Sequence[Problem]) -> None:
        """Underline the places of these problems."""
        places: dict[int, list[int]] = {}
        for problem in problems:
            if problem.line is not None:
                places.setdefault(problem.line - 1, []).append((problem.column or 1) - 1)
        if places != self._problems:
            self._problems = places
            self._line_cache.clear()
            self.refresh()

    def get_line(self, line_index: int) -> Text:
        """The line with the colours of its parts; a problem is underlined to the end of its word."""
        line = super().get_line(line_index)
        plain = line.plain
        for token in tokens(plain):
            line.stylize(self.get_component_rich_style(f"json--{token.kind}", partial=True), token.start, token.end)
        for column in self._problems.get(line_index, ()):
            end = next((t.end for t in tokens(plain) if t.start <= column < t.end), len(plain))
            style = self.get_component_rich_style("json--problem", partial=True) + Style(underline=True)
            line.stylize(style, column, max(end, column + 1))
        return line

    def write(self, text: str, field: str = "") -> None:
        """Put another text in place of this one; ``field`` is the field of the form that changed it, if one did."""
        if text != self.text:
            self.replace(text, (0, 0), self.document.end)
            self.history.join(field)

    @property
    def completion_list(self) -> CompletionList:
        """The list that completions are shown in; the screen mounts it."""
        return self._completions

    @property
    def offset_in_text(self) -> int:
        """The cursor's place, in characters from the start."""
        return self.offset_of(self.cursor_location)

    def offset_of(self, location: tuple[int, int]) -> int:
        """A place in characters from the start of the text."""
        row, column = location
        return sum(len(self.document.get_line(n)) + 1 for n in range(row)) + column

    def location_of(self, offset: int) -> tuple[int, int]:
        """The row and column of a place."""
        before = self.text[:offset]
        row = before.count("\n")
        return row, len(before) - (before.rfind("\n") + 1)

    def go_to(self, line: int, column: int) -> None:
        """Put the cursor at a place, counting from 1."""
        self.selection = Selection.cursor((max(0, line - 1), max(0, column - 1)))

    def accept(self, completion: Completion) -> None:
        """Write a completion."""
        self.replace(completion.insert, self.location_of(completion.start), self.location_of(completion.end))
        self._completions.hide()

    def action_complete(self) -> None:
        """Ask for completion here."""
        self.post_message(self.CompletionWanted(asked=True))

    def on_key(self, event: events.Key) -> None:
        """While the list is open, its keys go to it."""
        popup = self._completions
        if popup.display:
            handled = True
            match event.key:
                case "down":
                    popup.action_cursor_down()
                case "up":
                    popup.action_cursor_up()
                case "enter" | "tab":
                    if popup.chosen is not None:
                        self.accept(popup.chosen)
                case "escape":
                    popup.hide()
                case _:
                    handled = False
            if handled:
                event.prevent_default()
                event.stop()
                return
            popup.hide()
        if (
            event.is_printable
            and event.character is not None
            and (event.character.isalnum() or event.character in '_"')
        ):
            # after the character is in the text
            self.call_after_refresh(self.post_message, self.CompletionWanted(asked=False))

    def on_blur(self) -> None:
        self._completions.hide()
