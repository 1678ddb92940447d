"""What can be wrong with a stored value."""

from __future__ import annotations

from pqcore.errors import PQConsoleError


class FormatError(PQConsoleError):
    """The value is not in the stored form that was expected: wrong prefix, version, length or encoding."""


class NotAuthentic(PQConsoleError):
    """The value parses, but does not open or verify under its key for this row."""
