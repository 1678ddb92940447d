"""Values that carry a frame of another product: JOSE (RFC 7515, 7516, 7518), HashiCorp Vault, Tink; and DER."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from pqcore.crypto import catalogue
from pqcore.crypto.suites import AEAD_TAG, SUITES
from pqcore.formats.detection.forms import (
    HMAC_SHA_256,
    HMAC_SHA_384,
    HMAC_SHA_512,
    Candidate,
    Form,
    Threat,
    Use,
    curve,
    post_quantum,
    rsa,
    symmetric,
)
from pqcore.formats.encoding import Encoding, decode
from pqcore.formats.errors import FormatError

_COMPACT = re.compile(r"eyJ[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*){2}(?:(?:\.[A-Za-z0-9_-]*){2})?", re.ASCII)
_VAULT = re.compile(r"vault:v(?P<version>[0-9]{1,9}):(?P<body>[A-Za-z0-9+/]+={0,2})", re.ASCII)
_LARGEST_HEADER = 8192  # characters

_RSA_ENCRYPTION = {"RSA1_5", "RSA-OAEP", "RSA-OAEP-256", "RSA-OAEP-384", "RSA-OAEP-512"}
_HMACS = {"HS256": HMAC_SHA_256, "HS384": HMAC_SHA_384, "HS512": HMAC_SHA_512}
_RSA_SIGNATURES = {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}
_CURVES = {"ES256", "ES384", "ES512", "ES256K", "EdDSA", "Ed25519", "Ed448"}
_ML_DSA = {"ML-DSA-44": 2, "ML-DSA-65": 3, "ML-DSA-87": 5}
_AES = re.compile(r"A(128|192|256)(KW|GCMKW|GCM|CBC-HS256|CBC-HS384|CBC-HS512)", re.ASCII)
_UNSIGNED = Form("JWS none", Use.SIGNATURE, Threat.TODAY, "it is not signed")


def jose(text: str) -> tuple[Candidate, bool] | None:
    """A compact JWE or JWS by its header, and whether that header is whole; None for anything else."""
    if not text.startswith("eyJ") or not _COMPACT.fullmatch(text):
        return None
    parts = text.split(".")
    header = _header(parts[0])
    found = _jwe(header) if len(parts) == 5 else _jws(header)
    if found is None:
        name = "JWE" if len(parts) == 5 else "JWS"
        return Candidate(Form(name, Use.WRAPPED_KEY if len(parts) == 5 else Use.SIGNATURE)), False
    return found, True


def _header(part: str) -> dict[str, Any]:
    if len(part) > _LARGEST_HEADER:
        return {}
    try:
        header = json.loads(decode(part, Encoding.BASE64URL))
    except (FormatError, ValueError, RecursionError):
        return {}
    return header if isinstance(header, dict) else {}


def _jwe(header: dict[str, Any]) -> Candidate | None:
    alg, enc = header.get("alg"), header.get("enc")
    if not isinstance(alg, str) or not isinstance(enc, str):
        return None
    content = _AES.fullmatch(enc)
    if content is None:
        return None
    details = (("enc", enc),)
    if alg in _RSA_ENCRYPTION:
        threat = "factoring, Shor's algorithm"
        return Candidate(Form(f"JWE {alg}", Use.WRAPPED_KEY, Threat.QUANTUM, threat), details)
    if alg == "ECDH-ES" or re.fullmatch(r"ECDH-ES\+A(128|192|256)KW", alg):
        return Candidate(curve(f"JWE {alg}", Use.WRAPPED_KEY), details)
    wrap = _AES.fullmatch(alg)
    if wrap is not None and wrap[2] in ("KW", "GCMKW"):
        return Candidate(symmetric(f"JWE {alg}", Use.WRAPPED_KEY, int(wrap[1])), details)
    if alg == "dir":
        return Candidate(symmetric(f"JWE dir {enc}", Use.CIPHERTEXT, int(content[1])), details)
    return None


def _jws(header: dict[str, Any]) -> Candidate | None:
    alg = header.get("alg")
    if not isinstance(alg, str):
        return None
    if alg == "none":
        return Candidate(_UNSIGNED)
    if alg in _HMACS:
        mac = _HMACS[alg]
        return Candidate(Form(f"JWS {alg}", Use.MAC, category=mac.category))
    if alg in _RSA_SIGNATURES:
        return Candidate(Form(f"JWS {alg}", Use.SIGNATURE, Threat.QUANTUM, "factoring, Shor's algorithm"))
    if alg in _CURVES:
        return Candidate(curve(f"JWS {alg}", Use.SIGNATURE))
    if alg in _ML_DSA:
        return Candidate(post_quantum(f"JWS {alg}", Use.SIGNATURE, _ML_DSA[alg]))
    return None


def _framed(product: str, form: Form) -> Form:
    return replace(form, name=f"{product} {form.name}", frame=product)


TRANSIT, TINK = "Vault transit", "Tink"  # whose prefixes stand before values
_TRANSIT_CIPHERS = (("AES-256-GCM", 256), ("AES-128-GCM", 128), ("ChaCha20-Poly1305", 256))
_TRANSIT_CIPHERTEXTS = tuple(_framed(TRANSIT, symmetric(n, Use.CIPHERTEXT, bits)) for n, bits in _TRANSIT_CIPHERS)
_TRANSIT_WRAPS = tuple(
    _framed(TRANSIT, symmetric(f"{n} key wrap", Use.WRAPPED_KEY, bits)) for n, bits in _TRANSIT_CIPHERS
)
_TRANSIT_HMAC = _framed(TRANSIT, HMAC_SHA_256)
_TRANSIT_ED25519 = _framed(TRANSIT, curve("Ed25519", Use.SIGNATURE))
_NONCE_AND_TAG = 28  # bytes
_DATA_KEYS = (16, 24, 32, 48, 64)  # bytes of a data key


def vault(text: str) -> tuple[tuple[Candidate, ...], int] | None:
    """What a value of Vault's transit engine can be by its length, and that length in bytes; None for anything else."""
    found = _VAULT.fullmatch(text)
    if found is None:
        return None
    try:
        data = decode(found["body"], Encoding.BASE64)
    except FormatError:
        return None
    size = len(data)
    forms: list[Form] = []
    if size in (256, 384, 512):
        forms += [_framed(TRANSIT, rsa(8 * size, use)) for use in (Use.WRAPPED_KEY, Use.SIGNATURE)]
    if size == 64:
        forms.append(_TRANSIT_ED25519)
    if size == 32:
        forms.append(_TRANSIT_HMAC)
    forms += [_framed(TRANSIT, form) for form in der(data)]
    if size > _NONCE_AND_TAG:
        forms += _TRANSIT_CIPHERTEXTS
    if size - _NONCE_AND_TAG in _DATA_KEYS:
        forms += _TRANSIT_WRAPS
    version = (("version", int(found["version"])),)
    return tuple(Candidate(form, version) for form in forms), size


def _tink_forms() -> dict[int, tuple[Form, ...]]:
    """What Tink's keys write behind the prefix, by its length; curves' DER and points are told by their first bytes."""
    found: dict[int, list[Form]] = {}

    def add(size: int, form: Form) -> None:
        found.setdefault(size, []).append(_framed(TINK, form))

    add(32, HMAC_SHA_256)
    add(64, HMAC_SHA_512)
    for size, name in ((64, "Ed25519"), (64, "ECDSA-P256"), (96, "ECDSA-P384"), (132, "ECDSA-P521")):
        add(size, curve(name, Use.SIGNATURE))
    for bits in (2048, 3072, 4096):
        add(bits // 8, rsa(bits, Use.SIGNATURE))
    for signer in ("ML-DSA-44", "ML-DSA-65", "ML-DSA-87", "SLH-DSA-SHA2-128s"):
        entry = catalogue.find(signer)
        add(entry.signature or 0, post_quantum(signer, Use.SIGNATURE, entry.nist_level))
    for key in _DATA_KEYS:
        for bits in (128, 256):
            add(key + _NONCE_AND_TAG, symmetric(f"AES-{bits}-GCM key wrap", Use.WRAPPED_KEY, bits))
        add(_X25519_POINT + key + AEAD_TAG, curve("HPKE X25519", Use.WRAPPED_KEY))
        for kem, enc in {suite.algorithm: suite.enc for suite in SUITES}.items():
            level = catalogue.find(kem).nist_level
            add(enc + key + AEAD_TAG, post_quantum(f"HPKE {kem}", Use.WRAPPED_KEY, level))
    return {size: tuple(forms) for size, forms in found.items()}


_X25519_POINT, _P256_POINT = 32, 65
_TINK = _tink_forms()
_TINK_HPKE_P256 = _framed(TINK, curve("HPKE P-256", Use.WRAPPED_KEY))


def tink(data: bytes) -> Iterator[Candidate]:
    """What a value with Tink's prefix (1, a key id of four bytes) can be; the key id is among the details."""
    if len(data) < 37 or data[0] != 1:
        return
    body = data[5:]
    forms = [*_TINK.get(len(body), ()), *(_framed(TINK, form) for form in der(body))]
    if body[0] == 4 and len(body) - _P256_POINT - AEAD_TAG in _DATA_KEYS:
        forms.append(_TINK_HPKE_P256)
    for form in forms:
        yield Candidate(form, (("key", data[1:5].hex()),))


_DER_CURVES = (
    (20, "DSA (160 bits)"),
    (28, "DSA (224 bits)"),
    (32, "ECDSA-P256"),
    (48, "ECDSA-P384"),
    (66, "ECDSA-P521"),
)


def der(data: bytes) -> tuple[Form, ...]:
    """The signature schemes of a strict DER sequence of two positive integers (RFC 3279); none for anything else."""
    if not 8 <= len(data) <= 139 or data[0] != 0x30:
        return ()
    start, length = (2, data[1]) if data[1] < 0x80 else (3, data[2])
    if (data[1] >= 0x80 and (data[1] != 0x81 or length < 0x80)) or start + length != len(data):
        return ()
    sizes, at = [], start
    for _ in range(2):
        size = _integer(data, at)
        if size is None:
            return ()
        sizes.append(size)
        at += 2 + data[at + 1]
    if at != len(data):
        return ()
    most = max(sizes)
    name = next((name for limit, name in _DER_CURVES if most <= limit), None)
    if name is None or most < 16:
        return ()
    forms = [curve(name, Use.SIGNATURE)]
    if name == "ECDSA-P256":
        forms.append(curve("DSA (256 bits)", Use.SIGNATURE))
    return tuple(forms)


def _integer(data: bytes, at: int) -> int | None:
    """Bytes of the positive DER integer at ``at`` without its sign byte, None where there is none."""
    if at + 2 > len(data) or data[at] != 0x02:
        return None
    length = data[at + 1]
    body = data[at + 2 : at + 2 + length]
    if length == 0 or length > 67 or len(body) != length or body[0] >= 0x80:
        return None
    if body[0] == 0:
        return length - 1 if length > 1 and body[1] >= 0x80 else None
    return length
