"""A problem in a selection document: its place, one sentence, and the remedy."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from pqcore.errors import UsageError
from pqcore.text import clean


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, and where.

    Attributes:
        path: the place in the document, such as ``where.all[1].op``; empty for the document as a whole.
        message: one sentence without a trailing full stop and without a secret.
        remedy: what to do next; may be empty.
        line: counts from 1; None where the document did not come as text.
        column: counts from 1, in characters; None where the document did not come as text.
    """

    path: str
    message: str
    remedy: str = ""
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        place = f"{self.path}: " if self.path else ""
        return f"{place}{self.message}. {self.remedy}." if self.remedy else f"{place}{self.message}."


class SelectionError(UsageError):
    """A selection document that cannot be used; ``problems`` holds all that was found, never empty."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        first = self.problems[0]
        place = f"selection, {first.path}: " if first.path else "selection: "
        more = len(self.problems) - 1
        also = f" (and {more} more problem{'s' if more > 1 else ''})" if more else ""
        super().__init__(f"{place}{first.message}{also}", first.remedy)


def sentence(text: str) -> str:
    """A message of another part of the program as the sentence of a problem: no capital after the place."""
    return text[:1].lower() + text[1:] if text[1:2].islower() else text


def quoted(name: object, limit: int = 60) -> str:
    """A name from a document or a database, in quotes and safe to show."""
    return f'"{clean(str(name), limit=limit)}"'


def did_you_mean(name: str, known: Iterable[str], otherwise: str) -> str:
    """A remedy that names the nearest known names, or ``otherwise`` where none is near."""
    by_folded = {k.casefold(): k for k in known}
    near = [by_folded[k] for k in get_close_matches(name.casefold(), by_folded, n=3, cutoff=0.6)]
    if not near:
        return otherwise
    return "Perhaps " + " or ".join(quoted(n) for n in near) + " is meant"


def listed(names: Iterable[str], limit: int = 8) -> str:
    """Names as a short list for a remedy."""
    some = [clean(n, limit=60) for n in names]
    return ", ".join(some[:limit]) + (", ..." if len(some) > limit else "")


def step(path: str, key: str | int) -> str:
    """The path of a member: ``where`` and ``all`` give ``where.all``, ``where.all`` and 1 give ``where.all[1]``."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    if not (key.isascii() and key.replace("_", "a").isalnum()):
        return f"{path}[{json.dumps(clean(key, limit=60))}]"
    return f"{path}.{key}" if path else key
