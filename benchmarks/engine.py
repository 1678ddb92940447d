"""The engine against this machine's limit and against a plain script, for each scope, database and size of row.

    python benchmarks/engine.py [--quick] [--seconds 6] [--only KIND] [--workload NAME] [--url URL] [--output FILE]

How each figure comes about is told in benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "core"), str(ROOT / "tui")]

from benchmarks.support import argon2, limit, places, stages  # noqa: E402
from benchmarks.support.cell import Cell, Overhead  # noqa: E402
from benchmarks.support.engine_report import report  # noqa: E402
from benchmarks.support.engine_run import Way, by_engine, ways  # noqa: E402
from benchmarks.support.plain import by_plain_script  # noqa: E402
from benchmarks.support.stock import Bench, Stock  # noqa: E402
from benchmarks.support.workloads import WORKLOADS, Workload  # noqa: E402
from tests.support.databases import Servers  # noqa: E402

QUICK_SECONDS = 0.4
FULL_SECONDS = 6.0
# bytes of content in a table at most: larger ones take longer to fill than to measure
QUICK_BYTES = 24 * 2**20
FULL_BYTES = 256 * 2**20
LEAST_ROWS = 16


def rows_of(kind: type[Workload], size: int, seconds: float, most_bytes: int) -> int:
    """Rows that keep a run busy for about so long."""
    return max(LEAST_ROWS, min(int(kind.pace * seconds), most_bytes // size))


def measure(bench: Bench, kind: type[Workload], size: int, seconds: float, most_bytes: int) -> Cell:
    """One cell, each way on a table in the old form."""
    work = kind(bench.keys, size)
    stock = Stock(bench, work, rows_of(kind, size, seconds, most_bytes))
    try:
        stock.restore()
        found = limit.measure(bench, stock)
        stock.restore()
        document = {"table": stock.table, **work.document}
        plain = by_plain_script(bench.db, bench.keys, work.scope, document, work.algorithm, within=seconds / 2)
        runs = {}
        for way in ways():
            stock.restore()
            runs[way.name] = by_engine(bench, stock, way)
        overhead = _overhead(bench, stock)
    finally:
        stock.drop()
    return Cell(bench.place.kind, work, stock.rows, plain[0] / plain[1], runs, found, overhead)


def _overhead(bench: Bench, stock: Stock) -> Overhead:
    """One more run, in one thread, with every step counted."""
    stock.restore()
    spent = stages.nothing_spent()
    return Overhead(by_engine(bench, stock, Way("counted", 1, processes=False), stages.counting(spent)), spent)


@contextmanager
def _benches(args: argparse.Namespace) -> Iterator[Iterator[Bench]]:
    if args.url:
        with places.given(args.url) as place:
            yield iter([Bench(place)])
        return
    with places.servers(places.LARGE) as servers:
        yield _started(args.only or list(places.KINDS), servers)


def _started(kinds: list[str], servers: Servers) -> Iterator[Bench]:
    for kind in kinds:
        with places.place(kind, servers) as place:
            yield Bench(place)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="about three minutes in all; small tables, coarse figures")
    parser.add_argument("--seconds", type=float, help="length of one run, roughly")
    parser.add_argument("--only", choices=places.KINDS, action="append", help="this database alone")
    parser.add_argument("--workload", choices=list(WORKLOADS), action="append", help="this workload alone")
    parser.add_argument("--size", type=int, action="append", help="this size of row alone, in bytes")
    parser.add_argument("--url", help="measure on this (empty) database instead of servers of its own")
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks" / "RESULTS.md")
    args = parser.parse_args()
    seconds = args.seconds or (QUICK_SECONDS if args.quick else FULL_SECONDS)
    most_bytes = QUICK_BYTES if args.quick else FULL_BYTES
    began = time.perf_counter()
    cells: list[Cell] = []
    versions: dict[str, str] = {}
    derived = argon2.compare(seconds)
    with _benches(args) as benches:
        for bench in benches:
            versions[bench.place.kind] = bench.place.version
            for name in args.workload or WORKLOADS:
                kind = WORKLOADS[name]
                for size in _sizes(kind, args):
                    cells.append(measure(bench, kind, size, seconds, most_bytes))
                    print(cells[-1].line, file=sys.stderr, flush=True)
    minutes = (time.perf_counter() - began) / 60
    text = report(cells, versions, derived, command=" ".join(sys.argv[1:]), minutes=minutes)
    print(text)
    args.output.write_text(text)


def _sizes(kind: type[Workload], args: argparse.Namespace) -> tuple[int, ...]:
    if args.size:
        return tuple(args.size) if len(kind.sizes) > 1 else kind.sizes
    # the size of a row matters most where the database is all that works
    return kind.sizes[:1] if args.quick and kind.pace < 10_000 else kind.sizes


if __name__ == "__main__":
    main()
