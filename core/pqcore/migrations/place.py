"""What the three scopes share: the place that new values are bound to, keys of a row, errors as outcomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pqcore.crypto.catalogue import Algorithm
from pqcore.errors import KeyServiceUnavailable, KeyStoreError, PQConsoleError, UsageError
from pqcore.formats.context import Context
from pqcore.formats.encoding import Encoding, encode
from pqcore.formats.errors import FormatError, NotAuthentic
from pqcore.keys.provider import Key, KeyInfo, KeyProvider, KeyState
from pqcore.keys.reference import parse_ref
from pqcore.migrations.base import Failed, FailureReason, Prefix


@dataclass(frozen=True, slots=True)
class Place:
    """Data set, table, column and policy of a job."""

    data_set: str
    table: str
    field: str
    policy: str = ""

    def context(self, row_key: tuple[Any, ...], key_id: str = "") -> Context:
        """The context of one row."""
        return Context(self.data_set, self.table, self.field, row_key, key_id, self.policy)

    def any_policy(self, row_key: tuple[Any, ...]) -> Context:
        """The context of one row as a reader has it: key and policy are taken from the stored value."""
        return Context(self.data_set, self.table, self.field, row_key)


@dataclass(frozen=True, slots=True)
class InPlace:
    """What migrations have in common that write the new value where the old one stood, and look at nothing else.

    Attributes:
        place: the column.
    """

    place: Place

    @property
    def guards(self) -> tuple[str, ...]:
        # Not the content a value is of, which may be large: whoever changes it changes the value too.
        return (self.place.field,)

    @property
    def writes(self) -> tuple[str, ...]:
        return (self.place.field,)

    @property
    def beside(self) -> bool:
        return False

    def require_written(self, column: str) -> None:
        """Raises ValueError where ``column`` is not the one that is written."""
        if column != self.place.field:
            raise ValueError(f"{column} is not written")


BAD_DATA = (FormatError, NotAuthentic, KeyStoreError)


def failed(error: PQConsoleError) -> Failed:
    """The outcome of a row whose old or new value raised one of ``BAD_DATA``.

    Raises KeyServiceUnavailable on: that is no fault of the row, and would be that of every other one.
    """
    match error:
        case KeyServiceUnavailable():
            raise error
        case NotAuthentic():
            return Failed(FailureReason.UNVERIFIABLE, str(error))
        case KeyStoreError():
            return Failed(FailureReason.KEY_MISSING, str(error))
        case _:
            return Failed(FailureReason.UNPARSEABLE, str(error))


def stored_bytes(value: Any) -> str | bytes | None:
    """A column's value as text or bytes, None where there is none.

    Raises FormatError for values of any other type, e.g. numbers or JSON documents.
    """
    if value is None or isinstance(value, str):
        return value or None
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value) or None
    raise FormatError(f"The column holds {type(value).__name__} where text or bytes are expected", "Name another field")


def token_bytes(value: str | bytes, encoding: Encoding) -> bytes:
    """A JWE, a JWS or a value of Vault, which is text whatever the column is.

    Raises FormatError where it is not ASCII, or where the new value in ``encoding`` could not take its place.
    """
    if not value.isascii():
        raise FormatError("The value is not ASCII text", "Check format and field")
    if isinstance(value, str) and encoding is Encoding.RAW:
        raise FormatError("The column holds text, new values cannot be raw there", "Set `encoding` to base64 or hex")
    return value.encode("ascii") if isinstance(value, str) else value


def content_bytes(value: Any, what: str) -> bytes:
    """A signed or digested value as bytes; text as UTF-8. Raises FormatError for NULL and other types."""
    if isinstance(value, str):
        try:
            return value.encode()
        except UnicodeEncodeError:
            raise FormatError(f"The {what} is not valid text", "Check the column's encoding") from None
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    kind = "NULL" if value is None else type(value).__name__
    raise FormatError(f"The {what} is {kind} where text or bytes are expected", "Name another column")


def prefix_marks(column: str, header: bytes, encoding: Encoding | None) -> tuple[Prefix, ...]:
    """Marks of values that start with ``header`` (a multiple of 3 bytes).

    Where the encoding is not known, base64: a mark may miss values in the new form, never match an old one.
    """
    start = encode(header, encoding or Encoding.BASE64)
    return (Prefix(column, start),)


def option_key(keys: KeyProvider, reference: str, option: str) -> Key:
    """The key that ``options.<option>`` names. Raises KeyStoreError that says which option."""
    try:
        return keys.get(reference)
    except KeyStoreError as error:
        raise KeyStoreError(f"options.{option}: {error.message}", error.remedy) from None


def new_value_key(keys: KeyProvider, name: str, target_key_id: str | None, option: str) -> Key:
    """The key that ``options.<option>`` names for new values; the version a job was started with is taken as it is.

    Raises KeyStoreError for a retired one.
    """
    key = option_key(keys, target_key_id or name, option)
    if target_key_id is None:
        require_active(key.info, option)
    return key


def require_active(info: KeyInfo, option: str) -> None:
    """Raises KeyStoreError where the key may not write new values."""
    if info.state is not KeyState.ACTIVE:
        raise KeyStoreError(
            f"options.{option}: The key {info.id} is {info.state} and writes no new values",
            f"Name {info.name}, or make a new version with pqconsole keys rotate {info.name}",
        )


def target_key(keys: KeyProvider, name: str, target_key_id: str | None, algorithm: Algorithm) -> Key:
    """The key that new values are written with, checked to be of ``algorithm`` and whole.

    Raises UsageError where the job was started with a key of another name, KeyStoreError for a wrong key.
    """
    if target_key_id is not None and target_key_id.rpartition(":")[0] != name and target_key_id != name:
        raise UsageError(
            f"options.new_key: The job writes with the key {target_key_id}, the selection names {name}",
            f"Set it to {target_key_id.rpartition(':')[0]}, or create a new job",
        )
    key = new_value_key(keys, name, target_key_id, "new_key")
    if key.algorithm != algorithm.name:
        raise KeyStoreError(
            f"options.new_key: The key {key.id} is of {key.algorithm}, the job's target is {algorithm.label}",
            f"Generate one with `pqconsole keys generate NAME {algorithm.name}`",
        )
    return whole(key, "new_key")


def whole(key: Key, option: str) -> Key:
    """The key of ``options.<option>``, both parts of which new values need. Raises KeyStoreError."""
    if key.secret is None or key.public is None:
        raise KeyStoreError(
            f"options.{option}: The private part of the key {key.id} is not held, new values could not be proved",
            "Import the private key",
        )
    return key


class OldKeys:
    """The keys of old values: one for all rows, or the one that a column of each row names. Thread-safe."""

    def __init__(self, keys: KeyProvider, reference: str | Mapping[str, str], algorithms: tuple[str, ...]) -> None:
        """``algorithms`` are allowed prefixes of key algorithms. Raises KeyStoreError for a fixed key that is wrong."""
        self._keys = keys
        self._reference = reference
        self._algorithms = algorithms
        self.column: str | None = None if isinstance(reference, str) else reference["column"]
        self._fixed: Key | None = None
        if isinstance(reference, str):
            self._fixed = self._checked(option_key(keys, reference, "old_key"), "options.old_key: ")

    @property
    def fixed(self) -> Key | None:
        """The one key for all rows, None where a column names it."""
        return self._fixed

    def of(self, values: Mapping[str, Any], version: int | None = None) -> Key:
        """The key of a row; ``version`` is that which the row's value names, where it names one.

        Raises KeyStoreError, FormatError where another version is named beside the value.
        """
        if version is None:
            return self._fixed or self._checked(self._keys.get(self._named(values)), "")
        name, stated = parse_ref(self._reference if isinstance(self._reference, str) else self._named(values))
        if stated not in (None, version):
            raise FormatError(
                f"The value is under version {version} of its key, {name}:{stated} is named", "Name the key alone"
            )
        return self._checked(self._keys.get(f"{name}:{version}"), "")

    def _named(self, values: Mapping[str, Any]) -> str:
        """The key that the column of a row names. Raises KeyStoreError."""
        name = values[self.column or ""]
        if isinstance(name, bytes):
            name = name.decode("utf-8", "replace")
        if name is None or isinstance(name, bool) or not isinstance(name, str | int):
            raise KeyStoreError(f"The column {self.column} names no key", "Fill it in, or name one key in old_key")
        return str(name)

    def _checked(self, key: Key, where: str) -> Key:
        if not key.algorithm.startswith(self._algorithms):
            kinds = " or ".join(name.rstrip("-") for name in self._algorithms)
            raise KeyStoreError(f"{where}The key {key.id} is of {key.algorithm}, {kinds} is needed", "Name another key")
        return key
