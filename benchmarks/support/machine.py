"""The machine that is measured on: what it is, and the processor time of processes on it (Linux, /proc)."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def machine() -> str:
    """Processor, cores, memory, system and libraries."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if "model name" in line]
        model = names[0] if names else model
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**30
    libraries = ", ".join(f"{name} {version(name)}" for name in ("cryptography", "argon2-cffi", "SQLAlchemy"))
    return (
        f"{model}, {cores()} cores, {memory} GiB, {platform.system()}, Python {platform.python_version()}, {libraries}"
    )


def load() -> float:
    """Processes that wanted a core in the last minute; above a tenth or so, the figures are not to be trusted."""
    return os.getloadavg()[0]


def cpu_seconds(pid: int) -> float:
    """Processor seconds of a process, of its children that have ended, and of those that live; 0 where it is gone."""
    return sum(_own_seconds(member) for member in _family(pid))


def children_seconds(*, but: int | None = None) -> float:
    """Processor seconds of this process's children, with theirs; without that of ``but`` (a server)."""
    return sum(cpu_seconds(child) for child in _children(os.getpid()) if child != but)


def rss_bytes(pid: int | str = "self") -> int:
    """Resident memory now."""
    return _status(pid, "VmRSS")


def peak_rss_bytes(pid: int | str = "self") -> int:
    """The most resident memory since the process began, or since ``forget_peak``."""
    return _status(pid, "VmHWM")


def family_bytes() -> int:
    """Memory of this process and its children now; what several of them share is counted once."""
    return sum(_proportional(pid) for pid in _family(os.getpid()))


def forget_peak() -> None:
    """Let ``peak_rss_bytes`` of this process begin anew."""
    Path("/proc/self/clear_refs").write_text("5")


def _family(pid: int) -> list[int]:
    return [pid, *(member for child in _children(pid) for member in _family(child))]


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [int(child) for child in path.read_text().split()]
        except OSError:  # the thread has ended meanwhile
            continue
    return found


def _own_seconds(pid: int) -> float:
    try:
        # the name, in brackets, may hold anything
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    # utime, stime, cutime, cstime: fields 14 to 17 of proc(5)
    return sum(int(ticks) for ticks in fields[11:15]) / _TICK


def _proportional(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0  # it has ended meanwhile
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def _status(pid: int | str, name: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise OSError(f"/proc/{pid}/status has no {name}")
