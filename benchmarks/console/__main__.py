"""The console, measured from outside: first frame, keys, bytes, CPU, memory, return after a restart.

    python -m benchmarks.console [--only sqlite] [--jobs 1000000] [--output FILE]

How each figure comes about is told in benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "core"), str(ROOT / "tui")]

import sqlalchemy as sa  # noqa: E402
from benchmarks.console import measure  # noqa: E402
from benchmarks.console.jobs import fill  # noqa: E402
from benchmarks.console.measure import Figures  # noqa: E402
from benchmarks.console.report import report  # noqa: E402
from benchmarks.support import places  # noqa: E402
from benchmarks.support.places import Place  # noqa: E402
from benchmarks.support.tables import KEY_KINDS, make  # noqa: E402
from tests.support.servers import Server  # noqa: E402

from pqcore import seeding  # noqa: E402
from pqcore.actor import current  # noqa: E402
from pqcore.database import install  # noqa: E402
from pqcore.jobs.model import Status  # noqa: E402
from pqcore.jobs.repository import JobRepository  # noqa: E402
from pqcore.migrations.base import Scope  # noqa: E402
from pqcore.targets import algorithm_id  # noqa: E402

SMALL = 1000
_WORK_ROWS = 1_500_000  # enough for both engines to be busy while keys are pressed


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _filled(place: Place, jobs: int) -> None:
    install.apply(place.db, install.plan(place.db))
    seeding.fill(place.db)
    fill(place.db, jobs)
    place.settle("pq_migration_jobs", "pq_migration_runs", "pq_migration_ranges")


def _work(place: Place) -> int:
    """A table of old digests and the job that migrates it."""
    make(place.db, "objects", KEY_KINDS["integer"], _WORK_ROWS, strewn=False)
    place.settle("objects")
    document = {
        "table": "objects",
        "field": "digest",
        "options": {"mode": "digest", "source": "body", "format": "SHA-256"},
    }
    target = algorithm_id(place.db, Scope.HASHES, "SHA-512")
    return JobRepository(place.db, current()).create(Scope.HASHES, document, algorithm_id=target).id


def _stopped(place: Place, job: int) -> None:
    """End a job that is still under way, so that nobody takes it up again."""
    with place.db.write() as conn:
        conn.execute(sa.text("UPDATE pq_migration_jobs SET status = 'cancelled' WHERE id = :id"), {"id": job})


def measured(place: Place, server: Server | None, jobs: int, small: float) -> Figures:
    """Everything on a database with many jobs; ``small`` is the first frame with few."""
    figures = Figures(place.version, {SMALL: small})
    _filled(place, jobs)
    with place.db.write() as conn:
        # the last of the stalled ones would be the first that a worker takes up
        conn.execute(
            sa.text("UPDATE pq_migration_jobs SET status = 'cancelled' WHERE status IN ('pending', 'running')")
        )
    url, home = place.url, place.folder
    repository = JobRepository(place.db, current())

    def start() -> None:
        figures.first_frame[1_000_000] = measure.first_frame(url, home, jobs)

    def in_threads() -> None:
        job = _work(place)
        try:
            measure.at_work(figures, url, home, job)
        finally:
            _stopped(place, job)

    def in_another_process() -> None:
        job = _work(place)
        try:
            measure.beside_work(figures, url, home, job, lambda: repository.get(job).status is Status.RUNNING)
        finally:
            _stopped(place, job)

    def restart() -> None:
        if server is not None:
            place.db.close()
            measure.restart(figures, url, home, server.halt, server.start_again)

    steps: list[Callable[[], None]] = [
        start,
        lambda: measure.idle(figures, url, home, jobs, place.db),
        lambda: measure.slow_line(figures, url, home, jobs),
        in_threads,
        in_another_process,
        restart,
    ]
    for step in steps:
        try:
            step()
        except (TimeoutError, AssertionError) as error:  # a figure that cannot be had leaves the others
            _say(f"{place.version}: {error}")
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--only", choices=places.KINDS, action="append", help="default: sqlite and postgresql")
    parser.add_argument("--jobs", type=int, default=1_000_000)
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks" / "console" / "RESULTS.md")
    args = parser.parse_args()
    with places.servers(places.LARGE) as servers:
        for kind in args.only or ["sqlite", "postgresql"]:
            with places.place(kind, servers) as place:
                _filled(place, SMALL)
                small = measure.first_frame(place.url, place.folder, SMALL)
            with places.place(kind, servers) as place:
                found = measured(place, servers._running.get(kind), args.jobs, small)
            before = args.output.read_text() if args.output.exists() else ""
            args.output.write_text(report(found, before, f"--only {kind}"))
    print(args.output.read_text())


if __name__ == "__main__":
    main()
