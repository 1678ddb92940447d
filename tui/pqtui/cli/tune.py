"""``pqconsole jobs tune``: change the limits of a job, also while it runs."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from pqcore.errors import ExitCode, UsageError
from pqcore.jobs.limits import described, effective
from pqcore.jobs.model import Job
from pqtui.cli.flags import must_write, settings_of
from pqtui.cli.jobs import job_document
from pqtui.cli.output import print_json
from pqtui.cli.progress import label
from pqtui.cli.session import opened

# name of the flag's value -> section and member of a selection document
_MEMBERS: Mapping[str, tuple[str, str]] = {
    "rows_per_second": ("throttle", "rows_per_second"),
    "window": ("throttle", "windows"),
    "time_zone": ("throttle", "time_zone"),
    "max_replica_lag": ("throttle", "max_replica_lag"),
    "max_running": ("throttle", "max_running"),
    "max_rows": ("batch", "rows"),
    "target_ms": ("batch", "target_ms"),
}


def tune_job(args: argparse.Namespace) -> int:
    settings = settings_of(args)
    must_write(settings, "tune a job")
    change = _change(args)
    with opened(settings) as workspace:
        job = workspace.jobs.tune(args.id, change)
    if args.json:
        print_json(job_document(job))
    else:
        print(f"{label(job)}: {_in_force(job)}")
    return ExitCode.OK


def _change(args: argparse.Namespace) -> dict[str, dict[str, Any]] | None:
    """What the flags ask for, as sections of a selection document; None takes earlier changes back."""
    change: dict[str, dict[str, Any]] = {}
    for flag, (section, member) in _MEMBERS.items():
        if flag in args:  # a flag that is not given leaves no trace
            value = getattr(args, flag)
            change.setdefault(section, {})[member] = None if value == ["none"] else value
    if args.reset and change:
        raise UsageError("--reset takes all changes back and goes with no other limit", "Give one or the other")
    if not change and not args.reset:
        raise UsageError("No limit was given", "Give one, such as --rows-per-second 500, or --reset")
    return None if args.reset else change


def _in_force(job: Job) -> str:
    return described(effective(job.selection, job.limits).document()) or "no limits"
