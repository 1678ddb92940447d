"""What can be typed."""

from __future__ import annotations

import pytest

from pqcore.errors import UsageError
from pqtui.cli.parser import build_parser


@pytest.mark.parametrize(
    "words",
    [
        ["--url", "sqlite://", "--read-only", "--as", "7", "jobs", "list"],
        ["jobs", "--url", "sqlite://", "--read-only", "list", "--as", "7"],
        ["jobs", "list", "--url", "sqlite://", "--read-only", "--as", "7"],
    ],
)
def test_common_flags_stand_before_and_after_the_command(words: list[str]) -> None:
    args = build_parser().parse_args(words)
    assert (args.url, args.read_only, args.operator, args.profile) == ("sqlite://", True, 7, None)
    assert args.handler == "pqtui.cli.jobs:list_jobs"


def test_without_a_command_the_console_is_meant() -> None:
    assert build_parser().parse_args([]).handler == "pqtui.cli.console:open_console"


@pytest.mark.parametrize(
    "words",
    [
        ["--nope"],
        ["nope"],
        ["jobs"],
        ["jobs", "show"],
        ["jobs", "show", "x"],
        ["jobs", "show", "0"],
        ["jobs", "run", "-1"],
        ["jobs", "list", "--js"],
        ["jobs", "create", "--scope", "keys", "--algorithm", "SHA-384", "--selection", "-"],
        ["inspect", "--json", "--cbom", "-"],
        ["inspect", "--sample", "0"],
        ["policies"],
        ["work", "--threads", "0"],
        ["demo", "--rows", "many"],
        ["--as", "root"],
    ],
)
def test_a_bad_word_is_one_sentence_and_points_to_the_help(words: list[str]) -> None:
    with pytest.raises(UsageError, match="--help") as caught:
        build_parser().parse_args(words)
    assert "\n" not in str(caught.value)
