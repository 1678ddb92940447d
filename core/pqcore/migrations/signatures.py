"""Signatures: verify the old one, sign a statement about it with ML-DSA or SLH-DSA, verify the new one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pqcore.crypto.catalogue import Algorithm
from pqcore.errors import UsageError
from pqcore.formats import jws, signature
from pqcore.formats.encoding import Encoding, encode, encode_like, encoded_length, encoding_for
from pqcore.formats.errors import FormatError, NotAuthentic
from pqcore.formats.legacy_signature import (
    TOKENS,
    EcdsaEncoding,
    LegacySignature,
    LowS,
    SaltLength,
    SignatureParameters,
    key_kinds,
    verify_legacy,
)
from pqcore.formats.prefixes import OutputPrefix
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
    StoredSignature,
)
from pqcore.migrations.options import octets, resolve
from pqcore.migrations.place import (
    BAD_DATA,
    OldKeys,
    Place,
    content_bytes,
    failed,
    prefix_marks,
    stored_bytes,
    target_key,
    token_bytes,
)


@dataclass(frozen=True, slots=True)
class SignatureMigration:
    """Implements ``Migration``.

    Attributes:
        place: what new values are bound to; its field holds the old signature.
        form: how old signatures were made.
        encoding: how the field holds bytes; None: raw for bytes, base64 for text.
        prefix: what stands before old signatures.
        payload: the column that was signed; None: the old signature carries it.
        old_keys: keys that verify old signatures.
        new_key: the key that signs.
        provider: where keys of values already in our form are looked up.
        mode: whether the old signature stays.
        signature_field: the column for the new signature; None where it replaces the old one or goes beside the row.
        signature_encoding: how that column holds bytes; None: as the field does.
        parameters: what the form leaves open.
        now: the time to write.
    """

    place: Place
    form: LegacySignature
    encoding: Encoding | None
    prefix: OutputPrefix
    payload: str | None
    old_keys: OldKeys
    new_key: Key
    provider: KeyProvider
    mode: signature.Mode
    signature_field: str | None
    signature_encoding: Encoding | None
    parameters: SignatureParameters
    now: Callable[[], datetime]

    @property
    def reads(self) -> tuple[str, ...]:
        columns = (self.place.field, self.payload, self.old_keys.column, self.signature_field)
        return tuple(dict.fromkeys(column for column in columns if column is not None))

    @property
    def guards(self) -> tuple[str, ...]:
        # Not the payload: the statement binds its digest and the old signature's, so a payload that changes later is
        # found out, and types without equality (json) need no comparison.
        return tuple(column for column in self.reads if column != self.payload)

    @property
    def writes(self) -> tuple[str, ...]:
        if self.mode is signature.Mode.REPLACE:
            return (self.place.field,)
        return () if self.signature_field is None else (self.signature_field,)

    @property
    def marks(self) -> tuple[Mark, ...]:
        if self.mode is signature.Mode.REPLACE:
            return prefix_marks(self.place.field, self._header, self.encoding)
        if self.signature_field is not None:
            return prefix_marks(self.signature_field, self._header, self.signature_encoding or self.encoding)
        return ()

    @property
    def beside(self) -> bool:
        return self.mode is signature.Mode.COUNTERSIGN and self.signature_field is None

    @property
    def _header(self) -> bytes:
        return signature.header(self.new_key.algorithm, self.mode, self.new_key.id)

    def migrate(self, record: Record) -> Outcome:
        try:
            return self._migrate(record)
        except BAD_DATA as error:
            return failed(error)

    def verify(self, record: Record) -> Outcome:
        try:
            field = stored_bytes(record.values[self.place.field])
            if field is None:
                return Skipped(SkipReason.EMPTY)
            new = self._present(record, field)
            if new is None:
                return Failed(FailureReason.UNPARSEABLE, "The row has no signature in the new form.")
            old = self._old(field)
            self._check(new, self._payload(record, old), old, record)
        except BAD_DATA as error:
            return failed(error)
        return Skipped(SkipReason.ALREADY_MIGRATED)

    def max_width(self, column: str) -> int:
        if column not in self.writes:
            raise ValueError(f"{column} is not written")
        fixed = self.old_keys.fixed
        length = signature.stored_length(
            self.new_key.algorithm, self.new_key.id, self.form, None if fixed is None else fixed.id
        )
        encoding = self.encoding if self.mode is signature.Mode.REPLACE else self.signature_encoding or self.encoding
        return encoded_length(length, encoding or Encoding.BASE64)

    def _migrate(self, record: Record) -> Outcome:
        field = stored_bytes(record.values[self.place.field])
        if field is None:
            return Skipped(SkipReason.EMPTY)
        old = self._old(field)
        payload = self._payload(record, old)
        present = self._present(record, field)
        if present is not None and self._is_current(present, old):
            self._check(present, payload, old, record)
            return Skipped(SkipReason.ALREADY_MIGRATED)
        if old is None:
            # The old signature is gone; another key could only vouch for the signature that replaced it.
            self._check(field, payload, None, record)
            return Skipped(SkipReason.NOT_IN_SCOPE)
        old_key = self.old_keys.of(record.values)
        verify_legacy(self.form, old, payload, old_key, self.parameters)
        new = signature.countersign(
            payload,
            old,
            key=self.new_key,
            context=self.place.context(record.key),
            old_algorithm=self.form,
            old_key_id=old_key.id,
            time=self.now(),
            mode=self.mode,
        )
        outcome = self._placed(new, field, old)
        stored = outcome.signature.value if outcome.signature is not None else outcome.values[self.writes[0]]
        try:
            self._check(stored, payload, None if self.mode is signature.Mode.REPLACE else old, record)
        except (FormatError, NotAuthentic):
            return Failed(FailureReason.UNPROVED, "The new signature did not verify.")
        return outcome

    def _placed(self, new: bytes, field: str | bytes, old: bytes) -> Migrated:
        if self.mode is signature.Mode.REPLACE:
            return Migrated({self.place.field: encode_like(new, encoding_for(field, self.encoding), field)})
        if self.signature_field is not None:
            encoding = self.signature_encoding or encoding_for(field, self.encoding)
            return Migrated({self.signature_field: encode(new, encoding)})
        digest = hashlib.sha256(old).digest()
        record = StoredSignature(self.place.field, digest, self.new_key.algorithm, self.new_key.id, new)
        return Migrated({}, record)

    def _present(self, record: Record, field: str | bytes) -> str | bytes | None:
        """The signature of ours that the row has now, if any. Raises FormatError for a foreign value."""
        if self.mode is signature.Mode.REPLACE:
            return field if signature.recognise(field) else None
        if self.signature_field is None:
            return None if record.signature is None else record.signature.value
        value = stored_bytes(record.values[self.signature_field])
        if value is not None and not signature.recognise(value):
            raise FormatError(
                f"The column {self.signature_field} holds a value that is not a signature of this program",
                "Name another signature_field, or empty it",
            )
        return value

    def _is_current(self, present: str | bytes, old: bytes | None) -> bool:
        """Whether it was made by the target key over the old signature that the row has now."""
        form = signature.parse(present)
        same_old = old is None or form.old_digest == hashlib.sha256(old).digest()
        return same_old and form.header == self._header

    def _check(self, stored: str | bytes, payload: bytes, old: bytes | None, record: Record) -> None:
        form = signature.parse(stored)
        key = self.new_key if form.key_id == self.new_key.id else self.provider.get(form.key_id)
        signature.verify_parsed(stored, payload, old, key, self.place.any_policy(record.key))

    def _old(self, field: str | bytes) -> bytes | None:
        """The old signature's bytes, None where ours has replaced it."""
        if self.mode is signature.Mode.REPLACE and signature.recognise(field):
            return None
        if self.form in TOKENS:
            return token_bytes(field, encoding_for(field, self.encoding))
        return self.prefix.decode(field, encoding_for(field, self.encoding))

    def _payload(self, record: Record, old: bytes | None) -> bytes:
        if self.payload is None:
            # Only a JWS carries its payload, and it is never replaced.
            return jws.attached(old or b"")
        return content_bytes(record.values[self.payload], "payload")


def build_signatures(
    algorithm: Algorithm,
    place: Place,
    options: Mapping[str, Any],
    keys: KeyProvider,
    target_key_id: str | None,
    now: Callable[[], datetime],
) -> SignatureMigration:
    """The migration of one job of this scope. Raises UsageError or KeyStoreError."""
    chosen = resolve(Scope.SIGNATURES, options)
    form = LegacySignature(chosen["format"])
    for name in ("payload", "signature_field"):
        if chosen[name] == place.field:
            raise UsageError(f"options.{name}: This is the column of the old signature", "Name another column")
    if chosen["signature_field"] is not None and chosen["signature_field"] == chosen["payload"]:
        raise UsageError("options.signature_field: This is the column of the payload", "Name another column")
    if form is LegacySignature.JWS and chosen["mode"] == "replace":
        raise UsageError("options.mode: The payload is in the old signature and would be lost", "Set it to countersign")
    if chosen["signature_encoding"] is not None and chosen["signature_field"] is None:
        raise UsageError("options.signature_encoding: There is no signature_field", "Remove it, or name the column")
    return SignatureMigration(
        place=place,
        form=form,
        encoding=None if chosen["encoding"] is None else Encoding(chosen["encoding"]),
        prefix=OutputPrefix(chosen["text_prefix"], octets(chosen["byte_prefix"])),
        payload=chosen["payload"],
        old_keys=OldKeys(keys, chosen["old_key"], key_kinds(form)),
        new_key=target_key(keys, chosen["new_key"], target_key_id, algorithm),
        provider=keys,
        mode=signature.Mode.REPLACE if chosen["mode"] == "replace" else signature.Mode.COUNTERSIGN,
        signature_field=chosen["signature_field"],
        signature_encoding=None if chosen["signature_encoding"] is None else Encoding(chosen["signature_encoding"]),
        parameters=SignatureParameters(
            salt_length=SaltLength(chosen["salt_length"]),
            ecdsa_encoding=EcdsaEncoding(chosen["ecdsa_encoding"]),
            low_s=LowS(chosen["low_s"]),
            ecdsa_hash=chosen["ecdsa_hash"],
        ),
        now=now,
    )
