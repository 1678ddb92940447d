"""Old wrapped keys, by the name of their form; whatever a form leaves open (hashes, label, layout) is spelled out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from cryptography.hazmat.primitives import hashes, keywrap
from cryptography.hazmat.primitives.asymmetric import padding

from pqcore.errors import KeyStoreError, PQConsoleError
from pqcore.formats import legacy_gcm, legacy_hpke, legacy_pkcs1, transit
from pqcore.formats.errors import FormatError
from pqcore.formats.keyring import KeyLike
from pqcore.formats.legacy_gcm import GcmLayout
from pqcore.formats.legacy_hpke import HpkeParameters
from pqcore.formats.legacy_keys import aes_key, does_not_open, needs, rsa_private, rsa_public


class LegacyWrap(StrEnum):
    """How an old key is wrapped. The hash is that of OAEP, and of MGF1 unless another one is named."""

    RSA_OAEP_SHA256 = "RSA-OAEP-SHA256"  # JOSE: RSA-OAEP-256
    RSA_OAEP_SHA1 = "RSA-OAEP-SHA1"  # JOSE: RSA-OAEP
    RSA_OAEP_SHA224 = "RSA-OAEP-SHA224"
    RSA_OAEP_SHA384 = "RSA-OAEP-SHA384"
    RSA_OAEP_SHA512 = "RSA-OAEP-SHA512"
    RSA_PKCS1 = "RSA-PKCS1-v1.5"
    AES_KW = "AES-KW"  # 128, 192 or 256 bits, by the key
    AES_KWP = "AES-KWP"  # RFC 5649: any length
    AES_GCM = "AES-GCM"
    HPKE = "HPKE"  # base mode; X25519 or P-256, by the key
    JWE = "JWE"  # compact; the plaintext is the data key
    VAULT = "Vault"  # of Vault's transit engine, whole; RSA-OAEP or AES-GCM, by the key


# SHA-1 here is what old values were made with; OAEP does not rest on its collision resistance.
_HASHES: dict[str, type[hashes.HashAlgorithm]] = {
    "SHA-1": hashes.SHA1,
    "SHA-224": hashes.SHA224,
    "SHA-256": hashes.SHA256,
    "SHA-384": hashes.SHA384,
    "SHA-512": hashes.SHA512,
}
OAEP_HASHES: dict[LegacyWrap, str] = {
    LegacyWrap.RSA_OAEP_SHA256: "SHA-256",
    LegacyWrap.RSA_OAEP_SHA1: "SHA-1",
    LegacyWrap.RSA_OAEP_SHA224: "SHA-224",
    LegacyWrap.RSA_OAEP_SHA384: "SHA-384",
    LegacyWrap.RSA_OAEP_SHA512: "SHA-512",
}
TRANSIT_CHACHA = "ChaCha20-Poly1305"  # the kind of key that transit alone has
JOSE_NAMES = {
    "RSA-OAEP": LegacyWrap.RSA_OAEP_SHA1,
    "RSA-OAEP-256": LegacyWrap.RSA_OAEP_SHA256,
    "RSA-OAEP-384": LegacyWrap.RSA_OAEP_SHA384,
    "RSA-OAEP-512": LegacyWrap.RSA_OAEP_SHA512,
}


@dataclass(frozen=True, slots=True)
class WrapParameters:
    """What a form leaves open; each form looks at its own.

    Attributes:
        label: OAEP label.
        mgf1_hash: name of the hash of MGF1, ``SHA-1`` to ``SHA-512``; None: that of OAEP.
        key_bytes: length of every data key; PKCS #1 v1.5 does not open without.
        gcm_layout: order of the parts under AES-GCM.
        nonce_bytes: length of an AES-GCM nonce.
        aad: associated data of AES-GCM and HPKE.
        hpke: KDF, AEAD and info of HPKE.
    """

    label: bytes = b""
    mgf1_hash: str | None = None
    key_bytes: int | None = None
    gcm_layout: GcmLayout = GcmLayout.NONCE_CIPHERTEXT_TAG
    nonce_bytes: int = 12
    aad: bytes = b""
    hpke: HpkeParameters = field(default_factory=HpkeParameters)


@dataclass(frozen=True, slots=True)
class Beside:
    """Parts of a value under AES-GCM that are in columns of their own; None: in the value itself."""

    nonce: bytes | None = None
    tag: bytes | None = None


_PLAIN = WrapParameters()
_ALONE = Beside()


@dataclass(frozen=True, slots=True)
class OldValue:
    """An old value with all that opens it."""

    form: LegacyWrap
    wrapped: bytes
    key: KeyLike
    parameters: WrapParameters = _PLAIN
    beside: Beside = _ALONE

    def unwrap(self) -> bytes:
        """The data key, as ``unwrap`` gives it."""
        return unwrap(self.form, self.wrapped, self.key, self.parameters, self.beside)


def legacy_wrap(name: str) -> LegacyWrap:
    """The format of this name or JOSE name. Raises FormatError."""
    try:
        return JOSE_NAMES.get(name) or LegacyWrap(name)
    except ValueError:
        raise FormatError(f"There is no key wrap called {name[:64]!r}", f"Use {' or '.join(LegacyWrap)}") from None


def key_kinds(form: LegacyWrap) -> tuple[str, ...]:
    """What the algorithm of a key that opens this form begins with."""
    match form:
        case LegacyWrap.AES_KW | LegacyWrap.AES_KWP | LegacyWrap.AES_GCM:
            return ("AES-",)
        case LegacyWrap.HPKE:
            return legacy_hpke.KEY_KINDS
        case LegacyWrap.JWE:
            return ("RSA-", "AES-", "ECDSA-", "X25519")
        case LegacyWrap.VAULT:
            return ("RSA-", "AES-", TRANSIT_CHACHA)
        case _:
            return ("RSA-",)


def unwrap(
    form: LegacyWrap, wrapped: bytes, key: KeyLike, parameters: WrapParameters = _PLAIN, beside: Beside = _ALONE
) -> bytes:
    """The data key in ``wrapped``.

    Raises FormatError where the length cannot be right, NotAuthentic where it does not open under ``key``,
    KeyStoreError where ``key`` is of another kind. Where a service keeps the key, that service is asked.
    """
    remote = _remote(key)
    if remote is not None:
        opened: bytes = remote.open(*_request(OldValue(form, wrapped, key, parameters, beside)))
        return opened
    match form:
        case LegacyWrap.AES_KW | LegacyWrap.AES_KWP:
            return _unwrap_aes(form, wrapped, key)
        case LegacyWrap.RSA_PKCS1:
            return legacy_pkcs1.unwrap(form, wrapped, key, parameters.key_bytes)
        case LegacyWrap.AES_GCM:
            parts = legacy_gcm.take_apart(
                wrapped, parameters.gcm_layout, parameters.nonce_bytes, beside.nonce, beside.tag
            )
            return legacy_gcm.unwrap(form, parts, key, parameters.aad)
        case LegacyWrap.HPKE:
            return legacy_hpke.unwrap(form, wrapped, key, parameters.hpke, parameters.aad)
        case LegacyWrap.JWE:
            from pqcore.formats import jwe  # joserfc is large, and few jobs need it

            return jwe.unwrap(form, wrapped, key)
        case LegacyWrap.VAULT:
            inside = WrapParameters(aad=parameters.aad)
            return unwrap(transit_form(key), transit.parse(wrapped).wrapped, key, inside)
        case _:
            return _unwrap_oaep(form, wrapped, key, parameters)


def kept_by_service(key: KeyLike) -> bool:
    """Whether a service keeps this key and uses it, so that many values at once are opened faster than one by one."""
    return _remote(key) is not None


def unwrap_together(values: Sequence[OldValue]) -> list[bytes | PQConsoleError]:
    """The data keys in values whose keys a service keeps, or why there is none; each service is asked once a key.

    Raises what says that the service is away.
    """
    found: dict[int, bytes | PQConsoleError] = {}
    asked: dict[str, list[tuple[int, Any]]] = {}
    for number, value in enumerate(values):
        try:
            asked.setdefault(value.key.id, []).append((number, _request(value)))
        except (FormatError, KeyStoreError) as error:
            found[number] = error
    for requests in asked.values():
        numbers = [number for number, _ in requests]
        remote = _remote(values[numbers[0]].key)
        found |= zip(numbers, remote.open_all([request for _, request in requests]), strict=True)
    return [found[number] for number in range(len(values))]


def wrap(form: LegacyWrap, plaintext: bytes, key: KeyLike, parameters: WrapParameters = _PLAIN) -> bytes:
    """Wrap a data key in an old form: for demonstrations and tests, no migration writes it.

    Raises FormatError where the length does not suit the form, KeyStoreError for a key of another kind.
    """
    match form:
        case LegacyWrap.AES_KW | LegacyWrap.AES_KWP:
            return _wrap_aes(form, plaintext, key)
        case LegacyWrap.RSA_PKCS1:
            return legacy_pkcs1.wrap(form, plaintext, key)
        case LegacyWrap.AES_GCM:
            parts = legacy_gcm.wrap(form, plaintext, key, parameters.nonce_bytes, parameters.aad)
            return legacy_gcm.put_together(parts, parameters.gcm_layout)
        case LegacyWrap.HPKE:
            return legacy_hpke.wrap(form, plaintext, key, parameters.hpke, parameters.aad)
        case LegacyWrap.JWE:
            from pqcore.formats import jwe

            return jwe.wrap(form, plaintext, key)
        case LegacyWrap.VAULT:
            wrapped = wrap(transit_form(key), plaintext, key, WrapParameters(aad=parameters.aad))
            return transit.written(int(key.id.rpartition(":")[2]), wrapped)
        case _:
            return _wrap_oaep(form, plaintext, key, parameters)


def transit_form(key: KeyLike) -> LegacyWrap:
    """How transit wraps under a key: RSA-OAEP with SHA-256, or an AEAD with its nonce in front. Raises KeyStoreError.

    Under ChaCha20-Poly1305 values have the parts of AES-GCM; only Vault itself opens those.
    """
    if key.algorithm.startswith("RSA-"):
        return LegacyWrap.RSA_OAEP_SHA256
    if key.algorithm.startswith(("AES-", TRANSIT_CHACHA)):
        return LegacyWrap.AES_GCM
    raise needs(LegacyWrap.VAULT, "an RSA or AES", key)


def _remote(key: KeyLike) -> Any:
    """The service that keeps the key (``pqcore.keys.provider.RemoteKey``), None where there is none."""
    return getattr(key, "remote", None)


def _request(value: OldValue) -> tuple[LegacyWrap, bytes, WrapParameters]:
    """What a service is asked to open. Raises FormatError, KeyStoreError."""
    form, wrapped, parameters = value.form, value.wrapped, value.parameters
    if form is LegacyWrap.VAULT:
        return transit_form(value.key), transit.parse(wrapped).wrapped, WrapParameters(aad=parameters.aad)
    if form is LegacyWrap.AES_GCM:
        wrapped, parameters = _in_one(wrapped, parameters, value.beside)
    return form, wrapped, parameters


def _in_one(wrapped: bytes, parameters: WrapParameters, beside: Beside) -> tuple[bytes, WrapParameters]:
    """A value under AES-GCM with all its parts in the usual order, and the parameters that say so."""
    parts = legacy_gcm.take_apart(wrapped, parameters.gcm_layout, parameters.nonce_bytes, beside.nonce, beside.tag)
    usual = GcmLayout.NONCE_CIPHERTEXT_TAG
    return legacy_gcm.put_together(parts, usual), replace(parameters, gcm_layout=usual)


def _unwrap_oaep(form: LegacyWrap, wrapped: bytes, key: KeyLike, parameters: WrapParameters) -> bytes:
    private = rsa_private(form, wrapped, key)
    try:
        return private.decrypt(wrapped, _oaep(form, parameters))
    except ValueError:
        raise does_not_open(key) from None


def _wrap_oaep(form: LegacyWrap, plaintext: bytes, key: KeyLike, parameters: WrapParameters) -> bytes:
    public = rsa_public(form, key)
    try:
        return public.encrypt(plaintext, _oaep(form, parameters))
    except ValueError:
        raise FormatError(f"{len(plaintext)} bytes are too many for {form} under {key.algorithm}") from None


def _oaep(form: LegacyWrap, parameters: WrapParameters) -> padding.OAEP:
    name = OAEP_HASHES[form]
    mgf1 = padding.MGF1(_HASHES[parameters.mgf1_hash or name]())
    return padding.OAEP(mgf=mgf1, algorithm=_HASHES[name](), label=parameters.label or None)


def _unwrap_aes(form: LegacyWrap, wrapped: bytes, key: KeyLike) -> bytes:
    least = 24 if form is LegacyWrap.AES_KW else 16
    if len(wrapped) < least or len(wrapped) % 8:
        raise FormatError(
            f"The wrapped key has {len(wrapped)} bytes, {form} gives a multiple of 8 from {least} on",
            "Check format and encoding",
        )
    opened = keywrap.aes_key_unwrap if form is LegacyWrap.AES_KW else keywrap.aes_key_unwrap_with_padding
    try:
        return opened(aes_key(form, key), wrapped)
    except keywrap.InvalidUnwrap:
        raise does_not_open(key) from None


def _wrap_aes(form: LegacyWrap, plaintext: bytes, key: KeyLike) -> bytes:
    if form is LegacyWrap.AES_KWP:
        if not plaintext:
            raise FormatError("AES-KWP wraps 1 byte or more")
        return keywrap.aes_key_wrap_with_padding(aes_key(form, key), plaintext)
    if len(plaintext) < 16 or len(plaintext) % 8:
        raise FormatError("AES-KW wraps a multiple of 8 bytes, at least 16")
    return keywrap.aes_key_wrap(aes_key(form, key), plaintext)
