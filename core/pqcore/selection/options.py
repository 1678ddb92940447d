"""The options of a scope, held against their one description in ``pqcore.migrations.options``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pqcore.migrations import options as described
from pqcore.migrations.base import Scope
from pqcore.migrations.options import OPTIONS, OptionKind
from pqcore.selection.jsontext import Node
from pqcore.selection.problem import sentence, step
from pqcore.selection.reader import Reader


def option_names(scope: Scope | None) -> tuple[str, ...]:
    """Names of the options of a scope; of all scopes without one."""
    scopes = OPTIONS if scope is None else (scope,)
    return tuple(dict.fromkeys(spec.name for each in scopes for spec in OPTIONS[each]))


def read_options(reader: Reader, node: Node, path: str, scope: Scope | None) -> Mapping[str, Any]:
    """The options at ``node``; without a scope each has to be known to some scope, and values are not looked at."""
    before = len(reader.problems)
    found = reader.members(node, path, option_names(scope), what="option")
    for name, child in found.items():
        if child.value is None:
            reader.note(step(path, name), child, "null is no value of an option", "Leave the option out")
    plain = {name: _whole(child.plain()) for name, child in found.items()}
    if scope is None or not isinstance(node.value, dict):
        return plain
    kinds = {spec.name: spec.kind for spec in OPTIONS[scope]}
    for name, child in found.items():
        place = step(path, name)
        if kinds[name] is OptionKind.COLUMN and isinstance(child.value, str):
            reader.name(child, place, "column")
        elif kinds[name] is OptionKind.KEY_REF and isinstance(child.value, dict) and list(child.value) == ["column"]:
            column = child.value["column"]
            if isinstance(column.value, str):
                reader.name(column, step(place, "column"), "column")
    noted = {problem.path.split(".")[1] for problem in reader.problems[before:] if "." in problem.path}
    for problem in described.problems(scope, plain):
        name = problem.path.split(".")[1]
        if name not in noted:
            reader.note(problem.path, found.get(name, node), sentence(problem.message), problem.remedy)
    return plain


def _whole(value: object) -> object:
    # 64.0 is a whole number in JSON
    return int(value) if isinstance(value, float) and value.is_integer() else value
