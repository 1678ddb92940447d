"""An opened database with its jobs and keys, closed when the command ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pqcore.database.connect import parse_url
from pqcore.errors import SchemaError
from pqcore.settings import Settings
from pqcore.workspace import Workspace


@contextmanager
def opened(
    settings: Settings, *, require_schema: bool = True, prompt: Callable[[str], str] | None = None
) -> Iterator[Workspace]:
    """A workspace that is closed at the end, however the command ends.

    Args:
        prompt: asks for a passphrase; without it, on the terminal.

    Raises:
        SchemaError: ``require_schema``, and the tables or the whole SQLite file are missing.
    """
    if require_schema:
        require_file(settings)
    workspace = Workspace.open(settings, prompt=prompt, require_schema=require_schema)
    try:
        yield workspace
    finally:
        workspace.close()


def require_file(settings: Settings) -> None:
    """Refuse a SQLite file that is not there: opening it would make an empty one under a name that was mistyped.

    Raises:
        SchemaError: there is no such file.
    """
    path = missing_file(settings)
    if path is not None:
        raise SchemaError(f"There is no database {path}", "Make it with pqconsole init, or correct the URL")


def missing_file(settings: Settings) -> Path | None:
    """The SQLite file that the settings name, where it does not exist; else None."""
    url = parse_url(settings.url)
    if url.get_backend_name() != "sqlite" or not url.database:
        return None
    path = Path(url.database).expanduser()
    return None if path.exists() else path
