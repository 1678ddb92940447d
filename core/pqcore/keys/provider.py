"""Where keys live: the interface of a key provider and what a key is.

Material is raw standard encodings: RSA, EC and Edwards curve private keys as PKCS#8 DER and public keys as
SubjectPublicKeyInfo DER; AES keys, HMAC keys and peppers as raw bytes; ML-KEM (64 bytes), ML-DSA (32 bytes) and
hybrid HPKE keys (32 bytes, draft-ietf-hpke-pq) as their seed, with raw public keys.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from pqcore.errors import PQConsoleError


class KeyState(StrEnum):
    """What a version of a key may be used for."""

    ACTIVE = "active"  # reads what there is, and is chosen for new values
    RETIRED = "retired"  # reads what there is, and is never chosen for new values
    DELETED = "deleted"  # its secret is gone; the version stays known, so that no number is used twice


# Who may go where: `keys retire`, `keys reactivate`, `keys delete`. Deleting has no way back but a backup.
TRANSITIONS: Mapping[KeyState, frozenset[KeyState]] = {
    KeyState.ACTIVE: frozenset({KeyState.RETIRED}),
    KeyState.RETIRED: frozenset({KeyState.ACTIVE, KeyState.DELETED}),
    KeyState.DELETED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """What may be shown of a key.

    Attributes:
        name: letters, digits, ``.``, ``_`` and ``-``; 1 to 64 characters.
        version: counts from 1.
        algorithm: e.g. ``RSA-2048``, ``AES-128``, ``AES-256``, ``Ed25519``, ``ECDSA-P256``, ``ML-KEM-768+X25519``,
            ``ML-KEM-768``, ``ML-DSA-65``, ``HMAC-SHA-256``, ``PEPPER``.
        created_at: UTC.
        origin: ``generated`` or ``imported``; ``vault`` for a key that Vault keeps.
        fingerprint: first 16 hexadecimal digits of SHA-256 of the public key; of a symmetric key, of an HMAC under
            it of a fixed label (it tells keys apart and reveals nothing); empty where nobody can tell.
        has_secret: False where only a public key is held.
        state: what it may be used for.
        state_since: when it got there, UTC; None for a key that was never retired.
    """

    name: str
    version: int
    algorithm: str
    created_at: datetime
    origin: str
    fingerprint: str
    has_secret: bool
    state: KeyState = KeyState.ACTIVE
    state_since: datetime | None = None

    @property
    def id(self) -> str:
        """``name:version``, the form stored in envelopes and signatures."""
        return f"{self.name}:{self.version}"


class RemoteKey(Protocol):
    """A key that a service keeps and uses. A request is (form, value, its parameters), as ``legacy_wrap`` has them."""

    def open(self, form: Any, wrapped: bytes, parameters: Any) -> bytes:
        """The data key. Raises NotAuthentic, KeyStoreError, KeyServiceUnavailable."""
        ...

    def open_all(self, requests: Sequence[tuple[Any, bytes, Any]]) -> Sequence[bytes | PQConsoleError]:
        """The data key of each request, or why there is none. Raises KeyServiceUnavailable."""
        ...


@dataclass(frozen=True, slots=True)
class Key:
    """A key with its material; never printed.

    Attributes:
        secret: private or symmetric key bytes, None where only the public key is held.
        public: public key bytes, None for symmetric keys.
        seal_secret: 32 random bytes kept with a KEM key: the key of the tag that says who sealed an envelope.
        remote: opens values in old forms, for a key whose secret stays with a service; None where ``secret`` does.
    """

    info: KeyInfo
    secret: bytes | None = field(default=None, repr=False)
    public: bytes | None = field(default=None, repr=False)
    seal_secret: bytes | None = field(default=None, repr=False)
    remote: RemoteKey | None = field(default=None, repr=False, compare=False)

    @property
    def id(self) -> str:
        return self.info.id

    @property
    def algorithm(self) -> str:
        return self.info.algorithm


class KeyProvider(Protocol):
    """A place where keys live. Every method raises ``KeyStoreError`` with a remedy when it cannot answer."""

    def list(self) -> list[KeyInfo]:
        """All keys and versions, by name and version, whatever their state. Needs no passphrase."""
        ...

    def info(self, ref: str) -> KeyInfo:
        """What may be shown of ``name`` (its newest active version) or ``name:version``. Needs no passphrase."""
        ...

    def get(self, ref: str) -> Key:
        """The key ``name`` (its newest active version) or ``name:version``, also retired, with its material."""
        ...

    def generate(self, name: str, algorithm: str, *, expanded: bool = False) -> KeyInfo:
        """Make a key (or the next version of one), stored durably before this returns.

        ``expanded`` makes an ML-DSA key in the form that liboqs signs with (``crypto.keys.generate``).
        """
        ...

    def import_key(self, name: str, data: bytes, *, algorithm: str | None = None) -> KeyInfo:
        """Store a key made elsewhere: PEM or DER (private or public), or raw bytes with ``algorithm``."""
        ...

    def change_state(self, key_id: str, state: KeyState) -> KeyInfo:
        """Retire, reactivate or delete ``name:version``, along ``TRANSITIONS``. Whether it is used is not looked at."""
        ...

    def unlock(self) -> None:
        """Ask now for what opens the keys, and check it; nothing to do where none is needed."""
        ...

    def handover(self) -> Callable[[], KeyProvider] | None:
        """What a process of this program calls to open the same keys; it goes there through a pipe.

        None where the keys cannot leave this process. Unlocks them.
        """
        ...
