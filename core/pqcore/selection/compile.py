"""The condition of a selection as SQL: every value a bound parameter, typed by its column.

A comparison with NULL is unknown, ``not`` keeps unknown, and only rows for which the whole is true are selected:
SQL's three-valued logic, on every database. Text is compared as the column's collation compares it.
"""

from __future__ import annotations

import re
from typing import Any

import sqlalchemy as sa

from pqcore.selection.condition import LISTS, NO_VALUE, All, Any_, Compare, Condition, Not, Op, Value
from pqcore.selection.document import Selection
from pqcore.selection.kinds import Kind, kind
from pqcore.selection.problem import Problem, SelectionError, listed, quoted, step
from pqcore.selection.target import Target, column_problem
from pqcore.selection.values import OPERATORS, Mismatch, bound

_ESCAPE = "!"  # not a backslash: whether one is an escape in a literal depends on the server's settings
_PATTERN_PART = re.compile(r"\\(.)|([%_])|([^\\%_]+)", re.DOTALL)


def predicate(selection: Selection, target: Target) -> sa.ColumnElement[bool] | None:
    """The selection's condition over the target's table; None where it selects every row.

    Raises:
        SelectionError: a column is missing, or an operator or value does not fit its column; all of them at once.
    """
    if selection.where is None:
        return None
    compiler = _Compiler(target)
    compiled = compiler.condition(selection.where, "where")
    if compiler.problems:
        raise SelectionError(compiler.problems)
    return compiled


class _Compiler:
    def __init__(self, target: Target) -> None:
        self.problems: list[Problem] = []
        self._table = target.table
        self._dialect = target.dialect_name

    def condition(self, condition: Condition, path: str) -> sa.ColumnElement[bool]:
        match condition:
            case All(parts):
                group = step(path, "all")
                return sa.and_(*(self.condition(part, step(group, i)).self_group() for i, part in enumerate(parts)))
            case Any_(parts):
                group = step(path, "any")
                return sa.or_(*(self.condition(part, step(group, i)).self_group() for i, part in enumerate(parts)))
            case Not(inner):
                return sa.not_(self.condition(inner, step(path, "not")).self_group())
            case Compare():
                return self._compare(condition, path)

    def _compare(self, compare: Compare, path: str) -> sa.ColumnElement[bool]:
        if compare.column not in self._table.c:
            self.problems.append(column_problem(self._table, compare.column, step(path, "column")))
            return sa.false()
        column = self._table.c[compare.column]
        if compare.op in NO_VALUE:
            return column.is_(None) if compare.op is Op.IS_NULL else column.is_not(None)
        allowed = OPERATORS[kind(column)]
        if compare.op not in allowed:
            fitting = [*(op.value for op in Op if op in allowed), *sorted(NO_VALUE)]
            message = f"{quoted(compare.op)} does not fit {quoted(column.name)}, a column of the kind {kind(column)}"
            self.problems.append(Problem(step(path, "op"), message, f"Use one of {listed(fitting, 20)}"))
            return sa.false()
        if compare.op in (Op.LIKE, Op.NOT_LIKE, Op.PREFIX):
            return self._pattern(column, compare, path)
        return self._ordered(column, compare, path)

    def _ordered(self, column: sa.Column[Any], compare: Compare, path: str) -> sa.ColumnElement[bool]:
        several = compare.op in LISTS or compare.op is Op.BETWEEN
        place = step(path, "value")
        places = [step(place, i) if several else place for i in range(len(compare.values))]
        values = [self._bound(column, value, at) for value, at in zip(compare.values, places, strict=True)]
        left = _comparable(column, self._dialect)
        match compare.op:
            case Op.IN:
                return left.in_(values)
            case Op.NOT_IN:
                return left.not_in(values)
            case Op.BETWEEN:
                return sa.and_(left >= values[0], left <= values[1])
            case Op.EQ:
                return left == values[0]
            case Op.NE:
                return left != values[0]
            case Op.LT:
                return left < values[0]
            case Op.LE:
                return left <= values[0]
            case Op.GT:
                return left > values[0]
            case _:
                return left >= values[0]

    def _bound(self, column: sa.Column[Any], value: Value, path: str) -> sa.ColumnElement[Any]:
        try:
            return bound(column, value, self._dialect)
        except Mismatch as mismatch:
            message = f"{mismatch.message} ({quoted(column.name)})"
            self.problems.append(Problem(path, message, mismatch.remedy))
            return sa.literal(0)  # never run: the problem is raised

    def _pattern(self, column: sa.Column[Any], compare: Compare, path: str) -> sa.ColumnElement[bool]:
        value = compare.values[0]
        self._bound(column, value, step(path, "value"))  # for its checks alone
        if kind(column) is Kind.BYTES:
            return _bytes_prefix(column, value) if isinstance(value, bytes) else sa.false()
        if not isinstance(value, str):
            return sa.false()
        parts = [("text", value), ("%", "")] if compare.op is Op.PREFIX else _parts(value)
        # SQLite's LIKE ignores case; its GLOB does not, and uses indexes.
        matches: sa.ColumnElement[bool]
        if self._dialect == "sqlite":
            matches = column.op("GLOB", is_comparison=True)(sa.literal(_glob(parts), sa.String()))
        else:
            matches = column.like(sa.literal(_like(parts), sa.String()), escape=_ESCAPE)
        return sa.not_(matches.self_group()) if compare.op is Op.NOT_LIKE else matches


def _parts(pattern: str) -> list[tuple[str, str]]:
    parts = []
    for escaped, wild, text in _PATTERN_PART.findall(pattern):
        parts.append((wild, "") if wild else ("text", escaped or text))
    return parts


def _like(parts: list[tuple[str, str]]) -> str:
    escaped = re.compile("[%_" + _ESCAPE + "]")
    return "".join(kind if kind != "text" else escaped.sub(_ESCAPE + r"\g<0>", text) for kind, text in parts)


def _glob(parts: list[tuple[str, str]]) -> str:
    wild = {"%": "*", "_": "?"}
    return "".join(wild[kind] if kind != "text" else re.sub(r"[*?\[]", r"[\g<0>]", text) for kind, text in parts)


def _bytes_prefix(column: sa.Column[Any], prefix: bytes) -> sa.ColumnElement[bool]:
    # A range, so that an index serves it: from the prefix up to the next string that does not start with it.
    lower = column >= sa.literal(prefix, sa.LargeBinary())
    head = prefix.rstrip(b"\xff")
    if not head:
        return lower
    after = head[:-1] + bytes([head[-1] + 1])
    return sa.and_(lower, column < sa.literal(after, sa.LargeBinary()))


def _comparable(column: sa.Column[Any], dialect_name: str) -> sa.ColumnElement[Any]:
    # SQLite keeps times as text of several lengths (2026-01-31, ... 12:00:00, ... 12:00:00.5); bring them to one.
    if dialect_name != "sqlite":
        return column
    if kind(column) is Kind.DATETIME:
        text = sa.func.replace(sa.func.rtrim(column, "Z"), "T", " ")
        return _padded(text, "0001-01-01 00:00:00.000000")
    if kind(column) is Kind.TIME:
        return _padded(column, "00:00:00.000000")
    return column


def _padded(text: sa.ColumnElement[Any], model: str) -> sa.ColumnElement[Any]:
    return text.concat(sa.func.substr(model, sa.func.length(text) + 1))
