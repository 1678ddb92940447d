"""The documents name all there is."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pqcore.errors import ExitCode
from pqcore.migrations.base import FailureReason
from pqtui.cli.parser import build_parser

ROOT = Path(__file__).resolve().parents[2]
CLI = (ROOT / "docs" / "CLI.md").read_text()
ERRORS = (ROOT / "docs" / "ERRORS.md").read_text()


def commands(parser: argparse.ArgumentParser, path: str = "pqconsole") -> Iterator[tuple[str, argparse.ArgumentParser]]:
    yield path, parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, sub in action.choices.items():
                yield from commands(sub, f"{path} {name}")


COMMANDS = dict(commands(build_parser()))


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_and_flag_is_documented(path: str) -> None:
    words = path.removeprefix("pqconsole").split()
    assert all(word in CLI for word in words)
    for action in COMMANDS[path]._actions:
        for flag in action.option_strings:
            assert flag in CLI or flag == "-h", f"{flag} of {path}"


def test_every_exit_code_is_documented() -> None:
    documented = {int(code) for code in re.findall(r"^\| (\d+) \|", CLI, flags=re.MULTILINE)}
    assert documented == {int(code) for code in ExitCode} | {141}


def test_every_reason_of_a_dead_letter_is_documented() -> None:
    documented = set(re.findall(r"^\| `(\w+)` \|", ERRORS, flags=re.MULTILINE))
    assert {reason.value for reason in FailureReason} <= documented


@pytest.mark.parametrize("name", ["docs/CLI.md", "docs/ERRORS.md"])
def test_links_lead_to_files_and_headings(name: str) -> None:
    document = ROOT / name
    for target in re.findall(r"\]\(([^)#]*)(?:#[^)]*)?\)", document.read_text()):
        if target and "://" not in target:
            assert (document.parent / target).exists(), f"{name}: {target}"
