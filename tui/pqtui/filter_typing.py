"""The filter while it is typed: a word that is not finished is no mistake yet, and can be completed."""

from __future__ import annotations

from collections.abc import Sequence

from textual.suggester import Suggester

from pqcore.errors import UsageError
from pqcore.jobs.filter import KINDS, PAUSED, JobFilter, parse_filter
from pqcore.jobs.model import Status
from pqcore.migrations.base import Scope

_VALUES = {"status": (*(s.value for s in Status), PAUSED), "scope": tuple(s.value for s in Scope)}


def typed_filter(text: str) -> tuple[JobFilter, str]:
    """The filter that the text means by now, and what is wrong with it (empty where nothing is).

    A last word that a known value begins with is left out until it is whole.
    """
    try:
        return parse_filter(text), ""
    except UsageError as error:
        head, _, last = text.rpartition(" ")
        if _completions(last):
            try:
                return parse_filter(head), ""
            except UsageError as earlier:
                return JobFilter(), str(earlier)
        return JobFilter(), str(error)


def _completions(word: str) -> Sequence[str]:
    """The whole words that this one may become."""
    sign = "-" if word.startswith("-") else ""
    kind, colon, value = word[len(sign) :].partition(":")
    if colon:
        return [f"{sign}{kind}:{v}" for v in _VALUES.get(kind, ()) if v.startswith(value.lower()) and v != value]
    return [f"{sign}{k}:" for k in KINDS if kind and k.startswith(kind)]


class FilterSuggester(Suggester):
    """Completes the last word of a filter."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        """The text with its last word completed."""
        head, blank, last = value.rpartition(" ")
        found = _completions(last)
        return f"{head}{blank}{found[0]}" if last and found else None
