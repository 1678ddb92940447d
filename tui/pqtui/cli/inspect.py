"""``pqconsole inspect``: what is stored in this database, and how much of it is safe. Changes nothing."""

from __future__ import annotations

import argparse
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from pathlib import Path

from pqcore.errors import ExitCode, UsageError
from pqcore.inspection.cbom import require as require_library
from pqcore.inspection.cbom import to_cbom
from pqcore.inspection.document import to_document
from pqcore.inspection.inspector import Inspector, Place
from pqcore.inspection.propose import propose
from pqcore.inspection.rating import Level
from pqcore.inspection.report import ColumnReport, FormReport, summary
from pqcore.text import clean
from pqtui.cli.flags import settings_of
from pqtui.cli.output import dumps, print_json, print_table
from pqtui.cli.progress import building
from pqtui.cli.session import opened, require_file
from pqtui.cli.signals import run_stoppable
from pqtui.inspection_text import form_text, lineage_text, safe_text, share_text, values_text

_NOTHING_KEPT = "Nothing was changed; without --exact a sample answers within seconds"
_HEADINGS = ("COLUMN", "FORM", "VALUES", "SHARE", "CLASS")


def inspect(args: argparse.Namespace) -> int:
    settings = settings_of(args)
    if args.column and args.schema:
        raise UsageError("--schema goes without names of tables", "Write the schema before the table: SCHEMA.TABLE")
    if args.cbom is not None:
        require_library()
    require_file(settings)
    stopped = threading.Event()
    with opened(settings, require_schema=False) as workspace:
        level = workspace.level(args.policy)
        inspector = workspace.inspector(level, stop=stopped.is_set)
        # Stopped comes out of the thread only where run_stoppable raises in its stead.
        reports = run_stoppable(lambda: _reports(inspector, args), stopped.set, remedy=_NOTHING_KEPT)
    for table, why in inspector.unread.items():
        print(f"pqconsole: {clean(table)} is left out: {clean(why)}", file=sys.stderr)
    if args.selections is not None:
        _write_selections(Path(args.selections), reports)
    if args.cbom is not None:
        _write_cbom(args.cbom, reports, level)
    elif args.json:
        print_json(to_document(reports, level, inspector.unread))
    else:
        _print(reports, level)
    return ExitCode.OK


def _reports(inspector: Inspector, args: argparse.Namespace) -> list[ColumnReport]:
    reports: list[ColumnReport] = []
    with building() as show:
        for place in _places(inspector, args):
            reports += _of_place(inspector, place, args, show)
    return reports


def _places(inspector: Inspector, args: argparse.Namespace) -> Iterable[Place]:
    if args.column:
        return inspector.named(args.column)
    return chain.from_iterable(inspector.everything(schema) for schema in args.schema or [None])


def _of_place(
    inspector: Inspector, place: Place, args: argparse.Namespace, show: Callable[[str, int, int], None]
) -> list[ColumnReport]:
    if not args.exact:
        return inspector.sample(place, args.sample)
    return inspector.exact(place, lambda done, total: show(place.table, done, total or done))


def _print(reports: Sequence[ColumnReport], level: Level) -> None:
    rows = []
    for report in reports:
        label = report.column.label
        if not report.forms:
            rows.append((label, "holds no value", "", "", ""))
        for form in report.forms:
            rows.append((label, form_text(form), values_text(report, form), share_text(form.share), _class(form)))
            label = "" if sys.stdout.isatty() else label
    print_table(_HEADINGS, rows, right=frozenset({2, 3}))
    whole = summary(reports)
    print()
    print(f"safe: {safe_text(whole)} under {level.policy}")
    for report in reports:
        for line in lineage_text(report.lineage):
            print(f"{report.column.label}: {line}")


def _class(form: FormReport) -> str:
    rating = form.rating
    return f"{rating.standing.value}: {rating.why}" if rating.why else rating.standing.value


def _write_selections(folder: Path, reports: Sequence[ColumnReport]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        used: set[str] = set()
        for proposal in (p for report in reports for p in propose(report)):
            name = proposal.name
            while name in used:
                name += "+"
            used.add(name)
            path = folder / f"{name}.json"
            path.write_text(dumps(proposal.document) + "\n", encoding="ascii")
            left = f"; fill in {', '.join(proposal.left)}" if proposal.left else "; complete"
            print(f"{path}: {proposal.scope.value}{left}", file=sys.stderr)
    except OSError as error:
        message = f"The selections cannot be written to {folder}: {error.strerror or 'the name cannot be used'}"
        raise UsageError(message, "Name a directory that can be written") from None


def _write_cbom(name: str, reports: Sequence[ColumnReport], level: Level) -> None:
    text = to_cbom(reports, level)
    if name == "-":
        print(text)
        return
    try:
        Path(name).write_text(text + "\n", encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "the name cannot be used"
        raise UsageError(f"The CBOM {name} cannot be written: {reason}", "Name another file, or -") from None
