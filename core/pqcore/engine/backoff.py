"""How long to wait before trying again, and which faults are worth it."""

from __future__ import annotations

import random

from sqlalchemy.exc import DBAPIError

from pqcore.database.errors import AWAY, RETRYABLE, Fault, classify
from pqcore.errors import DatabaseUnavailable

# these pass by themselves: the same batch, read again, may succeed
TRANSIENT = RETRYABLE | AWAY
# the database refuses some row of the batch: halving finds it
OF_A_ROW = frozenset({Fault.DATA, Fault.CONSTRAINT})


def passes(error: BaseException, dialect_name: str) -> bool:
    """Whether this fault passes by itself, so that the same work may be tried again."""
    if isinstance(error, DatabaseUnavailable):
        return True
    return isinstance(error, DBAPIError) and classify(error, dialect_name) in TRANSIENT


_FIRST_SECONDS = 0.02
_LAST_SECONDS = 5.0


def seconds(attempt: int, draw: float | None = None) -> float:
    """Seconds before attempt ``attempt`` (from 1), doubling up to 5 s, with full jitter.

    Args:
        draw: a number from 0 to 1 in place of a random one.
    """
    ceiling = min(_LAST_SECONDS, _FIRST_SECONDS * 2.0 ** min(attempt - 1, 16))
    # jitter spreads workers that failed together; no secret depends on it
    share = random.random() if draw is None else draw  # noqa: S311
    return float(ceiling * (0.5 + share / 2))
