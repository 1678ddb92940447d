"""``pqconsole work --handed-over``: the other end of ``pqtui.hand_over``, started by a console."""

from __future__ import annotations

import json
import socket
from concurrent.futures import Future
from contextlib import closing, suppress
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from pqcore.database.errors import translate
from pqcore.engine.worker import Worker
from pqcore.errors import ExitCode, PQConsoleError, UsageError
from pqcore.handover import open_handed
from pqcore.jobs.model import Job, Progress, Purpose, Status
from pqcore.text import clean
from pqcore.workspace import Workspace
from pqtui.cli.operations import sentence
from pqtui.cli.progress import counts, label
from pqtui.cli.work import run_worker
from pqtui.hand_over import receive, send

_LOOK_SECONDS = 0.5


def work_handed_over(descriptor: int) -> int:
    """Open what comes through the descriptor, say so, claim what is named, and bring it to its end."""
    try:
        line = socket.socket(fileno=descriptor)
    except OSError as error:
        raise UsageError(
            "--handed-over names no socket", "It is for consoles that hand their jobs over; run pqconsole work"
        ) from error
    with line:
        try:
            workspace = open_handed(_received(line))
        except PQConsoleError as error:
            with suppress(OSError):
                send(line, {"ready": False, "error": str(error)})
            raise
        with closing(workspace):
            send(line, {"ready": True})
            return _work(workspace, line)


def _received(line: socket.socket) -> dict[str, Any]:
    try:
        message = receive(line)
    except (OSError, json.JSONDecodeError):
        message = None
    if message is None:
        raise UsageError("Nothing was handed over", "Run pqconsole work instead")
    return message


@dataclass(slots=True)
class _Taken:
    """What was claimed of what was handed over, what had ended meanwhile, and sentences on the rest."""

    jobs: list[int] = field(default_factory=list)
    operations: dict[int, tuple[Purpose, Future[Progress | PQConsoleError]]] = field(default_factory=dict)
    ended: list[int] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def _work(workspace: Workspace, line: socket.socket) -> int:
    wanted = receive(line)
    if wanted is None:  # whoever started us has thought again
        return ExitCode.OK
    worker = workspace.worker()
    taken = _Taken()

    def run(worker: Worker) -> None:
        for job_id in wanted["jobs"]:
            _take(workspace, worker, taken, job_id, None)
        for job_id, purpose in wanted["operations"]:
            _take(workspace, worker, taken, job_id, Purpose(purpose))
        claimed = sorted([*taken.jobs, *taken.operations])
        with suppress(OSError):  # the console is gone: what was claimed is ours all the same
            send(line, {"claimed": claimed, "ended": taken.ended, "refused": taken.refused, "worker": worker.id})
        print(f"Took over {clean(', '.join(map(str, claimed))) or 'no job'}.", flush=True)
        worker.wait()

    try:
        run_worker(worker, run)
    finally:
        # also where a signal stopped it: each is told how it ended
        good = [_say_operated(job_id, *operation) for job_id, operation in taken.operations.items()]
    ended = [workspace.jobs.get(job_id) for job_id in taken.jobs]
    for job in ended:
        _say(job)
    return ExitCode.OK if all(good) and all(job.status is Status.DONE for job in ended) else ExitCode.FAILED


def _take(workspace: Workspace, worker: Worker, taken: _Taken, job_id: int, purpose: Purpose | None) -> None:
    """Claim a job, or go on with an operation on one that has ended: it, and nothing that was not begun."""
    try:
        if purpose is None:
            worker.submit(job_id)
            taken.jobs.append(job_id)
        else:
            ended: Future[Progress | PQConsoleError] = Future()
            worker.submit_operation(job_id, purpose, ended.set_result, begun=True)
            taken.operations[job_id] = purpose, ended
    except (PQConsoleError, SQLAlchemyError) as error:
        db = workspace.db
        told = error if isinstance(error, PQConsoleError) else translate(error, db.dialect.name, db.label)
        if _has_ended(workspace, job_id, purpose):
            taken.ended.append(job_id)
        else:
            taken.refused.append(str(told))


def _has_ended(workspace: Workspace, job_id: int, purpose: Purpose | None) -> bool:
    """Whether what was to be gone on with came to its end before it was stopped."""
    try:
        job = workspace.jobs.get(job_id)
    except (PQConsoleError, SQLAlchemyError):
        return False
    return job.status is Status.DONE if purpose is None else job.is_done and job.operation is not purpose


def _say_operated(job_id: int, purpose: Purpose, ended: Future[Progress | PQConsoleError]) -> bool:
    """Say what came of an operation, and whether that is good."""
    outcome = ended.result()
    good = isinstance(outcome, Progress)
    print(sentence(job_id, purpose, outcome) if isinstance(outcome, Progress) else str(outcome), flush=True)
    return good


def _say(job: Job) -> None:
    print(f"{label(job)}: {job.state}, {counts(job)}", flush=True)
    if job.error:
        print(f"  {clean(job.error)}", flush=True)
