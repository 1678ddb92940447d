"""Signing and verifying by the algorithm's name: ML-DSA, composite ML-DSA, and through liboqs SLH-DSA and Falcon."""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature

from pqcore.crypto import catalogue, composite, keys, liboqs
from pqcore.errors import KeyStoreError

# Of the algorithms whose specification may still change: the draft, or the round of the submission, that is followed.
REVISIONS: dict[str, int] = dict.fromkeys(composite.COMPOSITES, composite.DRAFT) | dict.fromkeys(liboqs.FALCON, 3)


def sign(algorithm: str, secret: bytes, message: bytes, context: bytes) -> bytes:
    """A signature over ``message`` under a context string of up to 255 bytes.

    Falcon has no context string: its message is framed with it. Raises KeyStoreError for a wrong key or where liboqs
    is needed and missing.
    """
    if (parts := keys.expanded_parts(algorithm, secret)) is not None:
        return liboqs.sign(algorithm, parts[0], message, context)
    if algorithm in keys.MLDSA_ALGORITHMS:
        return keys.mldsa_private(algorithm, secret).sign(message, context)
    if algorithm in composite.COMPOSITES:
        return composite.sign(algorithm, secret, message, context)
    if algorithm in liboqs.SLH_DSA:
        return liboqs.sign(algorithm, secret, message, context)
    if algorithm in liboqs.FALCON:
        return liboqs.sign(algorithm, keys.falcon_parts(algorithm, secret)[0], _framed(message, context))
    raise _no_signature(algorithm)


def verify(algorithm: str, public: bytes, message: bytes, signature: bytes, context: bytes) -> bool:
    """Whether the signature is right, and in the one form that ``sign`` gives it. Raises KeyStoreError as ``sign``."""
    if algorithm in keys.MLDSA_ALGORITHMS:
        try:
            keys.mldsa_public(algorithm, public).verify(signature, message, context)
        except InvalidSignature:
            return False
        return True
    if algorithm in composite.COMPOSITES:
        right = composite.verify(algorithm, public, message, signature, context)
        return right and composite.canonical(algorithm, signature)
    if algorithm in liboqs.SLH_DSA:
        return liboqs.verify(algorithm, public, message, signature, context)
    if algorithm in liboqs.FALCON:
        return liboqs.verify(algorithm, public, _framed(message, context), signature)
    raise _no_signature(algorithm)


def lengths(algorithm: str) -> tuple[int, int]:
    """Least and greatest length of a signature in bytes, without a look at what is available."""
    if algorithm in composite.COMPOSITES:
        return composite.COMPOSITES[algorithm].signature_lengths
    longest = catalogue.find(algorithm).signature or 0
    return (1, longest) if algorithm in liboqs.FALCON else (longest, longest)


def _framed(message: bytes, context: bytes) -> bytes:
    return bytes((len(context),)) + context + message


def _no_signature(algorithm: str) -> KeyStoreError:
    return KeyStoreError(f"Keys of {algorithm} do not sign", "Name a key of a signature algorithm")
