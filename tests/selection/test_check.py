"""A selection held against a live database: what is wrong is found before a job is made, and nothing is written."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding
from cryptography.hazmat.primitives.keywrap import aes_key_wrap
from cryptography.hazmat.primitives.serialization import load_der_private_key

from pqcore.database.connect import Database
from pqcore.errors import ExitCode, KeyStoreError
from pqcore.keys.memory import MemoryKeyProvider
from pqcore.migrations.base import Scope
from pqcore.selection.catalog import Catalog
from pqcore.selection.check import Report, check
from pqcore.selection.document import parse
from pqcore.selection.preview import Count
from pqcore.selection.problem import Problem, SelectionError

BINARY = {"postgresql": "BYTEA", "sqlite": "BLOB", "mysql": "BLOB"}
DATA_KEY = bytes(range(32))


@pytest.fixture(scope="module")
def keys() -> MemoryKeyProvider:
    provider = MemoryKeyProvider()
    provider.generate("kek-2019", "AES-128")
    provider.generate("rsa-2017", "RSA-2048")
    provider.generate("pq", "ML-KEM-768+X25519")
    provider.generate("signer", "Ed25519")
    provider.generate("pq-signer", "ML-DSA-44")
    provider.generate("pepper", "PEPPER")
    return provider


def insert(database: Database, table: str, rows: list[dict[str, Any]]) -> None:
    with database.write() as connection:
        connection.execute(sa.table(table, *(sa.column(name) for name in rows[0])).insert(), rows)


def execute(database: Database, *statements: str) -> None:
    with database.write() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def report(
    database: Database,
    keys: MemoryKeyProvider,
    scope: Scope,
    algorithm: str,
    sample_rows: int = 6,
    **document: Any,
) -> Report:
    selection = parse(document, scope=scope)
    return check(
        database,
        Catalog(database),
        selection,
        scope=scope,
        algorithm=algorithm,
        keys=keys,
        data_set="test",
        sample_rows=sample_rows,
    )


def only(problems: tuple[Problem, ...]) -> Problem:
    (problem,) = problems
    return problem


def django(password: str) -> str:
    digest = hashlib.pbkdf2_hmac("sha256", password.encode(), b"c2FsdA", 1)
    return f"pbkdf2_sha256$1$c2FsdA${base64.b64encode(digest).decode()}"


PASSWORDS: dict[str, Any] = {"table": "people", "field": "password", "options": {"mode": "password"}}


@pytest.fixture
def people(database: Database) -> Database:
    execute(database, "CREATE TABLE people (id INTEGER PRIMARY KEY, password VARCHAR(512), note VARCHAR(30))")
    rows = [{"id": i, "password": django(f"p{i}"), "note": "x"} for i in range(1, 31)]
    insert(database, "people", [*rows, {"id": 40, "password": None, "note": "y"}])
    return database


def test_password_hashes_that_can_be_migrated(people: Database, keys: MemoryKeyProvider) -> None:
    found = report(people, keys, Scope.HASHES, "Argon2id", **PASSWORDS)
    assert (found.problems, found.warnings, found.ok) == ((), (), True)
    assert found.count == Count(31, True)
    assert (found.trial.migrated, found.trial.rows) == (6, 6)
    assert found.sample[0].values["password"].startswith("pbkdf2_sha256$…")
    found.raise_for_problems()
    with people.read() as connection:
        stored = connection.exec_driver_sql("SELECT password FROM people WHERE id = 1").scalar_one()
    assert stored == django("p1"), "a check writes nothing"


def test_a_column_too_narrow_for_new_values(database: Database, keys: MemoryKeyProvider) -> None:
    if database.dialect.name == "sqlite":
        pytest.skip("SQLite enforces no widths")
    execute(database, "CREATE TABLE people (id INTEGER PRIMARY KEY, password VARCHAR(80) NOT NULL)")
    insert(database, "people", [{"id": 1, "password": django("a")}])
    problem = only(report(database, keys, Scope.HASHES, "Argon2id", **PASSWORDS).problems)
    assert problem.path == "field"
    assert problem.message.startswith('"password" holds 80 characters; new values take up to ')
    execute(database, problem.remedy.removeprefix("Widen it: "))
    assert report(database, keys, Scope.HASHES, "Argon2id", **PASSWORDS).ok


def test_some_rows_that_do_not_parse_are_a_warning_with_the_first_of_them(
    people: Database, keys: MemoryKeyProvider
) -> None:
    execute(people, "UPDATE people SET password = 'rubbish' WHERE id = 2")
    found = report(people, keys, Scope.HASHES, "Argon2id", **PASSWORDS)
    assert found.ok
    warning = only(found.warnings)
    assert warning.message.startswith("1 of 6 sampled rows cannot be migrated; row 2: ")
    assert "rubbish" not in warning.message


def test_all_rows_that_do_not_parse_are_a_problem(people: Database, keys: MemoryKeyProvider) -> None:
    execute(people, "UPDATE people SET password = 'rubbish'")
    found = report(people, keys, Scope.HASHES, "Argon2id", **PASSWORDS)
    problem = only(found.problems)
    assert (problem.path, problem.message.startswith("none of 6 sampled rows can be migrated; row 1: ")) == (
        "field",
        True,
    )
    assert found.count == Count(31, True)
    with pytest.raises(SelectionError) as caught:
        found.raise_for_problems()
    assert caught.value.exit_code is ExitCode.USAGE


def test_nothing_selected_and_nothing_to_do(people: Database, keys: MemoryKeyProvider) -> None:
    nothing = {"column": "id", "op": "gt", "value": 1000}
    found = report(people, keys, Scope.HASHES, "Argon2id", **PASSWORDS, where=nothing)
    assert (found.ok, found.count, only(found.warnings).message) == (True, Count(0, True), "no row matches")
    execute(people, "UPDATE people SET password = '!unusable'")
    found = report(people, keys, Scope.HASHES, "Argon2id", **PASSWORDS)
    assert "none of the 6 sampled rows needs work" in only(found.warnings).message


@pytest.mark.parametrize("algorithm", ["ML-KEM-768", "SHA-1", "no-such-thing"])
def test_an_algorithm_of_the_wrong_class(people: Database, keys: MemoryKeyProvider, algorithm: str) -> None:
    problem = only(report(people, keys, Scope.HASHES, algorithm, **PASSWORDS).problems)
    assert problem.path == "algorithm"
    assert problem.remedy


def test_everything_wrong_is_reported_together(people: Database, keys: MemoryKeyProvider) -> None:
    found = report(
        people,
        keys,
        Scope.WRAPPERS,
        "ML-DSA-44",
        table="people",
        field="id",
        key=["note"],
        where={"column": "nope", "op": "is_null"},
        options={"format": "AES-KW", "old_key": {"column": "kek"}, "new_key": "absent"},
    )
    assert {p.path for p in found.problems} == {"key", "algorithm", "options.new_key"}
    found = report(
        people,
        keys,
        Scope.WRAPPERS,
        "ML-DSA-44",
        table="people",
        field="note",
        where={"column": "nope", "op": "is_null"},
        options={"format": "AES-KW", "old_key": {"column": "kek"}, "new_key": "absent"},
    )
    assert {p.path for p in found.problems} == {
        "where.column",
        "options.old_key.column",
        "algorithm",
        "options.new_key",
    }


def test_data_keys_under_aes_and_the_column_that_names_their_key(database: Database, keys: MemoryKeyProvider) -> None:
    binary = BINARY[database.dialect.name]
    execute(database, f"CREATE TABLE documents (id INTEGER PRIMARY KEY, kek VARCHAR(40), dek {binary})")
    kek = keys.get("kek-2019").secret
    assert kek is not None
    insert(
        database, "documents", [{"id": n, "kek": "kek-2019", "dek": aes_key_wrap(kek, DATA_KEY)} for n in range(5, 10)]
    )
    options: dict[str, Any] = {"format": "AES-KW", "old_key": {"column": "kek"}, "new_key": "pq"}
    found = report(database, keys, Scope.WRAPPERS, "ML-KEM-768+X25519", table="documents", field="dek", options=options)
    assert (found.problems, found.warnings) == ((), ())
    assert found.trial.migrated == 5
    found = report(database, keys, Scope.WRAPPERS, "ML-KEM-1024", table="documents", field="dek", options=options)
    problem = only(found.problems)
    assert (problem.path, "ML-KEM-768+X25519" in problem.message) == ("options.new_key", True)
    assert found.keys_only


def test_a_missing_key_is_a_matter_of_keys(database: Database, keys: MemoryKeyProvider) -> None:
    execute(database, "CREATE TABLE documents (id INTEGER PRIMARY KEY, dek VARCHAR(4000))")
    options = {"format": "RSA-OAEP-SHA256", "old_key": "rsa-1999", "new_key": "pq"}
    found = report(database, keys, Scope.WRAPPERS, "ML-KEM-768+X25519", table="documents", field="dek", options=options)
    assert only(found.problems).path == "options.old_key"
    with pytest.raises(KeyStoreError, match="rsa-1999") as caught:
        found.raise_for_problems()
    assert caught.value.exit_code is ExitCode.KEYS


def test_data_keys_under_another_rsa_key(database: Database, keys: MemoryKeyProvider) -> None:
    execute(database, "CREATE TABLE documents (id INTEGER PRIMARY KEY, dek TEXT)")
    secret = keys.get("rsa-2017").secret
    assert secret is not None
    private: Any = load_der_private_key(secret, None)
    oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
    wrapped = base64.b64encode(private.public_key().encrypt(DATA_KEY, oaep)).decode()
    insert(database, "documents", [{"id": 1, "dek": wrapped}])
    document: dict[str, Any] = {"table": "documents", "field": "dek"}
    options = {"format": "RSA-OAEP-SHA256", "old_key": "rsa-2017", "new_key": "pq"}
    assert report(database, keys, Scope.WRAPPERS, "ML-KEM-768+X25519", **document, options=options).ok
    options["format"] = "RSA-OAEP-SHA1"
    problem = only(report(database, keys, Scope.WRAPPERS, "ML-KEM-768+X25519", **document, options=options).problems)
    assert (problem.path, "old key" in problem.remedy) == ("field", True)


def test_signatures_and_their_columns(database: Database, keys: MemoryKeyProvider) -> None:
    binary = BINARY[database.dialect.name]
    execute(
        database,
        f"CREATE TABLE audit (id INTEGER PRIMARY KEY, body VARCHAR(60), sig {binary}, pq_sig VARCHAR(100), "
        "made INTEGER GENERATED ALWAYS AS (7) STORED)",
    )
    secret = keys.get("signer").secret
    assert secret is not None
    private: Any = serialization.load_der_private_key(secret, None)
    assert isinstance(private, ed25519.Ed25519PrivateKey)
    insert(
        database,
        "audit",
        [{"id": n, "body": f"event {n}", "sig": private.sign(f"event {n}".encode())} for n in range(4)],
    )
    document: dict[str, Any] = {"table": "audit", "field": "sig"}
    options: dict[str, Any] = {"format": "Ed25519", "payload": "body", "old_key": "signer", "new_key": "pq-signer"}

    def problems(**more: Any) -> list[tuple[str, str]]:
        found = report(database, keys, Scope.SIGNATURES, "ML-DSA-44", **document, options=options | more)
        return [(p.path, p.message) for p in found.problems]

    assert problems() == []
    assert problems(payload="bdy") == [("options.payload", '"audit" has no column "bdy"')]
    assert problems(payload="sig") == [("options.payload", '"sig" is the migrated field itself')]
    assert problems(signature_field="sig")[0][0] == "options.signature_field"
    assert [path for path, _ in problems(payload="made")] == ["options.payload"]
    assert "options.signature_field" in [path for path, _ in problems(signature_field="made")]
    assert "options.signature_field" in [path for path, _ in problems(signature_field="id")]
    if database.dialect.name != "sqlite":
        assert "new values are bytes" in problems(signature_field="pq_sig")[1][1]
        ((path, message),) = problems(signature_field="pq_sig", signature_encoding="base64")
        assert path == "options.signature_field"
        assert "holds 100 characters" in message


def test_digests_and_what_they_are_of(database: Database, keys: MemoryKeyProvider) -> None:
    binary = BINARY[database.dialect.name]
    execute(database, f"CREATE TABLE files (id INTEGER PRIMARY KEY, body {binary}, sum VARCHAR(200), meta JSON)")
    insert(
        database, "files", [{"id": n, "body": b"x" * n, "sum": hashlib.sha1(b"x" * n).hexdigest()} for n in range(1, 5)]
    )
    document: dict[str, Any] = {"table": "files", "field": "sum"}
    good = report(database, keys, Scope.HASHES, "SHA3-512", **document, options={"mode": "digest", "source": "body"})
    assert (good.problems, good.trial.migrated) == ((), 4)
    wrong = report(database, keys, Scope.HASHES, "Argon2id", **document, options={"mode": "digest", "source": "body"})
    assert only(wrong.problems).path == "options.mode"
    if database.dialect.name == "postgresql":  # elsewhere JSON may be text under another name
        found = report(
            database, keys, Scope.HASHES, "SHA-384", **document, options={"mode": "digest", "source": "meta"}
        )
        assert only(found.problems).message == '"meta" is a JSON column'


def test_columns_that_pad_their_values(database: Database, keys: MemoryKeyProvider) -> None:
    kind = {"postgresql": "CHAR(200)", "mysql": "BINARY(200)"}.get(database.dialect.name)
    if kind is None:
        pytest.skip("SQLite pads nothing")
    execute(database, f"CREATE TABLE files (id INTEGER PRIMARY KEY, body TEXT, sum {kind})")
    old = hashlib.sha1(b"x").hexdigest() if database.dialect.name == "postgresql" else hashlib.sha1(b"x").digest()
    insert(database, "files", [{"id": 1, "body": "x", "sum": old}])
    options = {"mode": "digest", "source": "body", "format": "SHA-1"}
    found = report(database, keys, Scope.HASHES, "SHA3-512", table="files", field="sum", options=options)
    assert not found.ok


def test_columns_and_tables_that_cannot_be_written(database: Database, keys: MemoryKeyProvider) -> None:
    execute(
        database,
        "CREATE TABLE people (id INTEGER PRIMARY KEY, a VARCHAR(20), n INTEGER, "
        "password VARCHAR(20) GENERATED ALWAYS AS (a) STORED)",
    )
    found = report(database, keys, Scope.HASHES, "Argon2id", **PASSWORDS)
    assert ("field", '"password" is computed by the database') in [(p.path, p.message) for p in found.problems]
    found = report(database, keys, Scope.HASHES, "Argon2id", **{**PASSWORDS, "field": "n"})
    assert "neither a text nor a binary column" in only(found.problems).message


def test_tables_without_transactions(database: Database, keys: MemoryKeyProvider) -> None:
    if database.dialect.name != "mysql":
        pytest.skip("only MySQL has such tables")
    execute(database, "CREATE TABLE people (id INTEGER PRIMARY KEY, password VARCHAR(512)) ENGINE=MyISAM")
    problem = only(report(database, keys, Scope.HASHES, "Argon2id", **PASSWORDS).problems)
    assert problem.path == "table"
    execute(database, problem.remedy.removeprefix("Convert it with "))
    assert report(database, keys, Scope.HASHES, "Argon2id", **PASSWORDS).ok


def test_what_an_operator_should_know(database: Database, keys: MemoryKeyProvider) -> None:
    if database.dialect.name != "sqlite":
        pytest.skip("one database is enough")
    execute(
        database,
        "CREATE TABLE people (a TEXT, b TEXT, password TEXT, PRIMARY KEY (a, b))",
        "CREATE TRIGGER audit AFTER UPDATE ON people BEGIN SELECT 1; END",
    )
    insert(database, "people", [{"a": "1", "b": "2", "password": django("x")}])
    found = report(database, keys, Scope.HASHES, "Argon2id", **PASSWORDS, key=["b", "a"])
    assert [w.path for w in found.warnings] == ["table", "key", "key"]
    assert "audit" in found.warnings[0].message


def test_the_whole_thing_with_a_missing_table(database: Database, keys: MemoryKeyProvider) -> None:
    found = report(database, keys, Scope.HASHES, "Argon2id", **PASSWORDS)
    assert only(found.problems).path == "table"
    assert found.count is None
