"""Going to another profile in a running console, and the mark of a production database."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pqcore.errors import DatabaseUnavailable
from pqcore.settings import load
from pqcore.workspace import Workspace
from pqtui import screens
from pqtui.badge import Badge, badge_of
from pqtui.profiles import choices
from tests.console import world
from tests.console.conftest import main, shows, until


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(
        f"""
        [profiles.here]
        url = "sqlite:///{tmp_path / "world.sqlite"}"
        [profiles.live]
        url = "sqlite:///{tmp_path / "live" / "world.sqlite"}"
        production = true
        read_only = true
        [profiles."[/odd]"]
        url = "sqlite:///{tmp_path / "odd.sqlite"}"
        """
    )
    monkeypatch.setenv("PQCONSOLE_CONFIG", str(path))
    monkeypatch.setenv("PQCONSOLE_HOME", str(tmp_path))
    return path


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Workspace]:
    folder = tmp_path / "live"
    folder.mkdir()
    workspace = world.open_world(folder)
    world.add_job(workspace, 77, selection={"table": "customers", "field": "digest"})
    workspace.settings = replace(workspace.settings, profile="live", production=True, label="EU")
    yield workspace
    workspace.close()


async def test_another_profile_is_opened_without_leaving(filled: Workspace, live: Workspace, config: Path) -> None:
    asked = []

    def reopen(name: str) -> Workspace:
        asked.append(name)
        return live

    app = world.console(filled, reopen=reopen)
    try:
        async with app.run_test(size=(120, 36)) as pilot:
            await shows(pilot, "Jobs 8")
            await pilot.press("space", "P")
            await shows(pilot, "Go to which profile?", "PRODUCTION", "[/odd]", "read-only")
            await pilot.press("down", "enter")
            await shows(pilot, "Jobs 1", "customers.digest", "PRODUCTION EU", "live")
            assert asked == ["live"]
            assert not main(pilot).lines.marks
            await pilot.press("c")
            await shows(pilot, "Cancel?", "Job 77")
            title = pilot.app.screen.query_one(".dialog").border_title
            assert title is not None
            assert "PRODUCTION EU" in title
            await pilot.press("tab", "enter")
            await until(pilot, lambda: live.jobs.get(77).status == "cancelled")
    finally:
        app.close()
    assert filled.jobs.get(8).status == "pending"


async def test_a_profile_that_cannot_be_opened_leaves_all_as_it_is(filled: Workspace, config: Path) -> None:
    def reopen(_name: str) -> Workspace:
        raise DatabaseUnavailable("The database does not answer", "Try again later")

    app = world.console(filled, reopen=reopen)
    try:
        async with app.run_test(size=(120, 36)) as pilot:
            await shows(pilot, "Jobs 8")
            await pilot.press("space", "P")
            await shows(pilot, "Go to which profile?")
            await pilot.press("enter")
            await shows(pilot, "does not answer", "Jobs 8, 1 marked")
    finally:
        app.close()


async def test_without_profiles_the_key_says_so(filled: Workspace) -> None:
    app = world.console(filled)
    try:
        async with app.run_test(size=(120, 36)) as pilot:
            await shows(pilot, "Jobs 8")
            await pilot.press("P")
            await shows(pilot, "opened without profiles")
    finally:
        app.close()


def test_a_profile_that_is_broken_is_offered_with_the_reason(config: Path, tmp_path: Path) -> None:
    config.write_text(config.read_text() + "\n[profiles.broken]\nthreads = 0\n")
    env = {"PQCONSOLE_CONFIG": str(config), "PQCONSOLE_HOME": str(tmp_path)}
    found = choices("here", env)
    assert [choice.name for choice in found] == ["here", "live", "[/odd]", "broken"]
    assert found[0].in_use
    assert "cannot be used" in found[3].text


def test_production_has_a_word_whatever_the_label(tmp_path: Path) -> None:
    plain = load(env={"PQCONSOLE_HOME": str(tmp_path), "PQCONSOLE_CONFIG": ""})
    assert badge_of(plain) is None
    assert badge_of(replace(plain, label="test", colour="blue")) == Badge("test", "blue")
    assert badge_of(replace(plain, production=True)) == Badge("PRODUCTION", "red")
    assert badge_of(replace(plain, production=True, label="EU", colour="magenta")) == Badge("PRODUCTION EU", "magenta")
    assert badge_of(replace(plain, production=True, label="Production DB")) == Badge("Production DB", "red")


def test_every_dialog_has_the_frame_that_names_the_database() -> None:
    for path in Path(screens.__path__[0]).glob("*.py"):
        if re.search(r"\(ModalScreen", text := path.read_text()):
            assert "Dialog(" in text, path.name
