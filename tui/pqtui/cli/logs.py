"""The log directory, and keeping what libraries log out of the screen.

Nothing that is written here holds a value: of an error its type and the lines of code it passed are kept, never its
message, which may quote a row.
"""

from __future__ import annotations

import logging
import os
import traceback
from collections.abc import Iterator
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import TracebackType

_NAME = "pqconsole.log"
_LARGEST = 1 << 20  # bytes, then the file is moved to pqconsole.log.1


def log_directory() -> Path:
    """``$PQCONSOLE_HOME/log``, or the platform's log directory."""
    home = os.environ.get("PQCONSOLE_HOME")
    if home:
        return Path(home).expanduser() / "log"
    from platformdirs import user_log_path

    return user_log_path("pqconsole", appauthor=False)


def keep_logs() -> None:
    """Send warnings and errors of this process to a private file; made when there is a first one."""
    root = logging.getLogger()
    if not any(isinstance(handler, _PrivateFile) for handler in root.handlers):
        root.addHandler(_PrivateFile())
        logging.captureWarnings(True)


def describe(error: BaseException) -> Iterator[str]:
    """An error and its causes as lines: types and places, no message."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield f"{type(current).__module__}.{type(current).__qualname__}"
        for frame in traceback.extract_tb(current.__traceback__):
            yield f"  {frame.filename}:{frame.lineno} in {frame.name}: {frame.line}"
        current = current.__cause__ or current.__context__


def open_private(path: Path, flags: int) -> int:
    """Open a file for this user alone, in a directory for this user alone; returns the descriptor."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)


class _ValueFree(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        own = logging.makeLogRecord(record.__dict__)
        own.exc_text = None  # another handler may have written the error's words here
        return super().format(own)

    def formatException(
        self, ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
    ) -> str:
        return "\n".join(describe(ei[1])) if ei[1] is not None else ""


class _PrivateFile(RotatingFileHandler):
    def __init__(self) -> None:
        super().__init__(log_directory() / _NAME, maxBytes=_LARGEST, backupCount=1, encoding="utf-8", delay=True)
        self.setLevel(logging.WARNING)
        self.setFormatter(_ValueFree("%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"))

    def _open(self) -> TextIOWrapper:
        descriptor = open_private(Path(self.baseFilename), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        return os.fdopen(descriptor, "a", encoding="utf-8", errors="backslashreplace")

    def handleError(self, record: logging.LogRecord) -> None:
        """A log that cannot be written is no reason to write on the screen."""
