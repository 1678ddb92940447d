"""One cell of the engine benchmark: a workload on a database, by every way, and which targets it meets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.support.engine_run import Run, takes_processes
from benchmarks.support.limit import Limit
from benchmarks.support.machine import cores
from benchmarks.support.stages import Spent, bookkeeping_seconds
from benchmarks.support.workloads import Workload

LEAST_OF_LIMIT = 0.85
LEAST_OVER_PLAIN = 20.0
MOST_BOOKKEEPING = 0.03


@dataclass(frozen=True)
class Overhead:
    """A run of one thread with its steps counted."""

    run: Run
    spent: Mapping[str, Spent]

    @property
    def bookkeeping(self) -> float:
        """Share of the run that leases, checkpoints and events cost."""
        return bookkeeping_seconds(self.spent) / self.run.seconds

    def beside(self, step: str) -> float:
        """Processor time of a step that runs beside the batches, as a share of the run."""
        return self.spent[step].cpu / self.run.seconds

    def share(self, *steps: str) -> float:
        """Share of the run, by the clock, that these steps took."""
        return sum(self.spent[step].seconds for step in steps) / self.run.seconds


@dataclass(frozen=True)
class Cell:
    """Everything measured for one workload and size on one kind of database.

    Attributes:
        plain: rows per second of the plain script.
        runs: by the name of the way.
    """

    kind: str
    work: Workload
    rows: int
    plain: float
    runs: Mapping[str, Run]
    limit: Limit
    overhead: Overhead

    @property
    def best(self) -> str:
        """The fastest way."""
        return max(self.runs, key=lambda name: self.runs[name].rate)

    @property
    def chosen(self) -> str:
        """The way that the engine takes by itself for a large job: as many threads or processes as cores, up to 8."""
        workers = min(8, cores())
        if takes_processes(self.work.scope, self.work.document):
            return f"{cores()} processes"
        threads = [name for name in self.runs if name.startswith(f"{workers} thread")]
        return threads[0] if threads else max((n for n in self.runs if "thread" in n), key=lambda n: self.runs[n].rate)

    @property
    def of_limit(self) -> float:
        """The chosen way's share of the limit."""
        return self.runs[self.chosen].rate / self.limit.rate

    @property
    def over_plain(self) -> float:
        """The chosen way against the plain script."""
        return self.runs[self.chosen].rate / self.plain

    @property
    def misses(self) -> list[str]:
        """Targets that this cell does not meet."""
        missed = []
        if self.of_limit < LEAST_OF_LIMIT:
            missed.append(f"{self.of_limit:.0%} of the limit, not {LEAST_OF_LIMIT:.0%}")
        if self.work.database_bound and self.kind != "sqlite" and self.over_plain < LEAST_OVER_PLAIN:
            most = f"the limit is {self.limit.rate / self.plain:.1f} times"
            missed.append(f"{self.over_plain:.1f} times the plain script, not {LEAST_OVER_PLAIN:.0f} ({most})")
        if self.overhead.bookkeeping > MOST_BOOKKEEPING:
            missed.append(f"{self.overhead.bookkeeping:.1%} for leases and checkpoints, not {MOST_BOOKKEEPING:.0%}")
        return missed

    @property
    def title(self) -> str:
        """Workload and size."""
        return f"{self.work.name}, {self.work.size:,} B"

    @property
    def line(self) -> str:
        """One line for whoever waits."""
        rates = ", ".join(f"{name} {run.rate:,.0f}" for name, run in self.runs.items())
        return f"{self.kind} {self.title}: plain {self.plain:,.0f}, {rates}, limit {self.limit.rate:,.0f} rows/s"
