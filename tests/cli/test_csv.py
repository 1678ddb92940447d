"""``--csv``: the same rows as ``--json``, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
import json

from tests.cli.conftest import DIGESTS, Cli


def test_jobs_are_listed_as_csv(cli: Cli) -> None:
    first = cli.create(DIGESTS, "SHA-384")
    cli.create(DIGESTS, "SHA-384")
    cli.execute("UPDATE pq_migration_jobs SET error = ? WHERE id = ?", "=HYPERLINK(1)\x1b[2J", first)
    rows = list(csv.DictReader(io.StringIO(cli.ok("jobs", "list", "--csv"), newline="")))
    known = cli.json("jobs", "list")
    assert [row["id"] for row in rows] == [str(row["id"]) for row in known]
    assert list(rows[0]) == list(known[0])
    assert json.loads(rows[0]["selection"]) == known[0]["selection"]
    assert rows[-1]["error"] == "'=HYPERLINK(1)"
    # without a row the headings stand alone
    nothing = cli.ok("jobs", "list", "status:failed", "--csv")
    assert nothing.splitlines() == [",".join(rows[0])]


def test_dead_letters_are_printed_as_csv(cli: Cli) -> None:
    job = cli.create(DIGESTS, "SHA-384")
    cli.execute(
        "INSERT INTO pq_migration_dead_letters VALUES (?, ?, '[\"=1\"]', '1', 'unparseable', '-2+3', '2030-01-01')",
        job,
        "0" * 64,
    )
    (row,) = csv.DictReader(io.StringIO(cli.ok("jobs", "show", str(job), "--dead-letters", "--csv"), newline=""))
    assert row["row_key"] == '["=1"]'
    assert row["message"] == "'-2+3"


def test_only_tables_are_csv(cli: Cli) -> None:
    assert "--dead-letters" in cli.refused(2, "jobs", "show", "1", "--csv")
    assert "not allowed with" in cli.refused(2, "jobs", "list", "--csv", "--json")
