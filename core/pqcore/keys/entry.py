"""Making an entry of a keyring out of key material: version, fingerprint, and what is refused."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from pqcore.crypto import keys as crypto
from pqcore.errors import KeyStoreError, StateConflict
from pqcore.keys.provider import TRANSITIONS, Key, KeyInfo, KeyState
from pqcore.keys.reference import check_name

_FINGERPRINT_LABEL = b"pqconsole key fingerprint"


@dataclass(frozen=True, slots=True)
class Material:
    """The bytes of a key that is about to be stored, and where they come from."""

    algorithm: str
    origin: str
    secret: bytes | None = field(default=None, repr=False)
    public: bytes | None = field(default=None, repr=False)
    seal_secret: bytes | None = field(default=None, repr=False)


def generated(algorithm: str, *, expanded: bool = False) -> Material:
    """A new key of the algorithm, under its canonical name; ``expanded`` as in ``crypto.keys.generate``."""
    name = crypto.canonical_name(algorithm)
    made = crypto.generate(name, expanded=expanded)
    return Material(name, "generated", made.secret, made.public, made.seal_secret)


def imported(data: bytes, algorithm: str | None) -> Material:
    """A key made elsewhere: PEM or DER, or raw bytes of the named algorithm."""
    found = crypto.identify(data, algorithm)
    # Only who holds the private key can check the tag that this secret makes.
    seal_secret = crypto.seal_secret_for(found.algorithm) if found.secret is not None else None
    return Material(found.algorithm, "imported", found.secret, found.public, seal_secret)


def fingerprint(secret: bytes | None, public: bytes | None) -> str:
    """16 hexadecimal digits that tell keys apart: of the public key, of a symmetric key by HMAC-SHA-256 under it."""
    if public is not None:
        return hashlib.sha256(public).hexdigest()[:16]
    if secret is None:
        raise ValueError("a key has a secret or a public part")
    return hmac.new(secret, _FINGERPRINT_LABEL, hashlib.sha256).hexdigest()[:16]


def new_key(name: str, made: Material, others: Iterable[KeyInfo]) -> Key:
    """The key to be stored as ``name``: its first version, or the next one.

    Raises:
        KeyStoreError: the name is not usable, belongs to a key of another algorithm, or holds this very key.
    """
    versions = [info for info in others if info.name == check_name(name)]
    newest = max(versions, key=lambda info: info.version, default=None)
    if newest is not None and newest.algorithm != made.algorithm:
        raise KeyStoreError(
            f"The key {name} is a key for {newest.algorithm}, and its versions have to be of one algorithm",
            f"Choose another name for the {made.algorithm} key",
        )
    mark = fingerprint(made.secret, made.public)
    for info in reversed(versions):
        # A private key may follow its public half, and a key come back that was deleted; anything else would be the
        # same key twice.
        if info.state is KeyState.DELETED:
            continue
        if info.fingerprint == mark and (info.has_secret or made.secret is None):
            raise KeyStoreError(f"This key is in the keyring already, as {info.id}", f"Use {info.id}")
    info = KeyInfo(
        name=name,
        version=newest.version + 1 if newest else 1,
        algorithm=made.algorithm,
        created_at=_now(),
        origin=made.origin,
        fingerprint=mark,
        has_secret=made.secret is not None,
    )
    return Key(info=info, secret=made.secret, public=made.public, seal_secret=made.seal_secret)


def in_state(key: Key, state: KeyState) -> Key:
    """The key in another state; without its material where it is deleted.

    Raises:
        StateConflict: ``TRANSITIONS`` has no such step.
    """
    info = key.info
    if state not in TRANSITIONS[info.state]:
        raise StateConflict(f"The key {info.id} is {info.state} and cannot become {state}", _WAYS[info.state])
    changed = replace(info, state=state, state_since=_now())
    return Key(replace(changed, has_secret=False)) if state is KeyState.DELETED else replace(key, info=changed)


def refuse_deleted(info: KeyInfo) -> None:
    """Raises KeyStoreError for a key whose material is gone."""
    if info.state is KeyState.DELETED:
        when = f" on {info.state_since:%Y-%m-%d}" if info.state_since else ""
        raise KeyStoreError(f"The key {info.id} was deleted{when}", "Restore the keyring from a backup that has it")


_WAYS = {
    KeyState.ACTIVE: "Retire it first",
    KeyState.RETIRED: "Reactivate or delete it",
    KeyState.DELETED: "Restore the keyring from a backup that has it",
}


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
