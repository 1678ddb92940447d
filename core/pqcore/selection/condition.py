"""The condition of a selection: a tree of all/any/not over column, operator and value."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pqcore.selection.jsontext import Node
from pqcore.selection.problem import did_you_mean, listed, quoted, step
from pqcore.selection.reader import Reader, kind_of

MAX_ITEMS = 1000  # values in a list, conditions in all or any


class Op(StrEnum):
    """What a condition asks of a column's value."""

    EQ = "eq"
    NE = "ne"
    LT = "lt"
    LE = "le"
    GT = "gt"
    GE = "ge"
    IN = "in"
    NOT_IN = "not_in"
    LIKE = "like"
    NOT_LIKE = "not_like"
    IS_NULL = "is_null"
    NOT_NULL = "not_null"
    BETWEEN = "between"
    PREFIX = "prefix"


#: What each operator does, for help and completion.
MEANING: dict[Op, str] = {
    Op.EQ: "equal to value",
    Op.NE: "not equal to value",
    Op.LT: "less than value",
    Op.LE: "less than or equal to value",
    Op.GT: "greater than value",
    Op.GE: "greater than or equal to value",
    Op.IN: "equal to one of a list",
    Op.NOT_IN: "equal to none of a list",
    Op.LIKE: "text that matches a pattern: % is any text, _ any character, \\ escapes",
    Op.NOT_LIKE: "text that does not match a pattern",
    Op.IS_NULL: "NULL; takes no value",
    Op.NOT_NULL: "not NULL; takes no value",
    Op.BETWEEN: "from the first to the second of two values, both included",
    Op.PREFIX: "text or bytes that start with value",
}
NO_VALUE = frozenset({Op.IS_NULL, Op.NOT_NULL})
LISTS = frozenset({Op.IN, Op.NOT_IN})
PATTERNS = frozenset({Op.LIKE, Op.NOT_LIKE})

Value = str | int | float | bool | bytes


@dataclass(frozen=True, slots=True)
class Compare:
    """``column`` ``op`` ``values``: no value for is_null and not_null, two for between, any number for in, else one."""

    column: str
    op: Op
    values: tuple[Value, ...] = ()


@dataclass(frozen=True, slots=True)
class All:
    """True where every condition is."""

    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Any_:
    """True where at least one condition is."""

    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """True where the condition is false; unknown (NULL) stays unknown, as in SQL."""

    condition: Condition


Condition = Compare | All | Any_ | Not

# The escape of a pattern is always a backslash, before %, _ and itself.
_PATTERN = re.compile(r"(?:[^\\]|\\[%_\\])*", re.DOTALL)
_HEX = re.compile(r"(?:[0-9a-fA-F]{2})*")
_GROUPS = ("all", "any", "not")


def read_condition(reader: Reader, node: Node, path: str) -> Condition | None:
    """The condition at ``node``; None where it has a problem, which the reader then holds."""
    if not isinstance(node.value, dict):
        remedy = 'Write {"column": ..., "op": ..., "value": ...} or {"all": [...]}'
        reader.note(path, node, f"{kind_of(node)} stands where a condition is expected", remedy)
        return None
    groups = [key for key in _GROUPS if key in node.value]
    if len(groups) == 1 and len(node.value) == 1:
        return _read_group(reader, node.value[groups[0]], step(path, groups[0]), groups[0])
    if groups:
        others = listed(key for key in node.value if key != groups[0])
        remedy = 'Put each into an object of its own, as items of "all" or "any"'
        reader.note(path, node, f"{quoted(groups[0])} stands beside {others} in one condition", remedy)
        return None
    return _read_compare(reader, node, path)


def _read_group(reader: Reader, node: Node, path: str, group: str) -> Condition | None:
    if group == "not":
        inner = read_condition(reader, node, path)
        return None if inner is None else Not(inner)
    items = reader.items(node, path, 1, MAX_ITEMS)
    parts = [read_condition(reader, item, step(path, i)) for i, item in enumerate(items)]
    conditions = tuple(part for part in parts if part is not None)
    if not conditions or len(conditions) < len(parts):
        return None
    return All(conditions) if group == "all" else Any_(conditions)


def _read_compare(reader: Reader, node: Node, path: str) -> Condition | None:
    before = len(reader.problems)
    found = reader.members(node, path, ("column", "op", "value", *_GROUPS), required=("column", "op"))
    column = reader.name(found["column"], step(path, "column"), "column") if "column" in found else ""
    op = _read_op(reader, found["op"], step(path, "op")) if "op" in found else None
    values: tuple[Value, ...] = ()
    if op is not None:
        place = step(path, "value")
        if op in NO_VALUE:
            if "value" in found:
                reader.note(place, found["value"], f"{quoted(op)} takes no value", 'Remove "value"')
        elif "value" not in found:
            reader.note(place, node, f"{quoted(op)} needs a value", 'Add "value"')
        else:
            values = _read_values(reader, found["value"], place, op)
    return Compare(column, op, values) if op is not None and len(reader.problems) == before else None


def _read_op(reader: Reader, node: Node, path: str) -> Op | None:
    known = [op.value for op in Op]
    if isinstance(node.value, str) and node.value in known:
        return Op(node.value)
    if not isinstance(node.value, str):
        reader.note(path, node, f"{kind_of(node)} is no operator", f"Use one of {listed(known, 20)}")
        return None
    remedy = did_you_mean(node.value, known, f"Use one of {listed(known, 20)}")
    reader.note(path, node, f"unknown operator {quoted(node.value)}", remedy)
    return None


def _read_values(reader: Reader, node: Node, path: str, op: Op) -> tuple[Value, ...]:
    if op in LISTS or op is Op.BETWEEN:
        least, most = (2, 2) if op is Op.BETWEEN else (1, MAX_ITEMS)
        items = reader.items(node, path, least, most)
        read = [_read_value(reader, item, step(path, i), op) for i, item in enumerate(items)]
        return tuple(value for value in read if value is not None)
    value = _read_value(reader, node, path, op)
    return () if value is None else (value,)


def _read_value(reader: Reader, node: Node, path: str, op: Op) -> Value | None:
    value = node.value
    if value is None:
        reader.note(path, node, "null cannot be compared", 'Use the operator "is_null" or "not_null"')
        return None
    if isinstance(value, dict):
        return _read_bytes(reader, node, path, op)
    if isinstance(value, list):
        reader.note(path, node, f"{quoted(op)} takes one value, not a list", 'Use "in" or "between" for several values')
        return None
    if op in PATTERNS or op is Op.PREFIX:
        if not isinstance(value, str):
            reader.note(path, node, f"{quoted(op)} takes text", "Write it in double quotes")
            return None
        if op is Op.PREFIX and not value:
            reader.note(path, node, "every text starts with an empty prefix", 'Use "not_null"')
            return None
    if isinstance(value, str):
        if "\0" in value:
            reader.note(path, node, "this text holds a NUL character", "Databases keep none in text; remove it")
            return None
        if op in PATTERNS and not _PATTERN.fullmatch(value):
            reader.note(path, node, "a backslash escapes only %, _ and a backslash", 'Write "\\\\\\\\" for one')
            return None
    return value


def _read_bytes(reader: Reader, node: Node, path: str, op: Op) -> bytes | None:
    if op in PATTERNS:
        reader.note(path, node, f"{quoted(op)} takes text", 'Use "prefix" for bytes')
        return None
    before = len(reader.problems)
    found = reader.members(node, path, ("bytes",), required=("bytes",))
    if "bytes" not in found or len(reader.problems) > before:
        return None
    digits = found["bytes"].value
    if not isinstance(digits, str) or not _HEX.fullmatch(digits):
        reader.note(step(path, "bytes"), found["bytes"], "bytes are written in hexadecimal", 'Such as "00ff"')
        return None
    if op is Op.PREFIX and not digits:
        reader.note(step(path, "bytes"), found["bytes"], "every value starts with an empty prefix", 'Use "not_null"')
        return None
    return bytes.fromhex(digits)


def to_json(condition: Condition) -> dict[str, Any]:
    """The document form of a condition."""
    match condition:
        case All(conditions):
            return {"all": [to_json(c) for c in conditions]}
        case Any_(conditions):
            return {"any": [to_json(c) for c in conditions]}
        case Not(inner):
            return {"not": to_json(inner)}
        case Compare(column, op, values):
            found: dict[str, Any] = {"column": column, "op": op.value}
            plain = [{"bytes": v.hex()} if isinstance(v, bytes) else v for v in values]
            if op in LISTS or op is Op.BETWEEN:
                found["value"] = plain
            elif op not in NO_VALUE:
                found["value"] = plain[0]
            return found


def columns_of(condition: Condition, path: str) -> Iterator[tuple[str, str]]:
    """The columns that a condition names, each with the path of its ``column`` member."""
    for place, compare in compares(condition, path):
        yield step(place, "column"), compare.column


def compares(condition: Condition, path: str) -> Iterator[tuple[str, Compare]]:
    """The leaves of a condition, each with its path."""
    match condition:
        case Compare():
            yield path, condition
        case Not(inner):
            yield from compares(inner, step(path, "not"))
        case All(conditions) | Any_(conditions):
            group = step(path, "all" if isinstance(condition, All) else "any")
            for i, inner in enumerate(conditions):
                yield from compares(inner, step(group, i))
