"""The published JSON Schema and the parser accept the same documents."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pqcore.migrations.base import Scope
from pqcore.migrations.options import OPTIONS, OptionKind, OptionSpec
from pqcore.selection.document import Selection, parse, to_document
from pqcore.selection.options import option_names
from pqcore.selection.problem import SelectionError
from pqcore.selection.schema import document_schema, published
from tests.selection.documents import near_documents, selections

SCHEMA = published()
ROOT = jsonschema.Draft202012Validator(SCHEMA)
SCOPED = {
    scope: jsonschema.Draft202012Validator({"$ref": f"#/$defs/{scope}", "$defs": SCHEMA["$defs"]}) for scope in Scope
}


def accepted(document: Any, scope: Scope | None) -> bool:
    try:
        parse(document, scope=scope)
    except SelectionError:
        return False
    return True


def test_the_file_is_what_the_parser_reads() -> None:
    assert document_schema() == SCHEMA, "run python -m pqcore.selection.schema > core/pqcore/selection/schema.json"


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@given(selections())
def test_every_selection_is_valid(selection: Selection) -> None:
    ROOT.validate(to_document(selection))


@settings(max_examples=400)
@given(near_documents([*option_names(None), "unknown"]))
def test_the_parser_accepts_what_the_schema_accepts(document: dict[str, Any]) -> None:
    assert accepted(document, None) == ROOT.is_valid(document)


def _values(spec: OptionSpec) -> st.SearchStrategy[Any]:
    wrong = st.sampled_from(["", "nonsense", 0, 64.0, 10**6, True, None, {"column": ""}, {"column": "c"}, [], "a\n"])
    right: st.SearchStrategy[Any] = st.just("name")
    if spec.kind is OptionKind.CHOICE:
        right = st.sampled_from([*spec.choices, "RSA-OAEP"])
    elif spec.kind is OptionKind.INTEGER:
        right = st.integers(0, 100)
    elif spec.kind is OptionKind.BYTES:
        right = st.sampled_from(["", "text", {"bytes": "00fF"}, {"bytes": ""}, {"bytes": "0"}, {"bytes": "00\n"}])
    return st.one_of(right, right, right, wrong)


@pytest.mark.parametrize("scope", Scope)
@settings(max_examples=200)
@given(data=st.data())
def test_options_of_a_scope_are_accepted_alike(scope: Scope, data: st.DataObject) -> None:
    options = data.draw(
        st.fixed_dictionaries(
            {}, optional={spec.name: _values(spec) for spec in OPTIONS[scope]} | {"other": st.just("x")}
        )
    )
    document = {"table": "t", "field": "f", "options": options}
    assert accepted(document, scope) == SCOPED[scope].is_valid(document), options
