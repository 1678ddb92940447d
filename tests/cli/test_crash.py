"""What is kept of an unforeseen error."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

from pqtui.cli.crash import report, text_of

SECRET = "hunter2-do-not-print"


def failing() -> BaseException:
    password = SECRET
    try:
        try:
            raise KeyError(password)
        except KeyError as inner:
            raise RuntimeError(f"row {password}") from inner
    except RuntimeError as error:
        return error


def test_the_report_names_types_and_lines_but_no_value() -> None:
    text = text_of(failing())
    assert "RuntimeError" in text
    assert "KeyError" in text
    assert "in failing" in text
    assert SECRET not in text


def test_the_report_is_a_private_file_and_the_sentence_names_it(tmp_path: Path) -> None:
    sentence = report(failing(), tmp_path / "log")
    (path,) = (tmp_path / "log").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert str(path) in sentence
    assert SECRET not in sentence + path.read_text()


def test_a_directory_that_cannot_be_written_is_still_one_sentence(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert "no report" in report(failing(), blocked / "log")


THREAD = """
import sys, threading
from pqtui import cli

def command(args):
    def failing():
        raise RuntimeError("SECRET")
    thread = threading.Thread(target=failing)
    thread.start()
    thread.join()
    return 0

cli._handler = lambda path: command
sys.argv = ["pqconsole", "algorithms"]
sys.exit(cli.main())
"""


def test_an_error_that_ends_a_thread_is_reported_and_not_printed(tmp_path: Path) -> None:
    kept = {n: v for n, v in os.environ.items() if not n.startswith("PQCONSOLE_")}
    environment = kept | {"PQCONSOLE_HOME": str(tmp_path), "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    script = THREAD.replace("SECRET", SECRET)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    (path,) = (tmp_path / "log").glob("error-*.txt")
    assert "RuntimeError" in path.read_text()
    assert "in failing" in path.read_text()
    assert SECRET not in path.read_text()
