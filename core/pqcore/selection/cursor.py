"""Where the cursor stands in a selection that is being typed, and is rarely JSON at that moment."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum

from pqcore.selection.jsontext import Token, tokens

Path = tuple[str | int, ...]  # of a value in the document


class Awaits(StrEnum):
    """What may be typed at a place."""

    KEY = "key"
    COLON = "colon"
    VALUE = "value"
    COMMA = "comma"


@dataclass(slots=True)
class Frame:
    """An object or a list that is open: what it awaits next, and the members seen in it."""

    kind: str
    awaits: Awaits
    path: Path = ()
    key: str = ""
    index: int = 0
    members: dict[str, str | None] = field(default_factory=dict)  # None: no text, or not typed yet

    @property
    def here(self) -> Path:
        """The path of the value that comes next in this frame."""
        if self.kind == "document":
            return ()
        return (*self.path, self.key if self.kind == "{" else self.index)


@dataclass(frozen=True, slots=True)
class Cursor:
    """The place of the cursor.

    Attributes:
        awaits: a key or a value, or nothing that can be completed.
        path: of the value at the cursor; of the object, where a key is awaited.
        members: the other members of the object around the cursor: their text, None where they hold none.
        typed: what of the word at the cursor has been typed before it.
        start: where the word begins.
        end: where it ends.
        colon: whether a colon follows the word.
        document: text of the document's own members, such as ``table``.
    """

    awaits: Awaits
    path: Path
    members: dict[str, str | None]
    typed: str
    start: int
    end: int
    colon: bool
    document: dict[str, str | None]


def cursor_at(text: str, offset: int) -> Cursor:
    """Find the place of ``offset`` in ``text``, whatever state the text is in."""
    stack = [Frame("document", Awaits.VALUE)]
    seen = list(tokens(text))
    before = sum(1 for token in seen if token.start < offset and not _is_at(token, offset))
    word = seen[before] if before < len(seen) and seen[before].start < offset else None
    root = Frame("{", Awaits.KEY)
    frame, awaits, path = stack[0], Awaits.VALUE, stack[0].path
    for index in range(len(seen) + 1):
        if index == before:
            frame, awaits = stack[-1], stack[-1].awaits
            path = frame.path if awaits is Awaits.KEY else frame.here
        if index < len(seen):
            _advance(stack, seen[index])
        if len(stack) == 2 and not root.members and stack[1].kind == "{":
            root = stack[1]
    start, end = _extent(text, word, offset)
    after = seen[before if word is None else before + 1 :]
    own = _text(word) if word is not None and awaits is Awaits.KEY else None
    return Cursor(
        awaits=awaits,
        path=path,
        members={name: value for name, value in frame.members.items() if name != own},
        typed=text[start:offset].lstrip('"'),
        start=start,
        end=end,
        colon=bool(after) and after[0].kind == ":",
        document=dict(root.members),
    )


def _is_at(token: Token, offset: int) -> bool:
    if token.kind == "string":
        return offset < token.end
    return token.kind in {"word", "number", "bad"} and offset <= token.end


def _extent(text: str, word: Token | None, offset: int) -> tuple[int, int]:
    if word is None:
        return offset, offset
    # A text that was never closed runs on to the next quote: only what stands before the cursor belongs to it.
    runs_on = any(mark in text[offset : word.end] for mark in ",:{}[]\n")
    return word.start, offset if runs_on else word.end


def _advance(stack: list[Frame], token: Token) -> None:
    frame = stack[-1]
    match token.kind:
        case "{" | "[":
            awaits = Awaits.KEY if token.kind == "{" else Awaits.VALUE
            stack.append(Frame(token.kind, awaits, frame.here))
        case "}" | "]":
            if len(stack) > 1:
                stack.pop()
            stack[-1].awaits = Awaits.COMMA
        case ":":
            frame.awaits = Awaits.VALUE
        case ",":
            frame.index += 1
            frame.awaits = Awaits.KEY if frame.kind == "{" else Awaits.VALUE
        case _ if frame.awaits is Awaits.KEY:
            frame.key = _text(token)
            frame.members.setdefault(frame.key, None)
            frame.awaits = Awaits.COLON
        case _:
            if frame.kind == "{" and frame.awaits is Awaits.VALUE:
                frame.members[frame.key] = _text(token)
            frame.awaits = Awaits.COMMA


def _text(token: Token) -> str:
    if token.kind == "string":
        text: str = json.loads(token.text)
        return text
    return token.text.strip('"')
