"""Values that carry a frame of another product: JOSE (RFC 7515, 7516, 7518), HashiCorp Vault, Tink; and DER."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

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


_VAULT_AES = symmetric("Vault transit AES-256-GCM", Use.CIPHERTEXT, 256)
_VAULT_AES_128 = symmetric("Vault transit AES-128-GCM", Use.CIPHERTEXT, 128)
_VAULT_CHACHA = symmetric("Vault transit ChaCha20-Poly1305", Use.CIPHERTEXT, 256)
_VAULT_HMAC = Form("Vault transit HMAC-SHA-256", Use.MAC, category=2)
_VAULT_ED25519 = curve("Vault transit Ed25519", Use.SIGNATURE)
_NONCE_AND_TAG = 28  # bytes


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
        forms += [_framed("Vault transit", rsa(8 * size, use)) for use in (Use.WRAPPED_KEY, Use.SIGNATURE)]
    if size == 64:
        forms.append(_VAULT_ED25519)
    if size == 32:
        forms.append(_VAULT_HMAC)
    forms += [_framed("Vault transit", form) for form in der(data)]
    if size > _NONCE_AND_TAG:
        forms += [_VAULT_AES, _VAULT_AES_128, _VAULT_CHACHA]
    version = (("version", int(found["version"])),)
    return tuple(Candidate(form, version) for form in forms), size


def _framed(product: str, form: Form) -> Form:
    return Form(f"{product} {form.name}", form.use, form.threat, form.why, form.category)


_DATA_KEYS = (16, 24, 32, 48, 64)  # bytes of a data key


def tink(data: bytes) -> Iterator[Candidate]:
    """What a value with Tink's prefix (1, a key id of four bytes) can be."""
    if len(data) < 37 or data[0] != 1:
        return
    body = data[5:]
    if len(body) in (256, 384, 512):
        yield Candidate(_framed("Tink", rsa(8 * len(body), Use.SIGNATURE)))
    if len(body) == 64:
        yield Candidate(curve("Tink Ed25519", Use.SIGNATURE))
        yield Candidate(curve("Tink ECDSA-P256", Use.SIGNATURE))
    for form in der(body):
        yield Candidate(_framed("Tink", form))
    if len(body) == 32:
        yield Candidate(Form("Tink HMAC-SHA-256", Use.MAC, category=2))
    if len(body) - _NONCE_AND_TAG in _DATA_KEYS:
        yield Candidate(symmetric("Tink AES-128-GCM", Use.WRAPPED_KEY, 128))
        yield Candidate(symmetric("Tink AES-256-GCM", Use.WRAPPED_KEY, 256))


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
