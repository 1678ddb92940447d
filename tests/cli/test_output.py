"""JSON and tables: exact for programs, harmless for terminals."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqcore.jobs.model import Status
from pqtui.cli.output import dumps, iso, jsonable, print_json_rows, print_properties, print_table

HOSTILE = "\x1b]52;c;AAAA\x07[/red]\x9b2J\u202eabc\x7f"

plain_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(plain_json)
def test_json_is_exact_and_plain_ascii(value: object) -> None:
    text = dumps(value)
    assert json.loads(text) == value
    assert all(char == "\n" or " " <= char < "\x7f" for char in text)


def test_json_times_are_iso_8601_in_utc_and_bytes_base64() -> None:
    east = datetime(2030, 1, 1, 14, tzinfo=timezone(timedelta(hours=2)))
    assert jsonable({"at": east, "status": Status.DONE, "raw": b"\x00\xff"}) == {
        "at": "2030-01-01T12:00:00Z",
        "status": "done",
        "raw": "AP8=",
    }
    assert iso(datetime(2030, 1, 1, 12, 0, 0, 5)) == "2030-01-01T12:00:00.000005Z"


@pytest.mark.parametrize("count", [0, 1, 3])
def test_rows_are_one_array_one_element_a_line(count: int, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"id": number, "text": HOSTILE} for number in range(count)]
    print_json_rows(iter(rows))
    out = capsys.readouterr().out
    assert json.loads(out) == rows
    assert len(out.splitlines()) == (count + 2 if count else 1)


def test_a_piped_table_is_aligned_text_without_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("ID", "WHAT"), [(7, HOSTILE), (12, None), (100, True)], right=frozenset({0}))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == " ID  WHAT"
    assert lines[1].startswith("  7  ")
    assert lines[2:] == [" 12", "100  yes"]
    assert all(char.isprintable() for line in lines for char in line)


def test_a_table_longer_than_what_is_measured_is_complete(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("ID",), ([number] for number in range(1000)))
    assert [int(line) for line in capsys.readouterr().out.splitlines()[1:]] == list(range(1000))


def test_properties_leave_out_what_is_not_known(capsys: pytest.CaptureFixture[str]) -> None:
    moment = datetime(2030, 1, 1, 12, tzinfo=UTC)
    print_properties([("job", 7), ("error", None), ("started", moment), ("what", "a\nb\x1b[2J")])
    assert capsys.readouterr().out.splitlines()[:2] == ["job      7", "started  2030-01-01 12:00:00Z"]
