"""Bad input: one sentence with the remedy, a documented exit code, no traceback, nothing half-written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import DIGESTS, PASSWORDS, Cli, sentences
from tests.support.databases import Servers, fresh_database

CREATE = ("jobs", "create", "--scope", "hashes", "--selection", "-")


def no_job(cli: Cli) -> bool:
    return cli.rows("SELECT count(*) FROM pq_migration_jobs") == [(0,)]


@pytest.mark.parametrize(
    ("selection", "names"),
    [
        ({**DIGESTS, "table": "filez"}, ["filez", "files"]),
        ({**DIGESTS, "field": "checksun"}, ["checksun", "checksum"]),
        ({**DIGESTS, "options": {"mode": "digest", "source": "contents"}}, ["options.source", "content"]),
        ({**DIGESTS, "tabel": "files"}, ["tabel", "table"]),
        ({**DIGESTS, "where": {"column": "id", "op": "=", "value": 1}}, ["where.op"]),
        ({**DIGESTS, "options": {"mode": "digest"}}, ["options.source"]),
        ({"table": "files", "field": "content", "options": {"mode": "password"}}, ["sample"]),
    ],
    ids=["table", "column", "option column", "unknown key", "operator", "missing option", "rows do not parse"],
)
def test_a_selection_that_does_not_hold(cli: Cli, selection: dict[str, Any], names: list[str]) -> None:
    algorithm = "Argon2id" if selection.get("options", {}).get("mode") == "password" else "SHA-384"
    sentence = cli.refused(2, *CREATE, "--algorithm", algorithm, stdin=json.dumps(selection))
    assert all(name in sentence for name in names), sentence
    assert no_job(cli)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('{"table": "files",\n "field": }', ["line 2"]),
        ("", ["empty"]),
        ("[]", []),
        (b"\xff\xfe{}", ["UTF-8"]),
        ('{"table": "files", "table": "files"}', ["table"]),
        ("[" * 100_000, []),
    ],
    ids=["syntax", "empty", "no object", "not UTF-8", "duplicate key", "too deep"],
)
def test_a_selection_that_is_no_document(cli: Cli, text: str | bytes, names: list[str]) -> None:
    problems = cli.problems(2, *CREATE, "--algorithm", "SHA-384", stdin=text)
    assert all(name in " ".join(problems) for name in names), problems
    assert no_job(cli)


def test_all_problems_of_a_selection_are_said_one_a_line(cli: Cli) -> None:
    problems = cli.problems(2, *CREATE, "--algorithm", "SHA-384", stdin='{"table": 1, "feild": "checksum"}')
    assert len(problems) >= 2
    assert all(problem.startswith("pqconsole: selection, line 1, ") for problem in problems)


@pytest.mark.parametrize(
    ("target", "code", "names"),
    [
        (("--algorithm", "ML-KEM-768"), 2, ["ML-KEM-768", "hashes"]),
        (("--algorithm", "SHA-9"), 2, ["SHA-9"]),
        (("--policy", "nope"), 2, ["nope"]),
        (("--algorithm", "SHA-384", "--at", "soon"), 2, ["soon", "+2h"]),
        (("--algorithm", "SHA-384", "--as", "8"), 2, ["user 8"]),
    ],
    ids=["wrong class", "unknown algorithm", "unknown policy", "no time", "unknown user"],
)
def test_a_target_that_does_not_hold(cli: Cli, target: tuple[str, ...], code: int, names: list[str]) -> None:
    sentence = cli.refused(code, *CREATE, *target, stdin=json.dumps(DIGESTS))
    assert all(name in sentence for name in names), sentence
    assert no_job(cli)


def test_a_selection_file_that_is_not_there(cli: Cli) -> None:
    words = ("jobs", "create", "--scope", "hashes", "--algorithm", "SHA-384", "--selection", "nowhere.json")
    assert "nowhere.json" in cli.refused(2, *words)


@pytest.mark.database
@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_a_column_too_narrow_for_the_new_value(bare: Cli, servers: Servers, tmp_path: Path, kind: str) -> None:
    from pqcore.database.connect import Database

    with fresh_database(kind, servers, tmp_path) as url:
        db = Database.open(url)
        with db.write() as conn:
            conn.exec_driver_sql("CREATE TABLE accounts (id BIGINT PRIMARY KEY, password_hash VARCHAR(60) NOT NULL)")
        db.close()
        bare.env["PQCONSOLE_URL"] = url
        bare.ok("init")
        sentence = bare.refused(2, *CREATE, "--algorithm", "Argon2id", stdin=json.dumps(PASSWORDS))
        assert "60" in sentence
        assert bare.json("jobs", "list") == []


def test_a_wrong_passphrase(bare: Cli) -> None:
    bare.ok("keys", "generate", "signer", "ML-DSA-44")
    sentence = bare.refused(5, "keys", "export", "signer", "--public", PQCONSOLE_PASSPHRASE="wrong")
    assert "passphrase is wrong" in sentence
    assert bare.refused(5, "keys", "generate", "other", "AES-256", PQCONSOLE_PASSPHRASE="wrong")
    assert [key["name"] for key in bare.json("keys", "list")] == ["signer"]


def test_no_passphrase_and_no_terminal_to_ask_on(bare: Cli) -> None:
    assert "PQCONSOLE_PASSPHRASE" in bare.refused(5, "keys", "generate", "k", "AES-256", PQCONSOLE_PASSPHRASE="")


def test_a_keyring_open_to_others(bare: Cli) -> None:
    bare.ok("keys", "generate", "signer", "ML-DSA-44")
    keyring = bare.home / "keys" / "keyring.json"
    keyring.chmod(0o644)
    assert f"chmod 600 {keyring}" in bare.refused(5, "keys", "list")
    keyring.chmod(0o600)
    keyring.parent.chmod(0o755)
    assert f"chmod 700 {keyring.parent}" in bare.refused(5, "keys", "list")


def test_a_key_that_is_missing(cli: Cli) -> None:
    selection = {
        "table": "files",
        "field": "checksum",
        "options": {"format": "AES-KW", "encoding": "hex", "old_key": "gone", "new_key": "gone-too"},
    }
    words = ("jobs", "create", "--scope", "wrappers", "--selection", "-", "--algorithm", "ML-KEM-768")
    problems = cli.problems(5, *words, stdin=json.dumps(selection))
    assert [problem.split(": ")[1] for problem in problems] == [
        "selection, options.old_key",
        "selection, options.new_key",
    ]
    assert all("gone" in problem for problem in problems)
    assert no_job(cli)


@pytest.mark.parametrize("scheme", ["postgresql", "mysql"])
def test_a_database_that_is_down(bare: Cli, scheme: str) -> None:
    sentence = bare.refused(3, "jobs", "list", "--url", f"{scheme}://pq:hunter2@127.0.0.1:1/app")
    assert "127.0.0.1:1/app" in sentence
    assert "hunter2" not in sentence


@pytest.mark.parametrize(
    ("scheme", "module", "extra"), [("postgresql", "psycopg", "postgres"), ("mysql", "pymysql", "mysql")]
)
def test_a_driver_that_is_not_installed(bare: Cli, tmp_path: Path, scheme: str, module: str, extra: str) -> None:
    blocker = tmp_path / "blocked"
    blocker.mkdir()
    (blocker / f"{module}.py").write_text("raise ImportError('not installed')\n")
    path = f"{blocker}:{bare.environment()['PYTHONPATH']}"
    done = bare.run_process("jobs", "list", "--url", f"{scheme}://127.0.0.1:1/app", PYTHONPATH=path)
    (sentence,) = sentences(bare.home, 3, done)
    assert f"pqconsole[{extra}]" in sentence


@pytest.mark.parametrize(
    "url", ["nonsense", "oracle://h/d", "postgresql://h:port/d", "sqlite://"], ids=["no URL", "kind", "port", "memory"]
)
def test_a_url_that_cannot_be_used(bare: Cli, url: str) -> None:
    assert "sqlite:///" in bare.refused(4, "jobs", "list", "--url", url)


def test_a_profile_that_is_not_there(bare: Cli) -> None:
    assert "nope" in bare.refused(4, "jobs", "list", "--profile", "nope")


def test_a_database_without_the_tables(bare: Cli) -> None:
    bare.execute("CREATE TABLE something (id INTEGER)")
    assert "pqconsole init" in bare.refused(3, "jobs", "list")
    assert bare.rows("SELECT name FROM sqlite_master") == [("something",)]


def test_a_database_file_that_is_not_there_is_not_made(bare: Cli) -> None:
    for words in (("jobs", "list"), ("work", "--drain")):
        assert "pqconsole init" in bare.refused(3, *words)
    assert not bare.database.exists()


def test_a_file_that_is_no_database(bare: Cli) -> None:
    bare.database.write_bytes(b"this is not a database, it is a text of some length" * 100)
    assert str(bare.database) in bare.refused(3, "jobs", "list")


def test_a_job_that_is_not_there(cli: Cli) -> None:
    for words in (("show", "99"), ("run", "99"), ("cancel", "99")):
        assert "no job 99" in cli.refused(6, "jobs", *words)


@pytest.mark.parametrize(
    "words",
    [
        ("init",),
        ("work", "--drain"),
        ("jobs", "run", "1"),
        ("jobs", "cancel", "1"),
        ("jobs", "create", "--scope", "hashes", "--algorithm", "SHA-384", "--selection", "-"),
        ("keys", "generate", "k", "AES-256"),
        ("demo",),
    ],
    ids=" ".join,
)
def test_a_write_in_a_read_only_session(cli: Cli, words: tuple[str, ...]) -> None:
    before = cli.database.read_bytes()
    assert "read-only" in cli.refused(7, "--read-only", *words, stdin=json.dumps(DIGESTS))
    assert cli.database.read_bytes() == before


def test_a_terminal_that_is_none(cli: Cli) -> None:
    (sentence,) = sentences(cli.home, 8, cli.run_process())
    assert "pqconsole work" in sentence
    assert "pqconsole jobs" in sentence


def test_a_word_that_is_not_known(bare: Cli) -> None:
    assert "--help" in bare.refused(2, "jobs", "lsit")
    assert "status:failed" in bare.refused(2, "jobs", "list", "status:faild")
