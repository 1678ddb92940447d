"""RSAES-PKCS1-v1_5 (RFC 8017), opened so that a wrong padding is told apart from a data key.

OpenSSL answers a wrong padding with a message that looks like any other ("implicit rejection": drawn from a hash of the
private exponent and the ciphertext, draft-irtf-cfrg-rsa-guidance). That stops padding oracles, and would have a
migration seal noise in place of a lost key. A private key has several private exponents, which open every value alike:
d, and d plus the least common multiple of p - 1 and q - 1. What stands in for a wrong padding is another message under
each of them, so a value is taken only where both give the same. That the library works so is tried on each key first.
"""

from __future__ import annotations

import hmac
import math
from functools import lru_cache

from cryptography.hazmat.primitives.asymmetric import padding, rsa

from pqcore.crypto import keys
from pqcore.errors import KeyStoreError
from pqcore.formats.errors import FormatError
from pqcore.formats.keyring import KeyLike, secret_of
from pqcore.formats.legacy_keys import does_not_open, rsa_private, rsa_public

_PADDING = padding.PKCS1v15()
# The numbers 2 to 5 as padded messages: no valid padding begins with the zeros that they have in front.
_WRONG = range(2, 6)


def unwrap(form: str, wrapped: bytes, key: KeyLike, key_bytes: int | None) -> bytes:
    """The data key in ``wrapped``, which has to have ``key_bytes`` bytes.

    Raises FormatError, NotAuthentic where the padding or the length of the data key is wrong, KeyStoreError.
    """
    if key_bytes is None:
        raise FormatError(f"{form} opens only to data keys of a known length", "Set key_bytes")
    private = rsa_private(form, wrapped, key)
    opened = _decrypt(private, wrapped)
    again = _decrypt(_twin(key.algorithm, secret_of(key)), wrapped)
    # One sentence for everything that is wrong.
    if opened is None or again is None or not hmac.compare_digest(opened, again) or len(opened) != key_bytes:
        raise does_not_open(key)
    return opened


def wrap(form: str, plaintext: bytes, key: KeyLike) -> bytes:
    """For demonstrations and tests. Raises FormatError where the data key is too long."""
    try:
        return rsa_public(form, key).encrypt(plaintext, _PADDING)
    except ValueError:
        raise FormatError(f"{len(plaintext)} bytes are too many for {form} under {key.algorithm}") from None


@lru_cache(maxsize=32)
def _twin(algorithm: str, secret: bytes) -> rsa.RSAPrivateKey:
    """The same private key with another private exponent. Raises KeyStoreError where both hide a wrong padding."""
    private = keys.classical_private(algorithm, secret)
    assert isinstance(private, rsa.RSAPrivateKey)
    twin = twin_of(private)
    if not tells_paddings(private, twin):
        raise KeyStoreError(
            "RSA PKCS #1 v1.5 cannot be read safely here: the cryptographic library hides a wrong padding",
            "Use the `cryptography` package that pqconsole asks for",
        )
    return twin


def twin_of(private: rsa.RSAPrivateKey) -> rsa.RSAPrivateKey:
    """The key with the least private exponent, or where it has that one, with the next."""
    numbers = private.private_numbers()
    period = math.lcm(numbers.p - 1, numbers.q - 1)
    least = numbers.d % period
    # p - 1 and q - 1 are both even: two periods are less than the modulus.
    other = least if numbers.d != least else least + period
    return rsa.RSAPrivateNumbers(
        numbers.p, numbers.q, other, numbers.dmp1, numbers.dmq1, numbers.iqmp, numbers.public_numbers
    ).private_key()


def tells_paddings(private: rsa.RSAPrivateKey, twin: rsa.RSAPrivateKey) -> bool:
    """Whether values that are known to have a wrong padding are found out."""
    public = private.public_key().public_numbers()
    size = (private.key_size + 7) // 8
    for number in _WRONG:
        wrong = pow(number, public.e, public.n).to_bytes(size, "big")
        first, second = _decrypt(private, wrong), _decrypt(twin, wrong)
        # Two empty messages say nothing.
        if first is None or second is None or (first != second):
            return True
    return False


def _decrypt(private: rsa.RSAPrivateKey, wrapped: bytes) -> bytes | None:
    try:
        return private.decrypt(wrapped, _PADDING)
    except ValueError:
        return None
