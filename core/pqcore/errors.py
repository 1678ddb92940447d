"""Errors that a user can cause, each with one sentence, a remedy and an exit code."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of the command line, documented in docs/CLI.md."""

    OK = 0
    FAILED = 1  # the work was done and the answer is no: a job failed, a proof did not hold
    USAGE = 2  # a bad flag, selection, algorithm or time
    DATABASE = 3  # the database is away, refuses, or lacks a driver
    CONFIGURATION = 4  # a profile or setting is missing or wrong
    KEYS = 5  # wrong passphrase, missing key, open permissions
    STATE = 6  # no such job, or the state of the job or key does not allow it
    READ_ONLY = 7  # a write was asked of a read-only session
    TERMINAL = 8  # a console was asked for where there is no terminal
    INTERRUPTED = 130  # stopped by Ctrl-C, SIGTERM or SIGHUP; work is resumable


class PQConsoleError(Exception):
    """Base of every error shown to a user.

    Args:
        message: one clear sentence, without a secret and without a trailing full stop.
        remedy: what to do next, one sentence without a trailing full stop; may be empty.
    """

    exit_code: ExitCode = ExitCode.FAILED

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}. {self.remedy}." if self.remedy else f"{self.message}."


class UsageError(PQConsoleError):
    """A flag, name or value that cannot be used."""

    exit_code = ExitCode.USAGE


class DatabaseError(PQConsoleError):
    """The database cannot be reached or refuses the request."""

    exit_code = ExitCode.DATABASE


class DatabaseUnavailable(DatabaseError):
    """The database is away for now; the same request may succeed later."""


class DatabaseLocked(DatabaseUnavailable):
    """Another program holds a lock that is needed; the same request may succeed once it has let go."""


class DatabaseGone(DatabaseError):
    """The file of the database is not there any more, or another one is in its place: asking again would not help."""


class MissingDriver(DatabaseError):
    """The driver extra for this kind of database is not installed."""


class SchemaError(DatabaseError):
    """The pqconsole tables or views are missing or do not match the contract."""


class ConfigurationError(PQConsoleError):
    """A profile or setting is missing or wrong."""

    exit_code = ExitCode.CONFIGURATION


class KeyStoreError(PQConsoleError):
    """A key is missing, locked, of the wrong kind, or its file is unsafe."""

    exit_code = ExitCode.KEYS


class KeyServiceUnavailable(KeyStoreError):
    """The service that keeps keys is away, sealed or busy; the same request may succeed later."""


class JobNotFound(PQConsoleError):
    """No job has this id."""

    exit_code = ExitCode.STATE


class StateConflict(PQConsoleError):
    """The state of the job or key does not allow this action."""

    exit_code = ExitCode.STATE


class OperationFailed(PQConsoleError):
    """The work was done, or broke off, and the answer is no."""


class ReadOnlySession(PQConsoleError):
    """A write was asked of a read-only session."""

    exit_code = ExitCode.READ_ONLY


class TerminalError(PQConsoleError):
    """The console needs a terminal and there is none."""

    exit_code = ExitCode.TERMINAL
