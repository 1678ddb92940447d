"""Places between two keys."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pqcore.inspection.between import between

FRACTIONS = st.floats(0, 1, exclude_max=True)


@settings(deadline=None)
@given(st.integers(-(2**63), 2**63), st.integers(-(2**63), 2**63), FRACTIONS)
def test_integers(a: int, b: int, fraction: float) -> None:
    low, high = min(a, b), max(a, b)
    assert low <= between(low, high, fraction) <= high + 1024  # floats round


@settings(deadline=None)
@given(st.binary(max_size=20), st.binary(max_size=20), FRACTIONS)
def test_bytes(a: bytes, b: bytes, fraction: float) -> None:
    low, high = min(a, b), max(a, b)
    found = between(low, high, fraction)
    assert isinstance(found, bytes)
    assert found[:12] <= high.ljust(32, b"\xff")


@settings(deadline=None)
@given(st.text(max_size=20), st.text(max_size=20), FRACTIONS)
def test_text_never_fails(a: str, b: str, fraction: float) -> None:
    assert isinstance(between(a, b, fraction), str)


@pytest.mark.parametrize(
    ("low", "high", "middle"),
    [
        ("PARTNER-000000", "PARTNER-000100", "PARTNER-00005"),
        (uuid.UUID(int=0), uuid.UUID(int=2**127), uuid.UUID(int=2**126)),
        (Decimal(0), Decimal(10), Decimal(5)),
        (dt.datetime(2020, 1, 1), dt.datetime(2020, 1, 3), dt.datetime(2020, 1, 2)),
        (dt.date(2020, 1, 1), dt.date(2020, 1, 3), dt.date(2020, 1, 2)),
        (True, False, True),
        (None, None, None),
    ],
)
def test_the_middle(low: object, high: object, middle: object) -> None:
    found = between(low, high, 0.5)
    assert found.startswith(middle) if isinstance(middle, str) else found == middle
