"""``pqconsole init``: install or upgrade the tables and views."""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from dataclasses import replace
from tempfile import TemporaryDirectory

from pqcore.database.install import Step
from pqcore.errors import ExitCode
from pqcore.settings import Settings
from pqcore.text import clean
from pqtui.cli.flags import must_write, settings_of
from pqtui.cli.output import print_json
from pqtui.cli.session import missing_file, opened


def init(args: argparse.Namespace) -> int:
    settings = settings_of(args)
    if not args.dry_run:
        must_write(settings, "install tables")
    steps = _plan(settings, seed=args.seed) if args.dry_run else _install(settings, seed=args.seed)
    if args.json:
        print_json([{"name": step.name, "why": step.why, "sql": step.sql} for step in steps])
    elif not steps:
        print("Everything is installed; nothing to do.")
    elif args.dry_run:
        for step in steps:
            # SQL as a file: it can be reviewed and run by someone with the rights
            print(f"-- {clean(step.name)}: {clean(step.why)}")
            print(f"{_statement(step.sql)}\n")
    else:
        for step in steps:
            print(f"{clean(step.name)}: {clean(step.why)}")
        print("Installed.")
    return ExitCode.OK


def _install(settings: Settings, *, seed: bool) -> list[Step]:
    with opened(settings, require_schema=False) as workspace:
        return workspace.install(seed=seed)


def _plan(settings: Settings, *, seed: bool) -> list[Step]:
    with ExitStack() as stack:
        if missing_file(settings):
            # planned on a file that goes again: looking must not make the real one
            folder = stack.enter_context(TemporaryDirectory(prefix="pqconsole-"))
            settings = replace(settings, url=f"sqlite:///{folder}/empty.sqlite", read_only=False)
        workspace = stack.enter_context(opened(settings, require_schema=False))
        return workspace.install_plan(seed=seed)


def _statement(sql: str) -> str:
    """A statement as it stands in a file: safe to print, and ended."""
    text = clean(sql, newline="\n").strip()
    return text if text.startswith("--") or text.endswith(";") else f"{text};"
