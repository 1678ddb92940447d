"""``pqconsole demo``: a demonstration estate, its jobs, and the console on it or a proof without one."""

from __future__ import annotations

import argparse
import shlex
import sys
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

from pqcore import actor
from pqcore.database import install
from pqcore.database.connect import Database
from pqcore.demo.estate import Estate, build_estate
from pqcore.demo.jobs import DemoJob, demo_jobs
from pqcore.demo.proof import Proof, prove
from pqcore.engine.worker import Worker
from pqcore.errors import ExitCode, PQConsoleError, UsageError
from pqcore.jobs.model import Job, Status
from pqcore.keys.file import FileKeyProvider
from pqcore.keys.sources import database_password
from pqcore.settings import Settings, load, shown_url
from pqcore.text import clean
from pqcore.workspace import NewJob, Workspace
from pqtui.cli.console import require_terminal
from pqtui.cli.demo_place import Place, taken
from pqtui.cli.flags import must_write
from pqtui.cli.jobs import job_document
from pqtui.cli.output import print_json, print_table, shown
from pqtui.cli.progress import building, counts, reporting
from pqtui.cli.work import run_worker

_OPERATOR = 1  # the estate's first user is its administrator


@dataclass(frozen=True, slots=True)
class _Created:
    """A job of the demonstration and what it was made from."""

    job: Job
    plan: DemoJob


def demo(args: argparse.Namespace) -> int:
    """Build, then open the console, or run everything and prove it.

    The database is a SQLite file of the demonstration's own or the one that ``--url`` names: never one that the
    environment or a profile names, which may be a real one.
    """
    if args.profile:
        raise UsageError("The demonstration takes no profile", "Name an empty database with --url, or none")
    own = load(url=args.url, read_only=args.read_only, operator=args.operator)
    must_write(own, "build a demonstration")
    headless = args.headless or args.json or not _has_terminal()
    with taken(own.data_dir, args.url) as place, closing(_open(place, own)) as workspace:
        estate, created = _build(workspace, args.rows)
        print(_how_to_return(place), file=sys.stderr)
        if headless:
            return _run_and_prove(workspace, estate, created, as_json=args.json)
        _run(workspace, [each for each in created if each.plan.run_first])
        from pqtui.app import run

        note = "Demonstration: the passphrase lies beside the keys. Never keep real keys so."
        return run(workspace, note=note, keep_session=False)


def _has_terminal() -> bool:
    try:
        require_terminal()
    except PQConsoleError:
        return False
    return True


def _open(place: Place, settings: Settings) -> Workspace:
    settings = replace(
        settings, url=place.url, keyring=place.keyring, operator=settings.operator or _OPERATOR, profile=None
    )
    password = database_password(settings)
    db = Database.open(settings.url, password=password, connect_args=settings.connect_args)
    keys = FileKeyProvider(place.keyring, place.passphrase)
    return Workspace(settings, db, keys, actor.current(), password)


def _build(workspace: Workspace, rows: int) -> tuple[Estate, list[_Created]]:
    """The estate first: its table ``users`` is the one that jobs refer to, as in a real product."""
    with building() as show:
        estate = build_estate(workspace.db, workspace.keys, rows=rows, progress=show)
    workspace.install()
    return estate, [_Created(workspace.create_job(_new(plan)), plan) for plan in demo_jobs(estate)]


def _new(plan: DemoJob) -> NewJob:
    at = datetime.now(UTC) + plan.starts_in if plan.starts_in else None
    return NewJob(plan.scope, plan.selection, plan.algorithm, plan.policy, at)


def _run(workspace: Workspace, created: list[_Created]) -> list[_Created]:
    """Run these jobs one after the other; they come back as they ended."""
    ended: list[_Created] = []
    with reporting() as report:

        def run(worker: Worker) -> None:
            for each in created:
                job = worker.run_job(each.job.id, report)
                report(job)
                ended.append(_Created(job, each.plan))

        run_worker(workspace.worker(), run)
    return ended


def _run_and_prove(workspace: Workspace, estate: Estate, created: list[_Created], *, as_json: bool) -> int:
    ended = _run(workspace, [each for each in created if each.plan.starts_in is None])
    waiting = [each for each in created if each.plan.starts_in is not None]
    print("Proving every login, document, signature, digest and partner key:", file=sys.stderr)
    with building() as show:
        proof = prove(workspace.db, workspace.keys, estate, install.data_set_id(workspace.db), progress=show)
    surprises = [each for each in ended if each.job.status is not each.plan.expected]
    if as_json:
        print_json(_document(ended + waiting, proof))
    else:
        _print(ended + waiting, proof)
    for each in surprises:
        message = f"Job {each.job.id} is {each.job.status} where {each.plan.expected} was to be expected."
        print(f"pqconsole: {message} {clean(each.job.error or '')}", file=sys.stderr)
    return ExitCode.OK if proof.ok and not surprises else ExitCode.FAILED


def _print(jobs: list[_Created], proof: Proof) -> None:
    print_table(
        ("JOB", "WHAT", "TARGET", "STATE", "OUTCOME"),
        ((each.job.id, each.plan.title, each.job.target, each.job.state, _outcome(each)) for each in jobs),
        right=frozenset({0}),
    )
    print()
    print_table(
        ("PROOF", "TABLE", "HOLD", "OF", "OLD FORM", "NEW FORM", "LEFT OUT"),
        ((k.kind, k.table, k.held, k.checked, k.legacy, k.migrated, k.left_out) for k in proof.kinds),
        right=frozenset({2, 3, 4, 5, 6}),
    )
    for kind in proof.kinds:
        for problem in kind.problems:
            print(clean(problem))
    print(
        "\nLeft out are accounts without a password, and partner keys damaged on purpose: their job fails and says so."
    )
    print("Every one holds." if proof.ok else "Not every one holds.")


def _outcome(each: _Created) -> str:
    if each.job.status is Status.PENDING and each.job.scheduled_at:
        return f"starts {shown(each.job.scheduled_at)}"
    return counts(each.job)


def _document(jobs: list[_Created], proof: Proof) -> dict[str, Any]:
    return {
        "jobs": [{**job_document(each.job), "title": each.plan.title, "expected": each.plan.expected} for each in jobs],
        "proof": [asdict(kind) for kind in proof.kinds],
        "ok": proof.ok,
    }


def _how_to_return(place: Place) -> str:
    """How other commands reach this estate while the console is open, and after it."""
    return (
        "This is a demonstration: the passphrase of its keys lies in a file beside them. Never keep real keys so.\n"
        "Other commands reach it with\n"
        f"  export PQCONSOLE_URL={shlex.quote(shown_url(place.url))}\n"
        f"  export PQCONSOLE_KEYRING={shlex.quote(str(place.keyring))}\n"
        f"  export PQCONSOLE_PASSPHRASE_FILE={shlex.quote(str(place.passphrase_file))}"
    )
