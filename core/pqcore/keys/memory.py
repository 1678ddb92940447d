"""A key provider that forgets: keys live in this process only. For tests and trials."""

from __future__ import annotations

import threading

from pqcore.keys.entry import Material, generated, imported, in_state, new_key, refuse_deleted
from pqcore.keys.provider import Key, KeyInfo, KeyState
from pqcore.keys.reference import resolve


class MemoryKeyProvider:
    """Keeps keys in memory; safe for threads. Never for data that shall be read again by another process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._keys: dict[str, Key] = {}

    def list(self) -> list[KeyInfo]:
        with self._lock:
            return sorted((key.info for key in self._keys.values()), key=lambda info: (info.name, info.version))

    def info(self, ref: str) -> KeyInfo:
        return resolve(ref, self.list())

    def get(self, ref: str) -> Key:
        info = self.info(ref)
        refuse_deleted(info)
        return self._keys[info.id]

    def generate(self, name: str, algorithm: str, *, expanded: bool = False) -> KeyInfo:
        return self._store(name, generated(algorithm, expanded=expanded))

    def import_key(self, name: str, data: bytes, *, algorithm: str | None = None) -> KeyInfo:
        return self._store(name, imported(data, algorithm))

    def change_state(self, key_id: str, state: KeyState) -> KeyInfo:
        with self._lock:
            found = resolve(key_id, [known.info for known in self._keys.values()])
            changed = self._keys[found.id] = in_state(self._keys[found.id], state)
            return changed.info

    def unlock(self) -> None:
        return

    def handover(self) -> None:
        return None

    def _store(self, name: str, made: Material) -> KeyInfo:
        with self._lock:
            key = new_key(name, made, [known.info for known in self._keys.values()])
            self._keys[key.id] = key
            return key.info
