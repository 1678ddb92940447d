"""The policies that ``init`` offers: which algorithm for which role, in order, and on whose word.

Sources: CNSA 2.0 (NSA, "Commercial National Security Algorithm Suite 2.0", September 2022, FAQ December 2024);
NIST FIPS 203, 204 (August 2024), SP 800-227; draft-ietf-hpke-pq for hybrids; RFC 9106 for passwords.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Policy:
    """A named choice of algorithms.

    Attributes:
        algorithms: role (kem, sig, hash, symmetric) -> catalogue names, the first choice first.
        min_layers: least number of nested layers of a wrapped key.
        max_layers: greatest number.
    """

    name: str
    notes: str
    algorithms: Mapping[str, tuple[str, ...]]
    min_layers: int = 1
    max_layers: int = 1


_PASSWORDS = "Argon2id/m=19456,t=2,p=1"

POLICIES: tuple[Policy, ...] = (
    Policy(
        "hybrid-first",
        "Hybrid key encapsulation that holds while either half does; ML-DSA-65; for most systems.",
        {
            "kem": ("ML-KEM-768+X25519", "ML-KEM-1024+P-384", "ML-KEM-768"),
            "sig": ("ML-DSA-65", "ML-DSA-87"),
            "hash": (_PASSWORDS, "SHA3-512", "SHA-512"),
            "symmetric": ("AES-256-GCM",),
        },
    ),
    Policy(
        "nist-general",
        "FIPS 203 and FIPS 204 at category 3 without hybrids.",
        {
            "kem": ("ML-KEM-768", "ML-KEM-1024"),
            "sig": ("ML-DSA-65", "ML-DSA-87"),
            "hash": (_PASSWORDS, "SHA-384", "SHA-512"),
            "symmetric": ("AES-256-GCM",),
        },
    ),
    Policy(
        "cnsa-2.0",
        "NSA's Commercial National Security Algorithm Suite 2.0: category 5 throughout, SHA-384 or SHA-512.",
        {
            "kem": ("ML-KEM-1024",),
            "sig": ("ML-DSA-87",),
            "hash": (_PASSWORDS, "SHA-384", "SHA-512"),
            "symmetric": ("AES-256-GCM",),
        },
    ),
    Policy(
        "two-layers",
        "Wrapped keys in two or three nested layers under keys of their own: opening takes all of them, at category 5.",
        {
            "kem": ("ML-KEM-1024+P-384", "ML-KEM-1024", "ML-KEM-768+X25519"),
            "sig": ("ML-DSA-87",),
            "hash": (_PASSWORDS, "SHA3-512", "SHA-512"),
            "symmetric": ("AES-256-GCM",),
        },
        min_layers=2,
        max_layers=3,
    ),
)
