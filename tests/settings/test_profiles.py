"""The profiles' file as a whole: its schema, and all that is wrong with it at once."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from pqcore import settings
from pqcore.settings import COLOURS, MAX_OPERATOR, MAX_THREADS, problems, profile_names, profile_schema

DOCS = Path(__file__).resolve().parents[2] / "docs" / "PROFILES.md"
SCHEMA = profile_schema()


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return {"PQCONSOLE_HOME": str(tmp_path), "PQCONSOLE_CONFIG": str(tmp_path / "config.toml")}


def write(env: dict[str, str], text: str) -> None:
    path = Path(env["PQCONSOLE_CONFIG"])
    path.write_text(text)
    path.chmod(0o600)


def fits(document: dict[str, Any]) -> bool:
    return jsonschema.Draft202012Validator(SCHEMA).is_valid(document)


def test_the_schema_names_every_key_and_limit() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    profile = SCHEMA["$defs"]["profile"]["properties"]
    assert set(SCHEMA["properties"]) == set(settings._TOP_KEYS)
    assert set(profile) == set(settings._PROFILE_KEYS)
    assert tuple(profile["colour"]["enum"]) == COLOURS
    assert profile["threads"]["anyOf"][0]["maximum"] == MAX_THREADS
    assert profile["operator"]["anyOf"][0]["maximum"] == MAX_OPERATOR


def test_the_example_in_the_docs_fits_the_schema_and_can_be_used(env: dict[str, str]) -> None:
    example = DOCS.read_text().split("```toml\n")[1].split("```")[0]
    assert fits(tomllib.loads(example))
    write(env, example)
    assert problems(env) == []
    assert profile_names(env) == ("staging", "production")


SAMPLES = [
    ("url", '"sqlite:///x.sqlite"', True),
    ("url", '" "', False),
    ("url", "3", False),
    ("keyring", '"keys.json"', True),
    ("read_only", "true", True),
    ("read_only", '"yes"', False),
    ("operator", "7", True),
    ("operator", "-1", False),
    ("operator", '"7"', True),
    ("operator", "true", False),
    ("threads", "64", True),
    ("threads", "65", False),
    ("threads", "0", False),
    ("threads", '"12"', True),
    ("passphrase_command", '"pass show x"', True),
    ("passphrase_command", '["pass", "show"]', True),
    ("password_command", "[]", False),
    ("password_command", '["pass", 3]', False),
    ("connect_args", "{ssl_ca = 'x'}", True),
    ("connect_args", "3", False),
    ("production", "1", False),
    ("label", '"EU"', True),
    ("label", '""', False),
    ("colour", '"red"', True),
    ("colour", '"pink"', False),
    ("keys", '{pause = "z", quit = ["q", "Q"]}', True),
    ("keys", "{pause = 7}", False),
    ("keys", "{pause = []}", False),
    ("vault", '{address = "https://vault.example:8200", mount = "kv/transit", seconds = 3}', True),
    ("vault", '{address = "http://localhost:8200", token_command = "pass vault"}', True),
    ("vault", '{address = "http://vault.example"}', False),
    ("vault", '{mount = "transit"}', False),
    ("vault", '{address = "https://vault.example", token = "hvs.x"}', False),
    ("vault", "3", False),
    ("colur", '"red"', False),
]


@pytest.mark.parametrize(("key", "value", "usable"), SAMPLES)
def test_schema_and_program_agree(env: dict[str, str], key: str, value: str, usable: bool) -> None:
    text = f"[profiles.one]\n{key} = {value}\n"
    write(env, text)
    assert (problems(env) == []) == usable
    assert fits(tomllib.loads(text)) == usable


def test_everything_that_is_wrong_is_found_at_once(env: dict[str, str]) -> None:
    write(env, 'default_profile = "gone"\n[profiles.a]\nthreads = 0\ncolor = "red"\n[profiles.b]\nread_only = 3\n')
    found = [str(problem) for problem in problems(env)]
    assert len(found) == 4
    for word in ("profiles.a.threads", "profiles.a.color", "Did you mean colour", "profiles.b.read_only", "default"):
        assert any(word in problem for problem in found)


def test_a_file_that_cannot_be_read_is_one_problem(env: dict[str, str]) -> None:
    write(env, "[profiles.a\n")
    (problem,) = problems(env)
    assert "not valid TOML" in str(problem)
