"""The selection document as a form: which fields it has, and how each reads from and writes to the document.

Pure functions. A document is a plain JSON object; writing gives a new one. What the form has no field for
(nested conditions, batch settings) stays in the document untouched.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pqcore.migrations.base import Scope
from pqcore.migrations.options import OPTIONS, OptionKind, OptionSpec, applies
from pqcore.selection.condition import LISTS, MEANING, NO_VALUE, Op
from pqcore.selection.document import MEMBERS
from pqcore.text import clean

_TYPED_BY = ("mode", "format")  # options that decide which others there are


class Kind(StrEnum):
    """What a field takes."""

    TABLE = "table"
    COLUMN = "column"
    COLUMNS = "columns"  # several, separated by commas
    KEY = "key"
    KEY_REF = "key_ref"  # a key's name, or @ and the column that names it
    CHOICE = "choice"
    NUMBER = "number"
    TEXT = "text"
    BYTES = "bytes"  # text, or {"bytes": "00ff"}
    FLAG = "flag"


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the form; ``path`` is its place in the document, ``unset`` says what no choice means."""

    path: tuple[str, ...]
    label: str
    kind: Kind
    help: str
    choices: tuple[str, ...] = ()
    default: str = ""
    required: bool = False
    unset: str = "choose"

    @property
    def id(self) -> str:
        """A name for widgets."""
        return "f-" + "-".join(self.path)


@dataclass(frozen=True, slots=True)
class Leaf:
    """One simple condition as it is typed: ``value`` is text, see ``value_of``."""

    column: str
    op: str
    value: str


_OPTION_KINDS: Mapping[OptionKind, Kind] = {
    OptionKind.CHOICE: Kind.CHOICE,
    OptionKind.COLUMN: Kind.COLUMN,
    OptionKind.KEY: Kind.KEY,
    OptionKind.KEY_REF: Kind.KEY_REF,
    OptionKind.TEXT: Kind.TEXT,
    OptionKind.BYTES: Kind.BYTES,
    OptionKind.INTEGER: Kind.NUMBER,
}
_FIRST = (
    Field(("table",), "Table", Kind.TABLE, MEMBERS["table"], required=True),
    Field(("field",), "Column", Kind.COLUMN, MEMBERS["field"], required=True),
)
_LAST = (
    Field(("key",), "Key", Kind.COLUMNS, MEMBERS["key"]),
    Field(("limit",), "Limit", Kind.NUMBER, MEMBERS["limit"]),
    Field(("max_failures",), "Max failures", Kind.NUMBER, MEMBERS["max_failures"]),
    Field(
        ("keep_originals",), "Originals", Kind.FLAG, MEMBERS["keep_originals"], choices=("true",), unset="(not kept)"
    ),
    Field(("throttle", "rows_per_second"), "Rows per s", Kind.NUMBER, "rows a second at most, over all threads"),
)


def fields(scope: Scope, document: Mapping[str, Any]) -> tuple[Field, ...]:
    """The fields that make sense for this scope with the options that are set."""
    options = document.get("options")
    chosen = options if isinstance(options, Mapping) else {}
    specs = {spec.name: spec for spec in OPTIONS[scope]}
    shown = [_option_field(spec, chosen) for spec in OPTIONS[scope] if applies(spec, specs, chosen)]
    return (*_FIRST, *shown, *_LAST)


def _option_field(spec: OptionSpec, options: Mapping[str, Any]) -> Field:
    required = spec.required or (spec.needs is not None and options.get(spec.needs) is not None)
    return Field(
        ("options", spec.name),
        spec.name.replace("_", " ").capitalize(),
        _OPTION_KINDS[spec.kind],
        spec.help,
        spec.choices,
        "" if spec.default is None else str(spec.default),
        required,
        "choose" if required else "(by the column)" if spec.needs is None else "(pqconsole's own)",
    )


def read_document(text: str) -> dict[str, Any] | None:
    """The document in the editor; None while it is no JSON object."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def shown_document(document: Mapping[str, Any]) -> str:
    """A stored document for the editor: exactly its values, with characters escaped that must not reach a terminal."""
    text = json.dumps(document, indent=2, ensure_ascii=False, default=str)
    return text if clean(text, newline="\n") == text else json.dumps(document, indent=2, default=str)


def write_document(document: Mapping[str, Any]) -> str:
    """The document as indented JSON, members in their usual order, those that are unknown last."""
    order = list(MEMBERS)
    known = sorted(document, key=lambda name: order.index(name) if name in order else len(order))
    return shown_document({name: document[name] for name in known})


def get(document: Mapping[str, Any], field: Field) -> str:
    """What the field shows; a name that holds control characters is shown without them."""
    return clean(_get(document, field))


def _get(document: Mapping[str, Any], field: Field) -> str:
    value: Any = document
    for name in field.path:
        value = value.get(name) if isinstance(value, Mapping) else None
    if value is None:
        return ""
    match field.kind:
        case Kind.COLUMNS if isinstance(value, list):
            return ", ".join(str(item) for item in value)
        case Kind.KEY_REF if isinstance(value, Mapping):
            return f"@{value.get('column', '')}"
        case Kind.FLAG:
            return "true" if value is True else ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def put(document: Mapping[str, Any], field: Field, text: str) -> dict[str, Any]:
    """The document with what was typed into the field; an empty text takes the member out."""
    return _put(
        document,
        field.path,
        _value(field, text.strip() if field.kind not in (Kind.TEXT, Kind.BYTES) else text),
        field.required,
    )


def _value(field: Field, text: str) -> Any:
    if not text:
        return None
    match field.kind:
        case Kind.COLUMNS:
            return [name.strip() for name in text.split(",") if name.strip()]
        case Kind.KEY_REF if text.startswith("@"):
            return {"column": text[1:].strip()}
        case Kind.NUMBER:
            # what is no number stays as it was typed: the parser says so at its place
            return number_of(text)
        case Kind.BYTES:
            typed = value_of(text)
            return typed if isinstance(typed, dict) else text
        case Kind.FLAG:
            return True
    return text


def number_of(text: str) -> int | float | str:
    """The number that was typed, or the text where it is none."""
    for convert in (int, float):
        try:
            return convert(text)
        except ValueError:
            continue
    return text


def _put(document: Mapping[str, Any], path: Sequence[str], value: Any, keep_empty: bool) -> dict[str, Any]:
    name, rest = path[0], path[1:]
    changed = dict(document)
    if rest:
        inner = changed.get(name)
        filled = _put(inner if isinstance(inner, Mapping) else {}, rest, value, False)
        if filled or (isinstance(inner, Mapping) and len(inner) > 1):
            changed[name] = filled
        else:
            changed.pop(name, None)
    elif value is None:
        if keep_empty and len(path) == 1:
            changed[name] = ""
        else:
            changed.pop(name, None)
    else:
        changed[name] = value
    return changed


def prune(document: Mapping[str, Any], scope: Scope) -> dict[str, Any]:
    """The document without options that the scope (or another option) does not allow, for a change of scope."""
    options = document.get("options")
    if not isinstance(options, Mapping):
        return dict(document)
    names = {field.path[1] for field in fields(scope, document) if field.path[0] == "options"}
    kept = {name: value for name, value in options.items() if name in names}
    return {**{k: v for k, v in document.items() if k != "options"}, **({"options": kept} if kept else {})}


def leaves(document: Mapping[str, Any]) -> tuple[Leaf, ...] | None:
    """The conditions, where the form can show them: a plain list that all have to hold; else None, edit the JSON."""
    where = document.get("where")
    if where is None:
        return ()
    items = where["all"] if isinstance(where, Mapping) and set(where) == {"all"} else [where]
    if not isinstance(items, list):
        return None
    found = []
    for item in items:
        if not isinstance(item, Mapping) or not {"column", "op"} <= set(item) <= {"column", "op", "value"}:
            return None
        if item["op"] not in MEANING:
            return None  # a word that the form cannot show is not for it to change
        found.append(
            Leaf(clean(str(item["column"])), str(item["op"]), value_text(item["value"]) if "value" in item else "")
        )
    return tuple(found)


def put_leaves(document: Mapping[str, Any], conditions: Sequence[Leaf]) -> dict[str, Any]:
    """The document with these conditions; one without a column is left out."""
    items = [_condition(leaf) for leaf in conditions if leaf.column.strip()]
    changed = dict(document)
    if not items:
        changed.pop("where", None)
    else:
        changed["where"] = items[0] if len(items) == 1 else {"all": items}
    return changed


def _condition(leaf: Leaf) -> dict[str, Any]:
    item: dict[str, Any] = {"column": leaf.column.strip(), "op": leaf.op}
    if leaf.op in NO_VALUE:
        return item
    item["value"] = value_of(leaf.value)
    if leaf.op in (*LISTS, Op.BETWEEN) and not isinstance(item["value"], list):
        item["value"] = [value_of(part) for part in leaf.value.split(",") if part.strip()]
    return item


def value_of(text: str) -> Any:
    """A typed value: JSON where it is JSON (``12``, ``true``, ``"12"``, ``[1, 2]``), else the text itself."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text.strip()


def value_text(value: Any) -> str:
    """The text that ``value_of`` reads back as this value."""
    if isinstance(value, str) and value_of(value) == value and clean(value) == value:
        return value
    shown = json.dumps(value, ensure_ascii=False)
    # escaped, a control character reaches no terminal and is still the same value
    return shown if clean(shown) == shown else json.dumps(value)


OPERATORS: tuple[tuple[str, str], ...] = tuple((op.value, meaning) for op, meaning in MEANING.items())
