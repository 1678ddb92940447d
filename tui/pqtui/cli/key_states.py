"""``pqconsole keys usage|retire|delete``: what first looks through the database for values that need the key."""

from __future__ import annotations

import argparse

from pqcore.errors import ExitCode, UsageError
from pqcore.key_usage import NEVER_SEEN, Usage, require_unused, usage_of
from pqcore.keys.provider import KeyInfo, KeyState
from pqcore.text import clean
from pqtui.cli.flags import must_write, settings_of
from pqtui.cli.keys import document, version_of
from pqtui.cli.output import print_json, print_table
from pqtui.cli.session import opened


def usage(args: argparse.Namespace) -> int:
    settings = settings_of(args)
    with opened(settings) as workspace:
        info = version_of(workspace.keys, args.ref)
        found = usage_of(workspace.db, info)
    return _print_usage(info, found, as_json=args.json)


def retire_key(args: argparse.Namespace) -> int:
    return _leave(args, KeyState.RETIRED, "retire a key")


def delete_key(args: argparse.Namespace) -> int:
    if not args.yes:
        raise UsageError(
            f"Deleting {args.ref} destroys its secret for good",
            f"See what needs it with pqconsole keys usage {args.ref}, then run: pqconsole keys delete {args.ref} --yes",
        )
    return _leave(args, KeyState.DELETED, "delete a key")


def _leave(args: argparse.Namespace, state: KeyState, doing: str) -> int:
    """Retire or delete a version that nothing needs any more."""
    settings = settings_of(args)
    must_write(settings, doing)
    with opened(settings) as workspace:
        info = version_of(workspace.keys, args.ref)
        found = usage_of(workspace.db, info)
        require_unused(found, state)
        info = workspace.keys.change_state(info.id, state)
    return _print_usage(info, found, as_json=args.json)


def _print_usage(info: KeyInfo, found: Usage, *, as_json: bool) -> int:
    if as_json:
        columns = [
            {"column": c.name, "values": c.values, "needing": c.needing, "unreadable": c.unreadable}
            for c in found.columns
        ]
        print_json(
            {
                **document(info),
                "used": found.used,
                "columns": columns,
                "jobs": found.jobs,
                "originals": found.originals,
                "unseen": found.unseen,
                "never_seen": NEVER_SEEN,
            }
        )
        return ExitCode.OK
    print(f"{info.id} is {info.state}. {'Needed by ' + found.where if found.used else 'Nothing seen needs it'}.\n")
    rows = [(c.name, f"{c.values:,}", f"{c.needing:,}", f"{c.unreadable:,}") for c in found.columns]
    print_table(("COLUMN", "VALUES", "NEED IT", "UNREADABLE"), rows, right=frozenset({1, 2, 3}))
    print()
    for sentence in found.unseen:
        print(f"Not looked at: {clean(sentence)}.")
    if found.originals:
        print(f"Not looked at: what is sealed in {found.originals:,} originals kept for rollback.")
    print(f"Never looked at: {NEVER_SEEN}.")
    return ExitCode.OK
