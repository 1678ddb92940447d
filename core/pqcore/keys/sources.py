"""Where the secrets come from that open things: the keyring's passphrase and the database password."""

from __future__ import annotations

import getpass
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from pqcore.errors import ConfigurationError, KeyStoreError, PQConsoleError
from pqcore.keys.private_files import read_private
from pqcore.settings import Settings
from pqcore.text import clean

_MAX_SECRET = 4096
_COMMAND_SECONDS = 120  # a password manager may ask for a touch or a PIN
_WAYS = (
    "Set PQCONSOLE_PASSPHRASE_FILE, PQCONSOLE_PASSPHRASE_FD or PQCONSOLE_PASSPHRASE, "
    "give the profile a passphrase_command, or run on a terminal"
)


class PassphraseSource:
    """Gives the keyring's passphrase: asks for it once, when it is first needed, and keeps it.

    In this order: ``PQCONSOLE_PASSPHRASE``, the file of ``PQCONSOLE_PASSPHRASE_FILE`` (0600), the descriptor of
    ``PQCONSOLE_PASSPHRASE_FD``, the profile's ``passphrase_command``, the prompt.
    """

    def __init__(
        self, settings: Settings, prompt: Callable[[str], str] | None, env: Mapping[str, str] = os.environ
    ) -> None:
        self._settings = settings
        self._prompt = prompt
        self._env = env
        self._lock = threading.Lock()
        self._known: str | None = None

    def __call__(self) -> str:
        """The passphrase.

        Raises:
            KeyStoreError: there is no way to get it, or the way that was chosen fails.
        """
        with self._lock:
            if self._known is None:
                self._known = self._ask()
            return self._known

    def forget(self) -> None:
        """Ask again at the next call, e.g. after a passphrase that was wrong."""
        with self._lock:
            self._known = None

    def _ask(self) -> str:
        if value := self._env.get("PQCONSOLE_PASSPHRASE"):
            return value
        if name := self._env.get("PQCONSOLE_PASSPHRASE_FILE"):
            return _first_line(_file(Path(name).expanduser()), "the file of PQCONSOLE_PASSPHRASE_FILE")
        if number := self._env.get("PQCONSOLE_PASSPHRASE_FD"):
            return _first_line(_descriptor(number), "the descriptor of PQCONSOLE_PASSPHRASE_FD")
        if command := self._settings.passphrase_command:
            return _run(command, "passphrase_command", KeyStoreError)
        return self._typed()

    def _typed(self) -> str:
        if self._prompt is None:
            raise KeyStoreError("The keyring's passphrase is needed and there is no terminal to ask on", _WAYS)
        keyring = self._settings.keyring
        try:
            if keyring.exists():
                return _not_empty(self._prompt(f"Passphrase of {clean(str(keyring))}: "), "the prompt")
            # A slip of the finger in a new passphrase would lock the keys away for good.
            first = _not_empty(self._prompt(f"New passphrase for {clean(str(keyring))}: "), "the prompt")
            if self._prompt("The same again: ") != first:
                raise KeyStoreError("The two passphrases differ", "Type the same passphrase twice")
        except EOFError as error:
            raise KeyStoreError("No passphrase was typed", _WAYS) from error
        return first


def passphrase_source(
    settings: Settings, prompt: Callable[[str], str] | None = None, env: Mapping[str, str] = os.environ
) -> PassphraseSource:
    """Where the passphrase comes from in this run; ``prompt`` stands in for asking on the terminal."""
    return PassphraseSource(settings, prompt or terminal_prompt(), env)


def terminal_prompt() -> Callable[[str], str] | None:
    """Asks on the terminal without echo; None where there is no terminal."""
    return getpass.getpass if sys.stdin is not None and sys.stdin.isatty() else None


def database_password(settings: Settings, env: Mapping[str, str] = os.environ) -> str | None:
    """``PQCONSOLE_DATABASE_PASSWORD``, else what the profile's ``password_command`` prints, else None.

    Raises:
        ConfigurationError: the command fails.
    """
    if value := env.get("PQCONSOLE_DATABASE_PASSWORD"):
        return value
    if settings.password_command:
        return _run(settings.password_command, "password_command", ConfigurationError)
    return None


def _file(path: Path) -> str:
    try:
        content, _ = read_private(path, limit=_MAX_SECRET)
    except FileNotFoundError as error:
        raise KeyStoreError(
            f"The passphrase file {path} does not exist", "Correct PQCONSOLE_PASSPHRASE_FILE"
        ) from error
    return content.decode("utf-8", "surrogateescape")


def _descriptor(number: str) -> str:
    try:
        with os.fdopen(os.dup(int(number)), "rb") as stream:
            return stream.read(_MAX_SECRET).decode("utf-8", "surrogateescape")
    except (ValueError, OSError) as error:
        raise KeyStoreError(
            "PQCONSOLE_PASSPHRASE_FD names no descriptor that can be read", "Pass an open one, as in 3<FILE"
        ) from error


def _run(command: tuple[str, ...], name: str, failure: type[PQConsoleError]) -> str:
    """First line of what a command prints. It talks to the terminal through standard error and /dev/tty."""
    program = clean(command[0], limit=80)  # its arguments may hold a secret
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=_COMMAND_SECONDS, check=False
        )
    except OSError as error:
        raise failure(f"The {name} {program} cannot be run: {error.strerror}", "Correct it in the profile") from error
    except subprocess.TimeoutExpired as error:
        raise failure(f"The {name} {program} gave no answer in {_COMMAND_SECONDS} seconds", "Run it by hand") from error
    if done.returncode:
        raise failure(f"The {name} {program} ended with exit code {done.returncode}", "Run it by hand to see why")
    try:
        return _first_line(done.stdout[:_MAX_SECRET].decode("utf-8", "surrogateescape"), f"the {name} {program}")
    except KeyStoreError as error:
        raise failure(error.message, error.remedy) from None


def _first_line(text: str, origin: str) -> str:
    return _not_empty(text.partition("\n")[0].rstrip("\r"), origin)


def _not_empty(text: str, origin: str) -> str:
    if not text:
        raise KeyStoreError(f"Nothing came from {origin}", "Give a secret that is not empty")
    return text
