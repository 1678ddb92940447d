"""``pqconsole work``: a headless worker."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import TypeVar

from pqcore.engine.worker import Worker
from pqcore.errors import ExitCode
from pqtui.cli.flags import must_write, settings_of
from pqtui.cli.output import print_json
from pqtui.cli.progress import reporting
from pqtui.cli.session import opened
from pqtui.cli.signals import run_stoppable

T = TypeVar("T")


def work(args: argparse.Namespace) -> int:
    if args.handed_over is not None:
        from pqtui.cli.handed_over import work_handed_over

        return work_handed_over(args.handed_over)
    settings = settings_of(args)
    must_write(settings, "run jobs")
    with opened(settings) as workspace, reporting() as report:
        workspace.unlock()
        worker = workspace.worker(threads=args.threads)
        if not args.drain:
            print("Waiting for jobs that are due; Ctrl-C stops.", file=sys.stderr)
            run_worker(worker, lambda w: w.run_forever(report))
            return ExitCode.OK
        drained = run_worker(worker, lambda w: w.drain(report))
    if args.json:
        print_json({"done": drained.done, "failed": drained.failed, "stopped": drained.stopped})
    else:
        print(f"{drained.done} done, {drained.failed} failed, {drained.stopped} stopped on the way.")
    return ExitCode.FAILED if drained.failed or drained.stopped else ExitCode.OK


def run_worker(worker: Worker, run: Callable[[Worker], T]) -> T:
    """Let ``worker`` run jobs until ``run`` returns or a signal comes; then it has given back all it held."""

    def stop() -> None:
        worker.stop()

    try:
        return run_stoppable(lambda: run(worker), stop)
    finally:
        stop()
