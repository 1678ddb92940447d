"""The estate's lines and the detail of one, as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from textual.content import Content

from pqcore.inspection.propose import Proposal, propose
from pqcore.inspection.rating import Standing
from pqcore.inspection.report import ColumnReport, FormReport
from pqcore.text import clean
from pqtui import show
from pqtui.glyphs import Glyphs
from pqtui.inspection_text import form_text, lineage_text, share_text, short_share, values_text
from pqtui.styles import MUTED

# A word and a sign for each class: colour is never the only difference.
_WORDS = {
    Standing.WEAK: ("weak today", "failed", "$text-error"),
    Standing.QUANTUM: ("quantum", "stalled", "$text-error"),
    Standing.BELOW: ("below", "paused", "$text-warning"),
    Standing.FINE: ("fine", "done", "$text-success"),
    Standing.UNCLEAR: ("unclear", "pending", MUTED),
}
_STATE_WIDTH = 13
_VALUES_WIDTH = 9
_WIDE = 110
_SHARE_WIDTHS = {False: 9, True: 24}
_COLUMN_WIDTHS = (12, 44)
_FORM_WIDTH = 60  # at most: what stands right of it is read along the line
_LABEL = 10


@dataclass(frozen=True, slots=True)
class Line:
    """One form in one column, and the selection that a job for it would start from."""

    report: ColumnReport
    form: FormReport
    proposal: Proposal | None
    first: bool

    @property
    def id(self) -> str:
        """Tells lines apart across two readings of the same table."""
        group = self.form.group
        return f"{self.report.column.label}\0{group.candidates}\0{group.encoding}\0{group.declared}\0{group.state}"


def lines(reports: Sequence[ColumnReport]) -> tuple[Line, ...]:
    """All forms of all columns, columns in their order, the most frequent form first."""
    found: list[Line] = []
    for report in reports:
        proposals = propose(report)
        for number, form in enumerate(report.forms):
            own = next((p for p in proposals if form in p.forms), None)
            found.append(Line(report, form, own, number == 0))
    return tuple(found)


def _widths(width: int) -> tuple[int, int, int]:
    """Cells for a column's name, for its form and for a share, in a line of so many."""
    share = _SHARE_WIDTHS[width >= _WIDE]
    rest = max(20, width - _STATE_WIDTH - _VALUES_WIDTH - share)
    least, most = _COLUMN_WIDTHS
    column = max(least, min(rest * 9 // 20, most))
    return column, min(rest - column, _FORM_WIDTH), share


def heading(width: int, glyphs: Glyphs) -> str:
    """What stands above the lines."""
    column, form, share = _widths(width - 2)
    name = show.fit("Table and column" if column > 16 else "Column", column, glyphs)
    form_name = show.fit("Form", form, glyphs)
    return f"  {name}{form_name}{'Class':<{_STATE_WIDTH}}{'Values':>{_VALUES_WIDTH}}{'Share':>{share}}"


def prompt(line: Line, width: int, glyphs: Glyphs, *, chosen: bool) -> Content:
    """One line of the list, ``width`` cells wide; a narrow one gives a share's bounds as half their distance."""
    word, sign, style = _WORDS[line.form.rating.standing]
    column, form, share_width = _widths(width - 2)
    share = share_text(line.form.share) if width >= _WIDE else short_share(line.form.share, glyphs.give)
    label = line.report.column.label if line.first else ""
    cells = (
        (f"{glyphs.cursor if chosen else ' '} ", ""),
        (show.fit(clean(label), column - 1, glyphs) + " ", "bold"),
        (show.fit(clean(form_text(line.form)), form - 1, glyphs) + " ", ""),
        (show.fit(f"{glyphs.states[sign]} {word}", _STATE_WIDTH, glyphs), style),
        (show.fit(values_text(line.report, line.form), _VALUES_WIDTH, glyphs, right=True), ""),
        (show.fit(share, share_width, glyphs, right=True), MUTED),
    )
    return Content.assemble(*cells)


def detail(line: Line, width: int) -> Content:
    """What is known of one line, in lines of ``width`` cells."""
    form, report = line.form, line.report
    group, rating = form.group, form.rating
    names = list(dict.fromkeys(c.form.name for c in group.candidates)) or ["not recognised"]
    told = f"{group.basis.value}{', ' + group.encoding.value if group.encoding is not None else ''}"
    length = f"{form.shortest:,}" if form.shortest == form.longest else f"{form.shortest:,} to {form.longest:,}"
    rows = show.count(report.total) if report.total is not None else "an unknown number of"
    pairs = [
        ("Column", f"{report.column.label} ({report.column.type})"),
        ("Form", " or ".join(names)),
        ("Class", f"{rating.standing.value}{': ' + rating.why if rating.why else ''}"),
        ("Told by", f"{told}, length {length}"),
        ("Read", f"{show.count(report.read)} of {rows} rows, {report.method.value}"),
        *(("Wraps", text) for text in lineage_text(report.lineage)),
        ("New job", _next(line)),
    ]
    shown = [
        Content.assemble((f"{name:<{_LABEL}}", MUTED), show.hanging(clean(text), _LABEL, width)) for name, text in pairs
    ]
    return Content("\n").join(shown)


def _next(line: Line) -> str:
    if line.proposal is None:
        return why_no_job(line)
    left = f", {', '.join(line.proposal.left)} left to you" if line.proposal.left else ", nothing left to fill in"
    notes = "".join(f". {note}" for note in line.proposal.notes)
    return f"{line.proposal.scope.value}{left}{notes}"


def why_no_job(line: Line) -> str:
    """Why no selection follows from a line."""
    if line.form.rating.standing is Standing.FINE:
        return "These values are fine under this policy; no job is needed."
    if any(candidate.form.own for candidate in line.form.group.candidates):
        return "These values are in pqconsole's own form already."
    return "No job reads these values as they are; see docs/FORMATS.md for the forms that can be migrated."


def progress(table: str, done: int, total: int | None) -> str:
    """How far the reading of a table is."""
    if not done and not total:
        return clean(table, limit=60)
    of = f" of {show.count(total)}" if total else ""
    return f"{clean(table, limit=60)}: {show.count(done)}{of} rows"


def left_out(unread: Mapping[str, str]) -> str:
    """Which tables could not be read, and why the first could not; empty where all could."""
    if not unread:
        return ""
    table, why = next(iter(unread.items()))
    more = f", and {len(unread) - 1} more" if len(unread) > 1 else ""
    return f"{clean(table, limit=40)}{more} left out: {why}."
