"""Typed reading of a JSON tree: every mistake becomes a problem at its place, and reading goes on."""

from __future__ import annotations

import re
from collections.abc import Iterable

from pqcore.selection.jsontext import Node, position
from pqcore.selection.problem import Problem, did_you_mean, listed, quoted, step

NAME_LENGTH = 128
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def kind_of(node: Node) -> str:
    """What a node is, in words."""
    value = node.value
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return "a number"
    return {str: "text", dict: "an object", list: "a list"}[type(value)]


class Reader:
    """Collects the problems of one document; ``text`` is its source, None where it did not come as text."""

    def __init__(self, text: str | None = None) -> None:
        self.problems: list[Problem] = []
        self._text = text

    def note(self, path: str, at: Node | int, message: str, remedy: str = "") -> None:
        """Record a problem at a node or an offset."""
        offset = at if isinstance(at, int) else at.start
        line, column = position(self._text, offset) if self._text is not None and offset >= 0 else (None, None)
        self.problems.append(Problem(path, message, remedy, line, column))

    def members(
        self, node: Node, path: str, known: Iterable[str], *, required: Iterable[str] = (), what: str = "key"
    ) -> dict[str, Node]:
        """The known members of an object; empty where it is none."""
        if not isinstance(node.value, dict):
            self.note(path, node, f"{kind_of(node)} stands where an object is expected", "Write {...}")
            return {}
        known = tuple(known)
        found = {}
        for key, child in node.value.items():
            if key in known:
                found[key] = child
            else:
                remedy = did_you_mean(key, known, f"Known here: {listed(known, 20)}" if known else "Remove it")
                self.note(step(path, key), node.keys.get(key, child.start), f"unknown {what} {quoted(key)}", remedy)
        for key in required:
            if key not in node.value:
                self.note(step(path, key), node, f"{quoted(key)} is missing", f"Add {quoted(key)}")
        return found

    def name(self, node: Node, path: str, what: str) -> str:
        """A table, column or schema name."""
        value = node.value
        if not isinstance(value, str):
            self.note(path, node, f"{kind_of(node)} stands where the name of a {what} is expected", "Write its name")
            return ""
        if not 0 < len(value) <= NAME_LENGTH:
            remedy = f"Names have 1 to {NAME_LENGTH} characters"
            self.note(path, node, f"this name of a {what} has {len(value)} characters", remedy)
            return ""
        if _CONTROL.search(value):
            self.note(path, node, f"this name of a {what} holds a control character", "Remove it")
            return ""
        return value

    def names(self, node: Node, path: str, what: str, most: int) -> tuple[str, ...]:
        """A list of 1 to ``most`` different names."""
        items = self.items(node, path, 1, most)
        found = [self.name(item, step(path, i), what) for i, item in enumerate(items)]
        for i, name in enumerate(found):
            if name and name in found[:i]:
                self.note(step(path, i), items[i], f"the {what} {quoted(name)} is named twice", "Name it once")
        return tuple(found)

    def items(self, node: Node, path: str, least: int, most: int) -> list[Node]:
        """The items of a list of ``least`` to ``most``; empty where it is none."""
        if not isinstance(node.value, list):
            self.note(path, node, f"{kind_of(node)} stands where a list is expected", "Write [...]")
            return []
        count = len(node.value)
        if not least <= count <= most:
            size = f"exactly {least}" if least == most else f"{least} to {most}"
            self.note(path, node, f"this list has {count} item{'' if count == 1 else 's'}", f"It takes {size}")
            return []
        return node.value

    def integer(self, node: Node, path: str, low: int, high: int) -> int | None:
        """A whole number from ``low`` to ``high`` (2.0 is one, as in JSON Schema)."""
        value = node.value
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            self.note(path, node, f"{_found(node)} is no whole number", f"Use a whole number from {low} to {high}")
            return None
        if not low <= value <= high:
            self.note(path, node, f"{value} is out of range", f"Use a whole number from {low} to {high}")
            return None
        return value

    def number(self, node: Node, path: str, high: float) -> float | None:
        """A number greater than 0 and at most ``high``."""
        value = node.value
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.note(path, node, f"{_found(node)} is no number", f"Use a number above 0, at most {high:g}")
            return None
        if not 0 < value <= high:
            self.note(path, node, f"{value} is out of range", f"Use a number above 0, at most {high:g}")
            return None
        return float(value)

    def boolean(self, node: Node, path: str) -> bool | None:
        if isinstance(node.value, bool):
            return node.value
        self.note(path, node, f"{_found(node)} is neither true nor false", "Write true or false, without quotes")
        return None


def _found(node: Node) -> str:
    value = node.value
    return quoted(value, 40) if isinstance(value, str) else str(value) if isinstance(value, float) else kind_of(node)
