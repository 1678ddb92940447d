"""Where a demonstration lives: its folder, database, keyring and passphrase.

The passphrase lies in a file beside the keyring, so that a demonstration asks for nothing. Real keys are never kept so.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pqcore.database.connect import label_of, parse_url
from pqcore.errors import StateConflict


@dataclass(frozen=True, slots=True)
class Place:
    """A demonstration's database URL and files."""

    url: str
    keyring: Path
    passphrase_file: Path

    def passphrase(self) -> str:
        """The passphrase of the demonstration's keyring, made when it is first asked for."""
        try:
            descriptor = os.open(self.passphrase_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return self.passphrase_file.read_text(encoding="ascii").strip()
        text = secrets.token_urlsafe(24)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(f"{text}\n")
        return text


@contextmanager
def taken(data_dir: Path, url: str | None) -> Iterator[Place]:
    """A place for one demonstration at a time.

    Without ``url`` it is a SQLite database that starts from nothing; a given database keeps its keyring.

    Raises:
        StateConflict: another demonstration runs there.
    """
    folder = data_dir / "demo" / _folder_name(url)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (data_dir / "demo" / f"{folder.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            message = f"Another demonstration is at work in {folder}"
            raise StateConflict(message, "End it first, or set PQCONSOLE_HOME to another folder") from None
        if url is None:
            shutil.rmtree(folder)
            folder.mkdir(mode=0o700)
        yield Place(
            url or f"sqlite:///{folder / 'demo.sqlite'}", folder / "keys" / "keyring.json", folder / "passphrase"
        )


def _folder_name(url: str | None) -> str:
    if url is None:
        return "sqlite"
    return hashlib.sha256(label_of(parse_url(url)).encode()).hexdigest()[:16]
