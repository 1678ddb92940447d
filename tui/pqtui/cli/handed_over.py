"""``pqconsole work --handed-over``: the other end of ``pqtui.hand_over``, started by a console."""

from __future__ import annotations

import json
import socket
from contextlib import closing, suppress
from typing import Any

from pqcore.engine.worker import Worker
from pqcore.errors import ExitCode, PQConsoleError, UsageError
from pqcore.handover import open_handed
from pqcore.jobs.model import Job, Status
from pqcore.text import clean
from pqcore.workspace import Workspace
from pqtui.cli.progress import counts, label
from pqtui.cli.work import run_worker
from pqtui.hand_over import receive, send

_LOOK_SECONDS = 0.5


def work_handed_over(descriptor: int) -> int:
    """Open what comes through the descriptor, say so, claim the jobs that are named, and run them to their end."""
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


def _work(workspace: Workspace, line: socket.socket) -> int:
    wanted = receive(line)
    if wanted is None:  # whoever started us has thought again
        return ExitCode.OK
    worker = workspace.worker()
    ids: list[int] = []

    def run(worker: Worker) -> None:
        refused = []
        for job_id in wanted["jobs"]:
            try:
                worker.submit(job_id)
                ids.append(job_id)
            except PQConsoleError as error:
                refused.append(str(error))
        with suppress(OSError):  # the console is gone: the jobs are ours all the same
            send(line, {"claimed": ids, "refused": refused, "worker": worker.id})
        print(f"Took over {clean(', '.join(map(str, ids))) or 'no job'}.", flush=True)
        worker.wait()

    run_worker(worker, run)
    ended = [workspace.jobs.get(job_id) for job_id in ids]
    for job in ended:
        _say(job)
    return ExitCode.OK if all(job.status is Status.DONE for job in ended) else ExitCode.FAILED


def _say(job: Job) -> None:
    print(f"{label(job)}: {job.state}, {counts(job)}", flush=True)
    if job.error:
        print(f"  {clean(job.error)}", flush=True)
