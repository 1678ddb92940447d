"""What libraries log goes to a private file, without the words of errors."""

from __future__ import annotations

import logging
import stat
from pathlib import Path

import pytest

from pqtui.cli.logs import keep_logs, log_directory

SECRET = "hunter2-do-not-print"


@pytest.fixture(autouse=True)
def own_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PQCONSOLE_HOME", str(tmp_path))


def test_an_error_is_kept_without_its_words(capfd: pytest.CaptureFixture[str]) -> None:
    keep_logs()
    keep_logs()
    try:
        raise ValueError(SECRET)
    except ValueError:
        logging.getLogger("sqlalchemy.pool").exception("Exception during reset")
    path = log_directory() / "pqconsole.log"
    text = path.read_text()
    assert text.count("Exception during reset") == 1
    assert "builtins.ValueError" in text
    assert SECRET not in text
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert capfd.readouterr() == ("", "")


def test_no_file_is_made_while_there_is_nothing_to_say() -> None:
    keep_logs()
    logging.getLogger("pqcore").info("all is well")
    assert not log_directory().exists()
