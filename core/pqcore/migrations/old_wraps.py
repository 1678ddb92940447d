"""Opening old wrapped keys: what the options say of their form, and the columns that hold parts of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from pqcore.errors import UsageError
from pqcore.formats import transit
from pqcore.formats.encoding import Encoding, decode, encoding_for
from pqcore.formats.errors import FormatError
from pqcore.formats.key_check import KeyCheck, verify_check
from pqcore.formats.legacy_gcm import TAG, GcmLayout
from pqcore.formats.legacy_hpke import HpkeParameters
from pqcore.formats.legacy_wrap import Beside, LegacyWrap, OldValue, WrapParameters, key_kinds
from pqcore.formats.prefixes import OutputPrefix
from pqcore.keys.provider import KeyProvider
from pqcore.migrations.options import octets
from pqcore.migrations.place import OldKeys, content_bytes, stored_bytes, token_bytes


@dataclass(frozen=True, slots=True)
class PartColumns:
    """Columns beside the field that hold a part of the old value; None: the part is in the value, or there is none."""

    nonce: str | None = None
    tag: str | None = None
    aad: str | None = None
    check: str | None = None


@dataclass(frozen=True, slots=True)
class OldWraps:
    """How the old values of a job are opened.

    Attributes:
        form: how they are wrapped.
        parameters: what the form leaves open.
        prefix: what stands before them.
        columns: parts that are in columns of their own.
        keys: their keys.
        check: how the check values in ``columns.check`` are made.
    """

    form: LegacyWrap
    parameters: WrapParameters
    prefix: OutputPrefix
    columns: PartColumns
    keys: OldKeys
    check: KeyCheck | None

    @property
    def guards(self) -> tuple[str, ...]:
        """Columns beside the field that must not change while a row is migrated.

        Not associated data or check value: a value opens to the right key under what was read, or not at all.
        """
        named = (self.keys.column, self.columns.nonce, self.columns.tag)
        return tuple(dict.fromkeys(column for column in named if column is not None))

    @property
    def reads(self) -> tuple[str, ...]:
        """Columns beside the field that are read."""
        others = (self.columns.aad, self.columns.check)
        return tuple(dict.fromkeys((*self.guards, *(column for column in others if column is not None))))

    def check_key(self, values: Mapping[str, Any], data_key: bytes) -> None:
        """Hold the data key of a row against its check value, where there are any. Raises FormatError, NotAuthentic."""
        if self.check is not None and self.columns.check is not None:
            stored = _filled(values, self.columns.check)
            text = Encoding.HEX if isinstance(stored, str) else Encoding.RAW
            verify_check(self.check, data_key, decode(stored, text))

    def found(self, values: Mapping[str, Any], value: str | bytes, encoding: Encoding) -> OldValue:
        """The old value of a row with all that opens it. Raises FormatError or KeyStoreError."""
        if self.form is LegacyWrap.JWE:
            return OldValue(self.form, token_bytes(value, encoding), self.keys.of(values), self.parameters)
        parameters = self.parameters
        if self.columns.aad is not None:
            parameters = replace(parameters, aad=associated_data(values[self.columns.aad]))
        if self.form is LegacyWrap.VAULT:
            token = token_bytes(value, encoding)
            return OldValue(self.form, token, self.keys.of(values, transit.parse(token).version), parameters)
        key = self.keys.of(values)
        old = self.prefix.decode(value, encoding)
        nonce = _part(values, self.columns.nonce, parameters.nonce_bytes, encoding)
        tag = _part(values, self.columns.tag, TAG, encoding)
        return OldValue(self.form, old, key, parameters, Beside(nonce, tag))


def build_old_wraps(field: str, chosen: Mapping[str, Any], keys: KeyProvider) -> OldWraps | None:
    """From resolved options; None where they name no format. Raises UsageError or KeyStoreError."""
    if chosen["format"] is None:
        return None
    form = LegacyWrap(chosen["format"])
    return OldWraps(
        form=form,
        parameters=WrapParameters(
            label=octets(chosen["label"]),
            mgf1_hash=chosen["mgf1_hash"],
            key_bytes=chosen["key_bytes"],
            gcm_layout=GcmLayout(chosen["gcm_layout"]),
            nonce_bytes=int(chosen["nonce_bytes"]),
            aad=octets(chosen["aad"]),
            hpke=HpkeParameters(chosen["hpke_kdf"], chosen["hpke_aead"] or "", octets(chosen["info"])),
        ),
        prefix=OutputPrefix(chosen["text_prefix"], octets(chosen["byte_prefix"])),
        columns=_columns(field, chosen),
        keys=OldKeys(keys, chosen["old_key"], key_kinds(form)),
        check=None if chosen["check"] is None else KeyCheck(chosen["check"]),
    )


def associated_data(value: Any) -> bytes:
    """What a column holds, as associated data: bytes, text as UTF-8, whole numbers in decimal, UUIDs with hyphens."""
    if isinstance(value, UUID) or (isinstance(value, int) and not isinstance(value, bool)):
        value = str(value)
    return content_bytes(value, "associated data")


def _columns(field: str, chosen: Mapping[str, Any]) -> PartColumns:
    for name in ("nonce_field", "tag_field", "aad_field", "check_field"):
        if chosen[name] == field:
            raise UsageError(f"options.{name}: This is the column of the wrapped key", "Name another column")
    columns = PartColumns(chosen["nonce_field"], chosen["tag_field"], chosen["aad_field"], chosen["check_field"])
    if columns.nonce is not None and columns.nonce == columns.tag:
        raise UsageError("options.tag_field: This is the column of the nonce", "Name another column")
    if columns.aad is not None and octets(chosen["aad"]):
        raise UsageError("options.aad_field: The option aad is given too", "Leave one of them out")
    return columns


def _part(values: Mapping[str, Any], column: str | None, length: int, encoding: Encoding) -> bytes | None:
    """A part of ``length`` bytes in a column of its own: those bytes, or text encoded as the field is."""
    if column is None:
        return None
    value = _filled(values, column)
    if isinstance(value, bytes) and len(value) == length:
        return value
    # beside a binary field, text is base64, as it is without the option encoding
    return decode(value, encoding_for(value, None if encoding is Encoding.RAW else encoding))


def _filled(values: Mapping[str, Any], column: str) -> str | bytes:
    value = stored_bytes(values[column])
    if value is None:
        raise FormatError(f"The column {column} holds nothing", "Leave such rows out with `where`")
    return value
