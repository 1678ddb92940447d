"""Reading the published vectors of the ``cryptography_vectors`` package."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cryptography_vectors

ROOT = Path(cryptography_vectors.__file__).parent


def records(path: str, first: str) -> Iterator[dict[str, str]]:
    """The records of a NIST-style file: each begins with the field ``first``. A line without "=" is a flag."""
    record: dict[str, str] = {}
    for line in (ROOT / path).read_text().splitlines():
        name, equals, value = (part.strip() for part in line.partition("="))
        if not name or name.startswith(("#", "[")):
            continue
        if name == first and record:
            yield record
            record = {}
        record[name] = value if equals else "yes"
    yield record
