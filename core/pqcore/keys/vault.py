"""Keys that HashiCorp Vault's transit engine keeps: it opens old values itself, and their secrets stay with it.

Old RSA and AES keys are read here. New values are sealed under post-quantum keys of the keyring: transit has no KEM.
"""

from __future__ import annotations

import base64
import binascii
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from pqcore.crypto import keys as crypto
from pqcore.errors import KeyServiceUnavailable, KeyStoreError, PQConsoleError, StateConflict
from pqcore.formats import transit
from pqcore.formats.errors import FormatError, NotAuthentic
from pqcore.formats.legacy_wrap import TRANSIT_CHACHA, LegacyWrap, WrapParameters, unwrap
from pqcore.keys.entry import fingerprint
from pqcore.keys.provider import Key, KeyInfo, KeyState
from pqcore.keys.reference import parse_ref, resolve
from pqcore.keys.vault_http import Refused, VaultClient
from pqcore.keys.vault_settings import VaultSettings

_NONCE_BYTES = 12  # of transit's AES-GCM
_FRESH_SECONDS = 60.0  # how long what Vault says of a key is believed
# transit's type of a key -> our name of its algorithm
_ALGORITHMS = {
    "aes128-gcm96": "AES-128",
    "aes256-gcm96": "AES-256",
    "chacha20-poly1305": TRANSIT_CHACHA,
    "rsa-2048": "RSA-2048",
    "rsa-3072": "RSA-3072",
    "rsa-4096": "RSA-4096",
    "ed25519": "Ed25519",
    "ecdsa-p256": "ECDSA-P256",
    "ecdsa-p384": "ECDSA-P384",
    "ecdsa-p521": "ECDSA-P521",
}


@dataclass(frozen=True, slots=True)
class _Named:
    """What Vault says of one key: its versions that can be used, the oldest that may be, and whether it may leave."""

    versions: Mapping[int, Key]
    oldest: int
    exportable: bool


_Request = tuple[LegacyWrap, bytes, WrapParameters]


@dataclass(frozen=True, slots=True)
class _KeptKey:
    """Implements ``RemoteKey``: a version of a key that stays in Vault."""

    provider: VaultKeyProvider
    info: KeyInfo

    def open(self, form: LegacyWrap, wrapped: bytes, parameters: WrapParameters) -> bytes:
        return self.provider._open(self.info, form, wrapped, parameters)

    def open_all(self, requests: Sequence[_Request]) -> Sequence[bytes | PQConsoleError]:
        return self.provider._open_all(self.info, requests)


class VaultKeyProvider:
    """Implements ``KeyProvider`` for reading; Vault's own tools make, rotate and delete its keys. Thread-safe."""

    def __init__(self, settings: VaultSettings, token: Callable[[], str], client: VaultClient | None = None) -> None:
        self._settings = settings
        self._token = token
        self._client = client or VaultClient(settings, token)
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, _Named | None]] = {}

    def list(self) -> list[KeyInfo]:
        names = self._ask("LIST", "keys", "list keys", missing={"keys": []}).get("keys") or []
        found = [info for name in names for info in self._infos(str(name))]
        return sorted(found, key=lambda info: (info.name, info.version))

    def info(self, ref: str) -> KeyInfo:
        return self.get(ref).info

    def get(self, ref: str) -> Key:
        name, version = parse_ref(ref)
        named = self._named(name)
        if version is not None and 0 < version < named.oldest:
            raise KeyStoreError(
                f"Vault no longer uses version {version} of the key {name}", "Lower the key's min_decryption_version"
            )
        return named.versions[resolve(ref, [key.info for key in named.versions.values()]).version]

    def holds(self, name: str) -> bool:
        """Whether Vault has a key of this name."""
        try:
            self._named(name)
        except _NoSuchKey:
            return False
        return True

    def generate(self, name: str, algorithm: str, *, expanded: bool = False) -> KeyInfo:  # noqa: ARG002
        raise self._elsewhere(name)

    def import_key(self, name: str, data: bytes, *, algorithm: str | None = None) -> KeyInfo:  # noqa: ARG002
        raise self._elsewhere(name)

    def change_state(self, key_id: str, state: KeyState) -> KeyInfo:  # noqa: ARG002
        raise self._elsewhere(parse_ref(key_id)[0])

    def unlock(self) -> None:
        self._ask("LIST", "keys", "list keys", missing={})

    def handover(self) -> Callable[[], VaultKeyProvider]:
        return partial(_reopen, self._settings, self._client._kept_token())

    def _elsewhere(self, name: str) -> StateConflict:
        return StateConflict(
            f"The key {name} is kept by Vault, which makes and retires its keys itself", "Use its tools"
        )

    def _infos(self, name: str) -> Iterable[KeyInfo]:
        try:
            return [key.info for key in self._named(name).versions.values()]
        except _NoSuchKey:  # deleted since it was listed
            return ()

    def _named(self, name: str) -> _Named:
        now = time.monotonic()
        with self._lock:
            known = self._known.get(name)
        if known is None or now - known[0] >= _FRESH_SECONDS:
            data = self._ask("GET", f"keys/{name}", f"read the key {name}", missing={})
            known = (now, self._parsed(name, data) if data else None)
            with self._lock:
                self._known[name] = known
        if known[1] is None:
            raise _NoSuchKey(f"There is no key {name} in Vault", "Name another key, or make it there")
        return known[1]

    def _parsed(self, name: str, data: Mapping[str, Any]) -> _Named:
        try:
            algorithm = _ALGORITHMS.get(data["type"])
            if algorithm is None:
                raise KeyStoreError(
                    f"The key {name} in Vault is of the type {str(data['type'])[:40]}, which is not read here",
                    f"Name a key of one of {', '.join(_ALGORITHMS)}",
                )
            oldest = max(1, int(data.get("min_decryption_version", 1)))
            versions = {
                int(number): self._key(name, int(number), algorithm, said)
                for number, said in data["keys"].items()
                if int(number) >= oldest
            }
            return _Named(versions, oldest, bool(data.get("exportable")))
        except (KeyError, TypeError, ValueError, AttributeError):
            raise KeyStoreError(f"Vault's answer about the key {name} cannot be read", "Update pqconsole") from None

    def _key(self, name: str, version: int, algorithm: str, said: Any) -> Key:
        pem = said.get("public_key", "") if isinstance(said, dict) else ""
        made = said.get("creation_time") if isinstance(said, dict) else said
        public = crypto.identify(_public(pem), None).public if pem else None
        info = KeyInfo(
            name=name,
            version=version,
            algorithm=algorithm,
            created_at=_moment(made),
            origin="vault",
            fingerprint="" if public is None else fingerprint(None, public),
            has_secret=True,
        )
        return Key(info, public=public, remote=_KeptKey(self, info))

    def _open_all(self, info: KeyInfo, requests: Sequence[_Request]) -> Sequence[bytes | PQConsoleError]:
        """Have Vault open many old values at once; one by one what it does not open so, to learn why."""
        found = self._opened_at_once(info, requests) if len(requests) > 1 else {}
        return [found[n] if n in found else self._opened(info, request) for n, request in enumerate(requests)]

    def _opened(self, info: KeyInfo, request: _Request) -> bytes | PQConsoleError:
        try:
            return self._open(info, *request)
        except KeyServiceUnavailable:
            raise
        except (FormatError, NotAuthentic, KeyStoreError) as error:
            return error

    def _opened_at_once(self, info: KeyInfo, requests: Sequence[_Request]) -> Mapping[int, bytes]:
        """What transit opens of these in one request, by their number. Raises KeyServiceUnavailable."""
        items = [
            {**_body(info, *request), "reference": str(number)}
            for number, request in enumerate(requests)
            if _transit_opens(request[0], request[2])
        ]
        if len(items) < 2:
            return {}
        # without the status, one value that does not open would be an answer of 400 for all
        body = {"batch_input": items, "partial_failure_response_code": 200}
        try:
            results = self._client.ask("POST", f"decrypt/{info.name}", body).get("batch_results")
        except Refused:
            return {}
        if not isinstance(results, list) or len(results) != len(items):
            return {}
        found: dict[int, bytes] = {}
        for item, result in zip(items, results, strict=True):
            number = item["reference"]
            if not isinstance(result, dict) or result.get("error") or result.get("reference", number) != number:
                continue
            plaintext = _plaintext(result)
            if plaintext:
                found[int(number)] = plaintext
        return found

    def _open(self, info: KeyInfo, form: LegacyWrap, wrapped: bytes, parameters: WrapParameters) -> bytes:
        """Have Vault open an old value; where transit does not know the form, with a key that it lets out."""
        if not _transit_opens(form, parameters):
            return unwrap(form, wrapped, self._exported(info), parameters)
        try:
            data = self._client.ask("POST", f"decrypt/{info.name}", _body(info, form, wrapped, parameters))
        except Refused as refused:
            if refused.status == 400:
                raise NotAuthentic(f"Vault does not open the value under its key {info.id}", "Check the key") from None
            raise self._explained(refused, f"decrypt with the key {info.name}") from None
        plaintext = _plaintext(data)
        if plaintext is None:
            raise KeyStoreError("Vault's answer to decrypt cannot be read", "Update pqconsole")
        return plaintext

    def _exported(self, info: KeyInfo) -> Key:
        named = self._named(info.name)
        if not named.exportable:
            raise KeyStoreError(
                f"The key {info.id} does not leave Vault, and Vault does not open this format itself",
                "Use a key that is exportable, or import the key into the keyring",
            )
        data = self._ask("GET", f"export/encryption-key/{info.name}/{info.version}", f"export the key {info.name}")
        try:
            text = str(data["keys"][str(info.version)])
            symmetric = info.algorithm.startswith("AES-")
            raw = base64.b64decode(text, validate=True) if symmetric else text.encode()
            found = crypto.identify(raw, info.algorithm if symmetric else None)
        except (KeyError, TypeError, binascii.Error, ValueError):
            raise KeyStoreError(f"Vault's export of the key {info.id} cannot be read", "Update pqconsole") from None
        return Key(info, secret=found.secret, public=found.public)

    def _ask(self, method: str, path: str, doing: str, missing: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        """An answer whose refusal is explained; ``missing`` is the answer where there is nothing (HTTP 404)."""
        try:
            return self._client.ask(method, path)
        except Refused as refused:
            if refused.status == 404 and missing is not None:
                return missing
            raise self._explained(refused, doing) from None

    def _explained(self, refused: Refused, doing: str) -> KeyStoreError:
        mount = self._settings.mount
        match refused.status:
            case 403:
                return KeyStoreError(
                    f"Vault does not let this token {doing}", f"Renew the token, or allow it in a policy for {mount}/"
                )
            case 404:
                return _NoSuchKey(f"Vault cannot {doing}: there is none", f"Check the name, and the mount {mount}")
            case status:
                return KeyStoreError(f"Vault refuses to {doing} (HTTP status {status})", "See Vault's audit log")


class _NoSuchKey(KeyStoreError):
    """Vault has no such key."""


def _transit_opens(form: LegacyWrap, parameters: WrapParameters) -> bool:
    """transit's RSA is OAEP with SHA-256 and no label; its AES-GCM is a nonce of 12 bytes, ciphertext, tag."""
    if form is LegacyWrap.AES_GCM:
        return parameters.nonce_bytes == _NONCE_BYTES
    return form is LegacyWrap.RSA_OAEP_SHA256 and not parameters.label and parameters.mgf1_hash in (None, "SHA-256")


def _body(info: KeyInfo, form: LegacyWrap, wrapped: bytes, parameters: WrapParameters) -> dict[str, str]:
    """What transit is asked for one value."""
    aad = parameters.aad if form is LegacyWrap.AES_GCM else b""
    bound = {"associated_data": base64.b64encode(aad).decode()} if aad else {}
    return {"ciphertext": transit.written(info.version, wrapped).decode(), **bound}


def _plaintext(said: Mapping[str, Any]) -> bytes | None:
    """The data key in an answer, None where it cannot be read."""
    try:
        return base64.b64decode(said["plaintext"], validate=True)
    except (KeyError, TypeError, binascii.Error, ValueError):
        return None


def _public(text: str) -> bytes:
    """A public key as Vault writes it: PEM, or base64 of 32 bytes for Ed25519."""
    if text.startswith("-----"):
        return text.encode()
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    raw = Ed25519PublicKey.from_public_bytes(base64.b64decode(text, validate=True))
    return raw.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _moment(value: Any) -> datetime:
    """A time as Vault gives it: seconds since 1970, or RFC 3339 with up to nine digits of a second."""
    if isinstance(value, int):
        return datetime.fromtimestamp(value, UTC)
    text = str(value)
    whole, dot, rest = text.partition(".")
    zone = rest.lstrip("0123456789") if dot else ""
    moment = datetime.fromisoformat(f"{whole}{zone}" if dot else text)
    return moment.astimezone(UTC).replace(microsecond=0)


class _GivenToken:
    """A token that is known already."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self) -> str:
        return self._token


def _reopen(settings: VaultSettings, token: str) -> VaultKeyProvider:
    return VaultKeyProvider(settings, _GivenToken(token))
