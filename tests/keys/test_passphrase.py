"""The passphrase is changed whole or not at all, and who works on goes on."""

import pickle
from pathlib import Path

import pytest

from pqcore.errors import KeyStoreError
from pqcore.keys.file import FileKeyProvider
from pqcore.keys.provider import KeyState
from pqcore.keys.sealing import Cost

OLD, NEW = "correct horse", "battery staple"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "keys" / "keyring.json"
    keys = FileKeyProvider(path, lambda: OLD, cost=Cost(64, 1))
    keys.generate("kem", "ML-KEM-768")
    keys.generate("kek", "AES-256")
    keys.change_state("kek:1", KeyState.RETIRED)
    return path


def test_every_key_opens_with_the_new_one_and_the_backups_with_the_old(path: Path) -> None:
    before = FileKeyProvider(path, lambda: OLD)
    keys = {info.id: before.get(info.id) for info in before.list()}
    backups = before.change_passphrase(lambda: NEW)
    assert [backup.name for backup in backups] == [f"keyring.json.{number}" for number in (1, 2, 3)]
    after = FileKeyProvider(path, lambda: NEW)
    assert {info.id: after.get(info.id) for info in after.list()} == keys
    assert before.generate("more", "AES-256").id == "more:1", "who changed it needs no passphrase again"
    with pytest.raises(KeyStoreError, match="The passphrase is wrong"):
        FileKeyProvider(path, lambda: OLD).get("kem")
    restored = FileKeyProvider(path.with_name("keyring.json.2"), lambda: OLD)
    assert {info.id: restored.get(info.id) for info in restored.list()} == keys


def test_a_worker_that_runs_keeps_the_keys_it_has_opened(path: Path) -> None:
    running = FileKeyProvider(path, lambda: OLD)
    key = running.get("kem")
    FileKeyProvider(path, lambda: OLD).change_passphrase(lambda: NEW)
    assert running.get("kem") == key
    with pytest.raises(KeyStoreError, match="The passphrase is wrong"):
        running.get("kek:1")


def test_a_process_is_given_the_master_key_and_no_passphrase(path: Path) -> None:
    keys = FileKeyProvider(path, lambda: OLD)
    given = pickle.dumps(keys.handover())
    assert OLD.encode() not in given
    there = pickle.loads(given)()
    assert there.get("kem") == keys.get("kem")
    keys.change_passphrase(lambda: NEW)
    assert there.get("kem") == keys.get("kem")
    with pytest.raises(KeyStoreError, match="passphrase was changed while the job ran"):
        there.get("kek:1")


@pytest.mark.parametrize(("new", "message"), [(OLD, "is the one the keyring has"), ("", "The passphrase is empty")])
def test_what_would_change_nothing_is_refused(path: Path, new: str, message: str) -> None:
    before = path.read_bytes()
    with pytest.raises(KeyStoreError, match=message):
        FileKeyProvider(path, lambda: OLD).change_passphrase(lambda: new)
    assert path.read_bytes() == before


def test_the_present_passphrase_has_to_be_right(path: Path, tmp_path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(KeyStoreError, match="The passphrase is wrong"):
        FileKeyProvider(path, lambda: NEW).change_passphrase(lambda: "other")
    assert path.read_bytes() == before
    with pytest.raises(KeyStoreError, match="There is no keyring"):
        FileKeyProvider(tmp_path / "none" / "keyring.json", lambda: OLD).change_passphrase(lambda: NEW)


def test_a_key_that_was_changed_in_the_file_stops_it(path: Path) -> None:
    path.write_text(path.read_text().replace("ML-KEM-768", "ML-KEM-1024"))
    before = path.read_bytes()
    with pytest.raises(KeyStoreError, match="was changed since it was stored"):
        FileKeyProvider(path, lambda: OLD).change_passphrase(lambda: NEW)
    assert path.read_bytes() == before


def test_a_wrong_passphrase_is_asked_for_again(path: Path) -> None:
    answers = iter(["wrong", OLD])
    keys = FileKeyProvider(path, lambda: next(answers))
    with pytest.raises(KeyStoreError, match="The passphrase is wrong"):
        keys.unlock()
    keys.unlock()
