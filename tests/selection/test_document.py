"""The document: what is read, what is refused, and where the problem is said to be."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqcore.errors import ExitCode
from pqcore.migrations.base import Scope
from pqcore.selection.condition import All, Compare, Not, Op
from pqcore.selection.document import BatchSettings, Selection, ThrottleSettings, parse, to_document
from pqcore.selection.jsontext import MAX_BYTES, MAX_DEPTH, locate, read_text
from pqcore.selection.problem import Problem, SelectionError
from pqcore.selection.windows import Window
from tests.selection.documents import selections


def problems(source: str | bytes | dict[str, Any], scope: Scope | None = None) -> dict[str, Problem]:
    """The problems of a document by their path."""
    with pytest.raises(SelectionError) as caught:
        parse(source, scope=scope)
    return {problem.path: problem for problem in caught.value.problems}


def where(**condition: Any) -> dict[str, Any]:
    return {"table": "t", "field": "f", "where": condition}


def test_the_smallest_document() -> None:
    selection = parse('{"table": "users", "field": "password_hash"}')
    assert selection == Selection(table="users", field="password_hash")
    assert to_document(selection) == {"table": "users", "field": "password_hash"}


def test_everything_in_a_document() -> None:
    document = {
        "table": "documents",
        "field": "wrapped_key",
        "schema": "app",
        "key": ["tenant", "id"],
        "where": {
            "all": [{"column": "kek", "op": "in", "value": ["a", "b"]}, {"not": {"column": "x", "op": "is_null"}}]
        },
        "limit": 10,
        "options": {"format": "AES-KW", "old_key": {"column": "kek"}, "new_key": "pq"},
        "batch": {"rows": 100},
        "throttle": {
            "rows_per_second": 50,
            "windows": ["22:00-06:00", "12:00-13:00"],
            "time_zone": "Europe/Berlin",
            "max_replica_lag": 1.5,
            "max_running": 40,
        },
        "keep_originals": True,
        "max_failures": 0.25,
    }
    selection = parse(document, scope=Scope.WRAPPERS)
    assert selection.where == All((Compare("kek", Op.IN, ("a", "b")), Not(Compare("x", Op.IS_NULL))))
    assert selection.batch == BatchSettings(rows=100)
    assert selection.throttle == ThrottleSettings(
        50.0, (Window(1320, 360), Window(720, 780)), "Europe/Berlin", max_replica_lag=1.5, max_running=40
    )
    assert to_document(selection) == document


@given(selections())
def test_a_selection_survives_its_document_and_the_text_of_it(selection: Selection) -> None:
    document = to_document(selection)
    assert parse(document) == selection
    assert parse(json.dumps(document, indent=1, ensure_ascii=False)) == selection
    assert parse(json.dumps(document).encode()) == selection


@given(st.text())
def test_any_text_is_read_or_refused_with_a_place(text: str) -> None:
    found: tuple[Problem, ...] = ()
    try:
        parse(text)
    except SelectionError as error:
        found = error.problems
    assert found, "no text that hypothesis makes up is a selection"
    assert all(problem.line and problem.column for problem in found)


@given(st.text(alphabet='{}[]:,"\\ tablefi01-.e\n', max_size=40))
def test_what_is_json_is_told_from_what_is_not_as_the_standard_library_tells_it(text: str) -> None:
    def no_constants(name: str) -> None:
        raise ValueError(name)

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({key for key, _ in pairs}) < len(pairs):
            raise ValueError("duplicate")
        return dict(pairs)

    try:
        expected = json.loads(text, parse_constant=no_constants, object_pairs_hook=once)
    except ValueError:
        assert read_text(text)[1] != []
    else:
        node, found = read_text(text)
        assert node is not None
        assert found == []
        assert node.plain() == expected


def test_all_problems_are_found_at_once_each_at_its_place() -> None:
    text = """{
  "table": "users",
  "feild": "password_hash",
  "limit": 0,
  "where": {"all": [
    {"column": "id", "op": "eq", "value": 1},
    {"column": "id", "op": "equals", "value": 1}
  ]}
}"""
    found = problems(text)
    assert {path: (p.line, p.column) for path, p in found.items()} == {
        "field": (1, 1),
        "feild": (3, 3),
        "limit": (4, 12),
        "where.all[1].op": (7, 28),
    }
    assert "Perhaps" in found["feild"].remedy
    assert "not_null" in found["where.all[1].op"].remedy


def test_the_error_names_the_first_problem_its_place_and_the_remedy() -> None:
    with pytest.raises(SelectionError) as caught:
        parse('{"table": "users", "field": "h", "limit": "many", "keep_originals": 1}')
    assert caught.value.message.startswith("selection, limit: ")
    assert "and 1 more problem" in caught.value.message
    assert "whole number" in caught.value.remedy
    assert caught.value.exit_code is ExitCode.USAGE


@pytest.mark.parametrize(
    ("text", "line", "column", "says"),
    [
        ("", 1, 1, "empty"),
        ("  \n ", 1, 1, "empty"),
        ("{'table': 1}", 1, 2, "double quotes"),
        ('{"table": "a",\n}', 2, 1, "comma"),
        ('{"table": "a" "field": "b"}', 1, 15, "comma"),
        ('{"table": tru}', 1, 11, "true, false and null"),
        ('{"table": NaN}', 1, 11, "true, false and null"),
        ('{"table": "a', 1, 11, "End the text"),
        ('{"table": "a"} x', 1, 16, "Remove"),
        ("[1, 2,]", 1, 7, "comma"),
        ('{"table" "a"}', 1, 10, '":"'),
        ('{"limit": 01}', 1, 11, "Values are"),
        ('{"limit": 1e999}', 1, 11, "smaller"),
        ("nonsense", 1, 1, "double quotes"),
    ],
)
def test_text_that_is_no_json(text: str, line: int, column: int, says: str) -> None:
    (problem,) = problems(text).values()
    assert (problem.line, problem.column) == (line, column)
    assert says in f"{problem.message} {problem.remedy}"


def test_duplicate_keys_are_refused_where_they_stand() -> None:
    found = problems('{"table": "a", "field": "b",\n "table": "c"}')
    assert (found["table"].line, found["table"].column) == (2, 2)


def test_bytes_that_are_no_utf8() -> None:
    (problem,) = problems(b'{"table":\n "\xff"}').values()
    assert (problem.line, problem.column) == (2, 3)


def test_a_byte_order_mark_is_no_problem() -> None:
    assert parse(b'\xef\xbb\xbf{"table": "t", "field": "f"}').table == "t"


def test_half_a_surrogate_pair_is_refused() -> None:
    assert "surrogate" in problems('{"table": "\\ud800", "field": "f"}')["table"].message
    assert "surrogate" in problems({"table": "\ud800", "field": "f"})["table"].message
    assert parse('{"table": "\\ud83d\\ude00", "field": "f"}').table == "\U0001f600"


def test_depth_and_size_are_capped() -> None:
    deep: dict[str, Any] = {"column": "a", "op": "is_null"}
    for _ in range(MAX_DEPTH):
        deep = {"not": deep}
    for source in ({"table": "t", "field": "f", "where": deep}, json.dumps({"where": deep})):
        assert any("nested deeper" in p.message for p in problems(source).values())
    assert "nested deeper" in problems("[" * 10_000)["[0]" * MAX_DEPTH].message
    large = {"table": "t", "field": "f", "where": {"column": "a", "op": "eq", "value": "x" * MAX_BYTES}}
    assert "KiB" in problems(large)[""].message
    assert "KiB" in problems(json.dumps(large))[""].message


def test_values_that_no_json_has() -> None:
    assert "finite" in problems({"table": "t", "field": "f", "limit": float("nan")})["limit"].remedy
    assert "type object" in problems({"table": "t", "field": "f", "limit": object()})["limit"].message


@pytest.mark.parametrize(
    ("condition", "path", "says"),
    [
        ({"column": "a", "op": "eq"}, "where.value", "needs a value"),
        ({"column": "a", "op": "eq", "value": None}, "where.value", "is_null"),
        ({"column": "a", "op": "eq", "value": [1]}, "where.value", "in"),
        ({"column": "a", "op": "is_null", "value": 1}, "where.value", "takes no value"),
        ({"column": "a", "op": "in", "value": []}, "where.value", "0 items"),
        ({"column": "a", "op": "in", "value": [1, None]}, "where.value[1]", "is_null"),
        ({"column": "a", "op": "between", "value": [1]}, "where.value", "exactly 2"),
        ({"column": "a", "op": "like", "value": "a\\b"}, "where.value", "backslash"),
        ({"column": "a", "op": "like", "value": 1}, "where.value", "double quotes"),
        ({"column": "a", "op": "prefix", "value": ""}, "where.value", "not_null"),
        ({"column": "a", "op": "eq", "value": "a\0"}, "where.value", "NUL"),
        ({"column": "a", "op": "eq", "value": {"bytes": "0"}}, "where.value.bytes", "hexadecimal"),
        ({"column": "a", "op": "eq", "value": {"hex": "00"}}, "where.value.hex", "unknown key"),
        ({"column": "a"}, "where.op", "missing"),
        ({"column": "a", "op": "eq", "value": 1, "sql": "1=1"}, "where.sql", "unknown key"),
        ({"all": []}, "where.all", "0 items"),
        ({"any": [{"not": []}]}, "where.any[0].not", "a list stands where a condition"),
        ({"all": [], "any": []}, "where", "beside any"),
        ({"column": "a", "op": "eq", "value": 1, "not": {}}, "where", "beside"),
        ({"column": "", "op": "is_null"}, "where.column", "0 characters"),
        ({"column": "a\n", "op": "is_null"}, "where.column", "control character"),
    ],
)
def test_conditions_that_are_refused(condition: dict[str, Any], path: str, says: str) -> None:
    problem = problems(where(**condition))[path]
    assert says in f"{problem.message} {problem.remedy}"


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("table", ""),
        ("table", 3),
        ("table", "x" * 129),
        ("key", []),
        ("key", "id"),
        ("limit", True),
        ("limit", 1.5),
        ("limit", 2**63),
        ("keep_originals", "yes"),
        ("max_failures", -1),
        ("max_failures", 1.5),
        ("max_failures", True),
        ("batch", {"row": 1}),
        ("batch", {"rows": 0}),
        ("throttle", {"rows_per_second": 0}),
        ("throttle", []),
        ("throttle", {"windows": []}),
        ("throttle", {"windows": "22:00-06:00"}),
        ("throttle", {"windows": ["22:00-06:00"] * 9}),
        ("throttle", {"windows": [{"from": "22:00"}]}),
        ("throttle", {"windows": ["06:00-06:00"]}),
        ("throttle", {"time_zone": "Europe/Atlantis"}),
        ("throttle", {"time_zone": None}),
        ("throttle", {"max_replica_lag": 0}),
        ("throttle", {"max_replica_lag": 86_401}),
        ("throttle", {"max_running": 0}),
        ("throttle", {"max_running": 2.5}),
        ("options", []),
        ("options", {"never_heard_of": 1}),
        ("options", {"mode": None}),
        ("where", None),
    ],
)
def test_members_that_are_refused(member: str, value: object) -> None:
    (path,) = problems({"table": "t", "field": "f", member: value})
    assert path.startswith(member)


@pytest.mark.parametrize(("given", "meant"), [(0, 0), (5, 5), (5.0, 5), (0.5, 0.5), (1.0, 1)])
def test_max_failures_is_a_count_or_a_share(given: float, meant: float) -> None:
    read = parse({"table": "t", "field": "f", "max_failures": given}).max_failures
    assert (read, type(read)) == (meant, type(meant))


def test_a_column_named_twice_in_the_key() -> None:
    assert "named twice" in problems({"table": "t", "field": "f", "key": ["a", "b", "a"]})["key[2]"].message


@pytest.mark.parametrize(
    ("scope", "options", "path"),
    [
        (Scope.HASHES, {}, "options.mode"),
        (Scope.HASHES, {"mode": "passwort"}, "options.mode"),
        (Scope.HASHES, {"mode": "password", "source": "body"}, "options.source"),
        (Scope.HASHES, {"mode": "digest"}, "options.source"),
        (Scope.HASHES, {"mode": "digest", "source": "a\nb"}, "options.source"),
        (Scope.HASHES, {"mode": "password", "old_key": "k"}, "options.old_key"),
        (Scope.WRAPPERS, {"format": "AES-KW", "old_key": {"col": "k"}, "new_key": "n"}, "options.old_key"),
        (
            Scope.WRAPPERS,
            {"format": "AES-KW", "old_key": "k", "new_key": "n", "max_key_bytes": 0},
            "options.max_key_bytes",
        ),
    ],
)
def test_options_are_held_against_the_scope(scope: Scope, options: dict[str, Any], path: str) -> None:
    text = json.dumps({"table": "t", "field": "f", "options": options})
    found = problems(text, scope)
    assert list(found) == [path]
    assert found[path].remedy
    assert found[path].line == 1


def test_required_options_are_missed_where_there_are_none() -> None:
    assert set(problems({"table": "t", "field": "f"}, Scope.WRAPPERS)) == {"options.new_key"}
    wanted = {"options.format", "options.old_key", "options.new_key"}
    assert set(problems({"table": "t", "field": "f"}, Scope.SIGNATURES)) == wanted
    plain, token = ({"table": "t", "field": "f", "options": {"format": form}} for form in ("Ed25519", "JWS"))
    assert set(problems(plain, Scope.SIGNATURES)) == {"options.payload", "options.old_key", "options.new_key"}
    assert set(problems(token, Scope.SIGNATURES)) == {"options.old_key", "options.new_key"}


def test_problems_found_later_are_located_in_the_text() -> None:
    text = '{\n "table": "t",\n "field": "f",\n "where": {"any": [\n  {"column": "x", "op": "is_null"}]}}'
    places = [
        (p.line, p.column)
        for p in locate(
            text,
            [
                Problem("where.any[0].column", "no such column"),
                Problem("key[0]", "no such key"),
                Problem("table", "none"),
            ],
        )
    ]
    assert places == [(5, 14), (1, 1), (2, 11)]
