"""The policies that ``init`` offers: which algorithm for which role, in order, the least accepted, and on whose word.

Data alone. What a source says is cited by document, place and date; what none of them says (passwords under CNSA 2.0)
is marked as the choice of this program. docs/POLICIES.md is the reader's page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

ROLES: Mapping[str, str] = {
    "kem": "key encapsulation: what wraps data keys",
    "sig": "signatures",
    "hash": "digests, message authentication codes, password hashes",
    "symmetric": "ciphers",
}


@dataclass(frozen=True, slots=True)
class Source:
    """Whose word a rule rests on.

    Attributes:
        document: title and number.
        date: of publication, ISO 8601, as exact as it is known for certain; may be empty.
        says: what is taken from it, with the place in the document where it is one.
    """

    document: str
    date: str
    says: str


@dataclass(frozen=True, slots=True)
class Policy:
    """A named choice of algorithms.

    Attributes:
        notes: a sentence or two, stored with the policy.
        algorithms: role (kem, sig, hash, symmetric) -> catalogue names of targets, the first choice first.
        floor: role -> the least NIST security category that a stored value may have to be called fine.
        sources: whose word it is.
        min_layers: least number of nested layers of a wrapped key.
        max_layers: greatest number.
    """

    name: str
    notes: str
    algorithms: Mapping[str, tuple[str, ...]]
    floor: Mapping[str, int]
    sources: tuple[Source, ...] = ()
    min_layers: int = 1
    max_layers: int = 1


_PASSWORDS = "Argon2id/m=19456,t=2,p=1"

_FIPS_203 = Source(
    "NIST FIPS 203, Module-Lattice-Based Key-Encapsulation Mechanism Standard",
    "2024-08-13",
    "section 8: ML-KEM-768 is the recommended default; categories 1, 3 and 5 of the three parameter sets",
)
_FIPS_204 = Source(
    "NIST FIPS 204, Module-Lattice-Based Digital Signature Standard",
    "2024-08-13",
    "section 4: categories 2, 3 and 5 of ML-DSA-44, ML-DSA-65 and ML-DSA-87",
)
_IR_8547 = Source(
    "NIST IR 8547 (initial public draft), Transition to Post-Quantum Cryptography Standards",
    "2024-11",
    "section 4.1: RSA, ECDSA, EdDSA and (EC)DH of 112 bits deprecated after 2030, all of them disallowed after 2035",
)
_SP_800_131A = Source(
    "NIST SP 800-131A Rev. 2, Transitioning the Use of Cryptographic Algorithms and Key Lengths",
    "2019-03",
    "RSA below 2048 bits and SHA-1 for making signatures are disallowed",
)
_SP_800_57 = Source(
    "NIST SP 800-57 Part 1 Rev. 5, Recommendation for Key Management",
    "2020-05",
    "tables 2 and 3: strengths of key lengths and hash functions",
)
_RFC_9106 = Source("RFC 9106, Argon2 Memory-Hard Function", "2021-09", "Argon2id is the variant to use for passwords")
_OWASP = Source(
    "OWASP Password Storage Cheat Sheet",
    "2023-05",
    "least costs: Argon2id m=19456,t=2,p=1; scrypt N=2^17,r=8,p=1; bcrypt 10; PBKDF2-HMAC-SHA-256 600,000",
)

POLICIES: tuple[Policy, ...] = (
    Policy(
        "hybrid-first",
        "Hybrid key encapsulation that holds while either half does; ML-DSA-65; for most systems."
        " BSI TR-02102-1 (2025-01) and ANSSI (2023) ask for hybrids.",
        {
            "kem": ("ML-KEM-768+X25519", "ML-KEM-1024+P-384", "ML-KEM-768"),
            "sig": ("ML-DSA-65", "ML-DSA-87"),
            "hash": (_PASSWORDS, "SHA3-512", "SHA-512", "HMAC-SHA3-512", "HMAC-SHA-512"),
            "symmetric": ("AES-256-GCM",),
        },
        {"kem": 3, "sig": 3, "hash": 2, "symmetric": 1},
        (
            Source(
                "BSI TR-02102-1, Cryptographic Mechanisms: Recommendations and Key Lengths, version 2025-01",
                "2025-01-31",
                "ML-KEM-768 and ML-KEM-1024 are recommended, and only together with a classical mechanism",
            ),
            Source(
                "ANSSI views on the Post-Quantum Cryptography transition (2023 follow up)",
                "2023",
                "hybrids are strongly recommended for protection that is to last beyond 2030",
            ),
            Source(
                "draft-ietf-hpke-pq-03, Post-Quantum and Post-Quantum/Traditional Hybrid Algorithms for HPKE",
                "",
                "the hybrid KEMs and their code points; a draft, whose number is stored with every value",
            ),
            _FIPS_203,
            _FIPS_204,
            _RFC_9106,
            _OWASP,
        ),
    ),
    Policy(
        "nist-general",
        "FIPS 203 and FIPS 204 at category 3 without hybrids; dates of NIST IR 8547 (draft of November 2024).",
        {
            "kem": ("ML-KEM-768", "ML-KEM-1024"),
            "sig": ("ML-DSA-65", "ML-DSA-87"),
            "hash": (_PASSWORDS, "SHA-384", "SHA-512", "HMAC-SHA-384", "HMAC-SHA-512"),
            "symmetric": ("AES-256-GCM",),
        },
        {"kem": 1, "sig": 1, "hash": 2, "symmetric": 1},
        (_FIPS_203, _FIPS_204, _IR_8547, _SP_800_131A, _SP_800_57, _RFC_9106, _OWASP),
    ),
    Policy(
        "cnsa-2.0",
        "NSA's Commercial National Security Algorithm Suite 2.0 (September 2022; FAQ 2.1, December 2024): ML-KEM-1024,"
        " ML-DSA-87, AES-256, SHA-384 or SHA-512. It says nothing of passwords: Argon2id is this program's choice.",
        {
            "kem": ("ML-KEM-1024",),
            "sig": ("ML-DSA-87",),
            "hash": (_PASSWORDS, "SHA-384", "SHA-512", "HMAC-SHA-384", "HMAC-SHA-512"),
            "symmetric": ("AES-256-GCM",),
        },
        {"kem": 5, "sig": 5, "hash": 4, "symmetric": 5},
        (
            Source(
                "NSA Cybersecurity Advisory, Announcing the Commercial National Security Algorithm Suite 2.0",
                "2022-09",
                "AES-256; ML-KEM and ML-DSA at category 5; SHA-384 or SHA-512; alone in use by 2030 to 2033",
            ),
            Source(
                "NSA, The Commercial National Security Algorithm Suite 2.0 and Quantum Computing FAQ, version 2.1",
                "2024-12",
                "ML-KEM-1024 (FIPS 203) and ML-DSA-87 (FIPS 204) by name; values of their drafts do not comply",
            ),
            _FIPS_203,
            _FIPS_204,
            _RFC_9106,
            _OWASP,
        ),
    ),
    Policy(
        "two-layers",
        "Wrapped keys in two or three nested layers under keys of their own: opening takes all of them, at category 5.",
        {
            "kem": ("ML-KEM-1024+P-384", "ML-KEM-1024", "ML-KEM-768+X25519"),
            "sig": ("ML-DSA-87",),
            "hash": (_PASSWORDS, "SHA3-512", "SHA-512", "HMAC-SHA3-512", "HMAC-SHA-512"),
            "symmetric": ("AES-256-GCM",),
        },
        {"kem": 3, "sig": 5, "hash": 2, "symmetric": 1},
        (_FIPS_203, _FIPS_204, _RFC_9106, _OWASP),
        min_layers=2,
        max_layers=3,
    ),
)
