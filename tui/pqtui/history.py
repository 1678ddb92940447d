"""Selections that were written lately, kept in the data directory for their owner alone (0600).

A selection names tables, columns and keys, and may hold values that rows are chosen by; it never holds a secret.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pqcore.errors import KeyStoreError
from pqcore.keys.private_files import locked, open_folder, read_private, replace_private
from pqcore.migrations.base import Scope

MOST = 20  # for one database
_MOST_IN_ALL = 200
_FOLDER = "console"
_NAME = "selections.json"
_MAX_BYTES = 32 << 20
_MAX_TEXT = 100_000


@dataclass(frozen=True, slots=True)
class Recent:
    """A selection as it stood at a time (``at``, ISO 8601) for the database ``place``, a URL without its password.

    The target is an id of one of the two tables, or None.
    """

    place: str
    scope: str
    text: str
    algorithm_id: int | None
    policy_id: int | None
    at: str

    @property
    def same(self) -> tuple[str, str, str]:
        """What makes two of them one."""
        return self.place, self.scope, self.text.strip()


def recent(data_dir: Path, place: str) -> tuple[Recent, ...]:
    """The selections for a database, newest first; none where the file cannot be used. Blocks on the disk."""
    return tuple(entry for entry in _read(data_dir) if entry.place == place)


def remember(data_dir: Path, entry: Recent) -> None:
    """Put a selection on top. Where the file cannot be written nothing is lost but the memory of it."""
    if len(entry.text) > _MAX_TEXT:
        return
    try:
        with open_folder(data_dir / _FOLDER, create=True) as folder, locked(f"{_NAME}.lock", folder):
            entries = [entry, *(old for old in _read(data_dir) if old.same != entry.same)]
            content = json.dumps([asdict(each) for each in _fewest(entries)]).encode()
            replace_private(_NAME, content, folder, previous=None)
    except (OSError, KeyStoreError):
        return


def _fewest(entries: list[Recent]) -> list[Recent]:
    """The newest of each database, and of all."""
    counts: dict[str, int] = {}
    kept = []
    for entry in entries:
        counts[entry.place] = counts.get(entry.place, 0) + 1
        if counts[entry.place] <= MOST:
            kept.append(entry)
    return kept[:_MOST_IN_ALL]


def _read(data_dir: Path) -> list[Recent]:
    try:
        content, _ = read_private(data_dir / _FOLDER / _NAME, limit=_MAX_BYTES)
        found = json.loads(content)
    except (OSError, KeyStoreError, ValueError):
        return []
    entries = [_entry(each) for each in found] if isinstance(found, list) else []
    return [entry for entry in entries if entry is not None]


def _entry(value: Any) -> Recent | None:
    """One entry; None where it is not one of ours."""
    try:
        entry = Recent(**value)
        datetime.fromisoformat(entry.at)
        Scope(entry.scope)
    except (TypeError, ValueError):
        return None
    ids = (entry.algorithm_id, entry.policy_id)
    fits = isinstance(entry.text, str) and isinstance(entry.place, str)
    return entry if fits and all(each is None or isinstance(each, int) for each in ids) else None
