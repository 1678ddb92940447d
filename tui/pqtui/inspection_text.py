"""What an inspection found in words and figures, for the screen and the command line."""

from __future__ import annotations

from pqcore.inspection.interval import Share
from pqcore.inspection.lineage import Lineage
from pqcore.inspection.report import ColumnReport, FormReport, Summary

_SHOWN_DETAILS = ("cost", "iterations", "m", "t", "p", "n", "r", "key", "version", "enc", "over")
_MOST_NAMES = 3


def form_text(form: FormReport) -> str:
    """The form with its cost, its key and what the neighbour column calls it: ``bcrypt (cost 12)``."""
    names = list(dict.fromkeys(c.form.name for c in form.group.candidates))
    name = form.name
    if len(names) > _MOST_NAMES:
        name = " or ".join(names[:_MOST_NAMES]) + f" or {len(names) - _MOST_NAMES} more"
    candidates = form.group.candidates
    # what all candidates say: the version of a key of Vault, whatever that key is of
    details = [d for d in candidates[0].details if all(d in c.details for c in candidates)] if candidates else []
    notes = [f"{known} {value}" for known, value in details if known in _SHOWN_DETAILS and value != ""]
    if form.group.declared and form.group.declared.casefold() != name.casefold():
        notes.append(form.group.declared)
    return f"{name} ({', '.join(notes)})" if notes else name


def percent(value: float) -> str:
    """A share as a percentage that is 0 or 100 only where it is."""
    if 0 < value < 0.001:
        return "<0.1%"
    if 0.999 < value < 1:
        return ">99.9%"
    return f"{value:.1%}" if 0 < value < 1 else f"{value:.0%}"


def share_text(share: Share | None) -> str:
    """A share and, where it was reckoned from a sample, the bounds between which it lies."""
    if share is None:
        return ""
    return (
        percent(share.value)
        if share.exact
        else f"{percent(share.value)} ({percent(share.low)} to {percent(share.high)})"
    )


def short_share(share: Share, give: str) -> str:
    """A share in whole per cent with half the distance of its bounds, ``61% ±2`` with that sign; exact ones without."""
    value = f"{share.value:.0%}" if 0.005 <= share.value <= 0.995 or share.value in (0, 1) else percent(share.value)
    return value if share.exact else f"{value} {give}{max(1, round(50 * (share.high - share.low)))}"


def values_text(report: ColumnReport, form: FormReport) -> str:
    """How many values of the column have the form: counted, or about as many, or only as many as were seen."""
    if report.exact:
        return f"{form.values:,}"
    whole = report.held_in_all
    return f"{form.values:,} seen" if whole is None else f"~{round(whole * form.share.value):,}"


def safe_text(whole: Summary) -> str:
    """The estate in one line."""
    left_out = f"; {whole.unsized} of unknown size left out" if whole.unsized else ""
    columns = f"{whole.columns} column{'' if whole.columns == 1 else 's'}"
    if whole.safe is None:
        return f"nothing found in {columns}{left_out}"
    about = "" if whole.safe.exact else "about "
    return f"{share_text(whole.safe)} of {about}{whole.values:,} values in {columns}{left_out}"


def lineage_text(lineage: Lineage) -> list[str]:
    """Where values in the post-quantum form come from, a sentence each; nothing where there are none."""
    lines = []
    if lineage.values:
        why = f" ({lineage.why})" if lineage.why else ""
        lines.append(
            f"{lineage.values:,} post-quantum wraps: {lineage.born:,} born so, {lineage.rewrapped:,} old keys wrapped"
            f" anew, {lineage.unknown:,} unknown{why}"
        )
    if lineage.over_old:
        lines.append(f"{lineage.over_old:,} made over an older value, which backups may hold")
    if lineage.beside:
        lines.append(f"{lineage.beside:,} values countersigned in pq_migration_signatures")
    return lines
