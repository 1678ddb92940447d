"""``pqconsole jobs``: list, show, create, run, pause, resume, cancel, retry."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any

import sqlalchemy as sa

from pqcore.database.clock import now as database_now
from pqcore.database.connect import Database
from pqcore.engine.worker import Worker
from pqcore.errors import ExitCode, JobNotFound, KeyStoreError, PQConsoleError, StateConflict, UsageError
from pqcore.jobs.filter import JobFilter, parse_filter
from pqcore.jobs.limits import JobLimits, described, effective
from pqcore.jobs.model import Job, Status
from pqcore.jobs.pages import JobQuery
from pqcore.jobs.repository import JobRepository, view_row
from pqcore.jobs.sort import Sort
from pqcore.migrations.base import Scope
from pqcore.selection.problem import Problem, SelectionError
from pqcore.text import clean
from pqcore.workspace import NewJob
from pqtui.cli.files import read_file
from pqtui.cli.flags import must_write, settings_of
from pqtui.cli.output import print_json, print_json_rows, print_properties, print_table
from pqtui.cli.progress import counts, label, reporting
from pqtui.cli.session import opened
from pqtui.cli.times import parse_time
from pqtui.cli.work import run_worker
from pqtui.export import Row, job_rows, letter_rows, write_csv, write_json

_TERMINAL_ROWS = 200
_PAGE = 500
_SHOWN_EVENTS = 20
_LATELY = timedelta(days=1)
_SHOWN_LETTERS = 20
_LETTER_HEADINGS = ("ROW", "REASON", "WHY")


def list_jobs(args: argparse.Namespace) -> int:
    job_filter = parse_filter(" ".join(args.filter))
    limit = _limit(args)
    with opened(settings_of(args)) as workspace:
        rows = job_rows(workspace.jobs, job_filter, limit)
        if args.json:
            write_json(rows, sys.stdout)
            return ExitCode.OK
        if args.csv:
            write_csv(rows, sys.stdout)
            return ExitCode.OK
        found = islice(_jobs(workspace.jobs, job_filter), limit)
        headings = ("ID", "STATE", "SCOPE", "WHERE", "TARGET", "DONE", "TOTAL", "FAILED", "CREATED", "NOT BEFORE")
        print_table(headings, map(_listed, found), right=frozenset({0, 5, 6, 7}))
        if limit is not None:
            _say_how_many_more(workspace.jobs, job_filter, limit)
    return ExitCode.OK


def _limit(args: argparse.Namespace) -> int | None:
    if args.limit is None:
        return _TERMINAL_ROWS if sys.stdout.isatty() and not (args.json or args.csv) else None
    return args.limit or None


def _jobs(jobs: JobRepository, job_filter: JobFilter) -> Iterator[Job]:
    after: tuple[Any, ...] | None = None
    while True:
        page = jobs.page(JobQuery(job_filter, Sort("id", descending=True), after, _PAGE))
        yield from page.jobs
        after = page.next
        if after is None:
            return


def _listed(job: Job) -> tuple[Any, ...]:
    place = ".".join(part for part in (job.table, job.field) if part)
    done = job.progress.seen or job.processed_count
    total, failed = job.progress.total, job.progress.failed
    return job.id, job.state, job.scope, place, job.target, done, total, failed, job.created_at, job.scheduled_at


def _say_how_many_more(jobs: JobRepository, job_filter: JobFilter, limit: int) -> None:
    more = jobs.count(job_filter) - limit
    if more > 0 and sys.stdout.isatty():
        print(f"{more:,} more; --limit 0 lists all.")


def show_job(args: argparse.Namespace) -> int:
    if args.csv and not args.dead_letters:
        raise UsageError("Only the dead letters of a job are a table", "Add --dead-letters, or use --json")
    with opened(settings_of(args)) as workspace:
        job = workspace.jobs.get(args.id)
        if args.dead_letters:
            rows = letter_rows(workspace.jobs, job.id)
            if args.json:
                write_json(rows, sys.stdout)
            elif args.csv:
                write_csv(rows, sys.stdout)
            else:
                _print_letters(rows.rows)
            return ExitCode.OK
        if args.json:
            since = (job.finished_at or workspace.jobs.clock()) - _LATELY
            minutes = [{"minute": minute, "processed": n} for minute, n in workspace.jobs.minutes(since, job.id)]
            print_json({**job_document(job), "throughput": minutes})
            return ExitCode.OK
        _print_job(job)
        letters = workspace.jobs.dead_letters(job.id, limit=_SHOWN_LETTERS)
        if letters:
            print(f"\nDead letters ({len(letters)} of {job.progress.failed}; all: --dead-letters)")
            print_table(_LETTER_HEADINGS, ((letter.row_key, letter.reason, letter.message) for letter in letters))
        events = workspace.jobs.events(job.id, limit=_SHOWN_EVENTS)
        if events:
            print("\nEvents, newest first")
            told = ((event.at, event.kind, event.message, f"{event.actor}@{event.host}") for event in events)
            print_table(("AT", "KIND", "WHAT", "WHO"), told)
    return ExitCode.OK


def _print_letters(rows: Iterable[Row]) -> None:
    print_table(_LETTER_HEADINGS, ((row["row_key"], row["reason"], row["message"]) for row in rows))


def job_document(job: Job) -> dict[str, Any]:
    """A row of the view with ``progress`` and ``throttle`` added: what ``--json`` prints of a job."""
    progress = job.progress
    counters = {
        "total": progress.total,
        "migrated": progress.migrated,
        "skipped": progress.skipped,
        "conflicted": progress.conflicted,
        "failed": progress.failed,
    }
    limits = _limits(job)
    throttle = {
        "reason": job.throttle_reason,
        "seconds": round(job.throttled_seconds, 1),
        "limits": None if limits is None else limits.document(),
    }
    return {**view_row(job), "progress": counters, "throttle": throttle}


def _limits(job: Job) -> JobLimits | None:
    """The limits in force; None where another program has written something that is none."""
    try:
        return effective(job.selection, job.limits)
    except UsageError:
        return None


def _throttled(job: Job) -> str | None:
    """How long throttles have held the job back, and what does so now; None where they never did."""
    if not job.throttled_seconds and job.throttle_reason is None:
        return None
    now = f", now: {job.throttle_reason}" if job.throttle_reason else ""
    return f"{timedelta(seconds=round(job.throttled_seconds))}{now}"


def _print_job(job: Job) -> None:
    ratio = job.progress.ratio
    limits = _limits(job)
    share = "" if ratio is None else f" ({ratio:.0%} of {job.progress.total:,})"
    print_properties(
        [
            ("job", job.id),
            ("state", job.state),
            ("scope", job.scope),
            ("target", job.target),
            ("selection", job.selection),
            ("progress", f"{counts(job)}{share}"),
            ("limits", described(limits.document()) if limits is not None else None),
            ("held back", _throttled(job)),
            ("processed", job.processed_count),
            ("error", job.error),
            ("created", job.created_at),
            ("created by", job.created_by),
            ("not before", job.scheduled_at),
            ("started", job.started_at),
            ("finished", job.finished_at),
            ("run by", job.held_by),
        ]
    )


def create_job(args: argparse.Namespace) -> int:
    settings = settings_of(args)
    must_write(settings, "create a job")
    text = _read_text(args.selection)
    scope = Scope(args.scope)
    with opened(settings) as workspace:
        scheduled_at = parse_time(args.at, now=_database_time(workspace.db)) if args.at else None
        try:
            report = workspace.preflight(scope, text, algorithm=args.algorithm, policy=args.policy)
        except SelectionError as error:
            return _refuse(error.problems, error)
        try:
            report.raise_for_problems()
            job = workspace.create_job(NewJob(scope, text, args.algorithm, args.policy, scheduled_at), report)
        except (SelectionError, KeyStoreError) as error:
            return _refuse(report.problems, error)
    for warning in report.warnings:
        print(f"pqconsole: note, {_located(warning)}", file=sys.stderr)
    if args.json:
        print_json(job_document(job))
    else:
        print(job.id)
    return ExitCode.OK


def _refuse(problems: Sequence[Problem], error: PQConsoleError) -> int:
    """All problems of a selection, one a line: mending one at a time is tedious."""
    if not problems:
        raise error
    for problem in problems:
        print(f"pqconsole: selection, {_located(problem)}", file=sys.stderr)
    return error.exit_code


def _located(problem: Problem) -> str:
    line = f"line {problem.line}, column {problem.column}, " if problem.line is not None else ""
    return clean(f"{line}{problem}")


def _read_text(name: str) -> str:
    try:
        return read_file(name, "selection").decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"The selection {name} is not UTF-8 at byte {error.start}"
        raise UsageError(message, "Save it as UTF-8") from None


def _database_time(db: Database) -> datetime:
    with db.read() as conn:
        moment: datetime = conn.execute(sa.select(database_now())).scalar_one()
    return moment


def run_jobs(args: argparse.Namespace) -> int:
    settings = settings_of(args)
    must_write(settings, "run a job")
    ended: list[Job] = []
    refused: list[PQConsoleError] = []
    with opened(settings) as workspace, reporting() as report:

        def run(worker: Worker) -> None:
            for job_id in args.id:
                try:
                    job = worker.run_job(job_id, report)
                except (StateConflict, JobNotFound) as error:
                    refused.append(error)
                    continue
                report(job)
                ended.append(job)

        workspace.unlock()
        run_worker(workspace.worker(threads=args.threads), run)
    _print_ended(ended, as_json=args.json)
    for error in refused:
        print(f"pqconsole: {clean(str(error))}", file=sys.stderr)
    if any(job.status is not Status.DONE for job in ended):
        return ExitCode.FAILED
    return refused[0].exit_code if refused else ExitCode.OK


def _print_ended(jobs: list[Job], *, as_json: bool) -> None:
    if as_json:
        print_json_rows(map(job_document, jobs))
        return
    for job in jobs:
        print(f"{label(job)}: {job.state}, {counts(job)}")
        if job.error:
            print(f"  {clean(job.error)}")


def pause_jobs(args: argparse.Namespace) -> int:
    return _steer(args, "pause a job", lambda jobs: jobs.pause)


def resume_jobs(args: argparse.Namespace) -> int:
    return _steer(args, "resume a job", lambda jobs: jobs.resume)


def cancel_jobs(args: argparse.Namespace) -> int:
    return _steer(args, "cancel a job", lambda jobs: jobs.cancel)


def retry_jobs(args: argparse.Namespace) -> int:
    if args.dead_letters:
        return _steer(args, "retry a job", lambda jobs: jobs.requeue)
    return _steer(args, "retry a job", lambda jobs: partial(jobs.retry, from_scratch=args.from_scratch))


def _steer(args: argparse.Namespace, doing: str, action: Callable[[JobRepository], Callable[[int], Job]]) -> int:
    """Ask the same of each job; a job that refuses does not keep the others from it."""
    settings = settings_of(args)
    must_write(settings, doing)
    moved: list[Job] = []
    code = ExitCode.OK
    with opened(settings) as workspace:
        for job_id in args.id:
            try:
                moved.append(action(workspace.jobs)(job_id))
            except PQConsoleError as error:
                print(f"pqconsole: {clean(str(error))}", file=sys.stderr)
                code = error.exit_code
    if args.json:
        print_json_rows(map(job_document, moved))
    else:
        for job in moved:
            print(f"{label(job)}: {job.state}")
    return code
