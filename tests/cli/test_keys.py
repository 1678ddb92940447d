"""``pqconsole keys``: rotating, retiring, deleting and exporting, as docs/KEYS.md says."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from tests.cli.conftest import PASSWORDS, Cli, sentences

PEPPERED = {**PASSWORDS, "options": {"mode": "password", "pepper": "pepper"}, "limit": 2}
CHEAP = "Argon2id/m=19456,t=2,p=1"


def test_a_version_goes_its_way_from_rotation_to_deletion(cli: Cli) -> None:
    cli.ok("keys", "generate", "pepper", "PEPPER")
    job = str(cli.create(PEPPERED, CHEAP))
    assert "unfinished job" not in cli.ok("keys", "usage", "pepper:1"), "the job will take the newest one"
    cli.ok("jobs", "run", job)
    assert cli.json("keys", "rotate", "pepper")["id"] == "pepper:2"
    assert "needed by 2 of 400 values of accounts.password_hash" in cli.refused(6, "keys", "retire", "pepper:1")
    cli.execute("DELETE FROM accounts WHERE password_hash LIKE 'pq1%'")
    report = cli.json("keys", "usage", "pepper:1")
    assert (report["used"], report["columns"][0]) == (
        False,
        {"column": "accounts.password_hash", "values": 398, "needing": 0, "unreadable": 0},
    )
    text = cli.ok("keys", "retire", "pepper:1")
    assert "pepper:1 is retired. Nothing seen needs it." in text
    assert "accounts.password_hash" in text
    assert "Never looked at: other databases" in text
    assert "retired, since 20" in cli.ok("keys", "show", "pepper:1")
    assert "is retired and cannot become retired" in cli.refused(6, "keys", "retire", "pepper:1")
    assert cli.json("keys", "reactivate", "pepper:1")["state"] == "active"
    assert "cannot become deleted" in cli.refused(6, "keys", "delete", "pepper:1", "--yes")
    cli.ok("keys", "retire", "pepper:1")
    assert "--yes" in cli.refused(2, "keys", "delete", "pepper:1")
    assert cli.json("keys", "delete", "pepper:1", "--yes")["state"] == "deleted"
    states = [(key["id"], key["state"], key["has_secret"]) for key in cli.json("keys", "list")]
    assert states == [("pepper:1", "deleted", False), ("pepper:2", "active", True)]
    assert "was deleted on" in cli.refused(5, "keys", "export", "pepper:1", "--public")


def test_a_version_has_to_be_named(cli: Cli) -> None:
    cli.ok("keys", "generate", "pepper", "PEPPER")
    for words in (["usage", "pepper"], ["retire", "pepper"], ["reactivate", "pepper"], ["delete", "pepper", "--yes"]):
        assert "Write it as pepper:1" in cli.refused(2, "keys", *words)


def test_nothing_changes_in_a_read_only_session(cli: Cli) -> None:
    cli.ok("keys", "generate", "pepper", "PEPPER")
    for words in (["rotate", "pepper"], ["retire", "pepper:1"], ["reactivate", "pepper:1"]):
        assert "read-only" in cli.refused(7, "--read-only", "keys", *words)
    assert cli.json("--read-only", "keys", "usage", "pepper:1")["state"] == "active"


def test_only_public_keys_are_exported(cli: Cli) -> None:
    cli.ok("keys", "generate", "signer", "Ed25519")
    assert "does not leave the keyring" in cli.refused(2, "keys", "export", "signer")
    load_pem_public_key(cli.ok("keys", "export", "signer:1", "--public").encode())
    cli.ok("keys", "generate", "pepper", "PEPPER")
    assert "no public part" in cli.refused(5, "keys", "export", "pepper", "--public")


def test_a_database_password_of_another_database_is_no_use_to_sqlite(cli: Cli) -> None:
    assert cli.json("jobs", "list") == []
    assert cli.ok("jobs", "list", "--json", PQCONSOLE_DATABASE_PASSWORD="unused").strip() == "[]"


def test_the_passphrase_is_changed_and_old_backups_are_named(cli: Cli) -> None:
    for _ in range(2):
        cli.ok("keys", "generate", "pepper", "PEPPER")
    text = cli.ok("keys", "passphrase", PQCONSOLE_NEW_PASSPHRASE="tr0ub4dor")
    assert str(cli.home / "keys" / "keyring.json.2") in text
    assert "tr0ub4dor" not in text
    assert "The passphrase is wrong" in cli.refused(5, "keys", "rotate", "pepper")
    assert cli.ok("keys", "rotate", "pepper", PQCONSOLE_PASSPHRASE="tr0ub4dor")


def test_a_worker_without_a_way_to_the_passphrase_says_so(cli: Cli) -> None:
    cli.ok("keys", "generate", "pepper", "PEPPER")
    (line,) = sentences(cli.home, 5, cli.run("work", "--drain", PQCONSOLE_PASSPHRASE=""))
    assert "there is no terminal to ask on. Set PQCONSOLE_PASSPHRASE_FILE, PQCONSOLE_PASSPHRASE_FD" in line
    (line,) = sentences(cli.home, 5, cli.run("work", "--drain", PQCONSOLE_PASSPHRASE="wrong"))
    assert "The passphrase is wrong" in line


@pytest.mark.parametrize("way", ["file", "descriptor", "command"])
def test_a_worker_is_unlocked_without_a_terminal(cli: Cli, way: str) -> None:
    cli.ok("keys", "generate", "pepper", "PEPPER")
    job = cli.create(PEPPERED, CHEAP)
    secret = cli.home / "passphrase"
    secret.write_text("correct horse\n")
    secret.chmod(0o600)
    config = cli.home / "config.toml"
    config.write_text(f"[profiles.own]\npassphrase_command = ['cat', '{secret}']\n")
    with secret.open() as stream:
        more = {
            "file": {"PQCONSOLE_PASSPHRASE_FILE": str(secret)},
            "descriptor": {"PQCONSOLE_PASSPHRASE_FD": str(stream.fileno())},
            "command": {"PQCONSOLE_CONFIG": str(config), "PQCONSOLE_PROFILE": "own"},
        }[way]
        cli.ok("work", "--drain", PQCONSOLE_PASSPHRASE="", **more)
    assert cli.rows("SELECT id, status FROM pq_migration_jobs") == [(job, "done")]
