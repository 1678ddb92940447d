"""Hashes: password hashes wrapped in Argon2id, content digests recomputed; blind indexes are in ``indexes``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pqcore.crypto.argon2id import Cost, parse_cost
from pqcore.crypto.catalogue import Algorithm, migratable_to
from pqcore.errors import KeyStoreError, UsageError
from pqcore.formats import digest, legacy_password, password
from pqcore.formats.encoding import Encoding, decode
from pqcore.formats.errors import FormatError, NotAuthentic
from pqcore.keys.provider import Key, KeyProvider
from pqcore.migrations.base import (
    Failed,
    FailureReason,
    Length,
    Mark,
    Migrated,
    Outcome,
    Prefix,
    Record,
    Scope,
    Skipped,
    SkipReason,
)
from pqcore.migrations.indexes import IndexMigration, build_indexes
from pqcore.migrations.options import INDEX_MODES, resolve, suits
from pqcore.migrations.place import BAD_DATA, InPlace, Place, content_bytes, failed, new_value_key, stored_bytes


@dataclass(frozen=True, slots=True)
class PasswordMigration(InPlace):
    """Implements ``Migration``: Argon2id over the old digest, derived twice before it is believed.

    Attributes:
        place: the column; password hashes are bound to nothing else.
        cost: Argon2id parameters.
        pepper: mixed in where it is set.
        max_salt_chars: longest inner salt that is accepted.
        scheme: what values are that do not say it themselves (``legacy_password.NAMED``).
        user: the column of the user name, for schemes that take it as salt.
        salt: the column of the salt, for schemes that keep it there.
    """

    cost: Cost
    pepper: Key | None
    max_salt_chars: int
    scheme: str | None = None
    user: str | None = None
    salt: str | None = None

    @property
    def reads(self) -> tuple[str, ...]:
        return (self.place.field, *(column for column in (self.user, self.salt) if column is not None))

    @property
    def guards(self) -> tuple[str, ...]:
        return self.reads

    @property
    def marks(self) -> tuple[Mark, ...]:
        return tuple(Prefix(self.place.field, text) for text in (password.PREFIX, *password.ARGON2_PREFIXES))

    def migrate(self, record: Record) -> Outcome:
        try:
            old = stored_bytes(record.values[self.place.field])
            known = _without_work(old, self.scheme)
            if known is not None or old is None:
                return known or Skipped(SkipReason.EMPTY)
            user, salt = _beside(record, self.user, "user name"), _beside(record, self.salt, "salt")
            return self._wrapped(old, legacy_password.parse_legacy(old, self.scheme, user, salt))
        except BAD_DATA as error:
            return failed(error)

    def verify(self, record: Record) -> Outcome:
        try:
            stored = stored_bytes(record.values[self.place.field])
            known = _without_work(stored, self.scheme)
        except BAD_DATA as error:
            return failed(error)
        return known or Failed(FailureReason.UNPARSEABLE, "The row still has its old password hash.")

    def max_width(self, column: str) -> int:
        self.require_written(column)
        pepper_id = "" if self.pepper is None else self.pepper.id
        return password.wrapped_length(self.cost, pepper_id, self.max_salt_chars)

    def _wrapped(self, old: str | bytes, legacy: legacy_password.LegacyHash) -> Outcome:
        salt_chars = password.inner_salt_chars(legacy)
        # bcrypt's 22 characters are always allowed for.
        if salt_chars > max(self.max_salt_chars, 22):
            return Failed(
                FailureReason.TOO_WIDE,
                f"The old salt takes {salt_chars} characters, more than the {self.max_salt_chars} that widths were"
                " checked for. Raise options.max_salt_chars.",
            )
        new = password.wrap_password_hash(legacy, self.cost, self.pepper)
        try:
            proved = password.wraps(new, legacy, self.pepper)
        except FormatError:
            proved = False
        if not proved:
            return Failed(FailureReason.UNPROVED, "The new password hash did not come out the same twice.")
        return Migrated({self.place.field: new.encode("ascii") if isinstance(old, bytes) else new})


@dataclass(frozen=True, slots=True)
class DigestMigration(InPlace):
    """Implements ``Migration``: checks the old digest against the content, then stores one by another algorithm.

    Attributes:
        place: the column of the digest.
        target: catalogue name, e.g. ``SHA3-512``.
        source: the column of the content.
        form: one of ``digest.LEGACY``; None tells by length.
        encoding: how the column holds digests; None: raw for bytes, hexadecimal for text.
        style: tagged or plain; None: tagged for text, plain for raw.
    """

    target: str
    source: str
    form: str | None
    encoding: Encoding | None
    style: digest.Style | None

    @property
    def reads(self) -> tuple[str, ...]:
        return (self.place.field, self.source)

    @property
    def marks(self) -> tuple[Mark, ...]:
        marks: list[Mark] = []
        if self.style is not digest.Style.PLAIN:
            marks.append(Prefix(self.place.field, digest.tag(self.target)))
        # Lengths tell nothing where the encoding is not known: 64 bytes of SHA-512, 64 digits of SHA-256.
        if self.style is digest.Style.PLAIN and self.encoding is not None:
            marks.append(Length(self.place.field, digest.encoded_size(self.target, self.style, self.encoding)))
        return tuple(marks)

    def migrate(self, record: Record) -> Outcome:
        try:
            return self._migrate(record)
        except BAD_DATA as error:
            return failed(error)

    def verify(self, record: Record) -> Outcome:
        try:
            stored = stored_bytes(record.values[self.place.field])
            if stored is None:
                return Skipped(SkipReason.EMPTY)
            present = self._present(stored)
            if present is None:
                return Failed(FailureReason.UNPARSEABLE, "The row still has its old digest.")
            return self._checked(present, self._content(record))
        except BAD_DATA as error:
            return failed(error)

    def max_width(self, column: str) -> int:
        self.require_written(column)
        sizes = [
            digest.encoded_size(self.target, style, self.encoding or Encoding.HEX)
            for style in ([self.style] if self.style is not None else list(digest.Style))
        ]
        return max(sizes) if self.encoding is not Encoding.RAW else digest.SIZES[self.target]

    def _migrate(self, record: Record) -> Outcome:
        old = stored_bytes(record.values[self.place.field])
        if old is None:
            return Skipped(SkipReason.EMPTY)
        content = self._content(record)
        present = self._present(old)
        if present is not None and present[0] == self.target:
            return self._checked(present, content)
        encoding = self._encoding(old)
        name, old_digest = present or digest.legacy_digest(old, self.form, encoding)
        if digest.compute(name, content) != old_digest:
            raise _mismatch(name)
        style = self.style or (digest.Style.PLAIN if encoding is Encoding.RAW else digest.Style.TAGGED)
        new = digest.stored(self.target, digest.compute(self.target, content), style, encoding, old)
        check = digest.verify_digest(
            new, content, algorithm=self.target, encoding=encoding if style is digest.Style.PLAIN else None
        )
        if not check.ok:
            return Failed(FailureReason.UNPROVED, "The new digest did not come out the same twice.")
        return Migrated({self.place.field: new})

    def _present(self, stored: str | bytes) -> tuple[str, bytes] | None:
        """Algorithm and digest of a value in a new form (this target's or another's), None for an old one."""
        found = digest.tagged(stored)
        if found is not None or self.style is digest.Style.TAGGED:
            return found
        encoding = self._encoding(stored)
        if len(stored) == digest.encoded_size(self.target, digest.Style.PLAIN, encoding):
            return self.target, decode(stored, encoding)
        return None

    def _checked(self, present: tuple[str, bytes], content: bytes) -> Outcome:
        name, stored = present
        if digest.compute(name, content) != stored:
            raise _mismatch(name)
        return Skipped(SkipReason.ALREADY_MIGRATED)

    def _encoding(self, stored: str | bytes) -> Encoding:
        if self.encoding is not None:
            return self.encoding
        return Encoding.RAW if isinstance(stored, bytes) else Encoding.HEX

    def _content(self, record: Record) -> bytes:
        return content_bytes(record.values[self.source], "content")


def build_hashes(
    algorithm: Algorithm, place: Place, options: Mapping[str, Any], keys: KeyProvider, target_key_id: str | None
) -> PasswordMigration | DigestMigration | IndexMigration:
    """The migration of one job of this scope. Raises UsageError or KeyStoreError."""
    chosen = resolve(Scope.HASHES, options)
    mode = str(chosen["mode"])
    if not suits(algorithm.name, mode):
        fitting = [target.label for target in migratable_to(Scope.HASHES) if suits(target.name, mode)]
        raise UsageError(
            f"options.mode: {algorithm.label} does not serve the mode {mode}",
            f"Choose {' or '.join(fitting)} as the target, or another mode",
        )
    if mode == "digest":
        return _build_digests(algorithm, place, chosen)
    if mode in INDEX_MODES:
        return build_indexes(algorithm, place, chosen, keys, target_key_id)
    return PasswordMigration(
        place=place,
        cost=parse_cost(algorithm.variant),
        pepper=None if chosen["pepper"] is None else _pepper(keys, chosen["pepper"], target_key_id),
        max_salt_chars=int(chosen["max_salt_chars"]),
        scheme=chosen["scheme"],
        user=_user_column(place, chosen),
        salt=_salt_column(place, chosen),
    )


def _build_digests(algorithm: Algorithm, place: Place, chosen: Mapping[str, Any]) -> DigestMigration:
    if chosen["source"] == place.field:
        raise UsageError("options.source: This is the column of the digest", "Name the column of the content")
    encoding = None if chosen["encoding"] is None else Encoding(chosen["encoding"])
    style = None if chosen["style"] is None else digest.Style(chosen["style"])
    if style is digest.Style.TAGGED and encoding is Encoding.RAW:
        raise UsageError("options.style: Tagged digests are text, the encoding is raw", "Set style to plain")
    form = None if chosen["format"] == "auto" else str(chosen["format"])
    if form is not None and form not in digest.LEGACY:
        raise UsageError(f"options.format: {form} is no digest", f"Set it to {' or '.join(digest.LEGACY)}")
    return DigestMigration(place, algorithm.name, str(chosen["source"]), form, encoding, style)


def _user_column(place: Place, chosen: Mapping[str, Any]) -> str | None:
    name: str | None = chosen["user"]
    if name == place.field:
        raise UsageError("options.user: This is the column of the password hash", "Name the column of the user name")
    if name is None and chosen["scheme"] in legacy_password.USER_NAMES:
        raise UsageError(
            f"options.user: {chosen['scheme']} takes the user name as salt", "Set it to the column of the user name"
        )
    return name


def _salt_column(place: Place, chosen: Mapping[str, Any]) -> str | None:
    name: str | None = chosen["salt"]
    if name is not None and name in (place.field, chosen["user"]):
        raise UsageError("options.salt: This column holds something else", "Name the column of the salt")
    if (chosen["scheme"] in legacy_password.SALT_NAMES) != (name is not None):
        raise UsageError(
            f"options.salt: {chosen['scheme']} needs its salt" if name is None else "options.salt: No scheme takes it",
            "Set it to the column of the salt"
            if name is None
            else f"Remove it, or set scheme to {' or '.join(legacy_password.SALT_NAMES)}",
        )
    return name


def _beside(record: Record, column: str | None, what: str) -> str | bytes | None:
    if column is None:
        return None
    value = stored_bytes(record.values[column])
    if value is None:
        raise FormatError(f"The column {column} holds no {what}", "Fill it in, or leave the row out")
    return value


def _pepper(keys: KeyProvider, name: str, target_key_id: str | None) -> Key:
    key = new_value_key(keys, name, target_key_id, "pepper")
    if key.algorithm != "PEPPER" or key.secret is None:
        raise KeyStoreError(
            f"options.pepper: The key {key.id} is of {key.algorithm}, a PEPPER is needed",
            "Generate one with `pqconsole keys generate NAME PEPPER`",
        )
    return key


def _without_work(stored: str | bytes | None, scheme: str | None) -> Skipped | None:
    """The outcome of a value that is no old hash, None for one that is or may be."""
    match password.classify(stored, scheme):
        case password.Kind.EMPTY:
            return Skipped(SkipReason.EMPTY)
        case password.Kind.UNUSABLE:
            return Skipped(SkipReason.UNUSABLE)
        case password.Kind.WRAPPED:
            password.parse_wrapped(stored or "")
            return Skipped(SkipReason.ALREADY_MIGRATED)
        case password.Kind.ARGON2:
            return Skipped(SkipReason.NOT_IN_SCOPE)
        case password.Kind.LEGACY | password.Kind.UNKNOWN:
            return None


def _mismatch(name: str) -> NotAuthentic:
    return NotAuthentic(f"The content does not have the {name} digest that is stored", "Restore content or digest")
