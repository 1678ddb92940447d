"""JSON text to a tree that knows where each value stands.

The standard library's parser keeps no positions, takes duplicate keys and NaN, and may exhaust the stack; a
document that an operator types needs the opposite (RFC 8259, read strictly).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pqcore.selection.problem import Problem, quoted, step

MAX_BYTES = 64 * 1024
MAX_DEPTH = 32
_MAX_NUMBER = 100  # characters; longer ones are no number anyone means, and slow to convert

Scalar = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Node:
    """A JSON value and the offsets ``[start, end)`` of its text; -1 where it did not come as text.

    ``value`` is a scalar, a dict of Nodes or a list of Nodes. ``keys`` holds the offset of each key of an object.
    """

    value: Scalar | dict[str, Node] | list[Node]
    start: int = -1
    end: int = -1
    keys: Mapping[str, int] = field(default_factory=dict)

    def plain(self) -> object:
        """The value as ordinary Python objects."""
        if isinstance(self.value, dict):
            return {key: child.plain() for key, child in self.value.items()}
        if isinstance(self.value, list):
            return [child.plain() for child in self.value]
        return self.value


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of JSON text: ``kind`` is one of ``{}[]:,``, ``string``, ``number``, ``word`` or ``bad``."""

    kind: str
    start: int
    end: int
    text: str


_TOKEN = re.compile(
    r"""
    (?P<mark>[{}\[\]:,])
  | (?P<string>"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")
  | (?P<number>-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?![0-9A-Za-z_.+-]))
  | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<bad>"(?:[^"\\\x00-\x1f]|\\[^\x00-\x1f])*"? | [^\s{}\[\]:,"]+ | .)
    """,
    re.VERBOSE | re.ASCII,
)
_SPACE = re.compile(r"[ \t\r\n]*")
_WORDS: Mapping[str, Scalar] = {"true": True, "false": False, "null": None}


def tokens(text: str) -> Iterator[Token]:
    """The tokens of ``text``, also of text that is no JSON (yet)."""
    at = 0
    while True:
        space = _SPACE.match(text, at)
        at = space.end() if space else at
        found = _TOKEN.match(text, at)
        if found is None:
            return
        kind = found.lastgroup or "bad"
        yield Token(found.group() if kind == "mark" else kind, at, found.end(), found.group())
        at = found.end()


def position(text: str, offset: int) -> tuple[int, int]:
    """Line and column of ``offset``, both counting from 1."""
    return text.count("\n", 0, offset) + 1, offset - (text.rfind("\n", 0, offset) + 1) + 1


class _Stop(Exception):
    """The text is no JSON from here on."""


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.problems: list[Problem] = []
        self._tokens = list(tokens(text))
        self._at = 0

    def parse(self) -> Node | None:
        try:
            node = self._value("", 0)
            if (token := self._peek()) is not None:
                raise self._failure("", token.start, f"{_shown(token)} follows the end of the document", "Remove it")
        except _Stop:
            return None
        return node

    def _peek(self) -> Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _next(self, path: str, expected: str) -> Token:
        token = self._peek()
        if token is None:
            raise self._failure(
                path, len(self.text), f"the text ends where {expected} is expected", "Complete the document"
            )
        self._at += 1
        return token

    def _note(self, path: str, offset: int, message: str, remedy: str) -> None:
        line, column = position(self.text, offset)
        self.problems.append(Problem(path, message, remedy, line, column))

    def _failure(self, path: str, offset: int, message: str, remedy: str) -> _Stop:
        self._note(path, offset, message, remedy)
        return _Stop()

    def _value(self, path: str, depth: int) -> Node:
        token = self._next(path, "a value")
        if token.kind in "{[" and depth >= MAX_DEPTH:
            raise self._failure(
                path, token.start, f"the document is nested deeper than {MAX_DEPTH} levels", "Flatten it"
            )
        if token.kind == "{":
            return self._object(token, path, depth)
        if token.kind == "[":
            return self._array(token, path, depth)
        return Node(self._scalar(token, path), token.start, token.end)

    def _scalar(self, token: Token, path: str) -> Scalar:
        if token.kind == "string":
            return self._string(token, path)
        if token.kind == "number":
            if len(token.text) > _MAX_NUMBER:
                raise self._failure(
                    path, token.start, "this number is too long", f"Use at most {_MAX_NUMBER} characters"
                )
            if not set(token.text) & set(".eE"):
                return int(token.text)
            number = float(token.text)
            if math.isinf(number):
                raise self._failure(path, token.start, f"{token.text} is too large a number", "Use a smaller one")
            return number
        if token.kind == "word" and token.text in _WORDS:
            return _WORDS[token.text]
        raise self._failure(path, token.start, f"{_shown(token)} is no JSON value", _value_remedy(token))

    def _string(self, token: Token, path: str) -> str:
        text: str = json.loads(token.text)
        if any("\ud800" <= character <= "\udfff" for character in text):
            self._note(path, token.start, "this text holds half of a surrogate pair", "Write the whole character")
        return text

    def _object(self, opening: Token, path: str, depth: int) -> Node:
        members: dict[str, Node] = {}
        keys: dict[str, int] = {}
        token = self._next(path, 'a key or "}"')
        while token.kind != "}":
            if token.kind != "string":
                raise self._failure(
                    path, token.start, f"{_shown(token)} stands where a key is expected", _key_remedy(token)
                )
            key = self._string(token, path)
            here = step(path, key)
            if key in members:
                self._note(here, token.start, f"the key {quoted(key)} is given twice", "Remove one of the two")
            colon = self._next(here, '":"')
            if colon.kind != ":":
                raise self._failure(
                    here, colon.start, f'{_shown(colon)} stands where ":" is expected', 'Put ":" after the key'
                )
            keys.setdefault(key, token.start)
            members[key] = self._value(here, depth + 1)
            token = self._separator(path, "}")
            if token.kind == ",":
                token = self._next(path, "a key")
                if token.kind == "}":
                    raise self._failure(path, token.start, '"," is followed by no member', "Remove the comma before it")
        return Node(members, opening.start, token.end, keys)

    def _array(self, opening: Token, path: str, depth: int) -> Node:
        items: list[Node] = []
        if (token := self._peek()) is not None and token.kind == "]":
            self._at += 1
            return Node(items, opening.start, token.end)
        while True:
            if items and (token := self._peek()) is not None and token.kind == "]":
                raise self._failure(path, token.start, '"," is followed by no item', "Remove the comma before it")
            items.append(self._value(step(path, len(items)), depth + 1))
            token = self._separator(path, "]")
            if token.kind == "]":
                return Node(items, opening.start, token.end)

    def _separator(self, path: str, closing: str) -> Token:
        token = self._next(path, f'"," or "{closing}"')
        if token.kind not in (",", closing):
            expected = f'"," or "{closing}"'
            message = f"{_shown(token)} stands where {expected} is expected"
            raise self._failure(path, token.start, message, "Put a comma before it")
        return token


def _shown(token: Token) -> str:
    return token.text if token.kind == "string" and len(token.text) < 40 else quoted(token.text, 40)


def _value_remedy(token: Token) -> str:
    if token.kind == "word":
        return "Put text in double quotes; other values are numbers, true, false and null"
    if token.text.startswith('"'):
        return 'End the text with a double quote and write control characters and "\\" as escapes'
    if token.text.startswith("'"):
        return "Use double quotes"
    return "Values are text in double quotes, numbers, true, false, null, {...} and [...]"


def _key_remedy(token: Token) -> str:
    return "Remove the comma before it" if token.kind == "," else "Put the key in double quotes"


def read_text(text: str) -> tuple[Node | None, list[Problem]]:
    """Parse strict JSON; the tree is None where the text is no JSON. All problems have line and column."""
    if len(text.encode("utf-8", "replace")) > MAX_BYTES:
        return None, [Problem("", f"the document is larger than {MAX_BYTES // 1024} KiB", "Shorten it", 1, 1)]
    if not text.strip():
        remedy = 'The smallest one is {"table": "users", "field": "password_hash"}'
        return None, [Problem("", "the document is empty", remedy, 1, 1)]
    parser = _Parser(text)
    node = parser.parse()
    return node, parser.problems


def read_bytes(data: bytes) -> tuple[str, list[Problem]]:
    """Decode UTF-8, with or without a byte order mark."""
    try:
        return data.decode("utf-8-sig"), []
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8", "replace")
        line, column = position(before, len(before))
        return "", [Problem("", "the document is not UTF-8 text", "Save it as UTF-8", line, column)]


def read_mapping(source: Mapping[str, object]) -> tuple[Node | None, list[Problem]]:
    """The tree of a document that is already in memory (from a JSON column, from a form)."""
    problems: list[Problem] = []
    size = 0

    def grow(by: int) -> None:
        nonlocal size
        size += by
        if size > MAX_BYTES:
            problems.append(Problem("", f"the document is larger than {MAX_BYTES // 1024} KiB", "Shorten it"))
            raise _Stop

    def text_of(value: str, path: str) -> str:
        if any("\ud800" <= character <= "\udfff" for character in value):
            problems.append(Problem(path, "this text holds half of a surrogate pair", "Write the whole character"))
        grow(len(value.encode("utf-8", "replace")) + 2)
        return value

    def convert(value: object, path: str, depth: int) -> Node:
        grow(1)
        if isinstance(value, bool) or value is None:
            return Node(value)
        if isinstance(value, int):
            if value.bit_length() > _MAX_NUMBER * 3:
                problems.append(Problem(path, "this number is too long", f"Use at most {_MAX_NUMBER} characters"))
                raise _Stop
            return Node(int(value))
        if isinstance(value, float):
            if not math.isfinite(value):
                problems.append(Problem(path, f"{value} is no JSON value", "Use a finite number"))
                raise _Stop
            return Node(float(value))
        if isinstance(value, str):
            return Node(text_of(str(value), path))
        if isinstance(value, Mapping | list | tuple):
            if depth >= MAX_DEPTH:
                problems.append(Problem(path, f"the document is nested deeper than {MAX_DEPTH} levels", "Flatten it"))
                raise _Stop
            if isinstance(value, Mapping):
                return Node(
                    {text_of(str(k), path): convert(v, step(path, str(k)), depth + 1) for k, v in value.items()}
                )
            return Node([convert(v, step(path, i), depth + 1) for i, v in enumerate(value)])
        problems.append(Problem(path, f"a value of type {type(value).__name__} is no JSON value", "Use JSON values"))
        raise _Stop

    try:
        return convert(source, "", 0), problems
    except _Stop:
        return None, problems


def locate(text: str, problems: Sequence[Problem]) -> list[Problem]:
    """The same problems with line and column of their place in ``text``; the nearest parent where it is not there."""
    root, _ = read_text(text)
    if root is None:
        return list(problems)
    places = dict(_places(root, ""))
    located = []
    for problem in problems:
        path = problem.path
        while path not in places:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        line, column = position(text, places[path])
        located.append(Problem(problem.path, problem.message, problem.remedy, line, column))
    return located


def _places(node: Node, path: str) -> Iterator[tuple[str, int]]:
    yield path, node.start
    if isinstance(node.value, dict):
        for key, child in node.value.items():
            yield from _places(child, step(path, key))
    elif isinstance(node.value, list):
        for index, child in enumerate(node.value):
            yield from _places(child, step(path, index))
