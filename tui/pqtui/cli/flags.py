"""What the flags of every command make together: the settings, and what a read-only session refuses."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from pqcore.errors import ReadOnlySession
from pqcore.settings import Settings, load

# keys bring the cryptography along, which the console does without until it needs one
if TYPE_CHECKING:
    from pqcore.keys.file import FileKeyProvider
    from pqcore.keys.provider import KeyProvider


def settings_of(args: argparse.Namespace) -> Settings:
    """The settings that the flags, the environment and the profile make together."""
    return load(
        url=args.url,
        profile=args.profile,
        read_only=args.read_only,
        operator=args.operator,
        threads=getattr(args, "threads", None),
    )


def all_keys(settings: Settings) -> KeyProvider:
    """The keys of the profile, those that a service keeps too; asks for what opens them when a secret is needed."""
    from pqcore.keys.opening import open_keys

    return open_keys(settings)


def keyring(settings: Settings) -> FileKeyProvider:
    """The key provider; asks for the passphrase when a secret is first needed."""
    from pqcore.keys.file import FileKeyProvider
    from pqcore.keys.sources import passphrase_source

    return FileKeyProvider(settings.keyring, passphrase_source(settings), read_only=settings.read_only)


def must_write(settings: Settings, doing: str) -> None:
    """Refuse early, in words of the command, what a read-only session may not do.

    Raises:
        ReadOnlySession: the session is read-only.
    """
    if settings.read_only:
        raise ReadOnlySession(
            f"This session is read-only and cannot {doing}",
            "Leave out --read-only, or take read_only out of the profile",
        )
