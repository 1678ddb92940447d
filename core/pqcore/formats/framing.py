"""Length-prefixed byte strings, and a reader that refuses what is short or left over."""

from __future__ import annotations

from pqcore.formats.errors import FormatError


def frame(*fields: bytes) -> bytes:
    """Each field as its length (4 bytes, big endian) and its bytes: no two lists of fields give the same result."""
    return b"".join(len(field).to_bytes(4, "big") + field for field in fields)


def short_text(text: str, what: str) -> bytes:
    """UTF-8 of ``text`` for a field with a one-byte length. Raises FormatError above 255 bytes."""
    data = text.encode()
    if len(data) > 255:
        raise FormatError(f"The {what} is longer than 255 bytes", f"Use a shorter {what}")
    return data


class Reader:
    """Takes fields off the front of a byte string; every method raises FormatError where bytes are missing."""

    def __init__(self, data: bytes, what: str) -> None:
        self._data = data
        self._at = 0
        self._what = what

    @property
    def position(self) -> int:
        """Bytes taken so far."""
        return self._at

    def take(self, length: int) -> bytes:
        """The next ``length`` bytes."""
        end = self._at + length
        if end > len(self._data):
            raise FormatError(f"The {self._what} is cut short", "Restore the value from a backup")
        field = self._data[self._at : end]
        self._at = end
        return field

    def integer(self, length: int) -> int:
        """The next ``length`` bytes as an unsigned big-endian number."""
        return int.from_bytes(self.take(length), "big")

    def text(self, length: int) -> str:
        """The next ``length`` bytes as UTF-8."""
        try:
            return self.take(length).decode()
        except UnicodeDecodeError:
            raise FormatError(f"The {self._what} holds a name that is not UTF-8") from None

    def padding(self, multiple: int) -> None:
        """Zero bytes up to the next multiple of ``multiple``."""
        if any(self.take(-self._at % multiple)):
            raise FormatError(f"The {self._what} has a padding that is not zero")

    def end(self) -> None:
        """Nothing may be left."""
        if self._at != len(self._data):
            raise FormatError(f"The {self._what} is followed by bytes that do not belong to it")
