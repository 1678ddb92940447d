"""A version of a key is active, retired or deleted, and nothing forgets that it was there."""

import json
from pathlib import Path

import pytest

from pqcore.errors import KeyStoreError, StateConflict
from pqcore.keys.file import FileKeyProvider
from pqcore.keys.lifecycle import rotate
from pqcore.keys.memory import MemoryKeyProvider
from pqcore.keys.provider import TRANSITIONS, KeyProvider, KeyState
from pqcore.keys.sealing import Cost

ACTIVE, RETIRED, DELETED = KeyState


@pytest.fixture(params=["file", "memory"])
def keys(request: pytest.FixtureRequest, tmp_path: Path) -> KeyProvider:
    if request.param == "memory":
        return MemoryKeyProvider()
    return FileKeyProvider(tmp_path / "keys" / "keyring.json", lambda: "x", cost=Cost(64, 1))


def test_the_name_means_the_newest_active_version(keys: KeyProvider) -> None:
    keys.generate("kek", "AES-256")
    assert rotate(keys, "kek").id == "kek:2"
    retired = keys.change_state("kek:2", RETIRED)
    assert (retired.state, retired.state_since is not None) == (RETIRED, True)
    assert keys.get("kek").id == keys.info("kek").id == "kek:1"
    assert keys.get("kek:2").secret
    assert [info.state for info in keys.list()] == [ACTIVE, RETIRED]
    assert keys.change_state("kek:2", ACTIVE).state is ACTIVE
    assert keys.get("kek").id == "kek:2"


def test_a_deleted_version_has_no_secret_and_its_number_is_not_used_again(keys: KeyProvider) -> None:
    keys.generate("kem", "ML-KEM-768")
    keys.change_state("kem:1", RETIRED)
    gone = keys.change_state("kem:1", DELETED)
    assert (gone.state, gone.has_secret) == (DELETED, False)
    with pytest.raises(KeyStoreError, match="kem:1 was deleted on 2"):
        keys.get("kem:1")
    with pytest.raises(KeyStoreError, match="All versions of the key kem are retired"):
        keys.get("kem")
    assert rotate(keys, "kem").id == "kem:2"


@pytest.mark.parametrize("before", KeyState)
@pytest.mark.parametrize("after", KeyState)
def test_only_the_steps_of_the_table_are_taken(keys: KeyProvider, before: KeyState, after: KeyState) -> None:
    keys.generate("kek", "AES-256")
    for step in {ACTIVE: [], RETIRED: [RETIRED], DELETED: [RETIRED, DELETED]}[before]:
        keys.change_state("kek:1", step)
    if after in TRANSITIONS[before]:
        assert keys.change_state("kek:1", after).state is after
    else:
        with pytest.raises(StateConflict, match=f"is {before} and cannot become {after}") as raised:
            keys.change_state("kek:1", after)
        assert raised.value.remedy


def test_a_key_that_was_deleted_may_be_imported_again(keys: KeyProvider) -> None:
    keys.import_key("old", bytes(range(16)), algorithm="AES-128")
    for state in (RETIRED, DELETED):
        keys.change_state("old:1", state)
    assert keys.import_key("old", bytes(range(16)), algorithm="AES-128").id == "old:2"
    assert keys.get("old").secret == bytes(range(16))


def test_only_who_holds_a_key_rotates_it(keys: KeyProvider) -> None:
    whole = MemoryKeyProvider()
    whole.generate("signer", "Ed25519")
    keys.import_key("signer", whole.get("signer").public or b"")
    with pytest.raises(KeyStoreError, match="Only the public part of signer:1 is held"):
        rotate(keys, "signer")
    with pytest.raises(KeyStoreError, match="no key sign"):
        rotate(keys, "sign")


def test_a_state_that_somebody_changes_in_the_file_does_not_open(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "keyring.json"
    keys = FileKeyProvider(path, lambda: "x", cost=Cost(64, 1))
    keys.generate("kek", "AES-256")
    assert "state" not in json.loads(path.read_text())["keys"][0]
    keys.change_state("kek:1", RETIRED)
    document = json.loads(path.read_text())
    (entry,) = document["keys"]
    for changed in (
        entry | {"state": "active"},
        {name: value for name, value in entry.items() if not name.startswith("state")},
    ):
        path.write_text(json.dumps({**document, "keys": [changed]}))
        with pytest.raises(KeyStoreError, match="was changed since it was stored"):
            FileKeyProvider(path, lambda: "x").get("kek:1")
    for broken in ({"state": "lost"}, {"state_since": "once"}, {"state_since": None}):
        path.write_text(json.dumps({**document, "keys": [entry | broken]}))
        with pytest.raises(KeyStoreError, match="not a keyring that can be read"):
            FileKeyProvider(path, lambda: "x").list()


def test_deleted_secrets_leave_the_file(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "keyring.json"
    keys = FileKeyProvider(path, lambda: "x", cost=Cost(64, 1))
    keys.import_key("kek", bytes(range(32)), algorithm="AES-256")
    for state in (RETIRED, DELETED):
        keys.change_state("kek:1", state)
    document = json.loads(path.read_text())
    backup = json.loads(path.with_name("keyring.json.1").read_text())
    assert len(document["keys"][0]["box"]) < len(backup["keys"][0]["box"]), "the box has no secret any more"
