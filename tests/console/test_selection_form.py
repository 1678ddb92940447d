"""The form and the document are two views of one thing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqcore.migrations.base import Scope
from pqcore.selection.document import parse
from pqcore.selection.problem import SelectionError
from pqtui import selection_form as form

SCALARS = st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.text(max_size=12)


@given(SCALARS | st.lists(SCALARS, max_size=3))
def test_a_condition_value_reads_back_as_it_was(value: Any) -> None:
    assert form.value_of(form.value_text(value)) == value or (isinstance(value, str) and value != value.strip())


@given(st.dictionaries(st.text(max_size=8), SCALARS, max_size=5))
def test_writing_keeps_everything_that_the_form_does_not_know(document: dict[str, Any]) -> None:
    assert form.read_document(form.write_document(document)) == document


@pytest.mark.parametrize("scope", list(Scope))
def test_every_field_reads_back_what_was_put(scope: Scope) -> None:
    texts = {form.Kind.NUMBER: "5", form.Kind.COLUMNS: "a, b", form.Kind.KEY_REF: "@kek_id"}
    document: dict[str, Any] = {"table": "t", "field": "f", "batch": {"rows": 5}}
    for field in form.fields(scope, document):
        text = field.choices[0] if field.choices else texts.get(field.kind, "name")
        changed = form.put(document, field, text)
        assert form.get(changed, field) == text
        assert changed["batch"] == {"rows": 5}
        emptied = form.put(changed, field, "")
        assert form.get(emptied, field) == ""
        assert field.required or field.path[0] not in emptied or field.path[0] == "options"


def test_options_that_do_not_apply_are_not_asked_for() -> None:
    digest = {f.path[-1] for f in form.fields(Scope.HASHES, {"options": {"mode": "digest"}})}
    password = {f.path[-1] for f in form.fields(Scope.HASHES, {"options": {"mode": "password"}})}
    assert "source" in digest - password
    assert "pepper" in password - digest


def test_a_change_of_scope_drops_what_the_new_one_does_not_know() -> None:
    document = {"table": "t", "field": "f", "options": {"mode": "digest", "source": "body", "format": "SHA-1"}}
    pruned = form.prune(document, Scope.WRAPPERS)
    assert set(pruned["options"]) <= {"format"}


def test_conditions_are_a_list_or_left_to_the_json() -> None:
    one = {"where": {"column": "id", "op": "gt", "value": 3}}
    assert form.leaves(one) == (form.Leaf("id", "gt", "3"),)
    nested = {"where": {"any": [{"column": "id", "op": "gt", "value": 3}]}}
    assert form.leaves(nested) is None
    unknown = {"where": {"column": "id", "op": "equals", "value": 3}}
    assert form.leaves(unknown) is None


def test_what_the_form_writes_the_parser_takes() -> None:
    document: dict[str, Any] = {"table": "t", "field": "f", "options": {"mode": "password"}}
    leaves = [
        form.Leaf("id", "between", "1, 9"),
        form.Leaf("state", "in", "new, old"),
        form.Leaf("gone", "is_null", "ignored"),
        form.Leaf("code", "eq", '"12"'),
        form.Leaf("", "eq", "no column: left out"),
    ]
    document = form.put_leaves(document, leaves)
    parse(json.dumps(document), scope=Scope.HASHES)
    assert document["where"]["all"][0]["value"] == [1, 9]
    assert document["where"]["all"][3]["value"] == "12"
    assert form.put_leaves(document, []) == {k: v for k, v in document.items() if k != "where"}


def test_a_number_that_is_none_is_left_to_the_parser() -> None:
    field = next(f for f in form.fields(Scope.HASHES, {}) if f.path == ("limit",))
    document = form.put({"table": "t", "field": "f", "options": {"mode": "password"}}, field, "many")
    with pytest.raises(SelectionError, match="limit"):
        parse(json.dumps(document), scope=Scope.HASHES)
