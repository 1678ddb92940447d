"""The keyring and Vault beside it: the keyring's names come first, and new keys are made in the keyring."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from pqcore.errors import KeyStoreError
from pqcore.keys.file import FileKeyProvider
from pqcore.keys.provider import Key, KeyInfo, KeyProvider, KeyState
from pqcore.keys.reference import check_name, parse_ref
from pqcore.keys.vault import VaultKeyProvider


class CombinedKeyProvider:
    """Implements ``KeyProvider``. What the keyring has is used without asking Vault, also while that is away."""

    def __init__(self, keyring: FileKeyProvider, vault: VaultKeyProvider) -> None:
        self._keyring = keyring
        self._vault = vault

    def list(self) -> list[KeyInfo]:
        return sorted([*self._keyring.list(), *self._vault.list()], key=lambda info: (info.name, info.version))

    def info(self, ref: str) -> KeyInfo:
        return self._owner(ref).info(ref)

    def get(self, ref: str) -> Key:
        return self._owner(ref).get(ref)

    def generate(self, name: str, algorithm: str, *, expanded: bool = False) -> KeyInfo:
        return self._own(name).generate(name, algorithm, expanded=expanded)

    def import_key(self, name: str, data: bytes, *, algorithm: str | None = None) -> KeyInfo:
        return self._own(name).import_key(name, data, algorithm=algorithm)

    def change_state(self, key_id: str, state: KeyState) -> KeyInfo:
        return self._owner(key_id).change_state(key_id, state)

    def unlock(self) -> None:
        self._keyring.unlock()
        self._vault.unlock()

    def handover(self) -> Callable[[], KeyProvider] | None:
        keyring = self._keyring.handover()
        return None if keyring is None else partial(_reopen, keyring, self._vault.handover())

    def _owner(self, ref: str) -> KeyProvider:
        name, _ = parse_ref(ref)
        if any(info.name == name for info in self._keyring.list()) or not self._vault.holds(name):
            return self._keyring  # which also says what is near, where it has none
        return self._vault

    def _own(self, name: str) -> FileKeyProvider:
        """The keyring, for a new key whose name does not hide one of Vault's."""
        known = any(info.name == name for info in self._keyring.list())
        if not known and self._vault.holds(check_name(name)):
            raise KeyStoreError(f"Vault has a key {name} already", "Choose another name for the keyring's key")
        return self._keyring


def _reopen(keyring: Callable[[], FileKeyProvider], vault: Callable[[], VaultKeyProvider]) -> CombinedKeyProvider:
    return CombinedKeyProvider(keyring(), vault())
