"""How long a lease lasts without being renewed: the one place that decides it."""

from __future__ import annotations

import os
from collections.abc import Mapping

from pqcore.errors import ConfigurationError

VARIABLE = "PQCONSOLE_LEASE_SECONDS"
DEFAULT_SECONDS = 6.0  # with a poll a second, the work of a dead worker goes on well within ten seconds
_LEAST, _MOST = 0.2, 600.0
_MOST_BEAT_SECONDS = 0.6  # requests and counters are to be a second old at most, also where processes hear of them
_BEATS = 6  # renewals in the time of a lease, so that several in a row may fail


def lease_seconds(env: Mapping[str, str] = os.environ) -> float:
    """Seconds from a renewal to the expiry of a lease: ``PQCONSOLE_LEASE_SECONDS``, else six.

    Workers need not agree on it: the expiry is written into the lease, by the database's clock.

    Raises:
        ConfigurationError: the variable is no number from 0.2 to 600.
    """
    given = env.get(VARIABLE)
    if not given:
        return DEFAULT_SECONDS
    try:
        seconds = float(given)
    except ValueError:
        seconds = 0.0
    if not _LEAST <= seconds <= _MOST:
        raise ConfigurationError(
            f"{VARIABLE} is not a number of seconds from {_LEAST:g} to {_MOST:g}", "Correct or unset the variable"
        )
    return seconds


def heartbeat_seconds() -> float:
    """Seconds between two renewals: as often counters are rolled up, and requests and changed limits read."""
    return min(_MOST_BEAT_SECONDS, lease_seconds() / _BEATS)
