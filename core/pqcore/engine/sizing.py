"""How many rows the next batch takes: a pure controller steered by time and bytes.

Two bounds hold at once. The transaction that writes has to be short (it holds row locks), and the whole batch has
to be short enough that pausing and stopping feel immediate, which matters where a row costs 25 ms of Argon2id.

Sizes shrink at once and in proportion when a batch took too long, and double while there is much room. From half the
size on that was once too much they grow by small steps, and they rest below the aim: times scatter, and the slowest
in a hundred shall keep the aim, too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Limits:
    """What a batch may cost: rows, seconds of its transaction, seconds in all, bytes read and written."""

    max_rows: int = 4000
    write_seconds: float = 0.04
    total_seconds: float = 0.5
    max_bytes: int = 4 * 2**20


@dataclass(frozen=True, slots=True)
class Measured:
    """What the last batch cost."""

    rows: int
    write_seconds: float
    total_seconds: float
    bytes: int


FIRST_ROWS = 16

# (share of the allowed time that the last batch took, factor for the next); the first that fits counts
_GROWTH = ((0.2, 2.0), (0.4, 1.25), (0.7, 1.04))
_CAREFUL = ((0.2, 1.05), (0.7, 1.02))  # the same, from half the size on at which a batch took too long
_BACK_TO = 0.7  # share of the allowed time to aim at after a batch that took too long
# a commit may be slow in itself (a distant synchronous replica): fewer rows would not make it any shorter
_FLOORS = 3.0  # a transaction may take this many times what one of a single row does,
_STRETCH = 8.0  # but never more than this many times the aim
_DOWN = 0.25  # what is learned of the floor from a larger batch that was shorter
_FIRST_PROBE = 8  # batches before a single row is written alone for the first time,
_PROBES = 256  # and between one such probe and the next


@dataclass(frozen=True, slots=True)
class Pace:
    """How large the batches of a job are, and what is known of its transactions.

    Attributes:
        rows: how many the next batch takes.
        floor: seconds that a transaction of one row takes, 0 before that is known.
        calm: rows up to which batches grow fast; 0 where none has taken too long yet.
        probe_in: batches until the floor is measured again.
        resume: rows to go on with after the probe that is under way; 0 where none is.
    """

    rows: int = FIRST_ROWS
    floor: float = 0.0
    calm: int = 0
    probe_in: int = _FIRST_PROBE
    resume: int = 0


class SharedPace:
    """The newest pace of a job, for the range that begins next."""

    def __init__(self) -> None:
        self.newest = Pace()  # whole and frozen, so that threads need no lock


def next_pace(pace: Pace, last: Measured, limits: Limits) -> Pace:
    """The pace after a batch; one that read no rows only takes notice of the limits."""
    if last.rows <= 0:
        return replace(pace, rows=max(1, min(pace.rows, limits.max_rows)))
    floor = last.write_seconds if last.rows == 1 else pace.floor - _DOWN * max(0.0, pace.floor - last.write_seconds)
    if pace.resume:
        return replace(pace, rows=max(1, min(pace.resume, limits.max_rows)), floor=floor, probe_in=_PROBES, resume=0)
    share = _share(last, limits, floor)
    calm = _next_calm(pace.calm, last) if share > 1 else pace.calm
    rows = _next_rows(pace.rows, last, limits, share, calm)
    if pace.probe_in > 0 or rows == 1:
        return Pace(rows, floor, calm, max(0, pace.probe_in - 1))
    return Pace(1, floor, calm, _PROBES, resume=rows)


def _share(last: Measured, limits: Limits, floor: float) -> float:
    """How much of the allowed time a batch took; above 1 it was too long."""
    allowed = max(limits.write_seconds, min(_FLOORS * floor, _STRETCH * limits.write_seconds))
    return max(last.write_seconds / allowed, last.total_seconds / limits.total_seconds)


def _next_calm(calm: int, last: Measured) -> int:
    """After a batch that took too long. Few rows that did so tell of something else than size, such as a lock."""
    if last.rows <= FIRST_ROWS:
        return calm
    return max(last.rows // 2, calm * 3 // 4)


def _next_rows(current: int, last: Measured, limits: Limits, share: float, calm: int) -> int:
    # growing from what was seen: the few rows at the end of a range say little about a full batch
    wanted = last.rows * _BACK_TO / share if share > 1 else max(current, _grown(last.rows, share, calm))
    if last.bytes > 0:
        wanted = min(wanted, last.rows * limits.max_bytes / last.bytes)
    return max(1, int(min(wanted, limits.max_rows)))


def _grown(rows: int, share: float, calm: int) -> float:
    careful = _factor(_CAREFUL, share)
    if 0 < calm <= rows:
        return rows if careful == 1 else max(rows * careful, rows + 1)
    fast = _factor(_GROWTH, share)
    grown = rows if fast == 1 else max(rows * fast, rows + 1)
    return grown if calm == 0 else max(min(grown, calm), rows)


def _factor(steps: tuple[tuple[float, float], ...], share: float) -> float:
    return next((factor for below, factor in steps if share < below), 1.0)
