"""What stands before a stored value and only frames it: ``vault:v1:`` before a text, or Tink's 5 bytes."""

from __future__ import annotations

from dataclasses import dataclass

from pqcore.formats.encoding import Encoding, decode
from pqcore.formats.errors import FormatError


@dataclass(frozen=True, slots=True)
class OutputPrefix:
    """Every value has to begin with it.

    Attributes:
        text: before the encoded value.
        octets: before the value's bytes.
    """

    text: str = ""
    octets: bytes = b""

    def decode(self, value: str | bytes, encoding: Encoding) -> bytes:
        """The bytes behind the prefix. Raises FormatError where it is another one, or encoding is wrong."""
        start: str | bytes = self.text.encode() if isinstance(value, bytes) else self.text
        if not value.startswith(start):  # type: ignore[arg-type]  # both are text or both are bytes
            raise FormatError("The value does not begin with text_prefix", "Select such rows by another job")
        data = decode(value[len(start) :], encoding, line_breaks=True)
        if not data.startswith(self.octets):
            raise FormatError("The value does not begin with byte_prefix", "Select such rows by another job")
        return data[len(self.octets) :]
