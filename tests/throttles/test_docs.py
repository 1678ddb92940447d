"""docs/THROTTLES.md names every limit, and its example is one."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from pqcore.jobs.limits import effective
from pqcore.selection.document import BATCH_MEMBERS, LIVE_SECTIONS, THROTTLE_MEMBERS
from pqtui.cli.tune import _MEMBERS

TEXT = (Path(__file__).parents[2] / "docs" / "THROTTLES.md").read_text(encoding="utf-8")


def test_every_throttle_is_in_the_table() -> None:
    assert set(re.findall(r"^\| `(\w+)` \|", TEXT, re.MULTILINE)) == set(THROTTLE_MEMBERS)


@pytest.mark.parametrize("text", re.findall(r"^```json throttle\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL))
def test_the_example_names_them_all(text: str) -> None:
    throttle = json.loads(text)
    assert set(throttle) == set(THROTTLE_MEMBERS)
    assert effective({"throttle": throttle}, None).document() == {"throttle": throttle}


def test_every_limit_has_a_flag() -> None:
    reachable = {(section, member) for section, member in _MEMBERS.values()}
    every = {(section, member) for section, members in LIVE_SECTIONS.items() for member in members}
    assert every - reachable == {("batch", "max_bytes")}
    assert set(BATCH_MEMBERS) == {"rows", "target_ms", "max_bytes"}
