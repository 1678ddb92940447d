"""The prefixes of other products before a value, as options and as a condition of a selection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pqcore.formats.detection import tokens
from pqcore.formats.encoding import Encoding, encode
from pqcore.inspection.report import Column, FormReport


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands before all values of one form.

    Attributes:
        start: it, as text or in hexadecimal.
        options: the options of a selection that take it off.
        octets: how many of the value's bytes it takes.
        encoding: how the column holds the values; None for text.
        note: whose key it names, one sentence.
    """

    start: str
    options: dict[str, Any]
    octets: int
    encoding: Encoding | None
    note: str

    def condition(self, column: Column) -> dict[str, Any]:
        """The condition that chooses the rows whose values begin with it; a job opens those of one key."""
        starts = [self.start] if self.octets == 0 else _starts(bytes.fromhex(self.start), self.encoding)
        found = [_begins(column, start) for start in dict.fromkeys(starts)]
        return found[0] if len(found) == 1 else {"any": found}


def frame_of(form: FormReport, named: str) -> Frame | None:
    """The prefix of a form's values; None where they have none.

    Args:
        named: the format of the selection; ``Vault`` takes the prefix as a part of the value.
    """
    candidate = form.group.candidates[0]
    if named == "Vault":
        return Frame("vault:v", {}, 0, None, "Each value names the version of its key: name the key alone as old_key")
    match candidate.form.frame, candidate.detail("version"), candidate.detail("key"):
        case tokens.TRANSIT, int(version), _:
            start = f"vault:v{version}:"
            note = f"The values are under version {version} of a key of transit: name it old_key, with its version"
            return Frame(start, {"text_prefix": start}, 0, None, note)
        case tokens.TINK, _, str(key):
            start = f"01{key}"
            note = f"The values are under the key {int(key, 16)} of a keyset of Tink: import it and name it old_key"
            return Frame(start, {"byte_prefix": {"bytes": start}}, 5, form.group.encoding, note)
    return None


def _starts(octets: bytes, encoding: Encoding | None) -> list[str | bytes]:
    """How values that begin with ``octets`` can begin in a column; of base64 the characters that those alone decide."""
    if encoding is Encoding.RAW or encoding is None:
        return [octets]
    text = str(encode(octets, encoding)).rstrip("=")
    if encoding is Encoding.HEX:
        return [text, text.upper()]
    return [text[: 8 * len(octets) // 6]]


def _begins(column: Column, start: str | bytes) -> dict[str, Any]:
    if column.binary:
        octets = start if isinstance(start, bytes) else start.encode()
        return {"column": column.name, "op": "prefix", "value": {"bytes": octets.hex()}}
    text = start if isinstance(start, str) else start.decode("latin-1")
    return {"column": column.name, "op": "prefix", "value": text}
