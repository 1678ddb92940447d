"""JWE in compact serialization (RFC 7516) around a data key: the plaintext is the key.

Framing and header are read here, strictly; what is cryptography is joserfc's.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives import serialization
from joserfc import jwe, jwk
from joserfc.errors import JoseError

from pqcore.crypto import keys
from pqcore.formats.encoding import Encoding, encode
from pqcore.formats.errors import FormatError
from pqcore.formats.jose import MAX_HEADER, header_of, segment, token_of
from pqcore.formats.keyring import KeyLike, secret_of
from pqcore.formats.legacy_keys import does_not_open, needs

_RSA = ("RSA-OAEP", "RSA-OAEP-256")
_ECDH = ("ECDH-ES+A128KW", "ECDH-ES+A192KW", "ECDH-ES+A256KW")
# The curve's name in an ephemeral key, by the algorithm of ours.
_CURVES = {"X25519": "X25519", "ECDSA-P256": "P-256", "ECDSA-P384": "P-384", "ECDSA-P521": "P-521"}
_KEY_WRAPS = {"AES-128": "A128KW", "AES-192": "A192KW", "AES-256": "A256KW"}
ALGORITHMS = (*_RSA, *_KEY_WRAPS.values(), *_ECDH)
# Bytes of nonce and tag.
ENCRYPTIONS = {
    "A128GCM": (12, 16),
    "A192GCM": (12, 16),
    "A256GCM": (12, 16),
    "A128CBC-HS256": (16, 16),
    "A192CBC-HS384": (16, 24),
    "A256CBC-HS512": (16, 32),
}
_WHAT = "JWE"


def unwrap(form: str, value: bytes, key: KeyLike) -> bytes:
    """The plaintext of a JWE (ASCII). Raises FormatError, NotAuthentic or KeyStoreError."""
    token = token_of(value, 5, _WHAT)
    header = _header(token[0], form, key)
    encrypted_key, nonce, _, tag = (segment(part, _WHAT) for part in token[1:])
    if not encrypted_key or (len(nonce), len(tag)) != ENCRYPTIONS[header["enc"]]:
        raise FormatError("The JWE has a part of the wrong length", "Restore the value from a backup")
    try:
        opened = jwe.decrypt_compact(value, _key(key.algorithm, secret_of(key)), registry=_REGISTRY).plaintext
    except (JoseError, ValueError):
        raise does_not_open(key) from None
    if not opened:
        raise FormatError("The JWE holds no data key", "Restore the value from a backup")
    return opened


def wrap(form: str, plaintext: bytes, key: KeyLike, algorithm: str = "", encryption: str = "A256GCM") -> bytes:
    """For demonstrations and tests: the values of ``alg`` (by default what suits the key best) and ``enc``."""
    known = _algorithms_of(key)
    if not known:
        raise needs(form, "another kind of", key)
    header = {"alg": algorithm or known[-1], "enc": encryption}
    made = jwe.encrypt_compact(header, plaintext, _key(key.algorithm, secret_of(key)), registry=_REGISTRY)
    return made.encode("ascii")


class _Registry(jwe.JWERegistry):
    """Our algorithms alone, with room for RSA keys of 16384 bits; unknown headers are left to ``_header``."""

    max_protected_header_length = MAX_HEADER
    max_encrypted_key_length = 2736

    def __init__(self) -> None:
        super().__init__(algorithms=[*ALGORITHMS, *ENCRYPTIONS], strict_check_header=False)


_REGISTRY = _Registry()


@lru_cache(maxsize=128)
def _key(algorithm: str, secret: bytes) -> jwk.RSAKey | jwk.OctKey | jwk.ECKey | jwk.OKPKey:
    if algorithm in _KEY_WRAPS:
        # as a JWK: raw bytes might look like a PEM key
        text = str(encode(keys.check_symmetric(algorithm, secret), Encoding.BASE64URL))
        return jwk.OctKey.import_key({"kty": "oct", "k": text})
    pem = keys.classical_private(algorithm, secret).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    if algorithm in _CURVES:
        return (jwk.OKPKey if algorithm == "X25519" else jwk.ECKey).import_key(pem)
    return jwk.RSAKey.import_key(pem)


def _header(text: str, form: str, key: KeyLike) -> Mapping[str, Any]:
    header = header_of(text, _WHAT)
    alg, enc = header.get("alg"), header.get("enc")
    if alg not in ALGORITHMS:
        raise FormatError("The JWE is of an algorithm that is not read", f"Those that are: {', '.join(ALGORITHMS)}")
    if not isinstance(enc, str) or enc not in ENCRYPTIONS:
        raise FormatError("The JWE is of an encryption that is not read", f"Those that are: {', '.join(ENCRYPTIONS)}")
    for name in ("zip", "crit"):
        if name in header:
            raise FormatError(f"The JWE has a header {name!r}, which is not read", "Leave the row out with `where`")
    if alg not in _algorithms_of(key):
        raise needs(f"{form} with {alg}", "another kind of", key)
    if alg in _ECDH and not _fits(header.get("epk"), key):
        raise FormatError(f"The JWE's ephemeral key is not on the curve of the key {key.id}", "Check old_key")
    return header


def _algorithms_of(key: KeyLike) -> tuple[str, ...]:
    if key.algorithm.startswith("RSA-"):
        return _RSA
    if key.algorithm in _KEY_WRAPS:
        return (_KEY_WRAPS[key.algorithm],)
    return _ECDH if key.algorithm in _CURVES else ()


def _fits(ephemeral: Any, key: KeyLike) -> bool:
    members = {"kty", "crv", "x"} if key.algorithm == "X25519" else {"kty", "crv", "x", "y"}
    if not isinstance(ephemeral, dict) or set(ephemeral) != members:
        return False
    if not all(isinstance(value, str) for value in ephemeral.values()):
        return False
    kind = "OKP" if key.algorithm == "X25519" else "EC"
    return (ephemeral["kty"], ephemeral["crv"]) == (kind, _CURVES[key.algorithm])
