"""Completion at the cursor, in documents that are rarely JSON at that moment."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqcore.database.connect import Database
from pqcore.keys.memory import MemoryKeyProvider
from pqcore.migrations.base import Scope
from pqcore.selection.catalog import Catalog
from pqcore.selection.complete import complete
from pqcore.selection.condition import Op
from pqcore.selection.document import MEMBERS, parse


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    database = Database.open(f"sqlite:///{tmp_path_factory.mktemp('complete') / 'test.db'}")
    with database.write() as connection:
        connection.exec_driver_sql(
            "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT UNIQUE NOT NULL, password_hash VARCHAR(80), "
            "active BOOLEAN, raw BLOB)"
        )
        connection.exec_driver_sql('CREATE TABLE "audit log" (id INTEGER PRIMARY KEY, sig BLOB)')
    yield Catalog(database)
    database.close()


@pytest.fixture(scope="module")
def keys() -> MemoryKeyProvider:
    provider = MemoryKeyProvider()
    provider.generate("kek-old", "AES-128")
    provider.generate("kek-pq", "ML-KEM-768")
    provider.generate("kek-pq", "ML-KEM-768")
    provider.generate("sign-pq", "ML-DSA-44")
    return provider


class Editor:
    """A text with the cursor at ``|``."""

    def __init__(self, catalog: Catalog, keys: MemoryKeyProvider) -> None:
        self.catalog = catalog
        self.keys = keys

    def labels(self, text: str, scope: Scope | None = None) -> list[str]:
        offset = text.index("|")
        found = complete(text.replace("|", ""), offset, self.catalog, self.keys, scope)
        return [completion.label for completion in found]

    def accept(self, text: str, scope: Scope | None = None) -> str:
        """The text after the first completion was taken."""
        offset = text.index("|")
        text = text.replace("|", "")
        first = complete(text, offset, self.catalog, self.keys, scope)[0]
        return text[: first.start] + first.insert + text[first.end :]


@pytest.fixture
def editor(catalog: Catalog, keys: MemoryKeyProvider) -> Editor:
    return Editor(catalog, keys)


def test_a_document_from_nothing(editor: Editor) -> None:
    assert editor.accept("|") == '{"table": "", "field": ""}'
    assert editor.accept('{"table": "|", "field": ""}') == '{"table": "audit log", "field": ""}'
    assert editor.accept('{"table": "us|", "field": ""}') == '{"table": "users", "field": ""}'
    text = editor.accept('{"table": "users", "field": "pass|"}')
    assert parse(text).field == "password_hash"


def test_members(editor: Editor) -> None:
    assert editor.labels("{|") == list(MEMBERS)
    assert editor.labels('{"table": "users", "field": "email", |}') == [
        m for m in MEMBERS if m not in ("table", "field")
    ]
    assert "limit" not in editor.labels('{|, "limit": 5}')
    assert editor.accept('{"wh|}') == '{"where": }'
    assert editor.accept('{"wh|": {}}') == '{"where": {}}'
    assert editor.accept('{"batch": {"ro|"}}') == '{"batch": {"rows": }}'
    assert editor.accept('{"throttle": {"max_ru|"}}') == '{"throttle": {"max_running": }}'


def test_values_of_throttles(editor: Editor) -> None:
    assert editor.accept('{"throttle": {"windows": |}}') == '{"throttle": {"windows": ["22:00-06:00"]}}'
    assert editor.labels('{"throttle": {"time_zone": "Europe/Ber|"}}') == ["Europe/Berlin"]


def test_columns_with_their_types(editor: Editor, catalog: Catalog) -> None:
    text = '{"table": "users", "field": ""}'
    found = complete(text, len(text) - 2, catalog)
    assert {c.label: c.detail for c in found}["password_hash"] == "VARCHAR(80)"
    assert [c.label for c in found][-2:] == ["id", "active"], "columns that hold no values to migrate come last"
    assert editor.labels('{"table": "users", "key": [|') == ["id", "email", "password_hash", "active", "raw"]
    assert editor.accept('{"table": "users", "key": |}') == '{"table": "users", "key": ["id"]}'
    assert editor.labels('{"table": "nowhere", "field": "|"}') == []


def test_conditions(editor: Editor) -> None:
    start = '{"table": "users", "where": '
    assert editor.labels(start + "|")[0] == "condition"
    assert editor.labels(start + "{|}") == ["column", "op", "value", "all", "any", "not"]
    assert editor.labels(start + '{"any": [{"column": "id", |}]}') == ["op", "value"]
    assert editor.labels(start + '{"column": "id", "op": "is_null", |}') == []
    assert editor.labels(start + '{"all": [{"column": "em|"}]}') == ["email"]
    assert editor.labels(start + '{"all": [{"column": "active", "op": "|"}]}') == [
        op.value for op in Op if op in {Op.EQ, Op.NE, Op.IN, Op.NOT_IN, Op.IS_NULL, Op.NOT_NULL}
    ]
    assert editor.labels(start + '{"not": {"op": "|", "column": "email"}}') == [op.value for op in Op]
    assert editor.labels(start + '{"column": "active", "op": "eq", "value": |}') == ["false", "true"]
    assert editor.accept(start + '{"column": "raw", "op": "eq", "value": |}').endswith('"value": {"bytes": ""}}')


def test_options_by_scope(editor: Editor) -> None:
    start = '{"table": "users", "options": {'
    names = editor.labels(start + "|}}", Scope.HASHES)
    assert names[0] == "mode"
    assert "label" not in names
    assert "old_key" not in editor.labels(start + '"mode": "password", |}}', Scope.HASHES)
    assert "old_key" in editor.labels(start + '"mode": "blind-index", |}}', Scope.HASHES)
    assert "source" not in editor.labels(start + '"mode": "password", |}}', Scope.HASHES)
    assert "source" in editor.labels(start + '"mode": "digest", |}}', Scope.HASHES)
    assert editor.labels(start + '"mode": "|"}}', Scope.HASHES) == [
        "password",
        "digest",
        "blind-index",
        "nested-index",
    ]
    assert editor.labels(start + '"source": "pa|"}}', Scope.HASHES) == ["password_hash"]


def test_names_of_keys(editor: Editor) -> None:
    start = '{"table": "users", "options": {'
    assert editor.labels(start + '"new_key": "|"}}', Scope.WRAPPERS) == ["kek-pq"]
    assert editor.labels(start + '"new_key": "|"}}', Scope.SIGNATURES) == ["sign-pq"]
    assert editor.labels(start + '"old_key": "kek|"}}', Scope.WRAPPERS) == ["kek-old"]
    assert editor.labels(start + '"old_key": {"column": "em|"}}}', Scope.WRAPPERS) == ["email"]


def test_nothing_fits_where_a_comma_is_missing(editor: Editor) -> None:
    assert editor.labels('{"table": "users" |}') == []


def test_without_a_database_what_is_known_is_still_given() -> None:
    text = '{"table": "users", "field": "", "where": {"column": "a", "op": "li"}}'
    assert complete(text, text.index("users"), None) == []
    assert [c.insert for c in complete(text, text.index("li") + 2, None)] == ['"like"', '"not_like"']


def test_a_database_that_is_away_gives_nothing(tmp_path: Path) -> None:
    (tmp_path / "broken.db").write_bytes(b"this is no database at all, not even nearly one" * 100)
    database = Database.open(f"sqlite:///{tmp_path / 'broken.db'}")
    text = '{"table": ""}'
    assert complete(text, len(text) - 2, Catalog(database)) == []
    database.close()


@given(st.text(alphabet='{}[]:,"\\ aopwhere1\n', max_size=30), st.integers(-1, 31))
def test_any_text_can_be_completed(text: str, offset: int) -> None:
    for completion in complete(text, offset, scope=Scope.HASHES):
        assert 0 <= completion.start <= max(0, min(offset, len(text))) <= completion.end <= len(text)


@given(st.data())
def test_a_document_cut_anywhere_offers_what_stands_there(data: st.DataObject) -> None:
    document = {
        "table": "t",
        "options": {"mode": "digest"},
        "where": {"all": [{"column": "a", "op": "eq", "value": 1}]},
    }
    text = json.dumps(document)
    word = data.draw(
        st.sampled_from(["table", "options", "mode", "digest", "where", "all", "column", "op", "eq", "value"])
    )
    start = text.index(f'"{word}"')
    offset = data.draw(st.integers(start + 1, start + 1 + len(word)))
    rest = data.draw(st.sampled_from([text[offset:], '"', ""]))
    labels = [c.label for c in complete(text[:offset] + rest, offset, scope=Scope.HASHES)]
    assert word in labels
