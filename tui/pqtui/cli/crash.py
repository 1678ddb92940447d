"""What is kept of an error nobody foresaw: where it happened, in a private file, without any value."""

from __future__ import annotations

import os
import platform
import threading
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pqtui.cli.logs import describe, log_directory, open_private

_PACKAGES = ("pqconsole", "cryptography", "SQLAlchemy", "textual", "psycopg", "PyMySQL")


def report(error: BaseException, directory: Path | None = None) -> str:
    """Write a report of ``error`` to a file of mode 0600 and return the sentence to show.

    The report has the types of the errors and the lines of code they passed, neither their messages nor
    any variable: both can hold values from a database.
    """
    name = type(error).__name__
    try:
        path = _write(text_of(error), directory or log_directory())
    except Exception:  # a full disk must not turn one sentence into a traceback
        return f"Something unforeseen went wrong ({name}), and no report of it could be written. Please report it."
    return f"Something unforeseen went wrong ({name}). Please report it, with {path}."


def thread_failed(args: threading.ExceptHookArgs) -> None:
    """Report an error that ended a thread: Python would print it, with its words, in the midst of the screen."""
    if args.exc_value is not None and not isinstance(args.exc_value, SystemExit):
        report(args.exc_value)


def text_of(error: BaseException) -> str:
    """The report's text."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    system = f"Python {platform.python_version()} on {platform.system()} {platform.release()}"
    return "\n".join([f"pqconsole report of {now}", system, _versions(), "", *describe(error), ""])


def _versions() -> str:
    found = []
    for package in _PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            found.append(f"{package} not installed")
    return ", ".join(found)


def _write(text: str, directory: Path) -> Path:
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    path = directory / f"error-{stamp}-{os.getpid()}.txt"
    descriptor = open_private(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(text)
    return path
