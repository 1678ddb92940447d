"""From one version of a key to the next."""

from __future__ import annotations

from pqcore.crypto.keys import MLDSA_ALGORITHMS, expanded_parts
from pqcore.errors import KeyStoreError
from pqcore.keys.provider import KeyInfo, KeyProvider, KeyState


def rotate(keys: KeyProvider, name: str) -> KeyInfo:
    """Make the next version of a key, of its algorithm and in its form. Older ones stay active and read their values.

    Raises:
        KeyStoreError: there is no such key, or others make its versions.
    """
    versions = [info for info in keys.list() if info.name == name]
    if not versions:
        keys.info(name)  # says what is near
    newest = max(versions, key=lambda info: info.version)
    if not newest.has_secret and newest.state is not KeyState.DELETED:
        raise KeyStoreError(
            f"Only the public part of {newest.id} is held, so its next version is made elsewhere",
            f"Import it with pqconsole keys import {name} FILE",
        )
    expanded = False
    if newest.algorithm in MLDSA_ALGORITHMS and newest.state is not KeyState.DELETED:
        expanded = expanded_parts(newest.algorithm, keys.get(newest.id).secret or b"") is not None
    return keys.generate(name, newest.algorithm, expanded=expanded)
