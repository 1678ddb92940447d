"""Rows per second of each scope on each database, with the demonstration's data, against a plain script.

    python benchmarks/demo.py [--rows 5000] [--only sqlite] [--scope wrappers] [--output benchmarks/DEMO.md]

The plain script is what one would write by hand: for each key it reads the row, converts it with the same code
(which proves each new value, too), updates it and commits. PostgreSQL and MariaDB are started from the installed
binaries as the tests do, but with their usual durability: every commit reaches the disk. Given servers are used
instead where PQCONSOLE_TEST_POSTGRES_URL and PQCONSOLE_TEST_MARIADB_URL name them.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "core"), str(ROOT / "tui")]

from benchmarks.support import places, plain  # noqa: E402
from benchmarks.support.machine import machine  # noqa: E402
from tests.support import databases  # noqa: E402

from pqcore import actor  # noqa: E402
from pqcore.database.connect import Database  # noqa: E402
from pqcore.demo.estate import build_estate  # noqa: E402
from pqcore.demo.jobs import DemoJob, demo_jobs  # noqa: E402
from pqcore.jobs.model import Status  # noqa: E402
from pqcore.keys.file import FileKeyProvider  # noqa: E402
from pqcore.settings import load  # noqa: E402
from pqcore.workspace import NewJob, Workspace  # noqa: E402

# Argon2id takes the same time wherever the rows lie; a few hundred tell.
PASSWORD_ROWS = 300
TITLES = {
    "document keys under RSA-OAEP with SHA-256": "wrappers: RSA-OAEP -> ML-KEM-768+X25519",
    "document keys under AES-128": "wrappers: AES-KW -> ML-KEM-1024",
    "audit records signed with Ed25519": "signatures: Ed25519 -> ML-DSA-65",
    "file checksums by SHA-256, in the night": "hashes: SHA-256 -> SHA3-512",
    "password hashes of all users": "hashes: passwords -> Argon2id",
}


@dataclass(frozen=True)
class Measured:
    """One job on one database: rows, and seconds by the engine and by the plain script."""

    label: str
    rows: int
    engine: float
    plain: float

    @property
    def cells(self) -> tuple[str, ...]:
        engine, plain = self.rows / self.engine, self.rows / self.plain
        return self.label, f"{self.rows:,}", f"{engine:,.0f}", f"{plain:,.0f}", f"{engine / plain:.1f}"


@contextmanager
def workspace(kind: str, servers: databases.Servers, rows: int) -> Iterator[tuple[Workspace, list[DemoJob]]]:
    """A fresh database with the demonstration's estate."""
    with (
        tempfile.TemporaryDirectory(prefix="pqbench-") as folder,
        databases.fresh_database(kind, servers, Path(folder)) as url,
        closing(Database.open(url)) as db,
    ):
        settings = load(url=url, operator=1, env={"PQCONSOLE_HOME": folder})
        keys = FileKeyProvider(settings.keyring, _passphrase)
        opened = Workspace(settings, db, keys, actor.current())
        estate = build_estate(db, keys, rows=rows)
        opened.install()
        yield opened, [_limited(job) for job in demo_jobs(estate) if job.title in TITLES]


def _passphrase() -> str:
    return "benchmark"


def _limited(job: DemoJob) -> DemoJob:
    if job.algorithm != "Argon2id":
        return job
    where = {"column": "id", "op": "le", "value": PASSWORD_ROWS}
    return replace(job, selection={**job.selection, "where": where})


def by_engine(opened: Workspace, job: DemoJob) -> tuple[int, float]:
    """Rows migrated, and seconds from the claim to ``done`` (with the sweep that looks for rows left behind)."""
    made = opened.create_job(NewJob(job.scope, job.selection, job.algorithm))
    worker = opened.worker()
    began = time.perf_counter()
    ended = worker.run_job(made.id)
    seconds = time.perf_counter() - began
    worker.stop()
    if ended.status is not Status.DONE or ended.progress.failed:
        raise SystemExit(f"{job.title}: {ended.status}, {ended.error}")
    return ended.progress.migrated, seconds


def by_plain_script(opened: Workspace, job: DemoJob) -> tuple[int, float]:
    """The same rows, one at a time: read, convert, update, commit."""
    return plain.by_plain_script(opened.db, opened.keys, job.scope, job.selection, job.algorithm or "")


def measure(kind: str, servers: databases.Servers, rows: int, scopes: list[str] | None) -> tuple[str, list[Measured]]:
    """The server's version, and each job by both ways, each on an estate of its own."""
    found: dict[str, dict[str, tuple[int, float]]] = {}
    ways: dict[str, Callable[[Workspace, DemoJob], tuple[int, float]]] = {
        "engine": by_engine,
        "plain": by_plain_script,
    }
    for way, run in ways.items():
        with workspace(kind, servers, rows) as (opened, jobs):
            with opened.db.read() as conn:
                server = ".".join(str(part) for part in conn.dialect.server_version_info or ())
            for job in jobs:
                if scopes and job.scope.value not in scopes:
                    continue
                found.setdefault(TITLES[job.title], {})[way] = run(opened, job)
                count, seconds = found[TITLES[job.title]][way]
                print(f"{kind} {way} {TITLES[job.title]}: {count} rows in {seconds:.2f} s", file=sys.stderr)
    measured = []
    for label, by_way in found.items():
        if by_way["engine"][0] != by_way["plain"][0]:
            raise SystemExit(f"{label}: the two ways migrated different numbers of rows")
        measured.append(Measured(label, by_way["engine"][0], by_way["engine"][1], by_way["plain"][1]))
    return f"{kind} {server}", measured


def report(results: list[tuple[str, list[Measured]]], rows: int) -> str:
    """The results as Markdown."""
    lines = [
        "# Rows per second",
        "",
        f"`python benchmarks/demo.py --rows {rows}` on {datetime.now(UTC):%Y-%m-%d}: {machine()}.",
        "",
        "The demonstration's data. pqconsole: from the claim of a job to `done`, with the sweep that looks for rows",
        f"left behind, {os.cpu_count()} worker threads, the database on the same machine. Plain script: for each key",
        "read the row, convert it with the same code (both prove each new value), update, commit. Every commit is",
        "durable. One run.",
        "",
    ]
    for name, measured in results:
        lines += [f"## {name}", "", "| what | rows | pqconsole, rows/s | plain script, rows/s | ratio |"]
        lines += ["| --- | ---: | ---: | ---: | ---: |"]
        lines += [f"| {' | '.join(m.cells)} |" for m in measured]
        lines += [""]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=5000)
    parser.add_argument("--only", choices=["sqlite", "postgresql", "mariadb"], action="append")
    parser.add_argument("--scope", choices=["hashes", "wrappers", "signatures"], action="append")
    parser.add_argument("--output", type=Path, help="write the results there as well")
    args = parser.parse_args()
    with places.servers(places.DURABLE) as servers:
        kinds = args.only or places.KINDS
        text = report([measure(kind, servers, args.rows, args.scope) for kind in kinds], args.rows)
    print(text)
    if args.output:
        args.output.write_text(text)


if __name__ == "__main__":
    main()
