"""The engine benchmark's results as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from benchmarks.support.argon2 import Derived
from benchmarks.support.cell import LEAST_OF_LIMIT, LEAST_OVER_PLAIN, MOST_BOOKKEEPING, Cell
from benchmarks.support.machine import cores, load, machine


def report(
    cells: Sequence[Cell], versions: Mapping[str, str], derived: Sequence[Derived], *, command: str, minutes: float
) -> str:
    """All tables."""
    lines = [
        "# The engine against the machine's limit",
        "",
        f"`{f'python benchmarks/engine.py {command}'.strip()}` on {datetime.now(UTC):%Y-%m-%d}, {minutes:.0f} minutes: "
        f"{machine()}. Load of the machine in the last minute of the run: {load():.1f} on {cores()} cores.",
        "",
        "Rows per second, from the claim of a job to `done`, with the sweep that looks for rows left behind. In",
        "**bold** the way that the engine takes by itself for a large job. *Limit*: the same cryptography and the same",
        "SQL alone, as CPU seconds per row over the cores. How it is measured: [README.md](README.md).",
        "",
    ]
    for kind, version in versions.items():
        mine = [cell for cell in cells if cell.kind == kind]
        lines += [f"## {version}", "", *_rates(mine), "", *_parts(mine), "", *_overheads(mine), ""]
    lines += ["## Targets that are missed", "", *_misses(cells), ""]
    lines += ["## Argon2id", "", *_argon2(derived), ""]
    return "\n".join(lines)


def _rates(cells: Sequence[Cell]) -> Iterable[str]:
    ways = list(cells[0].runs)
    yield _row("what", "rows", "plain script", *ways, "limit", "of the limit", "times plain")
    yield _rule(1, len(ways) + 5)
    for cell in cells:
        rates = [_bold(f"{run.rate:,.0f}", name == cell.chosen) for name, run in cell.runs.items()]
        of_limit = f"{cell.of_limit:.0%}" + _mark(cell.of_limit < LEAST_OF_LIMIT)
        target = cell.work.database_bound and cell.kind != "sqlite"
        over_plain = f"{cell.over_plain:.1f}" + _mark(target and cell.over_plain < LEAST_OVER_PLAIN)
        yield _row(
            cell.title, f"{cell.rows:,}", f"{cell.plain:,.0f}", *rates, f"{cell.limit.rate:,.0f}", of_limit, over_plain
        )


def _parts(cells: Sequence[Cell]) -> Iterable[str]:
    yield "CPU microseconds per row: the limit's parts, and what the engine used; how busy it kept the cores."
    yield ""
    parts = ("crypto", "of that bare", "SQL, client", "SQL, server", "limit", "engine")
    yield _row("what", *parts, "cores busy", "SQL alone, rows/s")
    yield _rule(1, len(parts) + 2)
    for cell in cells:
        limit, run = cell.limit, cell.runs[cell.chosen]
        each = (limit.crypto, limit.primitives, limit.client, limit.server, limit.cpu, run.cpu / run.rows)
        yield _row(cell.title, *(f"{part * 1e6:,.1f}" for part in each), f"{run.busy:.0%}", f"{limit.sql_rate:,.0f}")


def _overheads(cells: Sequence[Cell]) -> Iterable[str]:
    yield "One thread, share of the run by the clock; what runs beside it, by its processor time. Bookkeeping: claims,"
    yield "checkpoints, heartbeats, events."
    yield ""
    steps = ("read", "compute", "swap", "rest of write", "planning", "checkpoint", "claims", "bookkeeping in all")
    yield _row("what", *steps)
    yield _rule(1, len(steps))
    for cell in cells:
        spent = cell.overhead
        rest = spent.share("write") - spent.share("swap", "checkpoint")
        shares = [spent.share("read"), spent.share("compute"), spent.share("swap"), rest]
        shares += [spent.beside("plan"), spent.share("checkpoint"), spent.share("claim")]
        total = f"{spent.bookkeeping:.1%}" + _mark(spent.bookkeeping > MOST_BOOKKEEPING)
        yield _row(cell.title, *(f"{share:.1%}" for share in shares), total)


def _misses(cells: Sequence[Cell]) -> Iterable[str]:
    missed = [f"- {cell.kind}, {cell.title}: {'; '.join(cell.misses)}" for cell in cells if cell.misses]
    better = [
        f"- {cell.kind}, {cell.title}: {cell.best} would bring {cell.runs[cell.best].rate:,.0f} rows/s,"
        f" {cell.chosen} bring {cell.runs[cell.chosen].rate:,.0f}"
        for cell in cells
        if cell.runs[cell.best].rate > 1.1 * cell.runs[cell.chosen].rate
    ]
    yield from missed or ["None."]
    if better:
        yield from ("", "Where another executor than the engine's choice was more than a tenth faster:", "", *better)


def _argon2(derived: Sequence[Derived]) -> Iterable[str]:
    yield "Derivations per second at the cost of new password hashes; both derive the same value."
    yield ""
    yield _row("library", "one thread", f"{cores()} threads")
    yield _rule(1, 2)
    for library in derived:
        yield _row(library.library, f"{library.one:.1f}", f"{library.all:.1f}")


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _rule(left: int, right: int) -> str:
    return _row(*["---"] * left, *["---:"] * right)


def _bold(text: str, bold: bool) -> str:
    return f"**{text}**" if bold else text


def _mark(missed: bool) -> str:
    return " ✗" if missed else ""
