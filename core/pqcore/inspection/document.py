"""An inspection as one JSON document; docs/INSPECT.md names its members."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pqcore.inspection.interval import Share
from pqcore.inspection.propose import Proposal, propose
from pqcore.inspection.rating import Level, Standing
from pqcore.inspection.report import ColumnReport, FormReport, summary

_NAMES = {
    Standing.WEAK: "weak_today",
    Standing.QUANTUM: "quantum_broken",
    Standing.BELOW: "below_policy",
    Standing.FINE: "fine",
    Standing.UNCLEAR: "unclear",
}


def to_document(
    reports: Sequence[ColumnReport], level: Level, unread: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Everything that is in the reports, and the selections that follow from them.

    Args:
        unread: tables that could not be read, and why.
    """
    whole = summary(reports)
    return {
        "policy": level.policy,
        "least_category": dict(level.floor),
        "exact": all(report.exact for report in reports),
        "summary": {
            "columns": whole.columns,
            "values": whole.values,
            "safe": _share(whole.safe),
            "columns_of_unknown_size": whole.unsized,
        },
        "columns": [_column(report) for report in reports],
        "left_out": [{"table": table, "why": why} for table, why in (unread or {}).items()],
    }


def _column(report: ColumnReport) -> dict[str, Any]:
    column, lineage = report.column, report.lineage
    return {
        "schema": column.schema,
        "table": column.table,
        "column": column.name,
        "type": column.type,
        "algorithm_column": column.neighbour or None,
        "rows": report.total,
        "read": report.read,
        "method": report.method.value,
        "held": report.held,
        "empty": report.empty,
        "unusable": report.unusable,
        "safe": _share(report.safe),
        "classes": {
            _NAMES[standing]: {"values": values, **(_share(part) or {})}
            for standing, (values, part) in report.standings.items()
        },
        "forms": [_form(form) for form in report.forms],
        "lineage": {
            "wrapped": lineage.values,
            "born": lineage.born,
            "rewrapped": lineage.rewrapped,
            "unknown": lineage.unknown,
            "why_unknown": lineage.why or None,
            "over_old_values": lineage.over_old,
            "countersigned_beside": lineage.beside,
        },
        "selections": [_proposal(proposal) for proposal in propose(report)],
    }


def _form(form: FormReport) -> dict[str, Any]:
    group = form.group
    return {
        "state": group.state.value,
        "candidates": [
            {"form": c.form.name, "use": c.form.use.value, "category": c.form.category, **dict(c.details)}
            for c in group.candidates
        ],
        "told_by": group.basis.value,
        "encoding": None if group.encoding is None else group.encoding.value,
        "declared": group.declared or None,
        "class": _NAMES[form.rating.standing],
        "why": form.rating.why or None,
        "values": form.values,
        **(_share(form.share) or {}),
        "length": {"least": form.shortest, "most": form.longest},
    }


def _proposal(proposal: Proposal) -> dict[str, Any]:
    return {
        "scope": proposal.scope.value,
        "values": proposal.values,
        "selection": proposal.document,
        "left_to_you": list(proposal.left),
        "notes": list(proposal.notes),
    }


def _share(share: Share | None) -> dict[str, float] | None:
    if share is None:
        return None
    return {"share": round(share.value, 6), "low": round(share.low, 6), "high": round(share.high, 6)}
