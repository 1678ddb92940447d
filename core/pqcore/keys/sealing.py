"""The keyring's own cryptography: Argon2id (RFC 9106) from passphrase to master key, AES-256-GCM (SP 800-38D)."""

from __future__ import annotations

import os
import unicodedata
from dataclasses import dataclass

from argon2.low_level import Type, hash_secret_raw
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
SALT_BYTES = 16
_NONCE_BYTES = 12
_TAG_BYTES = 16

# A stored m=4 GiB would be an attack on whoever opens the file.
_MAX_MEMORY_KIB = 1024 * 1024
_MAX_PASSES = 16
_MIN_MEMORY_KIB = 8


@dataclass(frozen=True, slots=True)
class Cost:
    """Cost of Argon2id: memory in KiB and passes, one lane. The default takes about a quarter of a second."""

    memory_kib: int = 64 * 1024
    passes: int = 3

    def __post_init__(self) -> None:
        if not _MIN_MEMORY_KIB <= self.memory_kib <= _MAX_MEMORY_KIB or not 1 <= self.passes <= _MAX_PASSES:
            raise ValueError("Argon2id parameters out of range")


@dataclass(frozen=True, slots=True)
class Derivation:
    """How a master key follows from a passphrase; stored in the clear."""

    salt: bytes
    cost: Cost

    def __post_init__(self) -> None:
        if not SALT_BYTES <= len(self.salt) <= 64:
            raise ValueError("Argon2id salt out of range")

    @classmethod
    def fresh(cls, cost: Cost) -> Derivation:
        """With a new random salt."""
        return cls(os.urandom(SALT_BYTES), cost)

    def derive(self, passphrase: str) -> bytes:
        """The 32-byte master key."""
        return hash_secret_raw(
            # one passphrase, however a keyboard composes its letters; bytes that are no UTF-8 pass through
            secret=unicodedata.normalize("NFC", passphrase).encode("utf-8", "surrogateescape"),
            salt=self.salt,
            time_cost=self.cost.passes,
            memory_cost=self.cost.memory_kib,
            parallelism=1,
            hash_len=KEY_BYTES,
            type=Type.ID,
        )


def seal(master: bytes, plaintext: bytes, bound_to: bytes) -> bytes:
    """Encrypt: a random 12-byte nonce, ciphertext, 16-byte tag. ``bound_to`` is authenticated along with it."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(master).encrypt(nonce, plaintext, bound_to)


def unseal(master: bytes, box: bytes, bound_to: bytes) -> bytes | None:
    """Decrypt what ``seal`` made; None where key, box or ``bound_to`` is not the one it was made with."""
    if len(box) < _NONCE_BYTES + _TAG_BYTES:
        return None
    try:
        return AESGCM(master).decrypt(box[:_NONCE_BYTES], box[_NONCE_BYTES:], bound_to)
    except InvalidTag:
        return None
