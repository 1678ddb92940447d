"""What an inspection found: counts, shares with their bounds, classes. No stored value is in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from pqcore.formats.detection.forms import State
from pqcore.inspection.interval import Share, share
from pqcore.inspection.lineage import Lineage
from pqcore.inspection.rating import Level, Rating, Standing, rate
from pqcore.inspection.sample import Method
from pqcore.inspection.tally import Group, Tally, is_held


@dataclass(frozen=True, slots=True)
class Column:
    """A column that is inspected.

    Attributes:
        type: as the database spells it.
        binary: whether it is declared for bytes.
        neighbour: the column that names the algorithm of each value, empty where there is none.
    """

    schema: str | None
    table: str
    name: str
    type: str
    binary: bool = False
    neighbour: str = ""

    @property
    def label(self) -> str:
        """``table.column`` or ``schema.table.column``."""
        return ".".join(part for part in (self.schema, self.table, self.name) if part)


@dataclass(frozen=True, slots=True)
class FormReport:
    """Values of one form. ``share`` is of the values that hold something; lengths as ``Detection.length``."""

    group: Group
    rating: Rating
    values: int
    share: Share
    shortest: int
    longest: int

    @property
    def name(self) -> str:
        """The form's name; of several candidates ``a or b or ...``."""
        names = list(dict.fromkeys(c.form.name for c in self.group.candidates))
        if self.group.state is State.DAMAGED:
            return f"damaged {names[0]}"
        return " or ".join(names) if names else "not recognised"


@dataclass(frozen=True, slots=True)
class ColumnReport:
    """What one column holds.

    Attributes:
        total: rows of the table, None where it took too long to count them.
        read: rows that were looked at.
        held: values among them that hold something.
        empty: NULL or without content.
        unusable: passwords that are marked so.
        forms: the values that hold something, the most frequent form first.
        standings: class -> values and their share of those that hold something; classes without values are left out.
        safe: share that is fine; its upper bound counts what is unclear as fine. None where nothing is held.
        lineage: where values in the post-quantum form come from.
    """

    column: Column
    total: int | None
    read: int
    method: Method
    held: int
    empty: int
    unusable: int
    forms: tuple[FormReport, ...]
    standings: Mapping[Standing, tuple[int, Share]]
    safe: Share | None
    lineage: Lineage = field(default_factory=Lineage)

    @property
    def exact(self) -> bool:
        return self.method is Method.ALL

    @property
    def held_in_all(self) -> int | None:
        """Values of the whole table that hold something: counted, or reckoned from the sample; None without a count."""
        if self.exact:
            return self.held
        if self.total is None or not self.read:
            return None
        return round(self.total * self.held / self.read)


def report_of(
    column: Column, tally: Tally, *, total: int | None, method: Method, level: Level, lineage: Lineage
) -> ColumnReport:
    """The report of one column's counts."""
    held = tally.held
    report = ColumnReport(
        column=column,
        total=total,
        read=tally.read,
        method=method,
        held=held,
        empty=tally.count(State.EMPTY),
        unusable=tally.count(State.UNUSABLE),
        forms=(),
        standings={},
        safe=None,
        lineage=lineage,
    )
    forms = tuple(
        FormReport(group, rate(group.detection, level), counted.values, part, counted.shortest, counted.longest)
        for group, counted in tally
        if is_held(group) and (part := share(counted.values, held, report.held_in_all)) is not None
    )
    return rated(replace(report, forms=forms), level)


def rated(report: ColumnReport, level: Level) -> ColumnReport:
    """The same counts under another policy; nothing is read again."""
    forms = tuple(replace(form, rating=rate(form.group.detection, level)) for form in report.forms)
    counts = dict.fromkeys(Standing, 0)
    for form in forms:
        counts[form.rating.standing] += form.values
    parts = {standing: share(count, report.held, report.held_in_all) for standing, count in counts.items()}
    standings = {s: (count, part) for s, count in counts.items() if count and (part := parts[s]) is not None}
    fine = parts[Standing.FINE]
    perhaps = share(counts[Standing.FINE] + counts[Standing.UNCLEAR], report.held, report.held_in_all)
    safe = None if fine is None or perhaps is None else Share(fine.value, fine.low, perhaps.high)
    return replace(report, forms=forms, standings=standings, safe=safe)


@dataclass(frozen=True, slots=True)
class Summary:
    """All columns together.

    Attributes:
        columns: how many.
        values: values that hold something, reckoned where they were sampled; columns of unknown size are left out.
        safe: share of them that is fine; bounds as far apart as all columns' bounds at once, so never too narrow.
        unsized: columns that are left out.
    """

    columns: int
    values: int
    safe: Share | None
    unsized: int


def summary(reports: Iterable[ColumnReport]) -> Summary:
    """The estate in one line."""
    found = list(reports)
    sized = [(size, r.safe) for r in found if (size := r.held_in_all) and r.safe is not None]
    values = sum(size for size, _ in sized)
    unsized = sum(1 for r in found if r.held_in_all is None)
    if not values:
        return Summary(len(found), 0, None, unsized)
    parts = [sum(size * getattr(safe, name) for size, safe in sized) / values for name in ("value", "low", "high")]
    return Summary(len(found), values, Share(*parts), unsized)
