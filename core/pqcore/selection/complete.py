"""Completion for the JSON editor: what fits at the cursor, from the live database and the keyring."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar
from zoneinfo import available_timezones

from pqcore.errors import PQConsoleError
from pqcore.keys.provider import KeyProvider, KeyState
from pqcore.migrations.base import Scope
from pqcore.migrations.options import OPTIONS, OptionKind, OptionSpec, applies
from pqcore.selection.catalog import Catalog, ColumnInfo
from pqcore.selection.condition import MEANING, NO_VALUE, Op
from pqcore.selection.cursor import Awaits, Cursor, Path, cursor_at
from pqcore.selection.document import BATCH_MEMBERS, MEMBERS, THROTTLE_MEMBERS
from pqcore.selection.kinds import Kind
from pqcore.selection.values import OPERATORS
from pqcore.text import clean

MOST = 200  # completions given at once

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Completion:
    """Text that may stand at the cursor.

    Attributes:
        insert: replaces the text from ``start`` to ``end``.
        label: what to show; safe to show.
        detail: more about it, e.g. a column's type; safe to show, may be empty.
        start: offset in the document.
        end: offset in the document.
    """

    insert: str
    label: str
    detail: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Choice:
    """A candidate: its label is matched against what was typed, ``json`` is inserted."""

    label: str
    json: str
    detail: str = ""


def complete(
    text: str, offset: int, catalog: Catalog | None = None, keys: KeyProvider | None = None, scope: Scope | None = None
) -> list[Completion]:
    """What fits at ``offset`` of a document that need not be JSON yet, nearest match first.

    Asks the database and the keyring, so call it from a worker thread. Where they do not answer, or are None,
    only what is known without them is given.
    """
    cursor = cursor_at(text, max(0, min(offset, len(text))))
    choices: Iterable[_Choice]
    if cursor.awaits is Awaits.KEY:
        choices = _members(cursor, scope)
    elif cursor.awaits is Awaits.VALUE:
        choices = _values(cursor, _Sources(catalog, keys), scope)
    else:
        return []
    tail = ": " if cursor.awaits is Awaits.KEY and not cursor.colon else ""
    return [
        Completion(choice.json + tail, clean(choice.label), clean(choice.detail, limit=200), cursor.start, cursor.end)
        for choice in _matching(choices, cursor.typed)
    ][:MOST]


def _matching(choices: Iterable[_Choice], typed: str) -> list[_Choice]:
    wanted = typed.casefold()
    ranked = [(0 if c.label.casefold().startswith(wanted) else 1, c) for c in choices if wanted in c.label.casefold()]
    return [choice for _, choice in sorted(ranked, key=lambda pair: pair[0])]


@dataclass(frozen=True, slots=True)
class _Sources:
    catalog: Catalog | None
    keys: KeyProvider | None

    def ask(self, question: Callable[[Catalog], list[_T]]) -> list[_T]:
        """The catalogue's answer; nothing where the database is away or has no such table."""
        try:
            return [] if self.catalog is None else question(self.catalog)
        except PQConsoleError:
            return []

    def columns(self, cursor: Cursor) -> list[ColumnInfo]:
        table, schema = cursor.document.get("table"), cursor.document.get("schema")
        return self.ask(lambda catalog: catalog.columns(table, schema)) if table else []

    def key_names(self) -> list[tuple[str, str]]:
        """Names of keys with an active version, and their algorithm."""
        try:
            infos = [] if self.keys is None else self.keys.list()
        except PQConsoleError:
            return []
        return list({info.name: info.algorithm for info in infos if info.state is KeyState.ACTIVE}.items())


def _text(name: str, detail: str = "") -> _Choice:
    return _Choice(name, json.dumps(name, ensure_ascii=False), detail)


def _is_condition(path: Path) -> bool:
    if path[:1] != ("where",):
        return False
    return len(path) == 1 or path[-1] == "not" or (isinstance(path[-1], int) and path[-2] in ("all", "any"))


def _members(cursor: Cursor, scope: Scope | None) -> Iterator[_Choice]:
    path = cursor.path
    meanings: Mapping[str, str] = {}
    if path == ():
        meanings = MEMBERS
    elif path == ("options",):
        meanings = {spec.name: spec.help for spec in _specs(scope) if _fits(spec, cursor, scope)}
    elif path == ("batch",):
        meanings = BATCH_MEMBERS
    elif path == ("throttle",):
        meanings = THROTTLE_MEMBERS
    elif path[:1] == ("options",) and len(path) == 2:
        meanings = _option_members(str(path[1]), scope)
    elif _is_condition(path):
        meanings = _condition_members(cursor)
    elif "value" in path:
        meanings = {"bytes": "a binary value, in hexadecimal"}
    return (_text(name, meaning) for name, meaning in meanings.items() if name not in cursor.members)


def _option_members(name: str, scope: Scope | None) -> Mapping[str, str]:
    kinds = {spec.kind for spec in _specs(scope) if spec.name == name}
    if OptionKind.BYTES in kinds:
        return {"bytes": "a binary value, in hexadecimal"}
    return {"column": "the column that names the key in each row"}


def _condition_members(cursor: Cursor) -> Mapping[str, str]:
    leaf = {"column": "the column that is compared", "op": "how it is compared", "value": "what it is compared with"}
    groups = {"all": "every condition holds", "any": "at least one holds", "not": "the condition does not hold"}
    if not cursor.members:
        return leaf | groups
    if cursor.members.get("op") in NO_VALUE:
        leaf.pop("value")
    return leaf if leaf.keys() & cursor.members.keys() else {}


def _specs(scope: Scope | None) -> list[OptionSpec]:
    scopes = OPTIONS if scope is None else (scope,)
    return list({spec.name: spec for each in scopes for spec in OPTIONS[each]}.values())


def _fits(spec: OptionSpec, cursor: Cursor, scope: Scope | None) -> bool:
    specs = {other.name: other for other in _specs(scope)}
    if applies(spec, specs, cursor.members) or spec.when is None:
        return True
    # an option is offered while what decides about it is not said yet
    decider = spec.when[0]
    return cursor.members.get(decider, specs[decider].default) is None


def _values(cursor: Cursor, sources: _Sources, scope: Scope | None) -> list[_Choice]:
    path = cursor.path
    document = cursor.document
    match path:
        case ():
            return [_Choice("selection", '{"table": "", "field": ""}', "the smallest selection")]
        case ("table",):
            return [_text(name) for name in sources.ask(lambda catalog: catalog.tables(document.get("schema")))]
        case ("schema",):
            return [_text(name) for name in sources.ask(lambda catalog: catalog.schemas())]
        case ("field",):
            return _columns(sources.columns(cursor), first={Kind.TEXT, Kind.BYTES})
        case ("key", int()):
            keys = sources.ask(lambda c: c.candidate_keys(document.get("table") or "", document.get("schema")))
            identifying = {name for key in keys for name in key}
            infos = sources.columns(cursor)
            return _columns(
                [i for i in infos if i.name in identifying] + [i for i in infos if i.name not in identifying]
            )
        case ("key",):
            keys = sources.ask(lambda c: c.candidate_keys(document.get("table") or "", document.get("schema")))
            return [_Choice(", ".join(key), json.dumps(list(key), ensure_ascii=False), "unique") for key in keys]
        case ("keep_originals",):
            return [_Choice(word, word) for word in ("false", "true")]
        case ("options" | "batch" | "throttle",):
            return [_Choice("{}", "{}")]
        case ("throttle", "windows"):
            return [_Choice("windows", '["22:00-06:00"]', "times of day at which the job works")]
        case ("throttle", "time_zone"):
            return [_text(name) for name in sorted(available_timezones())]
        case ("options", str(name)):
            return _option(name, cursor, sources, scope)
        case ("options", str(), "column"):
            return _columns(sources.columns(cursor), first={Kind.TEXT})
    return _condition_values(cursor, sources)


def _columns(infos: Iterable[ColumnInfo], first: set[Kind] | None = None) -> list[_Choice]:
    ranked = sorted(infos, key=lambda info: bool(first) and info.kind not in (first or ()))
    return [_text(i.name, f"{i.type}{'' if i.nullable else ' NOT NULL'}") for i in ranked]


def _option(name: str, cursor: Cursor, sources: _Sources, scope: Scope | None) -> list[_Choice]:
    found: list[_Choice] = []
    for spec in _specs(scope):
        if spec.name != name:
            continue
        if spec.kind is OptionKind.CHOICE:
            found.extend(_text(choice, "default" if choice == spec.default else "") for choice in spec.choices)
        elif spec.kind is OptionKind.COLUMN:
            found.extend(_columns(sources.columns(cursor), first={Kind.TEXT, Kind.BYTES}))
        elif spec.kind is OptionKind.INTEGER and spec.default is not None:
            found.append(_Choice(str(spec.default), str(spec.default), "default"))
        elif spec.kind in (OptionKind.KEY, OptionKind.KEY_REF):
            found.extend(_text(key, algorithm) for key, algorithm in _keys_for(spec, scope, sources.key_names()))
            if spec.kind is OptionKind.KEY_REF:
                found.append(_Choice("column", '{"column": ""}', "the column that names the key in each row"))
    return found


def _keys_for(spec: OptionSpec, scope: Scope | None, known: list[tuple[str, str]]) -> list[tuple[str, str]]:
    new = {Scope.WRAPPERS: "ML-KEM", Scope.SIGNATURES: "ML-DSA", Scope.HASHES: "PEPPER", None: ""}[scope]
    if spec.kind is OptionKind.KEY_REF:
        return [(name, algorithm) for name, algorithm in known if not new or not algorithm.startswith(new)]
    return [(name, algorithm) for name, algorithm in known if algorithm.startswith(new)]


def _condition_values(cursor: Cursor, sources: _Sources) -> list[_Choice]:
    path = cursor.path
    if _is_condition(path):
        return [
            _Choice("condition", '{"column": "", "op": "eq", "value": ""}', "compare a column"),
            _Choice("all", '{"all": []}', "every condition holds"),
            _Choice("any", '{"any": []}', "at least one holds"),
            _Choice("not", '{"not": {}}', "the condition does not hold"),
        ]
    if not _is_condition(path[:-1]):
        return []
    infos = sources.columns(cursor)
    column = next((info for info in infos if info.name == cursor.members.get("column")), None)
    match path[-1]:
        case "column":
            return _columns(infos)
        case "op":
            fitting = set(Op) if column is None else OPERATORS[column.kind] | NO_VALUE
            return [_text(op.value, MEANING[op]) for op in Op if op in fitting]
        case "value" if column is not None and column.kind is Kind.BOOLEAN:
            return [_Choice(word, word) for word in ("false", "true")]
        case "value" if column is not None and column.kind is Kind.BYTES:
            return [_Choice("bytes", '{"bytes": ""}', "a binary value, in hexadecimal")]
        case "all" | "any":
            return [_Choice("[]", "[{}]", "a list of conditions")]
    return []
