"""Keys for tests: made once, looked up by id as an application would."""

from __future__ import annotations

from functools import lru_cache

from pqcore.keys.memory import MemoryKeyProvider
from pqcore.keys.provider import Key


@lru_cache(maxsize=1)
def ring() -> MemoryKeyProvider:
    """One key of each kind that the tests use, named after its algorithm, and second ones to mistake them for."""
    keys = MemoryKeyProvider()
    for name, algorithm in (
        ("hybrid", "ML-KEM-768+X25519"),
        ("other-hybrid", "ML-KEM-768+X25519"),
        ("hybrid-1024", "ML-KEM-1024+P-384"),
        ("kem", "ML-KEM-768"),
        ("kem-1024", "ML-KEM-1024"),
        ("dsa-44", "ML-DSA-44"),
        ("dsa", "ML-DSA-65"),
        ("other-dsa", "ML-DSA-65"),
        ("dsa-87", "ML-DSA-87"),
        ("composite", "ML-DSA-65+Ed25519"),
        ("composite-ecdsa", "ML-DSA-44+ECDSA-P256"),
        ("rsa", "RSA-2048"),
        ("other-rsa", "RSA-2048"),
        ("aes-128", "AES-128"),
        ("aes-192", "AES-192"),
        ("aes", "AES-256"),
        ("ed", "Ed25519"),
        ("other-ed", "Ed25519"),
        ("ecdsa", "ECDSA-P256"),
        ("ecdsa-384", "ECDSA-P384"),
        ("ecdsa-521", "ECDSA-P521"),
        ("ed448", "Ed448"),
        ("x25519", "X25519"),
        ("other-x25519", "X25519"),
        ("pepper", "PEPPER"),
        ("other-pepper", "PEPPER"),
        ("old-index", "HMAC-SHA-256"),
        ("index", "HMAC-SHA-512"),
        ("other-index", "HMAC-SHA-512"),
        ("index-384", "HMAC-SHA-384"),
        ("index-sha3-256", "HMAC-SHA3-256"),
        ("index-sha3-384", "HMAC-SHA3-384"),
        ("index-sha3-512", "HMAC-SHA3-512"),
    ):
        keys.generate(name, algorithm)
    return keys


def key(name: str) -> Key:
    """The key of this name."""
    return ring().get(name)


def imported(data: bytes, algorithm: str | None = None) -> Key:
    """A key made elsewhere, as `keys import` takes it."""
    provider = MemoryKeyProvider()
    provider.import_key("k", data, algorithm=algorithm)
    return provider.get("k")
