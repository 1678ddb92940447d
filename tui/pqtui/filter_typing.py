"""The filter while it is typed: a word that is not finished is no mistake yet, and can be completed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual.suggester import Suggester

from pqcore.errors import UsageError
from pqcore.jobs.filter import KINDS, PAUSED, JobFilter, parse_filter
from pqcore.jobs.model import Job, Status
from pqcore.migrations.base import Scope

_VALUES = {"status": (*(s.value for s in Status), PAUSED), "scope": tuple(s.value for s in Scope)}
_MOST_SEEN = 500


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


class SeenValues:
    """Tables and algorithms of the jobs that were on the screen, to complete ``table:`` and ``algo:`` with."""

    def __init__(self) -> None:
        self._seen: dict[str, dict[str, None]] = {"table": {}, "algo": {}}

    def note(self, jobs: Iterable[Job]) -> None:
        """Remember what these jobs are about; the first ones where they are too many."""
        for job in jobs:
            for kind, value in (("table", job.table), ("algo", "" if job.target_policy_id else job.target)):
                known = self._seen[kind]
                # what has blanks or quotes would have to be quoted, and is best typed in part
                if value and len(known) < _MOST_SEEN and not any(c.isspace() or c == '"' for c in value):
                    known[value.lower()] = None

    def of(self, kind: str) -> Sequence[str]:
        """The values of one kind, in lower case as a filter has them."""
        return sorted(self._seen.get(kind, ()))


def _completions(word: str, seen: SeenValues | None = None) -> Sequence[str]:
    """The whole words that this one may become."""
    sign = "-" if word.startswith("-") else ""
    kind, colon, value = word[len(sign) :].partition(":")
    if colon:
        known = _VALUES.get(kind, ()) or (seen.of(kind) if seen is not None else ())
        return [f"{sign}{kind}:{v}" for v in known if v.startswith(value.lower()) and v != value]
    return [f"{sign}{k}:" for k in KINDS if kind and k.startswith(kind)]


class FilterSuggester(Suggester):
    """Completes the last word of a filter."""

    def __init__(self, seen: SeenValues) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._seen = seen

    async def get_suggestion(self, value: str) -> str | None:
        """The text with its last word completed."""
        head, blank, last = value.rpartition(" ")
        found = _completions(last, self._seen)
        return f"{head}{blank}{found[0]}" if last and found else None
