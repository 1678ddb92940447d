"""The command line ``pqconsole``: one module a group of commands, loaded when the command is used.

Importing this module, and ``--help``, load neither textual nor SQLAlchemy.
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import import_module
from io import TextIOWrapper
from typing import cast

from pqcore.errors import ExitCode, PQConsoleError
from pqcore.garbage import collect_seldom
from pqtui.cli.logs import keep_logs
from pqtui.cli.parser import build_parser

# What a shell reports for a program whose reader went away; `pqconsole jobs list | head` ends so.
_BROKEN_PIPE = 141


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code (``pqcore.errors.ExitCode``, see docs/CLI.md).

    Nothing escapes: an error a user can cause becomes one line on standard error; any other error
    becomes one line there and a file in the log directory.
    """
    _never_fail_on_encoding()
    try:
        return _run(argv)
    finally:
        _let_go_of_lost_streams()


def _run(argv: Sequence[str] | None) -> int:
    try:
        args = build_parser().parse_args(argv)
        keep_logs()
        if argv is None:  # a process of its own, not a call from another program's
            _report_threads()
        _leave_no_core()
        collect_seldom()
        code = int(_handler(args.handler)(args))
        sys.stdout.flush()
    except SystemExit as stop:  # argparse, after --help and --version
        return stop.code if isinstance(stop.code, int) else 0
    except PQConsoleError as error:
        _say(str(error))
        return int(error.exit_code)
    except KeyboardInterrupt:
        _say("Stopped by the keyboard.")
        return int(ExitCode.INTERRUPTED)
    except BrokenPipeError:
        return _BROKEN_PIPE
    except Exception as error:  # the last line of defence: never a traceback on the screen
        known = _of_the_database(error)
        if known is not None:
            _say(str(known))
            return int(known.exit_code)
        from pqtui.cli.crash import report

        _say(report(error))
        return int(ExitCode.FAILED)
    return code


def _let_go_of_lost_streams() -> None:
    """Python flushes at exit, and ends with 120 where whoever read is gone: let it flush into nothing."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            with suppress(OSError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _of_the_database(error: Exception) -> PQConsoleError | None:
    """What a statement's failure means, where the database gives a reason that is known."""
    if "sqlalchemy" not in sys.modules:
        return None
    from sqlalchemy.exc import SQLAlchemyError

    from pqcore.database.errors import Fault, classify, dialect_of, translate

    if not isinstance(error, SQLAlchemyError) or classify(error, dialect_of(error)) is Fault.OTHER:
        return None
    return translate(error, dialect_of(error))


def _handler(path: str) -> Callable[[argparse.Namespace], int]:
    module, _, name = path.partition(":")
    return cast("Callable[[argparse.Namespace], int]", getattr(import_module(module), name))


def _report_threads() -> None:
    def failed(args: threading.ExceptHookArgs) -> None:
        from pqtui.cli.crash import thread_failed

        thread_failed(args)

    threading.excepthook = failed


def _leave_no_core() -> None:
    """A process that dies writes no memory to disk: it may hold keys."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def _never_fail_on_encoding() -> None:
    """A terminal that cannot show a character gets its escape, not an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _say(sentence: str) -> None:
    from pqcore.text import clean

    with suppress(OSError):  # standard error may be closed; there is nowhere else to say so
        print(f"pqconsole: {clean(sentence)}", file=sys.stderr, flush=True)
