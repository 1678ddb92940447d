"""The job filter: what an operator types above the list, and its compilation to SQL.

``status:failed scope:wrappers table:users algo:ml-kem id:12 -scope:hashes backup``: words of one kind are
alternatives, kinds and free words all have to hold, ``-`` in front excludes. Free words look into the selection,
the error and the target's name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

from pqcore.errors import UsageError
from pqcore.jobs.model import Status
from pqcore.migrations.base import Scope

KINDS = ("status", "scope", "table", "algo", "id")
PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class Term:
    """One word of a filter: ``kind`` is one of ``KINDS`` or ``text``; ``value`` is lower case."""

    kind: str
    value: str
    negated: bool = False

    def __str__(self) -> str:
        value = f'"{self.value}"' if " " in self.value else self.value
        return f"{'-' if self.negated else ''}{'' if self.kind == 'text' else self.kind + ':'}{value}"


@dataclass(frozen=True, slots=True)
class JobFilter:
    """A parsed filter; the empty one keeps every job."""

    terms: tuple[Term, ...] = field(default=())

    def __bool__(self) -> bool:
        return bool(self.terms)

    def __str__(self) -> str:
        return " ".join(str(term) for term in self.terms)

    def of(self, kind: str, *, negated: bool = False) -> tuple[str, ...]:
        """The values given for one kind."""
        return tuple(t.value for t in self.terms if t.kind == kind and t.negated is negated)


def _words(text: str) -> list[str]:
    """Split at blanks outside double quotes; a quote left open runs to the end."""
    words, word, quoted = [], "", False
    for char in text:
        if char == '"':
            quoted = not quoted
        elif char.isspace() and not quoted:
            if word:
                words.append(word)
            word = ""
        else:
            word += char
    return [*words, word] if word else words


def _allowed(kind: str) -> Sequence[str] | None:
    if kind == "status":
        return [*(s.value for s in Status), PAUSED]
    if kind == "scope":
        return [s.value for s in Scope]
    return None


def parse_filter(text: str) -> JobFilter:
    """Parse what was typed.

    Raises:
        UsageError: a word names an unknown status or scope, or an id that is no number.
    """
    terms = []
    for word in _words(text):
        negated = word.startswith("-") and len(word) > 1
        body = word[1:] if negated else word
        kind, colon, value = body.partition(":")
        kind = kind.lower()
        if not colon or kind not in KINDS:
            kind, value = "text", body
        value = value.lower()
        if not value:
            continue  # still being typed
        allowed = _allowed(kind)
        if allowed is not None and value not in allowed:
            near = get_close_matches(value, allowed, n=1, cutoff=0.4)
            hint = f"Did you mean {kind}:{near[0]}" if near else f"Use one of {', '.join(allowed)}"
            raise UsageError(f"The filter {kind}:{value} names no {kind}", hint)
        if kind == "id" and not (value.isascii() and value.isdigit() and len(value) < 19):
            raise UsageError(f"The filter id:{value} is not a number", "Use a job's number, as in id:12")
        terms.append(Term(kind, value, negated))
    return JobFilter(tuple(terms))
