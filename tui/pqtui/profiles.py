"""The profiles that a running console can go to."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pqcore.errors import ConfigurationError
from pqcore.settings import config_file, load, profile_names
from pqcore.text import clean
from pqcore.workspace import Workspace
from pqtui.badge import badge_of

# opens the profile of this name; blocks, and may ask for a passphrase
Reopen = Callable[[str], Workspace]


@dataclass(frozen=True, slots=True)
class Choice:
    """A profile: its name as the file has it, and one line on it that is safe to show."""

    name: str
    text: str
    in_use: bool


def choices(in_use: str | None, env: Mapping[str, str] = os.environ) -> list[Choice]:
    """The profiles of the file. Blocks on the disk.

    Raises:
        ConfigurationError: the file cannot be read.
    """
    return [_choice(name, name == in_use, env) for name in profile_names(env)]


def _choice(name: str, in_use: bool, env: Mapping[str, str]) -> Choice:
    words = [clean(name, limit=40)]
    try:
        settings = load(profile=name, env=env)
    except ConfigurationError as error:
        # of the one file that all profiles are in, so that its path does not push the reason out of sight
        words.append(clean(str(error).removeprefix(f"{config_file(env)}: "), limit=120))
    else:
        badge = badge_of(settings)
        words += [badge.word] if badge is not None else []
        words += [settings.shown_url, *(["read-only"] if settings.read_only else [])]
    words += ["(in use)"] if in_use else []
    return Choice(name, "  ".join(words), in_use)
