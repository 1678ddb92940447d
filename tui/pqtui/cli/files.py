"""Reading a file that was named on the command line."""

from __future__ import annotations

import sys
from pathlib import Path

from pqcore.errors import UsageError

LARGEST = 1 << 20  # bytes; selections and keys are a page of text


def read_file(name: str, what: str) -> bytes:
    """The content of the file ``name``, or of standard input where that is ``-``.

    Args:
        what: what the file is called in an error, e.g. ``selection``.

    Raises:
        UsageError: it cannot be read, is empty, or larger than ``LARGEST``.
    """
    try:
        if name == "-":
            data = sys.stdin.buffer.read(LARGEST + 1)
        else:
            with Path(name).open("rb") as file:
                data = file.read(LARGEST + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = getattr(error, "strerror", None) or "the name cannot be used"
        message = f"The {what} {name} cannot be read: {reason}"
        raise UsageError(message, "Name a file, or - for standard input") from None
    shown = "on standard input" if name == "-" else name
    if not data.strip():
        raise UsageError(f"The {what} {shown} is empty", "Name a file with content, or - for standard input")
    if len(data) > LARGEST:
        raise UsageError(f"The {what} {shown} is larger than 1 MiB", "Check that the right file was named")
    return data
