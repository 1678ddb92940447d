"""One large job: memory, time to the first write, first tenth against last tenth; and keys of every kind.

    python benchmarks/scale.py [--rows 1000000] [--key-rows 100000] [--only KIND] [--threads N] [--output FILE]

How each figure comes about is told in benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "core"), str(ROOT / "tui")]

from benchmarks.support import places  # noqa: E402
from benchmarks.support.machine import cores, load, machine  # noqa: E402
from benchmarks.support.places import Place  # noqa: E402
from benchmarks.support.scaled import Seen  # noqa: E402
from benchmarks.support.tables import KEY_KINDS, KeyKind, make  # noqa: E402

from pqcore import seeding  # noqa: E402
from pqcore.actor import current  # noqa: E402
from pqcore.database import install  # noqa: E402
from pqcore.jobs.repository import JobRepository  # noqa: E402
from pqcore.migrations.base import Scope  # noqa: E402
from pqcore.targets import algorithm_id  # noqa: E402

MOST_MEMORY = 150 * 10**6
MOST_TO_FIRST_WRITE = 5.0
LEAST_AT_THE_END = 0.9
MOST_OVER_INTEGER = 1.3
ROUNDS = 3


@dataclass(frozen=True)
class Large:
    """The large job on one database."""

    version: str
    rows: int
    seen: Seen

    @property
    def first_tenth(self) -> float:
        """Rows per second of the first tenth, from the first write."""
        return self.rows / 10 / (self.seen.at(self.rows / 10) - self.seen.first_write)

    @property
    def last_tenth(self) -> float:
        """Rows per second of the last tenth; the sweep that follows is not in it."""
        return self.rows / 10 / (self.seen.at(self.rows) - self.seen.at(self.rows * 0.9))

    @property
    def misses(self) -> list[str]:
        """Targets that are not met."""
        missed = []
        if self.seen.peak > MOST_MEMORY:
            missed.append(f"{_megabytes(self.seen.peak)} MB of memory, not {_megabytes(MOST_MEMORY)}")
        if self.seen.first_write > MOST_TO_FIRST_WRITE:
            missed.append(f"{self.seen.first_write:.1f} s to the first write, not {MOST_TO_FIRST_WRITE:.0f}")
        if self.last_tenth < LEAST_AT_THE_END * self.first_tenth:
            missed.append(f"the last tenth at {self.last_tenth / self.first_tenth:.0%} of the first, not 90%")
        return missed


@dataclass(frozen=True)
class Keys:
    """Rows per second under each kind of key on one database, the best of some rounds."""

    version: str
    rows: int
    strewn: bool
    rates: dict[str, float]

    @property
    def layout(self) -> str:
        """How the keys lie in the table."""
        return "strewn" if self.strewn else "in order"

    def ratio(self, kind: str) -> float:
        """What a row costs, against an integer key of the same layout."""
        return self.rates["integer"] / self.rates[kind]

    @property
    def misses(self) -> list[str]:
        """Targets that are not met."""
        return [
            f"{self.ratio(kind):.2f} times an integer for keys of kind {kind}, {self.layout}, not {MOST_OVER_INTEGER}"
            for kind in self.rates
            if self.ratio(kind) > MOST_OVER_INTEGER
        ]


class Runner:
    """Jobs on one database, each by an engine in a process of its own."""

    def __init__(self, place: Place, threads: int) -> None:
        self._place = place
        self._threads = threads
        install.apply(place.db, install.plan(place.db))
        seeding.fill(place.db)
        self._jobs = JobRepository(place.db, current())

    def run(self, kind: KeyKind, rows: int, *, strewn: bool = False) -> Seen:
        """Fill a table and migrate it."""
        db = self._place.db
        began = time.perf_counter()
        make(db, "objects", kind, rows, strewn=strewn)
        self._place.settle("objects")
        _say(f"{self._place.kind}: {rows:,} rows, key {kind.name}, filled in {time.perf_counter() - began:.0f} s")
        options = {"mode": "digest", "source": "body", "format": "SHA-256"}
        document = {"table": "objects", "field": "digest", "options": options}
        job = self._jobs.create(Scope.HASHES, document, algorithm_id=algorithm_id(db, Scope.HASHES, "SHA-512"))
        db.close()  # SQLite's last reader must not keep the log from being cut
        seen = _engine(self._place.url, job.id, self._threads)
        _say(f"{self._place.kind}: migrated in {seen.seconds:.1f} s, {rows / seen.seconds:,.0f} rows/s")
        return seen


def _engine(url: str, job_id: int, threads: int) -> Seen:
    command = [sys.executable, "-m", "benchmarks.support.scaled", url, str(job_id), str(threads)]
    path = os.pathsep.join((str(ROOT), str(ROOT / "core")))
    done = subprocess.run(command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": path}, check=True)
    seen = json.loads(done.stdout)
    return Seen(**{**seen, "marks": [tuple(mark) for mark in seen["marks"]]})


def large(place: Place, rows: int, threads: int) -> Large:
    """The large job."""
    return Large(place.version, rows, Runner(place, threads).run(KEY_KINDS["integer"], rows))


def keys(place: Place, rows: int, threads: int) -> list[Keys]:
    """All kinds of keys in turns, so that whatever else the machine does hits all alike."""
    runner = Runner(place, threads)
    found = []
    for strewn in (False, True):
        rates = dict.fromkeys(KEY_KINDS, 0.0)
        for _ in range(ROUNDS):
            for name, kind in KEY_KINDS.items():
                rates[name] = max(rates[name], rows / runner.run(kind, rows, strewn=strewn).seconds)
        found.append(Keys(place.version, rows, strewn, rates))
    return found


def report(jobs: list[Large], kinds: list[Keys], command: str) -> str:
    """The results as Markdown."""
    return "\n".join(_lines(jobs, kinds, command))


def _lines(jobs: list[Large], kinds: list[Keys], command: str) -> Iterator[str]:
    yield "# One large job"
    yield ""
    yield (
        f"`{f'python benchmarks/scale.py {command}'.strip()}` on {datetime.now(UTC):%Y-%m-%d}: {machine()}. Load of the"
        f" machine in the last minute of the run: {load():.1f} on {cores()} cores."
    )
    yield ""
    yield "SHA-256 digests to SHA-512; an engine as it takes a job by itself. How: [README.md](README.md)."
    if jobs:
        yield from ("", "## Memory, first write, and the end against the beginning", "")
        yield "| database | rows | in | seconds | rows/s | idle | at most | first write | first tenth | last tenth |"
        yield "| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
        for job in jobs:
            seen = job.seen
            cells = (
                job.version,
                f"{job.rows:,}",
                "processes" if seen.processes else "threads",
                f"{seen.seconds:.0f}",
                f"{job.rows / seen.seconds:,.0f}",
                f"{_megabytes(seen.idle)} MB",
                f"{_megabytes(seen.peak)} MB",
                f"{seen.first_write:.2f} s",
                f"{job.first_tenth:,.0f} rows/s",
                f"{job.last_tenth:,.0f} rows/s",
            )
            yield f"| {' | '.join(cells)} |"
    if kinds:
        yield from (
            "",
            "## Kinds of keys",
            "",
            f"Rows per second, the best of {ROUNDS}; a row's cost against an integer",
        )
        yield "key's in brackets. Keys come in the order of the rows, or are strewn over the table, as random ids are."
        yield ""
        yield f"| database | rows | keys | {' | '.join(KEY_KINDS)} |"
        yield f"| --- | ---: | --- |{' ---: |' * len(KEY_KINDS)}"
        for each in kinds:
            rates = [f"{rate:,.0f} ({each.ratio(kind):.2f})" for kind, rate in each.rates.items()]
            yield f"| {each.version} | {each.rows:,} | {each.layout} | {' | '.join(rates)} |"
    yield from ("", "## Targets that are missed", "")
    measured: list[Large | Keys] = [*jobs, *kinds]
    missed = [f"- {found.version}: {'; '.join(found.misses)}" for found in measured if found.misses]
    yield from missed or ["None."]
    yield ""


def _megabytes(size: int) -> str:
    return f"{size / 10**6:.0f}"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the large job; 0 leaves it out")
    parser.add_argument("--key-rows", type=int, default=100_000, help="of each kind of key; 0 leaves them out")
    parser.add_argument("--only", choices=places.KINDS, action="append", help="default: sqlite and postgresql")
    parser.add_argument("--threads", type=int, default=cores())
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks" / "SCALE.md")
    args = parser.parse_args()
    jobs: list[Large] = []
    kinds: list[Keys] = []
    with places.servers(places.LARGE) as servers:
        for kind in args.only or ["sqlite", "postgresql"]:
            if args.rows:
                with places.place(kind, servers) as place:
                    jobs.append(large(place, args.rows, args.threads))
            if args.key_rows:
                with places.place(kind, servers) as place:
                    kinds += keys(place, args.key_rows, args.threads)
    text = report(jobs, kinds, " ".join(sys.argv[1:]))
    print(text)
    args.output.write_text(text)


if __name__ == "__main__":
    main()
