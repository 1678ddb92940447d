"""Who acts: the system user, the host, and the SSH client of the session, as the event log records them."""

from __future__ import annotations

import os
import pwd
import socket
from collections.abc import Mapping
from dataclasses import dataclass

from pqcore.text import clean

_USER_LIMIT = 128
_HOST_LIMIT = 255


@dataclass(frozen=True, slots=True)
class Actor:
    """Whoever runs this process.

    Attributes:
        user: name of the process's real user, at most 128 characters; ``uid 1000`` where it has no name.
        host: name of this host, at most 255 characters.
        ssh_client: address the SSH session came from, None outside SSH.
    """

    user: str
    host: str
    ssh_client: str | None = None

    def __str__(self) -> str:
        origin = f" from {self.ssh_client}" if self.ssh_client else ""
        return f"{self.user}@{self.host}{origin}"


def _user() -> str:
    # The password database, not $LOGNAME: the environment is the caller's to choose.
    uid = os.getuid()
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def _ssh_client(env: Mapping[str, str]) -> str | None:
    """First field (the client's address) of SSH_CONNECTION or SSH_CLIENT, as sshd sets them."""
    for name in ("SSH_CONNECTION", "SSH_CLIENT"):
        fields = env.get(name, "").split()
        if fields and (address := clean(fields[0], limit=_HOST_LIMIT)):
            return address
    return None


def current(env: Mapping[str, str] = os.environ) -> Actor:
    """The actor of this process; every value is safe to show."""
    return Actor(
        user=clean(_user(), limit=_USER_LIMIT),
        host=clean(socket.gethostname(), limit=_HOST_LIMIT),
        ssh_client=_ssh_client(env),
    )
