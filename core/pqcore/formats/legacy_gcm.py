"""AES-GCM (SP 800-38D) around a data key, with the layouts that applications gave it. Tags have 16 bytes."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from enum import StrEnum

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pqcore.formats.errors import FormatError
from pqcore.formats.keyring import KeyLike
from pqcore.formats.legacy_keys import aes_key, does_not_open

TAG = 16


class GcmLayout(StrEnum):
    """The order of the parts in a stored value; what is in a column of its own is left out."""

    NONCE_CIPHERTEXT_TAG = "nonce-ciphertext-tag"
    NONCE_TAG_CIPHERTEXT = "nonce-tag-ciphertext"
    CIPHERTEXT_TAG_NONCE = "ciphertext-tag-nonce"
    CIPHERTEXT_NONCE_TAG = "ciphertext-nonce-tag"
    TAG_NONCE_CIPHERTEXT = "tag-nonce-ciphertext"
    TAG_CIPHERTEXT_NONCE = "tag-ciphertext-nonce"


@dataclass(frozen=True, slots=True)
class GcmParts:
    """A value taken apart."""

    nonce: bytes
    ciphertext: bytes
    tag: bytes


def take_apart(
    stored: bytes, layout: GcmLayout, nonce_bytes: int, nonce: bytes | None = None, tag: bytes | None = None
) -> GcmParts:
    """The parts of ``stored``; ``nonce`` and ``tag`` are given where they have columns of their own.

    Raises FormatError where a length cannot be right.
    """
    sizes = {"nonce": nonce_bytes, "tag": TAG}
    parts = {name: part for name, part in (("nonce", nonce), ("tag", tag)) if part is not None}
    for name, part in parts.items():
        if len(part) != sizes[name]:
            raise FormatError(
                f"The {name} has {len(part)} bytes where {sizes[name]} are expected", "Check nonce_bytes and encoding"
            )
    before, _, after = layout.value.partition("ciphertext")
    start, end = 0, len(stored)
    for name in before.strip("-").split("-"):
        if name and name not in parts:
            parts[name] = stored[start : start + sizes[name]]
            start += sizes[name]
    for name in reversed(after.strip("-").split("-")):
        if name and name not in parts:
            parts[name] = stored[max(0, end - sizes[name]) : end]
            end -= sizes[name]
    if end <= start:
        raise FormatError(
            f"The wrapped key has {len(stored)} bytes, too few for {layout}", "Check format, encoding, gcm_layout"
        )
    return GcmParts(parts["nonce"], stored[start:end], parts["tag"])


def put_together(parts: GcmParts, layout: GcmLayout) -> bytes:
    """The parts in this order: for demonstrations and tests."""
    named = {"nonce": parts.nonce, "ciphertext": parts.ciphertext, "tag": parts.tag}
    return b"".join(named[name] for name in layout.value.split("-"))


def unwrap(form: str, parts: GcmParts, key: KeyLike, aad: bytes) -> bytes:
    """The data key. Raises NotAuthentic or KeyStoreError."""
    try:
        return AESGCM(aes_key(form, key)).decrypt(parts.nonce, parts.ciphertext + parts.tag, aad)
    except InvalidTag:
        raise does_not_open(key) from None


def wrap(form: str, plaintext: bytes, key: KeyLike, nonce_bytes: int, aad: bytes) -> GcmParts:
    """For demonstrations and tests, under a random nonce."""
    nonce = secrets.token_bytes(nonce_bytes)
    sealed = AESGCM(aes_key(form, key)).encrypt(nonce, plaintext, aad)
    return GcmParts(nonce, sealed[:-TAG], sealed[-TAG:])
