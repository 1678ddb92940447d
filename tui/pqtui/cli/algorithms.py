"""``pqconsole algorithms``: the catalogue, and what a job can migrate to. Needs no database."""

from __future__ import annotations

import argparse
from typing import Any

from pqcore.crypto.catalogue import CATALOGUE, Algorithm, migratable_to
from pqcore.errors import ExitCode
from pqcore.migrations.base import Scope
from pqtui.cli.output import print_json, print_table


def algorithms(args: argparse.Namespace) -> int:
    targets = {scope: migratable_to(scope) for scope in Scope}
    chosen = targets[Scope(args.scope)] if args.scope else CATALOGUE
    rows = [(algorithm, [scope for scope, usable in targets.items() if algorithm in usable]) for algorithm in chosen]
    if args.json:
        print_json([_document(algorithm, scopes) for algorithm, scopes in rows])
        return ExitCode.OK
    headings = ("ALGORITHM", "CLASS", "LEVEL", "STATUS", "STANDARD", "TARGET OF")
    print_table(
        headings,
        (
            (a.label, a.klass, a.nist_level, a.status, a.standard, ", ".join(scope.value for scope in scopes))
            for a, scopes in rows
        ),
        right=frozenset({2}),
    )
    return ExitCode.OK


def _document(algorithm: Algorithm, scopes: list[Scope]) -> dict[str, Any]:
    return {
        "class": algorithm.klass,
        "name": algorithm.name,
        "variant": algorithm.variant,
        "nist_level": algorithm.nist_level,
        "standard": algorithm.standard,
        "status": algorithm.status,
        "sizes": algorithm.sizes,
        "aliases": algorithm.aliases,
        "target_of": scopes,
    }
