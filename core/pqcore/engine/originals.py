"""Old values kept for rollback, each sealed to a key of its own before it leaves this process."""

from __future__ import annotations

from typing import Any

from pqcore.errors import KeyStoreError
from pqcore.formats.context import Context
from pqcore.formats.wrapped_key import open_wrapped_key, seal
from pqcore.keys.provider import Key, KeyProvider, KeyState

KEY_NAME = "pqconsole-originals"
KEY_ALGORITHM = "ML-KEM-1024"


class OriginalsVault:
    """Seals old values of one table to the newest version of the key ``pqconsole-originals``, and opens them."""

    def __init__(self, keys: KeyProvider, key: Key, data_set: str, table: str) -> None:
        self._keys = keys
        self._key = key
        self._data_set = data_set
        self._table = table

    @classmethod
    def of(cls, keys: KeyProvider, data_set: str, table: str) -> OriginalsVault:
        """Use the key, or make it: it is stored durably before the first value is sealed to it."""
        try:
            key = keys.get(KEY_NAME)
        except KeyStoreError:
            if any(info.name == KEY_NAME and info.state is KeyState.ACTIVE for info in keys.list()):
                raise  # it is there but locked: never make a second one for that
            keys.generate(KEY_NAME, KEY_ALGORITHM)
            key = keys.get(KEY_NAME)
        return cls(keys, key, data_set, table)

    def seal(self, column: str, row_key: tuple[Any, ...], value: str | bytes | None) -> bytes:
        """A sealed old value; its first byte inside tells text (``s``) from binary (``b``) and NULL (``n``)."""
        match value:
            case None:
                plain = b"n"
            case str():
                plain = b"s" + value.encode()
            case _:
                plain = b"b" + bytes(value)
        return seal(plain, self._key, self._place(column, row_key, self._key.id))

    def open(self, column: str, row_key: tuple[Any, ...], sealed: bytes) -> str | bytes | None:
        """The old value. Raises ``FormatError`` or ``NotAuthentic`` where it was not sealed here for this row."""
        plain = open_wrapped_key(sealed, self._keys.get, self._place(column, row_key, ""))
        match plain[:1]:
            case b"n":
                return None
            case b"s":
                return plain[1:].decode()
        return plain[1:]

    def _place(self, column: str, row_key: tuple[Any, ...], key_id: str) -> Context:
        return Context(self._data_set, self._table, f"original:{column}", row_key, key_id)
