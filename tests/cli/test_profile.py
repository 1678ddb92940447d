"""``pqconsole profile``: where each value comes from, and no secret."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pqcore.settings import profile_schema
from tests.cli.conftest import Cli

CONFIG = """
default_profile = "staging"
[profiles.staging]
url = "postgresql://ops:hunter2@db.example/app?sslpassword=s3cret"
threads = 3
passphrase_command = ["vault-read", "--token", "t0psecret"]
[profiles.staging.connect_args]
ssl_key_password = "keypass"
[profiles.production]
url = "mysql://ops@db.example/app"
read_only = true
production = true
label = "EU"
"""
SECRETS = ("hunter2", "s3cret", "t0psecret", "keypass", "correct horse", "sesame")


@pytest.fixture
def configured(cli: Cli) -> Cli:
    path = cli.home / "config.toml"
    path.write_text(CONFIG)
    path.chmod(0o600)
    cli.env.update(PQCONSOLE_CONFIG=str(path), PQCONSOLE_URL="", PQCONSOLE_PASSPHRASE="")
    return cli


def test_list_names_each_profile_and_the_one_in_use(configured: Cli) -> None:
    rows = {row["name"]: row for row in configured.json("profile", "list")}
    assert list(rows) == ["staging", "production"]
    assert [name for name, row in rows.items() if row["in_use"]] == ["staging"]
    assert rows["production"]["production"] is True
    assert rows["production"]["read_only"] is True
    table = configured.ok("profile", "list", "--profile", "production")
    assert "mysql://ops@db.example/app" in table
    assert not any(secret in table for secret in SECRETS)


def test_show_says_where_each_value_comes_from(configured: Cli) -> None:
    command = ("profile", "show", "--as", "9")
    values = {v["name"]: v for v in json.loads(configured.ok(*command, "--json", PQCONSOLE_READ_ONLY="1"))}
    origins = {name: (value["origin"], value["place"]) for name, value in values.items()}
    assert origins["operator"] == ("flag", "--as")
    assert origins["read_only"] == ("env", "PQCONSOLE_READ_ONLY")
    assert origins["threads"] == ("profile", "profiles.staging.threads")
    assert origins["profile"] == ("profile", "default_profile")
    assert origins["keyring"] == ("default", "")
    assert origins["passphrase"] == ("profile", "profiles.staging.passphrase_command")
    assert values["passphrase"]["value"] == "what vault-read prints"
    assert values["connect_args"]["value"] == "ssl_key_password"


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_show_shows_no_secret(configured: Cli, options: tuple[str, ...]) -> None:
    env = {"PQCONSOLE_PASSPHRASE": "correct horse", "PQCONSOLE_DATABASE_PASSWORD": "sesame"}
    shown = configured.ok("profile", "show", "staging", *options, **env)
    assert "PQCONSOLE_PASSPHRASE" in shown
    assert "PQCONSOLE_DATABASE_PASSWORD" in shown
    assert not any(secret in shown for secret in SECRETS)


def test_show_takes_the_profile_by_name(configured: Cli) -> None:
    values = {v["name"]: v["value"] for v in configured.json("profile", "show", "production")}
    assert values["label"] == "EU"
    assert "--profile" in configured.ok("profile", "show", "production")
    assert "Two profiles" in configured.refused(2, "--profile", "staging", "profile", "show", "production")


def test_validate_names_everything_that_is_wrong(configured: Cli) -> None:
    assert "2 profiles" in configured.ok("profile", "validate")
    path = Path(configured.env["PQCONSOLE_CONFIG"])
    path.write_text(CONFIG.replace("threads = 3", "threads = 0").replace("mysql://", "oracle://"))
    problems = configured.problems(4, "profile", "validate")
    assert len(problems) == 2
    assert "profiles.staging.threads" in problems[0]
    assert "profiles.production.url" in problems[1]
    done = configured.run("profile", "validate", "--json")
    assert done.returncode == 4
    assert len(json.loads(done.stdout)["problems"]) == 2


def test_validate_without_a_file_is_no_error(cli: Cli) -> None:
    assert json.loads(cli.ok("profile", "validate", "--json", HOME=str(cli.home)))["exists"] is False


def test_the_schema_is_printed(cli: Cli) -> None:
    assert json.loads(cli.ok("profile", "schema")) == profile_schema()
