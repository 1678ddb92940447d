"""The key provider that is always there: one encrypted file of this user alone. docs/KEYS.md specifies it."""

from __future__ import annotations

import shlex
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from pqcore.errors import KeyStoreError, ReadOnlySession
from pqcore.keys import keyring as document
from pqcore.keys.entry import Material, generated, imported, in_state, new_key, refuse_deleted
from pqcore.keys.keyring import Keyring
from pqcore.keys.private_files import BACKUPS, check_above, identity, locked, open_folder, read_private, replace_private
from pqcore.keys.provider import Key, KeyInfo, KeyState
from pqcore.keys.reference import check_name, resolve
from pqcore.keys.sealing import Cost, Derivation

_T = TypeVar("_T")


class FileKeyProvider:
    """Keys in one file (0600) in a folder of its own (0700), each secret sealed under a passphrase.

    What may be shown of the keys is readable without the passphrase; ``passphrase`` is called when a secret is
    needed or a key is stored, and its master key is kept in memory. Safe for threads and for several processes:
    a change by another process is seen at the next call. The file is made with the first key.

    Args:
        path: the keyring file.
        passphrase: gives the passphrase; raises KeyStoreError where there is none.
        cost: of Argon2id, for a keyring that is made; an existing one says its own.
        read_only: whatever would write the file raises ``ReadOnlySession``, before a passphrase is asked for.
    """

    def __init__(
        self, path: Path, passphrase: Callable[[], str], *, cost: Cost | None = None, read_only: bool = False
    ) -> None:
        self._read_only = read_only
        self._path = path
        self._passphrase = passphrase
        self._cost = cost or Cost()
        self._lock = threading.RLock()
        self._seen: tuple[tuple[int, ...], Keyring] | None = None
        self._master: tuple[Derivation, bytes] | None = None
        self._opened: dict[str, Key] = {}

    @property
    def path(self) -> Path:
        """The keyring file."""
        return self._path

    def list(self) -> list[KeyInfo]:
        keyring = self._load()
        return keyring.infos if keyring else []

    def info(self, ref: str) -> KeyInfo:
        return resolve(ref, self.list())

    def get(self, ref: str) -> Key:
        with self._lock:
            keyring = self._load()
            info = resolve(ref, keyring.infos if keyring else ())
            entry = keyring.entry(info.id) if keyring else None
            if keyring is None or entry is None:
                raise KeyStoreError(f"There is no key {ref}", "See pqconsole keys list")
            refuse_deleted(info)
            known = self._opened.get(info.id)
            # not the box: after a change of passphrase it is another one around the same key
            if known is not None and (known.info, known.public) == (entry.info, entry.public):
                return known
            key = self._opened[info.id] = self._open(keyring, entry)
            return key

    def generate(self, name: str, algorithm: str, *, expanded: bool = False) -> KeyInfo:
        check_name(name)
        self._must_write()
        return self._store(name, generated(algorithm, expanded=expanded))

    def import_key(self, name: str, data: bytes, *, algorithm: str | None = None) -> KeyInfo:
        check_name(name)
        self._must_write()
        return self._store(name, imported(data, algorithm))

    def unlock(self) -> None:
        with self._lock:
            keyring = self._load()
            if keyring is not None:
                self._unlocked(keyring)

    def handover(self) -> Callable[[], FileKeyProvider] | None:
        with self._lock:
            keyring = self._load()
            if keyring is None:
                return None
            return partial(_reopen, self._path, keyring.derivation, self._unlocked(keyring))

    def change_passphrase(self, passphrase: Callable[[], str]) -> tuple[Path, ...]:
        """Seal every key anew under another passphrase, with a salt of its own.

        Args:
            passphrase: gives the new one.

        Returns:
            The backups, newest first. They open with the passphrases of their time.

        Raises:
            KeyStoreError: there is no keyring, a passphrase is wrong, empty or the old one, or a key was changed.
            ReadOnlySession: the session is read-only.
        """
        self._must_write()
        with self._lock:
            keyring = self._load()
            if keyring is None:
                raise KeyStoreError(f"There is no keyring {self._path}", "Make one with pqconsole keys generate")
            old = self._unlocked(keyring)
            new = _not_empty(passphrase())
            if keyring.derivation.derive(new) == old:
                raise KeyStoreError("The new passphrase is the one the keyring has", "Choose another")
            derivation = Derivation.fresh(keyring.derivation.cost)
            master = derivation.derive(new)

            def change(current: Keyring, _: bytes) -> tuple[Keyring, None]:
                keys = [self._open(current, entry) for entry in current.entries]
                return document.new_keyring(derivation, master).with_keys(keys, master), None

            self._change(change)
            self._master = (derivation, master)
            names = (self._path.with_name(f"{self._path.name}.{number}") for number in range(1, BACKUPS + 1))
            return tuple(path for path in names if path.exists())

    def change_state(self, key_id: str, state: KeyState) -> KeyInfo:
        self._must_write()
        self.info(key_id)  # before a passphrase is asked for

        def change(keyring: Keyring, master: bytes) -> tuple[Keyring, KeyInfo]:
            entry = keyring.entry(resolve(key_id, keyring.infos).id)
            if entry is None:
                raise KeyStoreError(f"There is no key {key_id}", "See pqconsole keys list")
            key = in_state(self._open(keyring, entry), state)
            return keyring.with_changed(key, master), key.info

        return self._change(change)

    def _store(self, name: str, made: Material) -> KeyInfo:
        def add(keyring: Keyring, master: bytes) -> tuple[Keyring, KeyInfo]:
            key = new_key(name, made, keyring.infos)
            return keyring.with_key(key, master), key.info

        return self._change(add)

    def _must_write(self) -> None:
        if self._read_only:
            raise ReadOnlySession(
                f"This session is read-only; the keyring {self._path} is not changed",
                "Leave out --read-only, or take read_only out of the profile",
            )

    def _change(self, change: Callable[[Keyring, bytes], tuple[Keyring, _T]]) -> _T:
        """Write what ``change`` makes of the keyring and its master key, under the lock of all processes."""
        self._must_write()
        with self._lock:
            found = self._load()
            # Asks for the passphrase before the lock is taken: nobody else shall wait for a human.
            keyring = found or self._new()
            self._unlocked(keyring)
            try:
                with open_folder(self._path.parent, create=True) as folder, locked(f"{self._path.name}.lock", folder):
                    current, content = self._read(folder)
                    keyring = current or keyring
                    changed, answer = change(keyring, self._unlocked(keyring))
                    replace_private(self._path.name, document.dump(changed), folder, previous=content)
            except OSError as error:
                raise KeyStoreError(
                    f"The keyring {self._path} cannot be written: {error.strerror}",
                    "Check the free space and the permissions of its folder",
                ) from error
            return answer

    def _open(self, keyring: Keyring, entry: document.Entry) -> Key:
        key = document.open_entry(entry, self._unlocked(keyring))
        if key is None:
            raise KeyStoreError(
                f"The key {entry.info.id} in {self._path} was changed since it was stored",
                f"Restore the keyring from a backup, such as {self._path.name}.1",
            )
        return key

    def _new(self) -> Keyring:
        """An empty keyring that is not on disk yet; refused where one was lost."""
        backup = self._path.with_name(f"{self._path.name}.1")
        if backup.exists():
            raise KeyStoreError(
                f"The keyring {self._path} is missing, but its backup is there",
                f"Run cp -p {shlex.quote(str(backup))} {shlex.quote(str(self._path))}, or move the backups away",
            )
        derivation = Derivation.fresh(self._cost)
        return document.new_keyring(derivation, self._derive(derivation))

    def _load(self) -> Keyring | None:
        """The keyring as it is on disk now, None where there is none; parsed again only after a change."""
        with self._lock:
            try:
                with open_folder(self._path.parent) as folder:
                    if self._seen is not None and self._seen[0] == identity(self._path.name, folder):
                        return self._seen[1]
                    return self._read(folder)[0]
            except FileNotFoundError:
                return None

    def _read(self, folder: int) -> tuple[Keyring | None, bytes | None]:
        check_above(self._path)
        try:
            content, mark = read_private(self._path, folder, limit=document.MAX_BYTES)
        except FileNotFoundError:
            return None, None
        try:
            keyring = document.parse(content)
        except document.Malformed as error:
            raise KeyStoreError(
                f"{self._path} is not a keyring that can be read: {error}",
                f"Restore it from a backup, such as {self._path.name}.1",
            ) from error
        self._seen = (mark, keyring)
        return keyring, content

    def _derive(self, derivation: Derivation) -> bytes:
        if self._master is None or self._master[0] != derivation:
            self._master = (derivation, derivation.derive(_not_empty(self._passphrase())))
        return self._master[1]

    def _unlocked(self, keyring: Keyring) -> bytes:
        """The master key, checked against the keyring."""
        master = self._derive(keyring.derivation)
        if not keyring.opens_with(master):
            self._master = None  # the next call may have the right one
            raise KeyStoreError(
                f"The passphrase is wrong for the keyring {self._path}",
                "Try again with the passphrase it was made with",
            )
        return master


def _not_empty(passphrase: str) -> str:
    if not passphrase:
        raise KeyStoreError("The passphrase is empty", "Give the keyring a passphrase")
    return passphrase


def _reopen(path: Path, derivation: Derivation, master: bytes) -> FileKeyProvider:
    """The keyring in another process, which is given the master key and no passphrase."""
    provider = FileKeyProvider(path, _changed_since)
    provider._master = (derivation, master)
    return provider


def _changed_since() -> str:
    raise KeyStoreError("The keyring's passphrase was changed while the job ran", "Start the worker again")
