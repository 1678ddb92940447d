"""A writer that is killed at any step leaves the old keyring or the new one, whole, and every backup readable."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pqcore.errors import KeyStoreError
from pqcore.keys.file import FileKeyProvider
from tests.keys.killed_writer import CHANGES


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("change", CHANGES)
def test_at_every_step(tmp_path: Path, change: str, when: str) -> None:
    env = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-m", "tests.keys.killed_writer", str(tmp_path), change, when]
    steps = int(subprocess.run(command, stdout=subprocess.PIPE, env=env, check=True).stdout)
    assert steps > 8, "backups are moved, and two files are written, each flushed with its folder"
    new = 0
    for folder in tmp_path.iterdir():
        path = folder / "keyring.json"
        passphrase = "new" if _opens(path, "new") else "old"
        keys = FileKeyProvider(path, lambda passphrase=passphrase: passphrase)
        secrets = {info.name: keys.get(info.id).secret for info in keys.list()}
        assert {"a", "b", "c"} <= set(secrets)
        new += passphrase == "new" or "d" in secrets or keys.list()[0].state == "retired"
        backups = [item for item in folder.iterdir() if item.suffix[1:].isdigit()]
        assert len(backups) >= 2
        for backup in backups:
            held = FileKeyProvider(backup, lambda: "old")
            assert all(held.get(info.id).secret == secrets[info.name] for info in held.list())
        assert {item.stat().st_mode & 0o777 for item in folder.iterdir()} == {0o600}
        keys.generate("next", "AES-256")
        assert not list(folder.glob(".*.tmp")), "the next writer tidies up"
    assert 0 < new < steps


def _opens(path: Path, passphrase: str) -> bool:
    try:
        FileKeyProvider(path, lambda: passphrase).unlock()
    except KeyStoreError:
        return False
    return True
