"""The examples of docs/SELECTION.md are selections, and its tables name everything there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pqcore.migrations.base import Scope
from pqcore.migrations.options import OPTIONS
from pqcore.selection.condition import Op
from pqcore.selection.document import MEMBERS, parse

TEXT = (Path(__file__).parents[2] / "docs" / "SELECTION.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```json ?(\w*)\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


def test_every_scope_has_an_example() -> None:
    assert {scope for scope, _ in EXAMPLES} == {"", *Scope}


@pytest.mark.parametrize(("scope", "text"), EXAMPLES)
def test_examples_are_selections(scope: str, text: str) -> None:
    parse(text, scope=Scope(scope) if scope else None)


@pytest.mark.parametrize("scope", Scope)
def test_every_option_is_named(scope: Scope) -> None:
    section = TEXT.split(f"### {scope}\n")[1].split("\n##")[0]
    assert [spec.name for spec in OPTIONS[scope] if f"`{spec.name}`" not in section] == []


def test_every_member_and_operator_is_named() -> None:
    assert [name for name in (*MEMBERS, *Op) if f"`{name}`" not in TEXT] == []
