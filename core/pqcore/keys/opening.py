"""The keys of a profile: its keyring, and Vault beside it where the profile names one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pqcore.keys.file import FileKeyProvider
from pqcore.keys.provider import KeyProvider
from pqcore.keys.sources import passphrase_source, vault_token
from pqcore.keys.vault_settings import VaultSettings
from pqcore.settings import Settings

if TYPE_CHECKING:
    from pqcore.keys.vault import VaultKeyProvider


def open_keys(settings: Settings, prompt: Callable[[str], str] | None = None) -> KeyProvider:
    """The key provider of these settings; asks for passphrase and token when they are first needed."""
    source = passphrase_source(settings, prompt)
    keyring = FileKeyProvider(settings.keyring, source, read_only=settings.read_only)
    if settings.vault is None:
        return keyring
    from pqcore.keys.combined import CombinedKeyProvider

    return CombinedKeyProvider(keyring, vault_keys(settings.vault))


def vault_keys(settings: VaultSettings) -> VaultKeyProvider:
    """The keys that Vault keeps. The network's modules are loaded only where they are used."""
    from pqcore.keys.vault import VaultKeyProvider

    return VaultKeyProvider(settings, vault_token(settings))
