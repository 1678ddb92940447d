"""Taking text and tables away: clipboard, CSV, JSON."""

from __future__ import annotations

import base64
import csv
import io
import json
import os
import re
import shutil
import stat
import subprocess
import uuid
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqcore.errors import UsageError
from pqcore.workspace import Workspace
from pqtui import clipboard, export
from tests.console import world
from tests.console.conftest import main, opened, shows, until

HOSTILE = (
    "=cmd|' /C calc'!A0", "+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", " =1", "\uff1d1", "a\nb", 'q"uote',
    "comma,", "\x1b[2Jx",
)  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_no_cell_is_a_formula_or_steers_a_terminal(text: str) -> None:
    cell = export.cell(text)
    assert cell.lstrip()[:1] not in "=+-@\uff1d\uff0b\uff0d\uff20" or cell == ""
    assert not re.search("[\x00-\x1f\x7f-\x9f]", cell)


def test_numbers_stay_numbers() -> None:
    values = [export.cell(v) for v in (-5, 0, 2.5, None, True, {"a": "=1"}, b"\x00")]
    assert values == ["-5", "0", "2.5", "", "true", '{"a": "=1"}', "AA=="]


@given(st.lists(st.dictionaries(st.sampled_from("abc"), st.text(), min_size=3, max_size=3), max_size=5))
def test_csv_reads_back_as_many_rows_and_cells(rows: list[dict[str, str]]) -> None:
    stream = io.StringIO(newline="")
    assert export.write_csv(export.Table(("a", "b", "c"), rows), stream) == len(rows)
    read = list(csv.reader(io.StringIO(stream.getvalue(), newline="")))
    assert len(read) == (len(rows) + 1)
    assert all(len(line) == 3 for line in read)


def test_a_file_is_private_and_never_takes_the_place_of_another(filled: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "jobs.json"
    assert export.to_file(export.job_rows(filled.jobs, main_filter()), path) == 8
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [row["id"] for row in json.loads(path.read_text())] == [8, 7, 6, 5, 4, 3, 2, 1]
    with pytest.raises(UsageError, match="exists already"):
        export.to_file(export.Table(("id",), ()), path)
    with pytest.raises(UsageError, match="names no format"):
        export.to_file(export.Table(("id",), ()), tmp_path / "jobs.xls")
    with pytest.raises(UsageError, match="cannot be written"):
        export.to_file(export.Table(("id",), ()), tmp_path / "none" / "jobs.csv")
    assert not list(tmp_path.glob(".*.tmp"))


def main_filter() -> export.JobFilter:
    return export.JobFilter()


async def test_the_list_is_written_as_filtered(filled: Workspace, tmp_path: Path) -> None:
    async with opened(filled) as pilot:
        await pilot.press("slash", *"status:failed", "enter")
        await shows(pilot, "Jobs 1 of 8")
        await pilot.press("e")
        await shows(pilot, "Export", "1 job, as filtered", "dead letters of job 2")
        await pilot.press("down")
        await until(pilot, lambda: "job-2-dead" in pilot.app.screen.query_one("#export-path").value)
        await pilot.press("up", "enter")
        path = pilot.app.screen.query_one("#export-path")
        path.value = str(tmp_path / "list.csv")
        await pilot.press("enter")
        await shows(pilot, "1 job written to")
        await pilot.press("e", "down", "enter")
        await until(pilot, lambda: pilot.app.focused is not None and pilot.app.focused.id == "export-path")
        pilot.app.screen.query_one("#export-path").value = str(tmp_path / "letters.json")
        await pilot.press("enter")
        await shows(pilot, "3 rows written to")
    (row,) = csv.DictReader(io.StringIO((tmp_path / "list.csv").read_text()))
    assert (row["id"], row["status"]) == ("2", "failed")
    assert json.loads((tmp_path / "letters.json").read_text())[0]["reason"]


async def test_copying_sends_cleaned_text_for_the_key_alone(filled: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TMUX", raising=False)
    monkeypatch.delenv("STY", raising=False)
    world.add_job(filled, 9, selection={"table": "\x1b]52;c;AAAA\x07evil", "field": "f"})
    async with opened(filled) as pilot:
        await shows(pilot, "Jobs 9")
        written: list[str] = []
        assert pilot.app._driver is not None
        monkeypatch.setattr(pilot.app._driver, "write", written.append)
        await main(pilot).run_action("do('refresh')")
        await pilot.pause()
        assert not any("]52;" in text for text in written)
        await pilot.press("Y")
        await until(pilot, lambda: any("]52;" in text for text in written))
        await shows(pilot, "1 line is sent to the clipboard")
    (sent,) = [text for text in written if "]52;" in text]
    text = base64.b64decode(sent.removeprefix("\x1b]52;c;").removesuffix("\x07")).decode()
    assert text.startswith("job 9 pending, hashes evil.f")


def test_what_is_too_long_is_cut_between_characters() -> None:
    text = clipboard.safe("\u20ac" * 50_000)
    assert len(text.encode()) <= clipboard.LIMIT
    assert set(text) == {"\u20ac"}
    assert len(clipboard.sequence(text, {})) < 100_000


def test_gnu_screen_gets_it_in_pieces() -> None:
    wrapped = clipboard.sequence("x" * 2000, {"STY": "1.pts"})
    parts = re.findall("\x1bP(.*?)\x1b\\\\", wrapped, flags=re.DOTALL)
    assert "".join(parts) == clipboard.sequence("x" * 2000, {})
    assert all(len(part) <= 512 for part in parts)


@pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")
def test_tmux_takes_the_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"pq-{uuid.uuid4().hex[:8]}"
    monkeypatch.setenv("TMUX_TMPDIR", str(tmp_path))
    tmux = ["tmux", "-L", name, "-f", os.devnull]
    subprocess.run([*tmux, "new-session", "-d", "cat"], check=True)
    try:
        socket = subprocess.run([*tmux, "display", "-p", "#{socket_path},#{pid},0"], check=True, capture_output=True)
        monkeypatch.setenv("TMUX", socket.stdout.decode().strip())
        assert clipboard.to_tmux("two\nlines")
        shown = subprocess.run([*tmux, "show-buffer"], check=True, capture_output=True)
        assert shown.stdout == b"two\nlines"
    finally:
        subprocess.run([*tmux, "kill-server"], check=False)
    assert not clipboard.to_tmux("x")
    monkeypatch.delenv("TMUX")
    assert not clipboard.to_tmux("x")
