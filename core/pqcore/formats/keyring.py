"""What reading a stored value needs of keys: a function from a key id to a key, or a key provider."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from pqcore.errors import KeyStoreError


class KeyLike(Protocol):
    """A key with its material, as ``pqcore.keys.provider.Key`` describes it."""

    @property
    def id(self) -> str: ...
    @property
    def algorithm(self) -> str: ...
    @property
    def secret(self) -> bytes | None: ...
    @property
    def public(self) -> bytes | None: ...
    @property
    def seal_secret(self) -> bytes | None: ...


class Keyring(Protocol):
    """Anything with ``get``: a key provider."""

    def get(self, ref: str) -> KeyLike: ...


KeySource = Callable[[str], KeyLike] | Keyring


def lookup(keys: KeySource, key_id: str) -> KeyLike:
    """The key of this id. Raises KeyStoreError where it is missing or another one came back."""
    try:
        key = keys(key_id) if callable(keys) else keys.get(key_id)
    except KeyError:
        raise KeyStoreError(f"The key {key_id} is not available", "Import it, or restore the keyring") from None
    if ":" in key_id and key.id != key_id:
        raise KeyStoreError(f"The key {key_id} was asked for and {key.id} came back", "Check the key source")
    return key


def secret_of(key: KeyLike) -> bytes:
    """The secret part. Raises KeyStoreError where only the public part is held."""
    if key.secret is None:
        raise KeyStoreError(f"Only the public part of the key {key.id} is held", "Import the private key")
    return key.secret


def public_of(key: KeyLike) -> bytes:
    """The public part. Raises KeyStoreError for a symmetric key."""
    if key.public is None:
        raise KeyStoreError(f"The key {key.id} ({key.algorithm}) has no public part", "Name a public-key pair")
    return key.public
