"""``pqconsole inspect`` as a user types it."""

from __future__ import annotations

import base64
import json
from pathlib import Path

from pqcore.migrations.base import Scope
from pqcore.selection.document import parse
from tests.cli.conftest import Cli


def test_the_table_names_forms_and_classes(cli: Cli) -> None:
    lines = cli.ok("inspect", "--exact").splitlines()
    assert any("accounts.password_hash" in line and "salted SHA-1" in line and "400" in line for line in lines)
    assert any("files.checksum" in line and "SHA-256" in line and "fine" in line for line in lines)
    assert lines[-1] == "safe: 9.1% of 440 values in 2 columns under hybrid-first"


def test_a_sample_says_that_it_is_one(cli: Cli) -> None:
    found = cli.json("inspect", "accounts.password_hash", "--sample", "50")
    (column,) = found["columns"]
    assert (column["method"], column["read"], column["rows"]) == ("random sample", 50, 400)
    assert column["safe"] == {"share": 0.0, "low": 0.0, "high": column["safe"]["high"]}
    assert 0 < column["safe"]["high"] < 0.1
    assert not found["exact"]


def test_a_schema_by_name(cli: Cli) -> None:
    columns = cli.json("inspect", "--schema", "main")["columns"]
    assert [(c["schema"], c["table"]) for c in columns] == [("main", "accounts"), ("main", "files")]


def test_versions_of_a_key_of_vault_are_told_apart(cli: Cli) -> None:
    cli.execute("CREATE TABLE vaulted (id INTEGER PRIMARY KEY, wrapped_key TEXT)")
    for number in range(6):
        body = base64.b64encode(bytes([number + 200]) * 60).decode()
        cli.execute("INSERT INTO vaulted VALUES (?, ?)", number, f"vault:v{1 + number % 2}:{body}")
    lines = cli.ok("inspect", "vaulted", "--exact", "--policy", "cnsa-2.0").splitlines()
    assert [sum(f"(version {version})" in line for line in lines) for version in (1, 2, 3)] == [1, 1, 0]


def test_a_policy_changes_the_class(cli: Cli) -> None:
    (column,) = cli.json("inspect", "files.checksum", "--policy", "cnsa-2.0")["columns"]
    assert list(column["classes"]) == ["below_policy"]
    assert "--policy" not in cli.refused(2, "inspect", "--policy", "none-such")


def test_selections_are_written_and_read_back(cli: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "selections"
    cli.ok("inspect", "--selections", str(folder), "--policy", "cnsa-2.0")
    written = {path.name: json.loads(path.read_text()) for path in folder.iterdir()}
    assert sorted(written) == ["accounts.password_hash.hashes.json", "files.checksum.hashes.json"]
    parse(written["accounts.password_hash.hashes.json"], scope=Scope.HASHES)
    said = cli.run("jobs", "create", "--scope", "hashes", "--algorithm", "SHA-384", "--selection",
                   str(folder / "files.checksum.hashes.json"))  # fmt: skip
    assert said.returncode == 2
    assert "options.source" in said.stderr


def test_a_cbom_on_standard_output(cli: Cli) -> None:
    document = json.loads(cli.ok("inspect", "--cbom", "-"))
    assert {component["type"] for component in document["components"]} == {"cryptographic-asset"}


def test_it_reads_a_database_without_our_tables_and_writes_nothing(cli: Cli) -> None:
    for table in ("pq_migration_jobs", "pq_migration_originals", "pq_migration_meta"):
        cli.execute(f"DROP TABLE IF EXISTS {table}")
    before = cli.rows("SELECT name FROM sqlite_master ORDER BY name")
    assert "accounts.password_hash" in cli.ok("--read-only", "inspect")
    assert cli.rows("SELECT name FROM sqlite_master ORDER BY name") == before


def test_what_is_not_there_is_a_sentence(cli: Cli) -> None:
    assert "no table" in cli.refused(2, "inspect", "nope")
    assert "no column" in cli.refused(2, "inspect", "files.nope")
    assert "no schema" in cli.refused(2, "inspect", "--schema", "nope")
    assert "SCHEMA.TABLE" in cli.refused(2, "inspect", "files", "--schema", "main")
    assert "cannot be written" in cli.refused(2, "inspect", "--selections", "/dev/null/x")
