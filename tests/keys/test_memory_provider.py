"""The provider that forgets keeps the same promises as the file."""

import pytest

from pqcore.errors import KeyStoreError
from pqcore.keys.memory import MemoryKeyProvider
from pqcore.keys.provider import KeyProvider


def test_keys_are_versioned_and_found() -> None:
    provider: KeyProvider = MemoryKeyProvider()
    provider.generate("kek", "aes-256")
    provider.generate("kek", "AES-256")
    provider.import_key("old", bytes(16), algorithm="AES-128")
    assert [info.id for info in provider.list()] == ["kek:1", "kek:2", "old:1"]
    assert provider.get("kek").id == "kek:2"
    assert provider.get("old").secret == bytes(16)
    assert provider.info("old").origin == "imported"
    with pytest.raises(KeyStoreError, match="no key new"):
        provider.get("new")
