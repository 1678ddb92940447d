"""Blind indexes: recomputed from their content under a new key, or nested where the content cannot be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pqcore.crypto.catalogue import Algorithm
from pqcore.errors import KeyStoreError, UsageError
from pqcore.formats import blind_index
from pqcore.formats.encoding import Encoding, decode
from pqcore.formats.errors import FormatError, NotAuthentic
from pqcore.keys.provider import Key, KeyProvider
from pqcore.migrations.base import (
    Failed,
    FailureReason,
    Mark,
    Migrated,
    Outcome,
    Prefix,
    Record,
    Skipped,
    SkipReason,
)
from pqcore.migrations.place import BAD_DATA, InPlace, Place, content_bytes, failed, option_key, stored_bytes


@dataclass(frozen=True, slots=True)
class IndexMigration(InPlace):
    """Implements ``Migration``: reproduces the old index from its content, then stores one under the new key.

    Attributes:
        place: the column of the index; indexes are bound to nothing else, or equal contents would not be found.
        key: the new key, of one of ``blind_index.SIZES``.
        source: the column of the content; None nests the new index over the old one, which is taken as it is.
        form: how the old indexes were made (``blind_index.OLD_SIZES``); None tells by length.
        old_key: their key, None for digests without one.
        encoding: how the column holds old indexes; None: raw for bytes, hexadecimal for text.
        normalize: what the application does to the content before: ``none``, ``trim``, ``lower``, ``trim-lower``.
        keys: for indexes under other keys of the new kind.
    """

    key: Key
    source: str | None
    form: str | None
    old_key: Key | None
    encoding: Encoding | None
    normalize: str
    keys: KeyProvider

    @property
    def reads(self) -> tuple[str, ...]:
        return (self.place.field,) if self.source is None else (self.place.field, self.source)

    @property
    def marks(self) -> tuple[Mark, ...]:
        start = blind_index.prefix(self.key.algorithm, self.key.id)
        # With the content at hand a nested index is not the last word.
        return (Prefix(self.place.field, start if self.source is None else f"{start}$"),)

    def migrate(self, record: Record) -> Outcome:
        try:
            old = stored_bytes(record.values[self.place.field])
            if old is None:
                return Skipped(SkipReason.EMPTY)
            return self._nested(old) if self.source is None else self._recomputed(old, self._content(record))
        except BAD_DATA as error:
            return failed(error)

    def verify(self, record: Record) -> Outcome:
        try:
            stored = stored_bytes(record.values[self.place.field])
            if stored is None:
                return Skipped(SkipReason.EMPTY)
            if not blind_index.recognise(stored):
                return Failed(FailureReason.UNPARSEABLE, "The row still has its old index.")
            if self.source is None:
                blind_index.parse(stored)
            elif not blind_index.verify_index(stored, self._content(record), self.keys, self.old_key):
                raise _mismatch()
            return Skipped(SkipReason.ALREADY_MIGRATED)
        except BAD_DATA as error:
            return failed(error)

    def max_width(self, column: str) -> int:
        self.require_written(column)
        inner = (self.form or "") if self.source is None else ""
        return blind_index.stored_length(self.key.algorithm, self.key.id, inner)

    def _recomputed(self, old: str | bytes, content: bytes) -> Outcome:
        if blind_index.recognise(old):
            reproduced = blind_index.verify_index(old, content, self.keys, self.old_key)
        else:
            digest = self._digest(old)
            reproduced = blind_index.old_index(content, self._form_of(digest), self.old_key) == digest
        if not reproduced:
            raise _mismatch()
        new = blind_index.index_value(content, self.key)
        if new == _text(old):
            return Skipped(SkipReason.ALREADY_MIGRATED)
        if not blind_index.verify_index(new, content, self.keys, self.old_key):
            return Failed(FailureReason.UNPROVED, "The new index did not come out the same twice.")
        return self._migrated(new, old)

    def _nested(self, old: str | bytes) -> Outcome:
        if blind_index.recognise(old):
            form = blind_index.parse(old)
            if (form.algorithm, form.key_id) == (self.key.algorithm, self.key.id):
                return Skipped(SkipReason.ALREADY_MIGRATED)
            raise FormatError(
                f"The index is under the key {form.key_id} already", "Use the mode blind-index, which reads the content"
            )
        digest = self._digest(old)
        new = blind_index.nested_value(digest, self._form_of(digest), self.key)
        if new != blind_index.nested_value(digest, blind_index.parse(new).inner, self.key):
            return Failed(FailureReason.UNPROVED, "The new index did not come out the same twice.")
        return self._migrated(new, old)

    def _migrated(self, new: str, old: str | bytes) -> Migrated:
        return Migrated({self.place.field: new.encode("ascii") if isinstance(old, bytes) else new})

    def _digest(self, old: str | bytes) -> bytes:
        return decode(old, self.encoding or (Encoding.RAW if isinstance(old, bytes) else Encoding.HEX))

    def _form_of(self, digest: bytes) -> str:
        keyed = self.old_key is not None
        names = [name for name in blind_index.OLD_SIZES if name.startswith("HMAC-") == keyed]
        found = self.form or next((name for name in names if blind_index.OLD_SIZES[name] == len(digest)), None)
        if found is None or blind_index.OLD_SIZES[found] != len(digest):
            wanted = self.form or " or ".join(names)
            raise FormatError(f"The value has {len(digest)} bytes, which is no {wanted}", "Check format and encoding")
        return found

    def _content(self, record: Record) -> bytes:
        content = content_bytes(record.values[self.source or ""], "content")
        if self.normalize == "none":
            return content
        try:
            text = content.decode()
        except UnicodeDecodeError:
            raise FormatError("The content is not text, which normalize takes", "Set normalize to none") from None
        if self.normalize.startswith("trim"):
            text = text.strip()
        return (text.lower() if self.normalize.endswith("lower") else text).encode()


def build_indexes(
    algorithm: Algorithm, place: Place, chosen: Mapping[str, Any], keys: KeyProvider, target_key_id: str | None
) -> IndexMigration:
    """The migration of a job of the modes ``blind-index`` and ``nested-index``. Raises UsageError or KeyStoreError."""
    nested = chosen["mode"] == "nested-index"
    form = None if chosen["format"] == "auto" else str(chosen["format"])
    if form is not None and form not in blind_index.OLD_SIZES:
        raise UsageError(f"options.format: {form} is no index", f"Set it to {' or '.join(blind_index.OLD_SIZES)}")
    if nested and form is None:
        raise UsageError(
            "options.format: Without its content nothing proves how an index was made",
            f"Set it to {' or '.join(blind_index.OLD_SIZES)}",
        )
    if chosen["source"] == place.field:
        raise UsageError("options.source: This is the column of the index", "Name the column of the content")
    old_key = None if chosen["old_key"] is None else _hmac_key(keys, chosen["old_key"], "old_key")
    if not nested and form is not None and form.startswith("HMAC-") != (old_key is not None):
        raise UsageError(
            f"options.old_key: {form} {'needs its key' if old_key is None else 'has no key'}",
            "Name the key of the old indexes" if old_key is None else "Remove it",
        )
    return IndexMigration(
        place=place,
        key=_new_key(keys, str(chosen["new_key"]), target_key_id, algorithm),
        source=chosen["source"],
        form=form,
        old_key=old_key,
        encoding=None if chosen["encoding"] is None else Encoding(chosen["encoding"]),
        normalize=str(chosen["normalize"]),
        keys=keys,
    )


def _hmac_key(keys: KeyProvider, name: str, option: str) -> Key:
    key = option_key(keys, name, option)
    if not key.algorithm.startswith("HMAC-") or key.secret is None:
        raise KeyStoreError(
            f"options.{option}: The key {key.id} is of {key.algorithm}, a key of an HMAC is needed",
            "Import it with `pqconsole keys import NAME FILE --algorithm HMAC-SHA-256`",
        )
    return key


def _new_key(keys: KeyProvider, name: str, target_key_id: str | None, algorithm: Algorithm) -> Key:
    key = _hmac_key(keys, target_key_id or name, "new_key")
    if key.algorithm != algorithm.name:
        raise KeyStoreError(
            f"options.new_key: The key {key.id} is of {key.algorithm}, the job's target is {algorithm.label}",
            f"Generate one with `pqconsole keys generate NAME {algorithm.name}`",
        )
    return key


def _text(stored: str | bytes) -> str:
    return stored.decode("ascii", "replace") if isinstance(stored, bytes) else stored


def _mismatch() -> NotAuthentic:
    return NotAuthentic("The content does not have the index that is stored", "Check old_key, format and normalize")
