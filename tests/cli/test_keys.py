"""``pqconsole keys``: rotating, retiring, deleting and exporting, as docs/KEYS.md says."""

from __future__ import annotations

from cryptography.hazmat.primitives.serialization import load_pem_public_key

from tests.cli.conftest import PASSWORDS, Cli

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
