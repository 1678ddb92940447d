"""``pqconsole policies``: what policies ask for, and on whose word. Works without a database."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping

from pqcore import targets
from pqcore.errors import ExitCode, PQConsoleError, UsageError
from pqcore.policies import POLICIES, ROLES, Policy
from pqcore.text import clean
from pqtui.cli.flags import settings_of
from pqtui.cli.output import print_json, print_properties, print_table
from pqtui.cli.session import opened, require_file

Algorithms = Mapping[str, tuple[str, ...]]


def list_policies(args: argparse.Namespace) -> int:
    theirs = _of_the_database(args)
    rows: list[tuple[str, str, Algorithms]] = [(p.name, "pqconsole", p.algorithms) for p in POLICIES]
    ours = {policy.name for policy in POLICIES}
    rows += [(name, "database", algorithms) for name, algorithms in theirs.items() if name not in ours]
    if args.json:
        print_json([{"name": name, "of": of, "algorithms": algorithms} for name, of, algorithms in rows])
        return ExitCode.OK
    print_table(
        ("POLICY", "OF", *(role.upper() for role in ROLES)),
        ((name, of, *(", ".join(algorithms.get(role, ())) for role in ROLES)) for name, of, algorithms in rows),
    )
    return ExitCode.OK


def show_policy(args: argparse.Namespace) -> int:
    for policy in POLICIES:
        if policy.name == args.name:
            return _show(policy, as_json=args.json)
    theirs = _of_the_database(args)
    if args.name not in theirs:
        names = ", ".join([*(policy.name for policy in POLICIES), *theirs])
        raise UsageError(f"There is no policy {clean(args.name)}", f"Use one of {names}")
    if args.json:
        print_json({"name": args.name, "of": "database", "algorithms": theirs[args.name]})
    else:
        print_properties([("name", args.name), *((role, ", ".join(v)) for role, v in theirs[args.name].items())])
    return ExitCode.OK


def _show(policy: Policy, *, as_json: bool) -> int:
    if as_json:
        sources = [{"document": s.document, "date": s.date or None, "says": s.says} for s in policy.sources]
        print_json(
            {
                "name": policy.name,
                "of": "pqconsole",
                "notes": policy.notes,
                "algorithms": policy.algorithms,
                "least_category": policy.floor,
                "sources": sources,
            }
        )
        return ExitCode.OK
    print_properties(
        [
            ("name", policy.name),
            ("notes", policy.notes),
            *((role, ", ".join(labels)) for role, labels in policy.algorithms.items()),
            ("least category", ", ".join(f"{role} {category}" for role, category in policy.floor.items())),
        ]
    )
    print()
    print_table(("SOURCE", "DATE", "WHAT IT SAYS"), ((s.document, s.date, s.says) for s in policy.sources))
    return ExitCode.OK


def _of_the_database(args: argparse.Namespace) -> dict[str, dict[str, tuple[str, ...]]]:
    """The policies that the database lists; none, and a note, where it cannot be asked."""
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    try:
        settings = settings_of(args)
        require_file(settings)
        with opened(settings, require_schema=False) as workspace, workspace.db.translated():
            for policy in workspace.policies():
                found[policy.name] = targets.policy_algorithms(workspace.db, policy.id)
    except PQConsoleError as error:
        print(f"pqconsole: the database's own policies are left out: {clean(error.message)}", file=sys.stderr)
    return found
