"""Telling apart the parts of a line of JSON, for colouring an editor. Never fails: what is no JSON has no colour."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_TOKEN = re.compile(
    r'(?P<string>"(?:[^"\\]|\\.)*(?:"|$))(?P<colon>\s*:)?'
    r"|(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)"
    r"|(?P<word>true|false|null)\b"
    r"|(?P<mark>[{}\[\],:])"
)


@dataclass(frozen=True, slots=True)
class Token:
    """Characters ``start`` to ``end`` of a line; ``kind`` is member, string, number, word or mark."""

    start: int
    end: int
    kind: str


def tokens(line: str) -> Iterator[Token]:
    """The tokens of one line; JSON strings never span lines."""
    for match in _TOKEN.finditer(line):
        if match["string"] is not None:
            kind = "member" if match["colon"] is not None else "string"
            yield Token(match.start("string"), match.end("string"), kind)
        else:
            kind = match.lastgroup or "mark"
            yield Token(match.start(kind), match.end(kind), kind)
