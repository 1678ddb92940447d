"""Limits of a job: what its selection says, and what was changed since by ``jobs tune``.

Changes are kept beside the job, in ``pq_migration_control.limits``, in the form of the document's sections ``batch``
and ``throttle``. A member that is null there is as if the document did not have it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pqcore.errors import UsageError
from pqcore.selection.document import LIVE_SECTIONS, BatchSettings, ThrottleSettings, parse_settings, section_of
from pqcore.selection.problem import SelectionError, did_you_mean, listed, quoted

Sections = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class JobLimits:
    """What holds a job back, and the bounds of its batches."""

    batch: BatchSettings = field(default_factory=BatchSettings)
    throttle: ThrottleSettings = field(default_factory=ThrottleSettings)

    def document(self) -> dict[str, Any]:
        """As sections of a selection document, without defaults."""
        sections = {"batch": section_of(self.batch), "throttle": section_of(self.throttle)}
        return {name: section for name, section in sections.items() if section}


def effective(selection: Mapping[str, Any] | None, changes: Sections | None) -> JobLimits:
    """The limits in force.

    Raises:
        UsageError: one of the two holds something that is no limit.
    """
    return _read({name: {**_section(selection, name), **_section(changes, name)} for name in LIVE_SECTIONS})


def checked(change: Sections) -> dict[str, dict[str, Any]]:
    """A change of limits, held against what a document takes; null lifts a limit.

    Raises:
        UsageError: a member is unknown, or its value is none.
    """
    for section, members in change.items():
        if section not in LIVE_SECTIONS:
            raise UsageError(f"There is no group of limits {quoted(section)}", f"There are {listed(LIVE_SECTIONS)}")
        known = LIVE_SECTIONS[section]
        for name in members:
            if name not in known:
                remedy = did_you_mean(name, known, f"There are {listed(known)}")
                raise UsageError(f"There is no limit {quoted(name)}", remedy)
    _read(change)
    return {section: dict(members) for section, members in change.items() if members}


def merged(before: Sections | None, change: Sections) -> dict[str, dict[str, Any]]:
    """Earlier changes with a later one: what the later one does not name stays."""
    sections = {name: {**_section(before, name), **_section(change, name)} for name in LIVE_SECTIONS}
    return {name: section for name, section in sections.items() if section}


def described(change: Sections) -> str:
    """A change in words, for the event log: ``rows_per_second 50, windows none``."""
    members = [member for section in change.values() for member in section.items()]
    return ", ".join(f"{name} {_shown(value)}" for name, value in members)


def _section(document: Mapping[str, Any] | None, name: str) -> Mapping[str, Any]:
    section = (document or {}).get(name) or {}
    if not isinstance(section, Mapping):
        raise UsageError(f"{name}: this is no object", "Write {...}")
    return section


def _read(sections: Sections) -> JobLimits:
    named = {
        section: {name: value for name, value in members.items() if value is not None}
        for section, members in sections.items()
    }
    try:
        return JobLimits(*parse_settings(named))
    except SelectionError as error:
        problem = error.problems[0]
        raise UsageError(f"{problem.path}: {problem.message}", problem.remedy) from None


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, list | tuple):
        return " ".join(str(item) for item in value)
    return f"{value:g}" if isinstance(value, float) else str(value)
