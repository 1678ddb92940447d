"""Where the secrets come from that open things: the keyring's passphrase and the database password."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from pqcore.environment import variable, withhold
from pqcore.errors import ConfigurationError, KeyStoreError, PQConsoleError
from pqcore.keys.private_files import read_private
from pqcore.keys.vault_settings import VaultSettings
from pqcore.settings import Settings, holds_password
from pqcore.text import clean

_MAX_SECRET = 4096
_COMMAND_SECONDS = 120  # a password manager may ask for a touch or a PIN


class PassphraseSource:
    """Gives a passphrase of the keyring, and keeps none: who asked keeps the master key that it makes.

    In this order: the variable ``PQCONSOLE_PASSPHRASE``, the file of ``PQCONSOLE_PASSPHRASE_FILE`` (0600), the
    descriptor of ``PQCONSOLE_PASSPHRASE_FD``, the profile's ``passphrase_command``, the prompt. A new passphrase of a
    keyring that is there comes from ``PQCONSOLE_NEW_PASSPHRASE``, its ``_FILE`` or ``_FD``, or the prompt.

    Args:
        prompt: asks on the terminal; None where there is none.
        env: where the variables are.
        new: whether the passphrase is one that takes the place of another.
    """

    def __init__(
        self,
        settings: Settings,
        prompt: Callable[[str], str] | None,
        env: Mapping[str, str] = os.environ,
        *,
        new: bool = False,
    ) -> None:
        self._settings = settings
        self._prompt = prompt
        self._env = env
        self._new = new
        self._variable = "PQCONSOLE_NEW_PASSPHRASE" if new else "PQCONSOLE_PASSPHRASE"
        withhold()

    def __call__(self) -> str:
        """The passphrase.

        Raises:
            KeyStoreError: there is no way to get it, or the way that was chosen fails.
        """
        name = self._variable
        if value := variable(name, self._env):
            return value
        if path := self._env.get(f"{name}_FILE"):
            return _first_line(_file(Path(path).expanduser(), f"{name}_FILE"), f"the file of {name}_FILE")
        if number := self._env.get(f"{name}_FD"):
            return _first_line(_descriptor(number, f"{name}_FD"), f"the descriptor of {name}_FD")
        if not self._new and (command := self._settings.passphrase_command):
            return _run(command, "passphrase_command", KeyStoreError)
        return self._typed()

    def _typed(self) -> str:
        name = self._variable
        ways = f"Set {name}_FILE, {name}_FD or {name}, " + (
            "or run on a terminal" if self._new else "give the profile a passphrase_command, or run on a terminal"
        )
        if self._prompt is None:
            what = "new passphrase" if self._new else "keyring's passphrase"
            raise KeyStoreError(f"The {what} is needed and there is no terminal to ask on", ways)
        keyring = clean(str(self._settings.keyring))
        try:
            if not self._new and self._settings.keyring.exists():
                return _not_empty(self._prompt(f"Passphrase of {keyring}: "), "the prompt")
            # A slip of the finger in a new passphrase would lock the keys away for good.
            first = _not_empty(self._prompt(f"New passphrase for {keyring}: "), "the prompt")
            if self._prompt("The same again: ") != first:
                raise KeyStoreError("The two passphrases differ", "Type the same passphrase twice")
        except EOFError as error:
            raise KeyStoreError("No passphrase was typed", ways) from error
        return first


def passphrase_source(
    settings: Settings, prompt: Callable[[str], str] | None = None, env: Mapping[str, str] = os.environ
) -> PassphraseSource:
    """Where the passphrase comes from in this run; ``prompt`` stands in for asking on the terminal."""
    return PassphraseSource(settings, prompt or terminal_prompt(), env)


def new_passphrase_source(
    settings: Settings, prompt: Callable[[str], str] | None = None, env: Mapping[str, str] = os.environ
) -> PassphraseSource:
    """Where a passphrase comes from that takes the place of the keyring's present one."""
    return PassphraseSource(settings, prompt or terminal_prompt(), env, new=True)


def vault_token(settings: VaultSettings, env: Mapping[str, str] = os.environ) -> Callable[[], str]:
    """Where the token for Vault comes from: ``VAULT_TOKEN``, the profile's ``token_file`` or ``token_command``."""
    withhold()

    def ask() -> str:
        if value := variable("VAULT_TOKEN", env):
            return value
        if settings.token_file is not None:
            return _first_line(_file(Path(settings.token_file), "token_file"), "the token_file")
        if settings.token_command is not None:
            return _run(settings.token_command, "token_command", KeyStoreError)
        raise KeyStoreError("Vault needs a token", "Set VAULT_TOKEN, or give the profile a token_file or token_command")

    return ask


def child_environment() -> dict[str, str]:
    """The environment of a child: without the variables with a secret, and without a URL that holds a password."""
    withhold()
    url = os.environ.get("PQCONSOLE_URL", "")
    hidden = {"PQCONSOLE_URL"} if holds_password(url) else set()
    return {name: value for name, value in os.environ.items() if name not in hidden}


def terminal_prompt() -> Callable[[str], str] | None:
    """Asks on the terminal without echo; None where there is no terminal."""
    return getpass.getpass if sys.stdin is not None and sys.stdin.isatty() else None


def database_password(settings: Settings, env: Mapping[str, str] = os.environ) -> str | None:
    """``PQCONSOLE_DATABASE_PASSWORD``, else what the profile's ``password_command`` prints, else None.

    Raises:
        ConfigurationError: the command fails.
    """
    withhold()
    if value := variable("PQCONSOLE_DATABASE_PASSWORD", env):
        return value
    if settings.password_command:
        return _run(settings.password_command, "password_command", ConfigurationError)
    return None


def _file(path: Path, name: str) -> str:
    try:
        content, _ = read_private(path, limit=_MAX_SECRET)
    except FileNotFoundError as error:
        raise KeyStoreError(f"The file {path} of {name} does not exist", "Correct it") from error
    return content.decode("utf-8", "surrogateescape")


def _descriptor(number: str, variable: str) -> str:
    try:
        with os.fdopen(os.dup(int(number)), "rb") as stream:
            return stream.read(_MAX_SECRET).decode("utf-8", "surrogateescape")
    except (ValueError, OSError) as error:
        raise KeyStoreError(
            f"{variable} names no descriptor that can be read", "Pass an open one, as in 3<FILE"
        ) from error


def _run(command: tuple[str, ...], name: str, failure: type[PQConsoleError]) -> str:
    """First line of what a command prints. It talks to the terminal through standard error and /dev/tty."""
    import subprocess  # a console starts the sooner without

    program = clean(command[0], limit=80)  # its arguments may hold a secret
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            env=child_environment(),
            timeout=_COMMAND_SECONDS,
            check=False,
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
