"""What is known of a selection while it is written, and what a check found, as styled text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual.content import Content

from pqcore.selection.check import Report
from pqcore.selection.preview import Count, SampleRow
from pqcore.selection.problem import Problem
from pqcore.text import clean
from pqtui import show
from pqtui.glyphs import Glyphs
from pqtui.styles import MUTED


@dataclass(frozen=True, slots=True)
class Preview:
    """Rows that a selection takes, and a few of them; ``key`` names the key's columns."""

    count: Count
    rows: tuple[SampleRow, ...]
    key: tuple[str, ...]
    field: str


def verdict(problems: Sequence[Problem], preview: Preview | None, refused: str, glyphs: Glyphs) -> Content:
    """Problems where there are any, else why nothing can be said, else the preview."""
    if problems:
        width = max(len(_place(p)) for p in problems)
        return Content("\n").join([problem_text(p, glyphs, width=width) for p in problems])
    if refused:
        return Content.styled(refused, "$text-error")
    if preview is None:
        return Content.styled("Counting the rows", MUTED)
    return preview_text(preview, glyphs)


def problem_text(problem: Problem, glyphs: Glyphs, style: str = "$text-error", *, width: int = 0) -> Content:
    """One problem: its place in ``width`` cells or more, what is wrong, the remedy."""
    place = f"{_place(problem):<{width}}  " if problem.line is not None else ""
    path = f"{clean(problem.path)}: " if problem.path else ""
    remedy = f" {clean(problem.remedy)}." if problem.remedy else ""
    return Content.assemble(
        (f"{glyphs.states['failed']} ", style),
        (place, MUTED),
        (path, "bold"),
        f"{clean(problem.message)}.",
        (remedy, MUTED),
    )


def _place(problem: Problem) -> str:
    return f"{problem.line}:{problem.column}" if problem.line is not None else ""


def count_text(counted: Count) -> str:
    """How many rows: ``1,234 rows``, ``at least 1,000,000 rows``."""
    if counted.rows is None:
        return "Too many rows to count quickly"
    return show.rows_in_words(counted.rows) if counted.exact else f"at least {show.rows_in_words(counted.rows)}"


def preview_text(preview: Preview, glyphs: Glyphs) -> Content:
    """The count and a few rows."""
    lines = [Content.assemble((count_text(preview.count), "bold"), (f", key {clean(', '.join(preview.key))}", MUTED))]
    lines.extend(sample_line(row, glyphs) for row in preview.rows)
    return Content("\n").join(lines)


def sample_line(row: SampleRow, glyphs: Glyphs) -> Content:
    """One row: its key, and what its columns hold."""
    values = "  ".join(f"{clean(name)} {value}" for name, value in row.values.items())
    return Content.assemble((f"{glyphs.bullet} {', '.join(row.key)}  ", "$text-accent"), values)


def report_text(report: Report, glyphs: Glyphs) -> Content:
    """The outcome of a check."""
    lines: list[Content] = []
    for problem in report.problems:
        lines.append(problem_text(problem, glyphs))
    if report.problems:
        lines.append(Content.styled("No job can be made of this until that is mended.", "$text-error"))
    for warning in report.warnings:
        lines.append(problem_text(warning, glyphs, "$text-warning"))
    if report.count is not None:
        lines.append(Content.assemble("Takes ", (count_text(report.count), "bold"), "."))
    trial = report.trial
    if trial.rows:
        text = f"Tried on {show.rows_in_words(trial.rows)} in memory: {trial.migrated} migrated"
        text += f", {trial.skipped} need nothing" if trial.skipped else ""
        lines.append(Content(text + "."))
        if trial.failed:
            lines.append(
                Content.styled(f"{trial.failed} of them failed and would become dead letters.", "$text-warning")
            )
    lines.extend(sample_line(row, glyphs) for row in report.sample)
    return Content("\n").join(lines)
