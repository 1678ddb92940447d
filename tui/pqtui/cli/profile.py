"""``pqconsole profile``: list, show, validate, schema. Needs no database and shows no secret."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pqcore.database.connect import parse_url
from pqcore.environment import variable
from pqcore.errors import ConfigurationError, ExitCode, UsageError
from pqcore.settings import Origin, Settings, config_file, load, problems, profile_names, profile_schema
from pqcore.text import clean
from pqtui.cli.flags import settings_of
from pqtui.cli.output import print_json, print_table

_VARIABLES = {
    "url": "PQCONSOLE_URL",
    "profile": "PQCONSOLE_PROFILE",
    "keyring": "PQCONSOLE_KEYRING",
    "read_only": "PQCONSOLE_READ_ONLY",
    "operator": "PQCONSOLE_OPERATOR",
    "threads": "PQCONSOLE_THREADS",
    "data_dir": "PQCONSOLE_HOME",
    "config_file": "PQCONSOLE_CONFIG",
}
_FLAGS = {"url": "--url", "profile": "--profile", "read_only": "--read-only", "operator": "--as"}
_PASSPHRASES = ("PQCONSOLE_PASSPHRASE", "PQCONSOLE_PASSPHRASE_FILE", "PQCONSOLE_PASSPHRASE_FD")
_PASSWORD = "PQCONSOLE_DATABASE_PASSWORD"  # noqa: S105 - a name, no password
_HIDDEN = "(not shown)"


@dataclass(frozen=True, slots=True)
class Value:
    """One setting: what it is, fit to be shown; which of flag, environment, profile and default gave it, and where."""

    name: str
    value: Any
    origin: Origin
    place: str

    def document(self) -> dict[str, Any]:
        """As JSON knows it."""
        return {"name": self.name, "value": self.value, "origin": self.origin.value, "place": self.place}


def list_profiles(args: argparse.Namespace) -> int:
    in_use = _name_in_use(args)
    rows = [_listed(name, name == in_use) for name in profile_names()]
    if args.json:
        print_json(rows)
    elif rows:
        print_table(
            ("NAME", "IN USE", "DATABASE", "READ-ONLY", "PRODUCTION", "LABEL"),
            (
                (row["name"], row["in_use"] or None, row["url"], row["read_only"], row["production"], row["label"])
                for row in rows
            ),
        )
    else:
        print(f"{clean(str(config_file()))} has no profiles; docs/PROFILES.md shows how to write one.", file=sys.stderr)
    return ExitCode.OK


def _name_in_use(args: argparse.Namespace) -> str | None:
    try:
        return settings_of(args).profile
    except ConfigurationError:  # the list is there to find out why
        return None


def _listed(name: str, in_use: bool) -> dict[str, Any]:
    row: dict[str, Any] = {"name": clean(name), "in_use": in_use}
    try:
        # what the profile itself says, whatever the environment overrides
        settings = load(profile=name, env=_without_overrides())
    except ConfigurationError as error:
        return {**row, "url": None, "read_only": None, "production": None, "label": "", "problem": str(error)}
    return {
        **row,
        "url": settings.shown_url,
        "read_only": settings.read_only,
        "production": settings.production,
        "label": settings.label,
        "problem": None,
    }


def _without_overrides() -> dict[str, str]:
    kept = ("PQCONSOLE_HOME", "PQCONSOLE_CONFIG")
    return {name: value for name, value in os.environ.items() if not name.startswith("PQCONSOLE_") or name in kept}


def show_profile(args: argparse.Namespace) -> int:
    if args.name is not None:
        if args.profile not in (None, args.name):
            raise UsageError(f"Two profiles are named, {args.profile} and {args.name}", "Name one")
        args.profile = args.name
    values = list(_values(settings_of(args)))
    if args.json:
        print_json([value.document() for value in values])
    else:
        print_table(("SETTING", "VALUE", "FROM", "WHERE"), ((v.name, v.value, v.origin, v.place) for v in values))
    return ExitCode.OK


def _values(settings: Settings) -> Iterator[Value]:
    def value(name: str, shown: Any) -> Value:
        origin = settings.origins[name]
        return Value(name, shown, origin, _place(name, origin, settings))

    yield value("profile", settings.profile)
    yield value("url", settings.shown_url)
    for name in ("read_only", "operator", "threads", "production", "label", "colour"):
        yield value(name, getattr(settings, name))
    yield value("keyring", str(settings.keyring))
    # names alone: a value may be a password of the driver's own
    yield value("connect_args", ", ".join(sorted(map(str, settings.connect_args))) or None)
    yield _secret("passphrase", settings, "passphrase_command", _PASSPHRASES, "asked for when it is needed")
    yield _secret("database password", settings, "password_command", (_PASSWORD,), "the URL, if any")
    yield value("vault", None if settings.vault is None else settings.vault.address)
    yield value("data_dir", str(settings.data_dir))
    yield value("config_file", str(settings.config_file))


def _secret(name: str, settings: Settings, command: str, variables: tuple[str, ...], default: str) -> Value:
    """Where a secret comes from. Of a command its program is shown: its arguments may hold another secret."""
    for given in variables:
        if variable(given):
            return Value(name, _HIDDEN, Origin.ENV, given)
    words: tuple[str, ...] | None = getattr(settings, command)
    if words:
        shown = f"what {clean(words[0], limit=80)} prints"
        return Value(name, shown, settings.origins[command], _place(command, settings.origins[command], settings))
    return Value(name, None, Origin.DEFAULT, default)


def _place(name: str, origin: Origin, settings: Settings) -> str:
    """Where exactly a value was given: a flag, a variable, or a key of the file."""
    match origin:
        case Origin.FLAG:
            return _FLAGS.get(name, f"--{name}")
        case Origin.ENV:
            return _VARIABLES[name]
        case Origin.PROFILE if name == "profile":
            return "default_profile"
        case Origin.PROFILE:
            return f"profiles.{clean(settings.profile or '', limit=64)}.{name}"
    return ""


def validate(args: argparse.Namespace) -> int:
    source = config_file()
    found = [*problems(), *_urls()]
    if args.json:
        listed = [{"problem": clean(error.message), "remedy": clean(error.remedy)} for error in found]
        print_json({"file": str(source), "exists": source.is_file(), "problems": listed})
    elif found:
        for error in found:
            print(f"pqconsole: {clean(str(error))}", file=sys.stderr)
    elif source.is_file():
        print(f"{clean(str(source))} can be used: {len(profile_names())} profiles.")
    else:
        print(f"There is no {clean(str(source))}: every value is a flag, a variable or the default.")
    return found[0].exit_code if found else ExitCode.OK


def _urls() -> Iterator[ConfigurationError]:
    """URLs that name no database. Nothing is connected to: that is what doctor does."""
    try:
        names = profile_names()
    except ConfigurationError:  # said already
        return
    for name in names:
        try:
            url = load(profile=name, env=_without_overrides()).url
        except ConfigurationError:  # said already
            continue
        try:
            parse_url(url)
        except ConfigurationError as error:
            yield ConfigurationError(f"profiles.{clean(name, limit=64)}.url: {error.message}", error.remedy)


def print_schema(_args: argparse.Namespace) -> int:
    print(json.dumps(profile_schema(), indent=2))
    return ExitCode.OK
