"""How far a share that was counted in a sample may be from that of all rows."""

from __future__ import annotations

import math
from dataclasses import dataclass

_Z = 1.959964  # 95 % of a normal distribution


@dataclass(frozen=True, slots=True)
class Share:
    """A part of all values: as counted, and the bounds between which that of all rows lies, 19 times of 20."""

    value: float
    low: float
    high: float

    @property
    def exact(self) -> bool:
        return self.low == self.high


def share(count: int, read: int, total: int | None) -> Share | None:
    """The share of ``count`` in ``read`` values drawn from ``total``; None where nothing was read.

    Wilson's interval, with the correction for a sample that is no small part of all; exact where all were read.

    Args:
        total: values in all; None where that is not known, and taken as many.
    """
    if read <= 0:
        return None
    value = count / read
    if total is not None and total <= read:
        return Share(value, value, value)
    drawn = float(read) if total is None or total < 2 else read * (total - 1) / (total - read)
    square = _Z * _Z
    centre = (value + square / (2 * drawn)) / (1 + square / drawn)
    half = _Z * math.sqrt(value * (1 - value) / drawn + square / (4 * drawn * drawn)) / (1 + square / drawn)
    low, high = max(0.0, centre - half), min(1.0, centre + half)
    if (
        total is not None
    ):  # what was seen is there: never less than the rows counted, never more than those not excluded
        low, high = max(low, count / total), min(high, (total - (read - count)) / total)
    return Share(value, min(low, value), max(high, value))
