"""Handing what runs here to a worker of its own, which outlives this console and its terminal.

The other process is started first and says that it has opened database and keyring; only then is the work here stopped,
and it is told what to go on with: jobs, and what is done with ended ones (verify, roll back, finalize). Whatever fails
on the way, nothing is lost: it runs here, there, or can be resumed.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pqcore.errors import OperationFailed
from pqcore.jobs.model import Purpose
from pqcore.text import clean
from pqcore.workspace import Workspace

_READY_SECONDS = 60.0
_CLAIM_SECONDS = 60.0
# they are handed over through the socket, and need not be in the environment of a process that lives for hours
_SECRET_VARIABLES = ("PQCONSOLE_PASSPHRASE", "PQCONSOLE_PASSPHRASE_FD", "PQCONSOLE_DATABASE_PASSWORD", "PQCONSOLE_URL")
_REMEDY = "The jobs go on here; pqconsole work on another terminal takes them up once they are stopped"

# kept, so that nobody takes a worker that goes on for one that was forgotten
_started: list[subprocess.Popen[bytes]] = []


@dataclass(frozen=True, slots=True)
class HandedOver:
    """What the worker took: ids it claimed, those that had ended meanwhile, sentences on others; process id and log."""

    claimed: tuple[int, ...]
    ended: tuple[int, ...]
    refused: tuple[str, ...]
    pid: int
    log: Path


class Successor:
    """The process that will go on, ready and waiting for the jobs."""

    def __init__(self, process: subprocess.Popen[bytes], line: socket.socket, log: Path) -> None:
        self._process = process
        self._line = line
        self._log = log

    def take(self, ids: Sequence[int], operations: Mapping[int, Purpose]) -> HandedOver:
        """Let it claim these jobs, and go on with these operations on ended ones; nothing holds them any more.

        Raises:
            OperationFailed: it does not answer; the message says how what was handed over is resumed.
        """
        self._line.settimeout(_CLAIM_SECONDS)
        begun = [[job_id, purpose.value] for job_id, purpose in sorted(operations.items())]
        answer = _exchange(self._line, {"jobs": list(ids), "operations": begun})
        if answer is None or "claimed" not in answer:
            raise OperationFailed(
                f"The worker that was started did not take the jobs; see {clean(str(self._log))}",
                resumed_by(ids, operations),
            )
        refused = tuple(clean(str(sentence)) for sentence in answer["refused"])
        return HandedOver(tuple(answer["claimed"]), tuple(answer["ended"]), refused, self._process.pid, self._log)


@contextmanager
def successor(workspace: Workspace) -> Iterator[Successor]:
    """Start the process and wait until it is ready. Left without ``take`` it ends by itself.

    Raises:
        OperationFailed: it cannot be started, or cannot open database or keyring; the message says why.
        KeyStoreError: the passphrase cannot be had.
    """
    from pqcore.handover import document_of  # with the keys, which only this needs

    document = document_of(workspace)
    log = _log_file(workspace.settings.data_dir)
    ours, theirs = socket.socketpair()
    with ours:
        try:
            process = _start(theirs.fileno(), log)
        finally:
            theirs.close()
        ours.settimeout(_READY_SECONDS)
        answer = _exchange(ours, document)
        if answer is None or not answer.get("ready"):
            why = clean(str((answer or {}).get("error", f"it ended; see {log}"))).rstrip(".")
            raise OperationFailed(f"No worker could be started: {why}", _REMEDY)
        yield Successor(process, ours, log)


def resumed_by(ids: Sequence[int], operations: Mapping[int, Purpose]) -> str:
    """What takes up jobs, and operations on ended ones, that nothing holds."""
    by = ["pqconsole work"] if ids else []
    for job_id, purpose in sorted(operations.items()):
        by.append(f"pqconsole {purpose.value} {job_id}" + (" --yes" if purpose is Purpose.FINALIZE else ""))
    return f"Nothing is lost; they are resumed by: {', '.join(by)}"


def _start(line: int, log: Path) -> subprocess.Popen[bytes]:
    env = {name: value for name, value in os.environ.items() if name not in _SECRET_VARIABLES}
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "pqtui", "work", "--handed-over", str(line)],
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            pass_fds=(line,),
            env=env,
            start_new_session=True,  # no terminal: nothing that happens to ours reaches it
        )
    except OSError as error:
        raise OperationFailed(f"No worker could be started: {error.strerror}", _REMEDY) from error
    finally:
        os.close(descriptor)
    _started[:] = [earlier for earlier in _started if earlier.poll() is None]
    _started.append(process)
    return process


def _log_file(data_dir: Path) -> Path:
    folder = data_dir / "work"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise OperationFailed(f"No worker could be started: {folder}: {error.strerror}", _REMEDY) from error
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
    return folder / f"{stamp}-{os.getpid()}.log"


def _exchange(line: socket.socket, message: dict[str, Any]) -> dict[str, Any] | None:
    """Send one line, read one line; None where the other side has gone or is silent."""
    with suppress(OSError):
        line.sendall(json.dumps(message).encode() + b"\n")
        return receive(line)
    return None


def receive(line: socket.socket) -> dict[str, Any] | None:
    """One message of the other side; None where it has gone."""
    read = bytearray()
    while not read.endswith(b"\n"):
        part = line.recv(1 << 16)
        if not part:
            return None
        read += part
    message: dict[str, Any] = json.loads(read)
    return message


def send(line: socket.socket, message: dict[str, Any]) -> None:
    """Send one message."""
    line.sendall(json.dumps(message).encode() + b"\n")
