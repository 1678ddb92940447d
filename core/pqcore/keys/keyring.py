"""The keyring's document: strict JSON, readable metadata, sealed secrets. docs/KEYS.md specifies it."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from pqcore.keys.provider import Key, KeyInfo, KeyState
from pqcore.keys.reference import check_name
from pqcore.keys.sealing import Cost, Derivation, seal, unseal

FORMAT = "pqconsole keyring"
VERSION = 1
MAX_BYTES = 64 * 1024 * 1024

_CHECK = b"pqconsole keyring v1: check"
_ENTRY = b"pqconsole keyring v1: entry\n"
_ORIGINS = frozenset({"generated", "imported"})
_ENTRY_FIELDS = frozenset(
    {"name", "version", "algorithm", "created_at", "origin", "fingerprint", "has_secret", "public", "box"}
)
_STATE_FIELDS = frozenset({"state", "state_since"})  # of keys that are not active


class Malformed(ValueError):
    """The document is not a keyring; the text says where, and shows no secret."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A key as stored: what may be shown, the public key, and a box with the secrets."""

    info: KeyInfo
    public: bytes | None
    box: bytes


@dataclass(frozen=True, slots=True)
class Keyring:
    """A whole keyring file. ``check`` is a box that only the right passphrase opens."""

    derivation: Derivation
    check: bytes
    entries: tuple[Entry, ...] = ()

    @property
    def infos(self) -> list[KeyInfo]:
        """By name and version."""
        return sorted((entry.info for entry in self.entries), key=lambda info: (info.name, info.version))

    def entry(self, key_id: str) -> Entry | None:
        """The entry ``name:version``."""
        return next((entry for entry in self.entries if entry.info.id == key_id), None)

    def opens_with(self, master: bytes) -> bool:
        """Whether the master key is this keyring's."""
        return unseal(master, self.check, _CHECK) is not None

    def with_key(self, key: Key, master: bytes) -> Keyring:
        """A keyring with one key more."""
        return self.with_keys((key,), master)

    def with_keys(self, keys: Iterable[Key], master: bytes) -> Keyring:
        """A keyring with these keys more, in their order."""
        return replace(self, entries=(*self.entries, *(seal_entry(key, master) for key in keys)))

    def with_changed(self, key: Key, master: bytes) -> Keyring:
        """A keyring in which the key of this id is stored anew."""
        sealed = seal_entry(key, master)
        return replace(self, entries=tuple(sealed if e.info.id == key.id else e for e in self.entries))


def new_keyring(derivation: Derivation, master: bytes) -> Keyring:
    """An empty keyring."""
    return Keyring(derivation, seal(master, b"", _CHECK))


def seal_entry(key: Key, master: bytes) -> Entry:
    """The key as it is stored: its secrets sealed and bound to what is readable beside them."""
    secrets = {"secret": _text(key.secret), "seal_secret": _text(key.seal_secret)}
    plaintext = json.dumps(secrets, sort_keys=True).encode()
    return Entry(key.info, key.public, seal(master, plaintext, _bound(key.info, key.public)))


def open_entry(entry: Entry, master: bytes) -> Key | None:
    """The key with its secrets; None where the entry was changed since it was written."""
    plaintext = unseal(master, entry.box, _bound(entry.info, entry.public))
    if plaintext is None:
        return None
    secrets = json.loads(plaintext)
    return Key(entry.info, _bytes(secrets["secret"]), entry.public, _bytes(secrets["seal_secret"]))


def dump(keyring: Keyring) -> bytes:
    """The file's content."""
    document = {
        "format": FORMAT,
        "version": VERSION,
        "kdf": {
            "name": "argon2id",
            "salt": _text(keyring.derivation.salt),
            "memory_kib": keyring.derivation.cost.memory_kib,
            "passes": keyring.derivation.cost.passes,
            "lanes": 1,
        },
        "check": _text(keyring.check),
        "keys": [_entry_document(entry) | {"box": _text(entry.box)} for entry in keyring.entries],
    }
    return json.dumps(document, indent=1).encode() + b"\n"


def parse(content: bytes) -> Keyring:
    """The keyring in a file's content.

    Raises:
        Malformed: it is not one, or of a version or cost that is not accepted.
    """
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise Malformed("it is not JSON") from error
    fields = _fields(document, {"format", "version", "kdf", "check", "keys"}, "the document")
    if fields["format"] != FORMAT or fields["version"] != VERSION:
        raise Malformed("it has another format or version")
    keys = fields["keys"]
    if not isinstance(keys, list):
        raise Malformed("keys is not a list")
    entries = tuple(_parse_entry(item, f"keys[{index}]") for index, item in enumerate(keys))
    if len({entry.info.id for entry in entries}) != len(entries):
        raise Malformed("it holds one key twice")
    check = _bytes(fields["check"])
    if check is None:
        raise Malformed("check is missing")
    return Keyring(_parse_derivation(fields["kdf"]), check, entries)


def _parse_derivation(value: Any) -> Derivation:
    kdf = _fields(value, {"name", "salt", "memory_kib", "passes", "lanes"}, "kdf")
    salt = _bytes(kdf["salt"])
    if kdf["name"] != "argon2id" or kdf["lanes"] != 1 or salt is None:
        raise Malformed("kdf is not Argon2id with one lane")
    try:
        return Derivation(salt, Cost(_whole(kdf["memory_kib"]), _whole(kdf["passes"])))
    except ValueError as error:
        raise Malformed("kdf has parameters outside the accepted range") from error


def _parse_entry(value: Any, place: str) -> Entry:
    stateful = isinstance(value, dict) and "state" in value
    fields = _fields(value, set(_ENTRY_FIELDS | _STATE_FIELDS if stateful else _ENTRY_FIELDS), place)
    box = _bytes(fields["box"])
    texts = ("name", "algorithm", "created_at", "origin", "fingerprint")
    if box is None or not all(isinstance(fields[name], str) for name in texts):
        raise Malformed(f"{place} is incomplete")
    if fields["origin"] not in _ORIGINS or not isinstance(fields["has_secret"], bool):
        raise Malformed(f"{place} has an unknown origin or kind")
    try:
        info = KeyInfo(
            name=check_name(fields["name"]),
            version=_whole(fields["version"]),
            algorithm=fields["algorithm"],
            created_at=_moment(fields["created_at"]),
            origin=fields["origin"],
            fingerprint=fields["fingerprint"],
            has_secret=fields["has_secret"],
            state=KeyState(fields["state"]) if stateful else KeyState.ACTIVE,
            state_since=_moment(fields["state_since"]) if stateful else None,
        )
    except Exception as error:
        raise Malformed(f"{place} has a name, version or time that cannot be read") from error
    return Entry(info, _bytes(fields["public"]), box)


def _entry_document(entry: Entry) -> dict[str, Any]:
    info = entry.info
    document = {
        "name": info.name,
        "version": info.version,
        "algorithm": info.algorithm,
        "created_at": info.created_at.isoformat(),
        "origin": info.origin,
        "fingerprint": info.fingerprint,
        "has_secret": info.has_secret,
        "public": _text(entry.public),
    }
    if info.state_since is not None:
        document |= {"state": info.state.value, "state_since": info.state_since.isoformat()}
    return document


def _bound(info: KeyInfo, public: bytes | None) -> bytes:
    """Associated data of an entry's box: all that is readable of it, as sorted compact JSON."""
    document = _entry_document(Entry(info, public, b""))
    return _ENTRY + json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def _fields(value: Any, names: set[str], place: str) -> Mapping[str, Any]:
    if not isinstance(value, dict) or set(value) != names:
        raise Malformed(f"{place} has not the expected fields")
    return value


def _moment(value: Any) -> datetime:
    return datetime.fromisoformat(value).astimezone(UTC)


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise Malformed("a number is missing")
    return value


def _text(value: bytes | None) -> str | None:
    return None if value is None else base64.b64encode(value).decode()


def _bytes(value: Any) -> bytes | None:
    if value is None:
        return None
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, TypeError, ValueError) as error:
        raise Malformed("a value is not base64") from error
