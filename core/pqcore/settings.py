"""Settings: what flags, environment and profiles say, in that order, and which of them said it.

Profiles are tables of ``config.toml``; docs/PROFILES.md lists their keys.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import stat
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

import platformdirs

from pqcore.environment import variable
from pqcore.errors import ConfigurationError
from pqcore.keys.vault_settings import VaultSettings
from pqcore.text import clean

MAX_THREADS = 64
MAX_OPERATOR = 2**63 - 1
COLOURS = ("red", "yellow", "green", "blue", "magenta", "cyan", "white")

_T = TypeVar("_T")
_YES = frozenset({"1", "true", "yes", "on"})
_NO = frozenset({"0", "false", "no", "off", ""})
_PROFILE_KEYS = (
    "url",
    "keyring",
    "read_only",
    "operator",
    "threads",
    "passphrase_command",
    "password_command",
    "connect_args",
    "production",
    "label",
    "colour",
    "keys",
    "vault",
)
# These belong to the profile's own database: a password must never follow another URL.
_BOUND_TO_URL = frozenset({"operator", "password_command", "connect_args", "production", "label", "colour"})
_TOP_KEYS = ("default_profile", "profiles", "keys")
_SECRET_QUERY = re.compile(r"(?i)([?&;](?:password|passwd|pwd|passphrase|sslpassword|ssl_key_password)=)[^&;]*")


class Origin(StrEnum):
    """Where a value came from."""

    FLAG = "flag"
    ENV = "env"
    PROFILE = "profile"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Settings:
    """What one run of pqconsole works with.

    Attributes:
        url: database URL; may hold a password, so show ``shown_url`` instead.
        profile: name of the profile in use, None where there is none.
        keyring: file of the key provider.
        read_only: True where nothing may be written.
        operator: ``users.id`` that jobs are created by, None where it is not known.
        threads: worker threads, 1 to 64.
        vault: where Vault keeps keys beside the keyring, None where it does not.
        passphrase_command: argument vector that prints the keyring's passphrase.
        password_command: argument vector that prints the database password.
        connect_args: passed to the database driver as they are (TLS files and the like).
        production: True where the console marks the database as a production one.
        label: short text shown beside the URL.
        colour: colour of the label, one of ``COLOURS``, or empty.
        keys: id of an action of the console -> the keys it shall have instead of its own, as they were written.
        data_dir: where pqconsole keeps its own files.
        config_file: the file that was looked for, whether it exists or not.
        origins: name of each value above -> where it came from.
    """

    url: str = field(repr=False)
    profile: str | None
    keyring: Path
    read_only: bool
    operator: int | None
    threads: int
    passphrase_command: tuple[str, ...] | None = field(repr=False)
    password_command: tuple[str, ...] | None = field(repr=False)
    connect_args: Mapping[str, Any] = field(repr=False)
    production: bool
    label: str
    colour: str
    keys: Mapping[str, tuple[str, ...]]
    vault: VaultSettings | None
    data_dir: Path
    config_file: Path
    origins: Mapping[str, Origin]

    @property
    def shown_url(self) -> str:
        """The URL without its password."""
        return shown_url(self.url)


def shown_url(url: str) -> str:
    """The URL fit to be shown: every password in it is ``***``, control characters are gone."""
    scheme, colons, rest = clean(url).partition("://")
    rest = _SECRET_QUERY.sub(r"\1***", rest)
    if not colons or rest.startswith("/"):
        return f"{scheme}{colons}{rest}"
    # A password may hold an unescaped "@" or "?": hide rather too much than too little.
    head, question, query = rest.partition("?")
    if "@" not in head:
        head, question, query = rest, "", ""
    user_info, at, host = head.rpartition("@")
    if at and ":" in user_info:
        user_info = f"{user_info.partition(':')[0]}:***"
    return f"{scheme}{colons}{user_info}{at}{host}{question}{query}"


def holds_password(url: object) -> bool:
    """Whether a URL has a password in it."""
    return isinstance(url, str) and shown_url(url) != clean(url)


def data_dir(env: Mapping[str, str] = os.environ) -> Path:
    """Folder of pqconsole's own files: ``PQCONSOLE_HOME``, else the platform's data directory of the user."""
    home = env.get("PQCONSOLE_HOME")
    return _absolute(home) if home else Path(platformdirs.user_data_dir("pqconsole", appauthor=False))


def config_file(env: Mapping[str, str] = os.environ) -> Path:
    """The profiles' file: ``PQCONSOLE_CONFIG``, else ``config.toml`` in the user's configuration directory."""
    given = env.get("PQCONSOLE_CONFIG")
    if given:
        return _absolute(given)
    return Path(platformdirs.user_config_dir("pqconsole", appauthor=False)) / "config.toml"


def load(
    *,
    url: str | None = None,
    profile: str | None = None,
    read_only: bool | None = None,
    operator: int | None = None,
    threads: int | None = None,
    env: Mapping[str, str] = os.environ,
) -> Settings:
    """Settings from flags (the arguments; None where not given), environment and profile.

    The database is the one of ``url``, else of a profile named by flag, else of ``PQCONSOLE_URL``, else of the
    profile, else a SQLite file in the data directory.

    Raises:
        ConfigurationError: a value cannot be used; the message names file and key, or variable.
    """
    source = config_file(env)
    if "PQCONSOLE_CONFIG" in env and env["PQCONSOLE_CONFIG"] and not source.is_file():
        raise ConfigurationError(f"PQCONSOLE_CONFIG names {source}, which is no file", "Correct or unset the variable")
    document = _read(source)
    name, name_origin = _profile_name(profile, env, document, source)
    table = _profile_table(name, document, source)

    folder = data_dir(env)
    default_url = f"sqlite:///{folder / 'pqconsole.sqlite'}"
    own_url = table.get("url")
    env_url = variable("PQCONSOLE_URL", env)
    if profile is not None and own_url is not None:
        env_url = None  # a profile asked for by name means its own database
    chosen_url, url_origin = _first(
        (Origin.FLAG, url or None), (Origin.ENV, env_url), (Origin.PROFILE, own_url), default=default_url
    )
    if own_url is not None and url_origin is not Origin.PROFILE:
        table = {key: value for key, value in table.items() if key not in _BOUND_TO_URL}

    values: dict[str, tuple[Any, Origin]] = {
        "url": (chosen_url, url_origin),
        "profile": (name, name_origin),
        "keyring": _first(
            (Origin.ENV, _absolute(env["PQCONSOLE_KEYRING"]) if env.get("PQCONSOLE_KEYRING") else None),
            (Origin.PROFILE, table.get("keyring")),
            default=folder / "keys" / "keyring.json",
        ),
        "read_only": _first(
            (Origin.FLAG, read_only),
            (Origin.ENV, _env(env, "PQCONSOLE_READ_ONLY", _flag)),
            (Origin.PROFILE, table.get("read_only")),
            default=False,
        ),
        "operator": _first(
            (Origin.FLAG, _checked(operator, _operator, "--as")),
            (Origin.ENV, _env(env, "PQCONSOLE_OPERATOR", _operator)),
            (Origin.PROFILE, table.get("operator")),
            default=None,
        ),
        "threads": _first(
            (Origin.FLAG, _checked(threads, _threads, "--threads")),
            (Origin.ENV, _env(env, "PQCONSOLE_THREADS", _threads)),
            (Origin.PROFILE, table.get("threads")),
            default=min(8, os.cpu_count() or 1),
        ),
    }
    for key, default in (
        ("passphrase_command", None),
        ("password_command", None),
        ("connect_args", {}),
        ("production", False),
        ("label", ""),
        ("colour", ""),
        ("vault", None),
    ):
        values[key] = _first((Origin.PROFILE, table.get(key)), default=default)
    # the profile's keys add to those of the file, action by action
    shared = _checked(document.get("keys"), _keys, f"{source}: keys")
    values["keys"] = _first((Origin.PROFILE, {**(shared or {}), **table.get("keys", {})} or None), default={})
    values["data_dir"] = (folder, Origin.ENV if env.get("PQCONSOLE_HOME") else Origin.DEFAULT)
    values["config_file"] = (source, Origin.ENV if env.get("PQCONSOLE_CONFIG") else Origin.DEFAULT)
    return Settings(
        **{key: value for key, (value, _) in values.items()},
        origins={key: origin for key, (_, origin) in values.items()},
    )


def profile_names(env: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """The profiles of the file, in its order; empty where there is no file.

    Raises:
        ConfigurationError: the file cannot be used.
    """
    return tuple(_read(config_file(env)).get("profiles", {}))


def problems(env: Mapping[str, str] = os.environ) -> list[ConfigurationError]:
    """Everything that is wrong with the file, over all its profiles; empty where all can be used."""
    source = config_file(env)
    try:
        document = _read(source)
        name, origin = _profile_name(None, {}, document, source)
    except ConfigurationError as error:
        return [error]
    found: list[ConfigurationError] = []
    try:
        _checked(document.get("keys"), _keys, f"{source}: keys")
    except ConfigurationError as error:
        found.append(error)
    profiles: Mapping[str, Mapping[str, Any]] = document.get("profiles", {})
    for profile, table in profiles.items():
        for key, value in table.items():
            try:
                _profile_table(profile, {"profiles": {profile: {key: value}}}, source)
            except ConfigurationError as error:
                found.append(error)
    if origin is Origin.PROFILE and name not in profiles:
        found.append(ConfigurationError(f"{source}: default_profile names no profile", "Name one of the profiles"))
    return found


def profile_schema() -> dict[str, Any]:
    """The JSON Schema of the file, as shipped."""
    from importlib import resources  # a console starts the sooner without

    text = (resources.files("pqcore") / "profiles.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def _first(*candidates: tuple[Origin, Any], default: Any) -> tuple[Any, Origin]:
    """The first value given, with where it came from."""
    for origin, value in candidates:
        if value is not None:
            return value, origin
    return default, Origin.DEFAULT


def _absolute(path: str, base: Path | None = None) -> Path:
    try:
        expanded = Path(path).expanduser()
    except RuntimeError:  # "~nobody" names no user
        expanded = Path(path)
    return (base or Path.cwd()) / expanded


# ---- reading config.toml


def _read(path: Path) -> Mapping[str, Any]:
    """The file's content; an absent file is an empty one."""
    try:
        with path.open("rb") as stream:
            document = tomllib.load(stream)
            mode = os.fstat(stream.fileno()).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be read: {error.strerror}", "Correct the file's permissions"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        where = clean(str(error)) if isinstance(error, tomllib.TOMLDecodeError) else "it is not UTF-8"
        raise ConfigurationError(f"{path} is not valid TOML: {where}", "Correct the file at that place") from error
    _known(document, _TOP_KEYS, path, "")
    profiles = document.get("profiles", {})
    if not isinstance(profiles, dict) or not all(isinstance(table, dict) for table in profiles.values()):
        raise ConfigurationError(f"{path}: profiles is not a table of profiles", "Write [profiles.NAME] tables")
    if mode & (stat.S_IRWXG | stat.S_IRWXO) and any(holds_password(t.get("url")) for t in profiles.values()):
        raise ConfigurationError(
            f"{path} holds a password and can be read by other users",
            f"Run chmod 600 {shlex.quote(str(path))}, or use password_command",
        )
    return document


def _known(table: Mapping[str, Any], names: tuple[str, ...], path: Path, place: str) -> None:
    for key in table:
        if key not in names:
            near = get_close_matches(key, names, n=1)
            hint = f"Did you mean {near[0]}" if near else f"Use one of {', '.join(names)}"
            raise ConfigurationError(f"{path}: {place}{clean(key, limit=64)} is not a known key", hint)


def _profile_name(
    flag: str | None, env: Mapping[str, str], document: Mapping[str, Any], path: Path
) -> tuple[str | None, Origin]:
    default = document.get("default_profile")
    if default is not None and not isinstance(default, str):
        raise ConfigurationError(f"{path}: default_profile is not a text", "Name one of the profiles, in quotes")
    name, origin = _first(
        (Origin.FLAG, flag or None),
        (Origin.ENV, env.get("PQCONSOLE_PROFILE") or None),
        (Origin.PROFILE, default),
        default=None,
    )
    return name, origin


def _profile_table(name: str | None, document: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """The profile's values, each checked and converted."""
    if name is None:
        return {}
    profiles: Mapping[str, Mapping[str, Any]] = document.get("profiles", {})
    if name not in profiles:
        near = get_close_matches(name, profiles, n=1, cutoff=0.4)
        hint = f"Did you mean {near[0]}" if near else f"Add a table [profiles.{clean(name, limit=64)}] to the file"
        raise ConfigurationError(f"{path} has no profile {clean(name, limit=64)}", hint)
    place = f"profiles.{clean(name, limit=64)}."
    _known(profiles[name], _PROFILE_KEYS, path, place)
    convert: Mapping[str, Callable[[Any], Any]] = {
        "url": _text,
        "keyring": lambda value: _absolute(_text(value), path.parent),
        "read_only": _boolean,
        "operator": _operator,
        "threads": _threads,
        "passphrase_command": _command,
        "password_command": _command,
        "connect_args": _table,
        "production": _boolean,
        "label": lambda value: clean(_text(value), limit=32),
        "colour": _colour,
        "keys": _keys,
        "vault": lambda value: _vault(value, path.parent),
    }
    return {key: _checked(value, convert[key], f"{path}: {place}{key}") for key, value in profiles[name].items()}


# ---- one value: a converter raises ValueError with what it wants


def _checked(value: Any, convert: Callable[[Any], _T], place: str) -> _T | None:
    if value is None:
        return None
    try:
        return convert(value)
    except ValueError as error:
        raise ConfigurationError(f"{place} cannot be used", f"It has to be {error}") from error


def _env(env: Mapping[str, str], name: str, convert: Callable[[Any], _T]) -> _T | None:
    return _checked(env.get(name) or None, convert, name)


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("a text that is not empty")
    return value


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def _flag(value: Any) -> bool:
    word = str(value).strip().lower()
    if word not in _YES | _NO:
        raise ValueError("1 or 0")
    return word in _YES


def _whole(value: Any, low: int, high: int) -> int:
    wanted = f"a whole number from {low} to {high}"
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,19}", value.strip()):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ValueError(wanted)
    return value


def _operator(value: Any) -> int:
    return _whole(value, 0, MAX_OPERATOR)


def _threads(value: Any) -> int:
    return _whole(value, 1, MAX_THREADS)


def _command(value: Any) -> tuple[str, ...]:
    wanted = "a command line, or a list of the command and its arguments"
    if isinstance(value, str):
        try:
            value = shlex.split(value)
        except ValueError as error:
            raise ValueError(wanted) from error
    if not isinstance(value, list) or not value or not all(isinstance(word, str) for word in value):
        raise ValueError(wanted)
    return tuple(value)


def _vault(value: Any, folder: Path) -> VaultSettings:
    names = [each.name for each in fields(VaultSettings)]
    if not isinstance(value, dict) or "address" not in value or not set(value) <= set(names):
        raise ValueError(f"a table with an address and nothing else than {', '.join(names)}")
    table = value
    made: dict[str, Any] = {name: _text(table[name]) for name in ("address", "mount", "namespace") if name in table}
    made |= {name: str(_absolute(_text(table[name]), folder)) for name in ("ca_file", "token_file") if name in table}
    if "token_command" in table:
        made["token_command"] = _command(table["token_command"])
    if "seconds" in table:
        if not isinstance(table["seconds"], int):
            raise ValueError("a table whose seconds are a whole number")
        made["seconds"] = float(_whole(table["seconds"], 1, 300))
    return VaultSettings(**made)


def _table(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("a table of driver arguments")
    return value


def _colour(value: Any) -> str:
    if value not in COLOURS:
        raise ValueError(f"one of {', '.join(COLOURS)}")
    return str(value)


def _keys(value: Any) -> dict[str, tuple[str, ...]]:
    """Which actions there are is the console's to say; here only the form is looked at."""
    wanted = 'a table of actions and their keys, such as pause = "p" or quit = ["q", "ctrl+q"]'
    if not isinstance(value, dict):
        raise ValueError(wanted)
    keys: dict[str, tuple[str, ...]] = {}
    for action, given in value.items():
        texts = [given] if isinstance(given, str) else given
        if not isinstance(texts, list) or not texts or not all(isinstance(text, str) and text for text in texts):
            raise ValueError(wanted)
        keys[action] = tuple(texts)
    return keys
