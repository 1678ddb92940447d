"""Wrapped data keys: unwrap with the old key, seal with HPKE under a post-quantum KEM, reopen, compare."""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pqcore.crypto.catalogue import Algorithm
from pqcore.crypto.suites import kdfs_of
from pqcore.errors import KeyStoreError, UsageError
from pqcore.formats import wrapped_key
from pqcore.formats.encoding import Encoding, encode_like, encoded_length, encoding_for
from pqcore.formats.errors import FormatError, NotAuthentic
from pqcore.formats.keyring import KeyLike
from pqcore.formats.legacy_wrap import OldValue, kept_by_service, unwrap_together
from pqcore.keys.provider import Key, KeyProvider
from pqcore.migrations.base import (
    Failed,
    FailureReason,
    Mark,
    Migrated,
    Outcome,
    Record,
    Scope,
    Skipped,
    SkipReason,
)
from pqcore.migrations.old_wraps import OldWraps, build_old_wraps
from pqcore.migrations.options import resolve
from pqcore.migrations.place import (
    BAD_DATA,
    Place,
    failed,
    new_value_key,
    prefix_marks,
    stored_bytes,
    target_key,
    whole,
)
from pqcore.migrations.rules import LayerRules

_AT_ONCE = 100  # rows whose old values a service is asked to open in one request
# The options that name the keys of further layers, each around the one before; ``new_key`` names the innermost.
LAYER_OPTIONS = ("layer2_key", "layer3_key")


@dataclass(frozen=True, slots=True)
class WrapperMigration:
    """Implements ``Migration``. Values under an older key of ours are sealed anew, without their old wrap.

    Attributes:
        place: what new values are bound to.
        encoding: how the column holds bytes; None: raw for bytes, base64 for text.
        old: how old values are opened; None where all are in our form already.
        layers: the KEM keys with their suites, the outermost first.
        provider: where keys of values already in our form are looked up.
        max_key_bytes: longest data key that is accepted.
    """

    place: Place
    encoding: Encoding | None
    old: OldWraps | None
    layers: tuple[wrapped_key.SealKey, ...]
    provider: KeyProvider
    max_key_bytes: int

    @property
    def reads(self) -> tuple[str, ...]:
        return (self.place.field, *(() if self.old is None else self.old.reads))

    @property
    def guards(self) -> tuple[str, ...]:
        return (self.place.field, *(() if self.old is None else self.old.guards))

    @property
    def writes(self) -> tuple[str, ...]:
        return (self.place.field,)

    @property
    def marks(self) -> tuple[Mark, ...]:
        return prefix_marks(self.place.field, self._header, self.encoding)

    @property
    def beside(self) -> bool:
        return False

    @property
    def _header(self) -> bytes:
        return wrapped_key.header_of([key.layer for key in self.layers], self.place.policy)

    def migrate(self, record: Record) -> Outcome:
        try:
            found = self._found(record)
            return self._migrated(record, found.unwrap()) if isinstance(found, OldValue) else found
        except BAD_DATA as error:
            return failed(error)

    def migrate_all(self, records: Sequence[Record]) -> Iterator[Outcome]:
        if self.old is None or (self.old.keys.fixed is not None and not kept_by_service(self.old.keys.fixed)):
            yield from map(self.migrate, records)
            return
        for start in range(0, len(records), _AT_ONCE):
            yield from self._together(records[start : start + _AT_ONCE])

    def _together(self, records: Sequence[Record]) -> Iterator[Outcome]:
        """Rows whose old keys a service keeps: it is asked for all of them at once."""
        asked: dict[int, OldValue] = {}
        for number, record in enumerate(records):
            try:
                found = self._found(record)
            except BAD_DATA:
                continue  # met again below
            if isinstance(found, OldValue) and kept_by_service(found.key):
                asked[number] = found
        opened = dict(zip(asked, unwrap_together(list(asked.values())), strict=True))
        for number, record in enumerate(records):
            data_key = opened.pop(number, None)
            if data_key is None:
                yield self.migrate(record)
            elif isinstance(data_key, bytes):
                yield self._migrated(record, data_key)
            else:
                yield failed(data_key)

    def verify(self, record: Record) -> Outcome:
        try:
            value = stored_bytes(record.values[self.place.field])
            if value is None:
                return Skipped(SkipReason.EMPTY)
            envelope = wrapped_key.parse(value)
            wrapped_key.open_envelope(envelope, self._key, self.place.any_policy(record.key))
        except BAD_DATA as error:
            return failed(error)
        return Skipped(SkipReason.ALREADY_MIGRATED)

    def max_width(self, column: str) -> int:
        if column != self.place.field:
            raise ValueError(f"{column} is not written")
        layers = [key.layer for key in self.layers]
        length = wrapped_key.sealed_length(layers, self.place.policy, self.max_key_bytes)
        return encoded_length(length, self.encoding or Encoding.BASE64)

    def _found(self, record: Record) -> OldValue | Outcome:
        """The old value of a row, or its outcome where it has none. Raises one of ``BAD_DATA``."""
        value = stored_bytes(record.values[self.place.field])
        if value is None:
            return Skipped(SkipReason.EMPTY)
        if wrapped_key.recognise(value):
            return self._reseal(record, value)
        if self.old is None:
            raise FormatError(
                "The value is not a wrapped key of this program", "Name the format and old_key of older values"
            )
        return self.old.found(record.values, value, encoding_for(value, self.encoding))

    def _migrated(self, record: Record, data_key: bytes) -> Outcome:
        """The outcome of a row whose old value is open."""
        try:
            if self.old is not None:
                self.old.check_key(record.values, data_key)
            value = record.values[self.place.field]
            return self._sealed(record, value, encoding_for(value, self.encoding), data_key)
        except BAD_DATA as error:
            return failed(error)

    def _reseal(self, record: Record, value: str | bytes) -> Outcome:
        envelope = wrapped_key.parse(value)
        context = self.place.any_policy(record.key)
        if envelope.header == self._header:
            # The tag alone tells a planted value apart; verify() opens it too.
            wrapped_key.check_tag(envelope, self._key, context)
            return Skipped(SkipReason.ALREADY_MIGRATED)
        plaintext = wrapped_key.open_envelope(envelope, self._key, context)
        return self._sealed(record, value, wrapped_key.encoding_of(value), plaintext)

    def _sealed(self, record: Record, old: str | bytes, encoding: Encoding, plaintext: bytes) -> Outcome:
        if len(plaintext) > self.max_key_bytes:
            return Failed(
                FailureReason.TOO_WIDE,
                f"The data key has {len(plaintext)} bytes, more than the {self.max_key_bytes} that widths were checked"
                " for. Raise options.max_key_bytes.",
            )
        context = self.place.context(record.key)
        sealed = wrapped_key.seal_nested(plaintext, self.layers, context)
        new = encode_like(sealed, encoding, old)
        if not self._proved(new, plaintext, record):
            return Failed(FailureReason.UNPROVED, "The new wrapped key did not open to the same data key.")
        return Migrated({self.place.field: new})

    def _proved(self, new: str | bytes, plaintext: bytes, record: Record) -> bool:
        try:
            envelope = wrapped_key.parse(new)
            opened = wrapped_key.open_envelope(envelope, self._key, self.place.context(record.key))
        except (FormatError, NotAuthentic):
            return False
        return hmac.compare_digest(opened, plaintext)

    def _key(self, key_id: str) -> KeyLike:
        return next((layer.key for layer in self.layers if layer.key.id == key_id), None) or self.provider.get(key_id)


def build_wrappers(
    algorithm: Algorithm,
    place: Place,
    options: Mapping[str, Any],
    keys: KeyProvider,
    target_key_id: str | None,
    rules: LayerRules,
) -> WrapperMigration:
    """The migration of one job of this scope. Raises UsageError or KeyStoreError."""
    chosen = resolve(Scope.WRAPPERS, options)
    layers = _layers(algorithm, chosen, keys, target_key_id)
    rules.check([layer.suite.label for layer in layers])
    return WrapperMigration(
        place=place,
        encoding=None if chosen["encoding"] is None else Encoding(chosen["encoding"]),
        old=build_old_wraps(place.field, chosen, keys),
        layers=layers,
        provider=keys,
        max_key_bytes=int(chosen["max_key_bytes"]),
    )


def _layers(
    algorithm: Algorithm, chosen: Mapping[str, Any], keys: KeyProvider, target_key_id: str | None
) -> tuple[wrapped_key.SealKey, ...]:
    """The keys that new values are sealed under, the outermost first; the target is the innermost one's."""
    inner = target_key(keys, chosen["new_key"], target_key_id, algorithm)
    sealers = [_sealer("new_key", inner, algorithm.variant)]
    for option in LAYER_OPTIONS:
        if chosen[option] is None:
            continue
        if len(sealers) != LAYER_OPTIONS.index(option) + 1:
            raise UsageError(f"options.{option}: The layer inside it is missing", f"Name options.{LAYER_OPTIONS[0]}")
        started = None if target_key_id is None else chosen[option]
        key = whole(new_value_key(keys, chosen[option], started, option), option)
        if any(key.id == other.key.id for other in sealers):
            raise UsageError(f"options.{option}: The key {key.id} serves another layer already", "Name another key")
        sealers.append(_sealer(option, key, _variant(key, option.replace("_key", "_kdf"), chosen)))
    return tuple(reversed(sealers))


def _variant(key: Key, option: str, chosen: Mapping[str, Any]) -> str:
    """The KDF that ``option`` names for the layer of ``key``, empty for the default one of its KEM."""
    named, known = chosen[option], kdfs_of(key.algorithm)
    if named is None or not known or named == known[0]:
        return ""
    if named not in known:
        raise UsageError(f"options.{option}: {named} is weaker than {key.algorithm}", f"Use {' or '.join(known)}")
    return str(named)


def _sealer(option: str, key: Key, variant: str = "") -> wrapped_key.SealKey:
    if key.seal_secret is None:
        raise KeyStoreError(
            f"options.{option}: The key {key.id} has no seal secret", "Generate another KEM key with pqconsole"
        )
    return wrapped_key.SealKey.of(key, variant)
