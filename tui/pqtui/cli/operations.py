"""``pqconsole verify|rollback|finalize``: what is done with a job that has ended."""

from __future__ import annotations

import argparse

from pqcore.errors import ExitCode, UsageError
from pqcore.jobs.model import Progress, Purpose
from pqtui.cli.flags import must_write, settings_of
from pqtui.cli.output import print_json
from pqtui.cli.progress import reporting
from pqtui.cli.session import opened
from pqtui.cli.work import run_worker


def verify(args: argparse.Namespace) -> int:
    counts = _operate(args, Purpose.VERIFY, "verify a job")
    return _print(args, counts, sentence(args.id, Purpose.VERIFY, counts), "proved")


def rollback(args: argparse.Namespace) -> int:
    counts = _operate(args, Purpose.ROLLBACK, "roll a job back")
    return _print(args, counts, sentence(args.id, Purpose.ROLLBACK, counts), "restored")


def finalize(args: argparse.Namespace) -> int:
    if not args.yes:
        raise UsageError(
            f"Finalizing job {args.id} destroys its originals for good",
            f"Verify it first, then run: pqconsole finalize {args.id} --yes",
        )
    counts = _operate(args, Purpose.FINALIZE, "finalize a job")
    return _print(args, counts, sentence(args.id, Purpose.FINALIZE, counts), "destroyed")


def sentence(job_id: int, purpose: Purpose, counts: Progress) -> str:
    """What an operation did."""
    rows = f"Job {job_id}: {counts.migrated:,}"
    match purpose:
        case Purpose.VERIFY:
            return f"{rows} values read again and proved."
        case Purpose.ROLLBACK:
            changed = f", {counts.conflicted:,} have changed since and stay" if counts.conflicted else ""
            return f"{rows} rows hold their old value again{changed}."
    return f"{rows} originals destroyed."


def _operate(args: argparse.Namespace, purpose: Purpose, doing: str) -> Progress:
    settings = settings_of(args)
    must_write(settings, doing)
    with opened(settings) as workspace, reporting() as report:
        workspace.unlock()
        return run_worker(workspace.worker(threads=args.threads), lambda w: w.operate(args.id, purpose, report))


def _print(args: argparse.Namespace, counts: Progress, sentence: str, word: str) -> int:
    if args.json:
        print_json({"id": args.id, word: counts.migrated, "changed_since": counts.conflicted})
    else:
        print(sentence)
    return ExitCode.OK
