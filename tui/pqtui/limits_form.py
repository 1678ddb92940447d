"""The limits of jobs as a form: which fields it has, what stands in them, and the change that typed texts ask for.

Pure functions. A change has the form of ``pqcore.jobs.limits``: members of the sections ``batch`` and ``throttle``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pqcore.errors import UsageError
from pqcore.jobs.limits import checked, effective
from pqcore.jobs.model import Job
from pqtui.selection_form import number_of

Texts = Mapping[str, str]  # name of the member -> what stands in its field


@dataclass(frozen=True, slots=True)
class LimitField:
    """One limit; ``empty`` is what holds where its field is empty."""

    section: str
    name: str
    label: str
    help: str
    empty: str = "no limit"

    @property
    def id(self) -> str:
        """A name for widgets."""
        return f"limit-{self.name}"


FIELDS: tuple[LimitField, ...] = (
    LimitField("throttle", "rows_per_second", "Rows per s", "rows a second at most, over all threads"),
    LimitField("throttle", "windows", "Windows", "times of day, such as 22:00-06:00 12:00-13:00", "always"),
    LimitField("throttle", "time_zone", "Time zone", "the zone of the windows, such as Europe/Berlin", "UTC"),
    LimitField("throttle", "max_replica_lag", "Replica lag", "wait while a replica is further behind, in seconds"),
    LimitField("throttle", "max_running", "Running", "wait while more sessions are at work in the server"),
    LimitField("batch", "rows", "Batch rows", "rows in one batch at most", "4000"),
    LimitField("batch", "target_ms", "Batch ms", "aim for the transaction that writes a batch", "40"),
)
_BY_NAME: Mapping[str, LimitField] = {field.name: field for field in FIELDS}


def texts_of(job: Job) -> dict[str, str]:
    """What stands in the fields: the limits in force.

    Raises:
        UsageError: the job's selection holds something that is no limit.
    """
    sections = effective(job.selection, job.limits).document()
    return {field.name: _text(sections.get(field.section, {}).get(field.name)) for field in FIELDS}


def common(several: Sequence[Texts]) -> tuple[dict[str, str], frozenset[str]]:
    """What stands in the fields for several jobs: a text where all agree, else nothing; and where they differ."""
    differ = frozenset(name for name in _BY_NAME if len({texts[name] for texts in several}) > 1)
    return {name: "" if name in differ else several[0][name] for name in _BY_NAME}, differ


def change_of(before: Texts, typed: Texts) -> dict[str, dict[str, Any]]:
    """What was changed in the form; an emptied field lifts its limit (null).

    Raises:
        UsageError: a text is no limit; the message begins with the field's label.
    """
    change: dict[str, dict[str, Any]] = {}
    for field in FIELDS:
        text = typed[field.name].strip()
        if text != before[field.name]:
            change.setdefault(field.section, {})[field.name] = _checked(field, text)
    return change


def _checked(field: LimitField, text: str) -> Any:
    value = _value(field, text)
    try:
        checked({field.section: {field.name: value}})
    except UsageError as error:
        sentence = str(error).replace(f"{field.section}.{field.name}", field.label, 1)
        raise UsageError(sentence.rstrip(".")) from None
    return value


def _value(field: LimitField, text: str) -> Any:
    if not text:
        return None
    match field.name:
        case "windows":
            return text.replace(",", " ").split()
        case "time_zone":
            return text
    return number_of(text)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return " ".join(str(item) for item in value)
    return f"{value:g}" if isinstance(value, float) else str(value)
