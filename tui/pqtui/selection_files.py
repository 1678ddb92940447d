"""Selections in files: the same documents that ``pqconsole jobs create --selection FILE`` takes."""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from pqcore.errors import UsageError
from pqcore.text import clean

MAX_BYTES = 1 << 20


class FileExists(UsageError):
    """There is such a file already; ``write_selection`` replaces it only where that is asked for."""


def path_of(typed: str) -> Path:
    """The file that was typed; ``~`` is understood. Raises ``UsageError`` where nothing was."""
    text = typed.strip()
    if not text or "\0" in text:
        raise UsageError("No file is named", "Type a path, such as ~/selection.json")
    with suppress(RuntimeError):  # "~nobody" names no user
        return Path(text).expanduser()
    return Path(text)


def read_selection(path: Path) -> str:
    """The text of a file.

    Raises:
        UsageError: it is not there, cannot be read, is no regular file, too large, or not UTF-8.
    """
    name = clean(str(path), limit=200)
    try:
        # a named pipe in its place must not hang us
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(fd, "rb") as stream:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise UsageError(f"{name} is not a regular file", "Name a file with a selection document")
            content = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{name} cannot be read: {error.strerror}", "Check the path and its permissions") from error
    if len(content) > MAX_BYTES:
        raise UsageError(f"{name} is larger than 1 MiB", "Check that this is the right file")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{name} is not UTF-8", "Check that this is the right file") from error


def write_selection(path: Path, text: str, *, replace: bool = False) -> None:
    """Write a file that is whole or not there.

    Raises:
        FileExists: there is one, and it is not to be replaced.
        UsageError: it cannot be written.
    """
    name = clean(str(path), limit=200)
    if path.exists() and not replace:
        raise FileExists(f"{name} exists", "Press enter again to replace it")
    if path.exists() and not path.is_file():
        raise UsageError(f"{name} is not a regular file", "Name another one")
    target = path.resolve()  # a link keeps pointing where it points
    temporary = target.with_name(f".{target.name[:80]}.{secrets.token_hex(8)}.tmp")
    try:
        with temporary.open("x", encoding="utf-8") as stream:
            stream.write(text if text.endswith("\n") else text + "\n")
        if replace:
            temporary.replace(target)
        else:
            os.link(temporary, target)  # never over a file that came meanwhile
            temporary.unlink()
    except FileExistsError as error:
        temporary.unlink(missing_ok=True)
        raise FileExists(f"{name} exists", "Press enter again to replace it") from error
    except OSError as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise UsageError(f"{name} cannot be written: {error.strerror}", "Check the path and its permissions") from error


def continued(typed: str) -> str | None:
    """The first file or folder whose path continues what was typed; None where there is none. Blocks on the disk."""
    head, slash, begun = typed.rpartition("/")
    if not begun:
        return None
    try:
        folder = Path(head + slash).expanduser() if slash else Path()
        with os.scandir(folder) as found:
            names = sorted(entry.name + ("/" if entry.is_dir() else "") for entry in found)
    except (OSError, RuntimeError, ValueError):
        return None
    # a name that cannot be shown as it is can still be typed
    fitting = (n for n in names if n.startswith(begun) and n.rstrip("/") != begun and clean(n) == n)
    name = next(fitting, None)
    return None if name is None else head + slash + name
