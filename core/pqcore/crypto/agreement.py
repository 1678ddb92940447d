"""Whether liboqs and ``cryptography`` understand each other on what both have: ML-KEM and ML-DSA."""

from __future__ import annotations

import secrets

from cryptography.exceptions import InvalidSignature

from pqcore.crypto import keys, liboqs


def compare() -> tuple[list[str], list[str]]:
    """The algorithms they agree on, and those they do not; both ways each, with keys made for it."""
    agree: list[str] = []
    differ: list[str] = []
    for algorithm in (*keys.MLKEM_ALGORITHMS, *keys.MLDSA_ALGORITHMS):
        if liboqs.has(algorithm):
            same = same_kem(algorithm) if algorithm in keys.MLKEM_ALGORITHMS else same_signatures(algorithm)
            (agree if same else differ).append(algorithm)
    return agree, differ


def same_kem(algorithm: str) -> bool:
    """One seed gives both the same public key, and each opens what the other encapsulates."""
    seed = secrets.token_bytes(64)
    public = keys.public_of(algorithm, seed) or b""
    if liboqs.kem_public(algorithm, seed) != public:
        return False
    secret, ciphertext = liboqs.encapsulate(algorithm, public)
    ours, other = keys.mlkem_pair(algorithm, seed)
    again, back = other.encapsulate()
    return ours.decapsulate(ciphertext) == secret and liboqs.decapsulate(algorithm, seed, back) == again


def same_signatures(algorithm: str) -> bool:
    """Each verifies what the other signed, and refuses it under another context string."""
    seed, message, context = secrets.token_bytes(32), secrets.token_bytes(100), b"agreement"
    private, public = keys.mldsa_private(algorithm, seed), keys.public_of(algorithm, seed) or b""
    signature = private.sign(message, context)
    theirs, their_public = liboqs.generate(algorithm)
    made = liboqs.sign(algorithm, theirs, message, context)
    try:
        keys.mldsa_public(algorithm, their_public).verify(made, message, context)
    except InvalidSignature:
        return False
    return liboqs.verify(algorithm, public, message, signature, context) and not liboqs.verify(
        algorithm, public, message, signature, b"another"
    )
