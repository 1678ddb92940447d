"""The passphrase comes from where it was said to, once, and never shows."""

import dataclasses
import os
import sys
from pathlib import Path

import pytest

from pqcore import environment
from pqcore.environment import SECRET_VARIABLES
from pqcore.errors import ConfigurationError, KeyStoreError
from pqcore.keys.sources import database_password, new_passphrase_source, passphrase_source
from pqcore.settings import Settings, load


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load(env={"PQCONSOLE_HOME": str(tmp_path / "home")})


def _prints(text: str, code: int = 0) -> tuple[str, ...]:
    return (sys.executable, "-c", f"print({text!r}); raise SystemExit({code})")


def test_the_order_of_the_sources(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "passphrase"
    file.write_text("from file\nsecond line\n")
    file.chmod(0o600)
    reading, writing = os.pipe()
    os.write(writing, b"from descriptor\n")
    os.close(writing)
    env = {
        "PQCONSOLE_PASSPHRASE": "from variable",
        "PQCONSOLE_PASSPHRASE_FILE": str(file),
        "PQCONSOLE_PASSPHRASE_FD": str(reading),
    }
    settings = dataclasses.replace(settings, passphrase_command=_prints("from command"))
    expected = ["from variable", "from file", "from descriptor", "from command"]
    got = []
    for name in [*env, None]:
        got.append(passphrase_source(settings, lambda _: "from prompt", env)())
        if name:
            del env[name]
    os.close(reading)
    assert got == expected
    settings = dataclasses.replace(settings, passphrase_command=None)
    assert passphrase_source(settings, lambda _: "from prompt", env)() == "from prompt"


def test_the_prompt_names_the_keyring(settings: Settings) -> None:
    settings.keyring.parent.mkdir(parents=True)
    settings.keyring.touch()
    asked: list[str] = []

    def prompt(question: str) -> str:
        asked.append(question)
        return "typed"

    assert passphrase_source(settings, prompt, {})() == "typed"
    assert str(settings.keyring) in asked[0]


def test_a_new_passphrase_has_variables_of_its_own(settings: Settings, tmp_path: Path) -> None:
    settings = dataclasses.replace(settings, passphrase_command=_prints("the present one"))
    file = tmp_path / "new"
    file.write_text("from file\n")
    file.chmod(0o600)
    env = {"PQCONSOLE_PASSPHRASE": "the present one", "PQCONSOLE_NEW_PASSPHRASE_FILE": str(file)}
    assert new_passphrase_source(settings, None, env)() == "from file"
    answers = iter(["typed", "typed"])
    assert new_passphrase_source(settings, lambda _: next(answers), {})() == "typed"


def test_a_new_passphrase_is_never_taken_from_where_the_present_one_is(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    settings = dataclasses.replace(settings, passphrase_command=_prints("the present one"))
    with pytest.raises(KeyStoreError, match="The new passphrase is needed") as raised:
        new_passphrase_source(settings, None, {"PQCONSOLE_PASSPHRASE": "the present one"})()
    assert "PQCONSOLE_NEW_PASSPHRASE_FD" in raised.value.remedy


def test_no_child_inherits_a_secret(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Neither a child of pqconsole's own nor a password command finds one in its environment."""
    monkeypatch.setattr(environment, "_withheld", {})
    for name in SECRET_VARIABLES:
        monkeypatch.setenv(name, f"canary of {name}")
    monkeypatch.setenv("PQCONSOLE_URL", "postgresql://me:canary@db.example/app")
    show = (sys.executable, "-c", "import os, sys; print(dict(os.environ), file=sys.stderr); print('printed')")
    assert database_password(settings) == "canary of PQCONSOLE_DATABASE_PASSWORD"
    settings = dataclasses.replace(settings, passphrase_command=show, password_command=show)
    source = passphrase_source(settings)
    assert source() == source() == "canary of PQCONSOLE_PASSPHRASE", "it is still known here"
    assert not set(SECRET_VARIABLES) & set(os.environ)
    monkeypatch.setenv("PQCONSOLE_PASSPHRASE", "")
    assert passphrase_source(settings)() == "printed"
    inherited = capfd.readouterr().err
    assert "PATH" in inherited
    assert "canary" not in inherited


def test_a_new_passphrase_is_typed_twice(settings: Settings) -> None:
    answers = iter(["one", "other", "same", "same"])
    source = passphrase_source(settings, lambda _: next(answers), {})
    with pytest.raises(KeyStoreError, match="differ"):
        source()
    assert source() == "same"


def test_without_any_way_the_ways_are_named(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(KeyStoreError) as raised:
        passphrase_source(settings, None, {})()
    for way in ("PQCONSOLE_PASSPHRASE_FILE", "PQCONSOLE_PASSPHRASE_FD", "passphrase_command", "terminal"):
        assert way in raised.value.remedy


def test_an_open_passphrase_file_is_refused(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "passphrase"
    file.write_text("hunter2")
    file.chmod(0o644)
    with pytest.raises(KeyStoreError, match="open to other users") as raised:
        passphrase_source(settings, None, {"PQCONSOLE_PASSPHRASE_FILE": str(file)})()
    assert "hunter2" not in str(raised.value)
    with pytest.raises(KeyStoreError, match="does not exist"):
        passphrase_source(settings, None, {"PQCONSOLE_PASSPHRASE_FILE": str(tmp_path / "absent")})()


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (_prints("hunter2", 3), "exit code 3"),
        (_prints(""), "Nothing came from"),
        (("/nowhere/pass", "hunter2"), "cannot be run"),
    ],
)
def test_a_failing_command_is_said_without_its_arguments(
    settings: Settings, command: tuple[str, ...], message: str
) -> None:
    with pytest.raises(KeyStoreError, match=message) as raised:
        passphrase_source(dataclasses.replace(settings, passphrase_command=command), None, {})()
    assert "hunter2" not in str(raised.value)
    with pytest.raises(ConfigurationError, match=message):
        database_password(dataclasses.replace(settings, password_command=command), {})


@pytest.mark.parametrize("number", ["x", "-1", "987654"])
def test_a_descriptor_that_is_none_is_refused(settings: Settings, number: str) -> None:
    with pytest.raises(KeyStoreError, match="PQCONSOLE_PASSPHRASE_FD"):
        passphrase_source(settings, None, {"PQCONSOLE_PASSPHRASE_FD": number})()


def test_the_database_password_comes_from_variable_or_command(settings: Settings) -> None:
    assert database_password(settings, {}) is None
    by_command = dataclasses.replace(settings, password_command=_prints("from command"))
    assert database_password(by_command, {}) == "from command"
    assert database_password(by_command, {"PQCONSOLE_DATABASE_PASSWORD": "from variable"}) == "from variable"
