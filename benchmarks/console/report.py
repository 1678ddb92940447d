"""The figures of the console as Markdown, each beside its target."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version

from benchmarks.console.measure import Figures, Latency
from benchmarks.support.machine import cores, load, machine
from benchmarks.support.places import KINDS


@dataclass(frozen=True)
class Measured:
    """One line: what was measured, in which words, and the number that must not pass the target."""

    name: str
    target: str
    most: float
    value: Callable[[Figures], float | None]
    words: Callable[[Figures], str]


def _number(
    name: str, target: str, most: float, value: Callable[[Figures], float | None], form: str = "{:.0f}"
) -> Measured:
    return Measured(name, target, most, value, lambda f: "" if value(f) is None else form.format(value(f)))


def _keys(name: str, target: str, most: float, latency: Callable[[Figures], Latency | None]) -> Measured:
    def p95(figures: Figures) -> float | None:
        found = latency(figures)
        return None if found is None else found.at(0.95)

    return Measured(name, target, most, p95, lambda f: str(latency(f) or ""))


MISS = " \u2717"

LINES = (
    _number("first useful frame, 1,000 jobs, ms", "300", 300, lambda f: f.first_frame.get(1000)),
    _number("first useful frame, 1,000,000 jobs, ms", "300", 300, lambda f: f.first_frame.get(1_000_000)),
    _keys("key to paint, idle, ms", "p95 25", 25, lambda f: f.keys.get("idle")),
    _keys("key to paint, work in another process, ms", "p95 25", 25, lambda f: f.keys.get("work in another process")),
    _keys("key to paint, work in threads here, ms", "p95 60", 60, lambda f: f.keys.get("work in threads here")),
    _number("from the top to the end of 1,000,000 jobs, ms", "", 1e9, lambda f: f.end_of_list),
    _number("bytes in a minute without a change", "0", 0, lambda f: f.idle_bytes),
    _number("bytes of a refresh of three cells", "1,000", 1000, lambda f: f.refresh_bytes),
    _number("CPU when idle, % of a core", "0.5", 0.5, lambda f: f.idle_cpu, "{:.2f}"),
    _number("resident memory, MB", "80", 80, lambda f: None if f.memory is None else f.memory / 1e6),
    _keys("key echo on a line of 16 kB/s, ms", "p95 150", 150, lambda f: f.slow_echo),
    _number("fresh data after the server is back, ms", "1,000", 1000, lambda f: f.fresh_after_restart),
)  # fmt: skip


_TITLE = """# The console

The real program in a pseudo-terminal of 120x36; times and bytes are taken there. Keys: p50 / p95 / max. Targets are
upper limits, a miss is marked. How each figure comes about: [README.md](../README.md).
"""


def report(figures: Figures, before: str, command: str) -> str:
    """The results with a section for this database, in place of an earlier one."""
    sections = {part.partition("\n")[0].partition(" ")[0]: part for part in before.split("\n## ")[1:]}
    kind = figures.version.partition(" ")[0]
    sections[kind] = "\n".join(_lines(figures, command))
    return _TITLE + "".join(f"\n## {sections[name].rstrip()}\n" for name in sorted(sections, key=_place))


def _place(kind: str) -> int:
    return KINDS.index(kind) if kind in KINDS else len(KINDS)


def _lines(figures: Figures, command: str) -> Iterator[str]:
    yield figures.version
    yield ""
    yield (
        f"`{f'python -m benchmarks.console {command}'.strip()}` on {datetime.now(UTC):%Y-%m-%d}: {machine()}, textual"
        f" {version('textual')}. Load of the machine in the last minute of the run: {load():.1f} on {cores()} cores."
    )
    yield ""
    yield "| | target | measured |"
    yield "| --- | ---: | ---: |"
    for line in LINES:
        value, words = line.value(figures), line.words(figures)
        if words:
            miss = value is not None and value > line.most
            yield f"| {line.name} | {line.target} | {words}{MISS if miss else ''} |"
