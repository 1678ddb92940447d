"""Check values of data keys: a few bytes that applications and hardware modules store beside a key to recognise it."""

from __future__ import annotations

import hashlib
import hmac
from enum import StrEnum

from cryptography.hazmat.primitives import cmac
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from pqcore.formats.errors import FormatError, NotAuthentic

_LEAST = 3  # bytes
_AES_KEYS = (16, 24, 32)


class KeyCheck(StrEnum):
    """How a check value is made of the data key; what is stored is its beginning."""

    AES_ECB = "AES-ECB"  # a block of zeros, encrypted (PKCS #11 and most HSMs, 3 bytes)
    AES_CMAC = "AES-CMAC"  # CMAC of a block of zeros (ANSI X9.24-1, 5 bytes)
    SHA1 = "SHA-1"  # PKCS #11 for generic secrets
    SHA256 = "SHA-256"


def check_value(kind: KeyCheck, data_key: bytes) -> bytes:
    """The whole check value. Raises FormatError where the data key is none of AES and the kind asks for one."""
    if kind in (KeyCheck.AES_ECB, KeyCheck.AES_CMAC) and len(data_key) not in _AES_KEYS:
        raise FormatError(f"The data key has {len(data_key)} bytes, {kind} is of AES keys", "Check the option check")
    match kind:
        case KeyCheck.AES_ECB:
            # one block under ECB is the block cipher itself
            encryptor = Cipher(algorithms.AES(data_key), modes.ECB()).encryptor()  # noqa: S305
            return encryptor.update(bytes(16)) + encryptor.finalize()
        case KeyCheck.AES_CMAC:
            code = cmac.CMAC(algorithms.AES(data_key))
            code.update(bytes(16))
            return code.finalize()
        case KeyCheck.SHA1:
            # recognises a key, protects nothing
            return hashlib.sha1(data_key, usedforsecurity=False).digest()
        case KeyCheck.SHA256:
            return hashlib.sha256(data_key).digest()


def verify_check(kind: KeyCheck, data_key: bytes, stored: bytes) -> None:
    """Raises NotAuthentic where the stored check value is of another key, FormatError where it is none."""
    expected = check_value(kind, data_key)
    if not _LEAST <= len(stored) <= len(expected):
        raise FormatError(
            f"The check value has {len(stored)} bytes where {_LEAST} to {len(expected)} are expected",
            "Check the options check and check_field",
        )
    if not hmac.compare_digest(stored, expected[: len(stored)]):
        raise NotAuthentic("The data key is not the one of its check value", "Check old_key, check and check_field")
