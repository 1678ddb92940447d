"""The form side of the selection editor: a line for each field, a line for each condition."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from textual import on
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.suggester import SuggestionReady
from textual.widget import Widget
from textual.widgets import Input, Select, Static

from pqcore.migrations.base import Scope
from pqtui import selection_form as form
from pqtui.names import Names, NameSuggester
from pqtui.selection_form import Field, Kind, Leaf
from pqtui.styles import MUTED
from pqtui.widgets.entry import Entry

_MAX_CONDITIONS = 6
_LAST = ("key", "limit", "max_failures", "keep_originals", "throttle")  # the fields below the conditions


class SelectionForm(VerticalScroll, can_focus=False):
    """Shows a document and posts ``Edited`` with the changed one when a field is edited."""

    class Edited(Message):
        """A field, known by ``field_id``, was edited; this is the new document."""

        def __init__(self, document: dict[str, Any], field_id: str) -> None:
            super().__init__()
            self.document = document
            self.field_id = field_id

    class Explained(Message):
        """Another field has the focus: what it is for, and names that could stand in it."""

        def __init__(self, text: str, names: tuple[str, ...]) -> None:
            super().__init__()
            self.text = text
            self.names = names

    def __init__(self, names: Callable[[], Names], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._names = names
        self._document: dict[str, Any] = {}
        self._fields: tuple[Field, ...] = ()
        self._conditions = 0

    async def show(self, scope: Scope, document: Mapping[str, Any], *, values: bool = True) -> None:
        """Show a document. Rows that stay are kept as they are, so that no key and no focus is lost.

        Args:
            values: put its values into the fields. Not for a document that comes from these very fields: what was
                typed since would be overwritten.
        """
        self._document = dict(document)
        fields = form.fields(scope, document)
        leaves = form.leaves(document)
        fresh = await self._arrange_fields(fields)
        fresh += await self._arrange_conditions(leaves)
        self._fill(leaves, None if values else fresh)

    async def _arrange_fields(self, fields: tuple[Field, ...]) -> list[str]:
        """Mount and remove rows; gives the ids of new widgets."""
        gone = [field for field in self._fields if field not in fields]
        for field in gone:
            await self.query(f"#row-{field.id}").remove()
        added = [field for field in fields if field not in self._fields]
        self._fields = fields
        for field in added:
            row = self._row(field)
            before = next((f for f in reversed(fields[: fields.index(field)]) if self._has(f)), None)
            after_where = field.path[0] in _LAST and (before is None or before.path[0] not in _LAST)
            if after_where or before is None:
                await self.mount(row)
            else:
                await self.mount(row, after=f"#row-{before.id}")
        return [field.id for field in added]

    def _has(self, field: Field) -> bool:
        return bool(self.query(f"#row-{field.id}"))

    async def _arrange_conditions(self, leaves: tuple[Leaf, ...] | None) -> list[str]:
        """One row for each condition and an empty one; none where the conditions nest. Gives the ids of new widgets."""
        wanted = 0 if leaves is None else min(_MAX_CONDITIONS, len(leaves) + 1)
        note = self.query("#where-nested")
        if leaves is None and not note:
            await self.query(".form-where").remove()
            self._conditions = 0
            text = Content.styled("Where          edit it in the JSON", MUTED)
            await self.mount(Static(text, id="where-nested", classes="form-note"), before=self._first_last())
        elif leaves is not None and note:
            await note.remove()
        fresh = []
        while self._conditions < wanted:
            number = self._conditions
            self._conditions += 1
            await self.mount(self._condition_row(number), before=self._first_last())
            fresh += [f"w-column-{number}", f"w-op-{number}", f"w-value-{number}"]
        return fresh

    def _first_last(self) -> Widget:
        """The row that follows the conditions."""
        return self.query_one(f"#row-{next(f for f in self._fields if f.path[0] in _LAST).id}")

    def _condition_row(self, number: int) -> Horizontal:
        operators = [(op, op) for op, _ in form.OPERATORS]
        return Horizontal(
            Static("Where" if number == 0 else "and", classes="form-label"),
            Entry(id=f"w-column-{number}", placeholder="column", compact=True, suggester=self._suggest(Kind.COLUMN)),
            Select(operators, value="eq", allow_blank=False, compact=True, id=f"w-op-{number}"),
            Entry(id=f"w-value-{number}", placeholder="value", compact=True),
            classes="form-row form-where",
        )

    def _row(self, field: Field) -> Horizontal:
        label = Static(field.label + (" *" if field.required else ""), classes="form-label")
        if field.kind is Kind.FLAG:
            flag: Select[str] = Select([("keep", "true")], prompt=field.unset, compact=True, id=field.id)
            return Horizontal(label, flag, classes="form-row", id=f"row-{field.id}")
        if field.kind is Kind.CHOICE:
            prompt = f"({field.default})" if field.default else field.unset
            choice: Select[str] = Select([(c, c) for c in field.choices], prompt=prompt, compact=True, id=field.id)
            return Horizontal(label, choice, classes="form-row", id=f"row-{field.id}")
        placeholder = field.default if field.default else ("name or @column" if field.kind is Kind.KEY_REF else "")
        box = Entry(id=field.id, placeholder=placeholder, compact=True, suggester=self._suggest(field.kind))
        return Horizontal(label, box, classes="form-row", id=f"row-{field.id}")

    def _suggest(self, kind: Kind) -> NameSuggester | None:
        if kind in (Kind.TABLE, Kind.COLUMN, Kind.COLUMNS, Kind.KEY, Kind.KEY_REF):
            return NameSuggester(lambda: self._candidates(kind))
        return None

    def _candidates(self, kind: Kind) -> Iterable[str]:
        names = self._names()
        match kind:
            case Kind.TABLE:
                return names.tables
            case Kind.COLUMN | Kind.COLUMNS:
                return tuple(name for name, _ in names.columns)
            case Kind.KEY:
                return tuple(name for name, _ in names.keys)
            case Kind.KEY_REF:
                return (*(name for name, _ in names.keys), *(name for name, _ in names.columns))
        return ()

    def _fill(self, leaves: tuple[Leaf, ...] | None, only: list[str] | None) -> None:
        """Put values into the fields, or only into these widgets."""
        texts = {field.id: form.get(self._document, field) for field in self._fields}
        for number in range(self._conditions if leaves is not None else 0):
            leaf = leaves[number] if leaves is not None and number < len(leaves) else Leaf("", "eq", "")
            texts |= {f"w-column-{number}": leaf.column, f"w-op-{number}": leaf.op, f"w-value-{number}": leaf.value}
        for widget_id, text in texts.items():
            if only is None or widget_id in only:
                for widget in self.query(f"#{widget_id}"):
                    self._set(widget, text)

    def _set(self, widget: object, text: str) -> None:
        if isinstance(widget, Select):
            known = [value for _, value in widget._options]
            value: Any = text if text in known else Select.NULL
            if value is not Select.NULL or widget._allow_blank:
                with widget.prevent(Select.Changed):
                    widget.value = value
        elif isinstance(widget, Input) and widget.value.strip() != text.strip():
            with widget.prevent(Input.Changed):
                widget.value = text

    @on(Input.Changed)
    @on(Select.Changed)
    def _edited(self, event: Input.Changed | Select.Changed) -> None:
        event.stop()
        widget_id = (event.input if isinstance(event, Input.Changed) else event.select).id or ""
        if widget_id.startswith("w-"):
            if self._is_known(widget_id, event.value):
                return
            document = form.put_leaves(self._document, self._typed_conditions())
        else:
            field = next((f for f in self._fields if f.id == widget_id), None)
            if field is None:
                return
            value = event.value if isinstance(event.value, str) else ""
            if value.strip() == form.get(self._document, field).strip():
                return
            document = form.put(self._document, field, value)
        if document != self._document:
            self._document = document
            self.post_message(self.Edited(document, widget_id))

    def _is_known(self, widget_id: str, value: object) -> bool:
        """Whether the document says this already: filling a field is no edit."""
        _, part, number = widget_id.split("-")
        leaves = form.leaves(self._document)
        if leaves is None:
            return True
        leaf = leaves[int(number)] if int(number) < len(leaves) else Leaf("", "eq", "")
        return bool(getattr(leaf, part) == value)

    def _typed_conditions(self) -> list[Leaf]:
        found = []
        for number in range(self._conditions):
            op = self.query_one(f"#w-op-{number}", Select).value
            column = self.query_one(f"#w-column-{number}", Input).value
            value = self.query_one(f"#w-value-{number}", Input).value
            found.append(Leaf(column, op if isinstance(op, str) else "eq", value))
        return found

    def names_changed(self) -> None:
        """Other names are known now: offer them in the field that has the focus."""
        focused = self.screen.focused
        if focused is None or self not in focused.ancestors:
            return
        self.on_descendant_focus()
        if isinstance(focused, Input) and isinstance(focused.suggester, NameSuggester):
            suggestion = focused.suggester.continued(focused.value)
            if suggestion is not None:
                focused.post_message(SuggestionReady(focused.value, suggestion))

    def on_descendant_focus(self) -> None:
        focused = self.screen.focused
        widget_id = focused.id or "" if focused is not None else ""
        field = next((f for f in self._fields if f.id == widget_id), None)
        if field is not None:
            self.post_message(self.Explained(f"{field.label}: {field.help}", tuple(self._candidates(field.kind))))
        elif widget_id.startswith("w-column"):
            self.post_message(self.Explained("Where: a column of the table", tuple(self._candidates(Kind.COLUMN))))
        elif widget_id.startswith("w-value"):
            text = 'Where: a value; write "12" for a text of digits, commas between several'
            self.post_message(self.Explained(text, ()))
