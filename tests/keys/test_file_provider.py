"""The keyring file: keys come back, secrets stay sealed, nothing is lost, and unsafe files are refused."""

import json
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from pqcore.errors import ExitCode, KeyStoreError, ReadOnlySession
from pqcore.keys.file import FileKeyProvider
from pqcore.keys.provider import KeyProvider, KeyState
from pqcore.keys.sealing import Cost

CHEAP = Cost(memory_kib=64, passes=1)  # the cost of a real keyring is tested once, below
PASSPHRASE = "correct horse battery staple"
Opened = Callable[..., FileKeyProvider]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "keyring.json"


@pytest.fixture
def opened(path: Path) -> Opened:
    """A provider as a new process would open it."""

    def open_it(passphrase: str = PASSPHRASE) -> FileKeyProvider:
        return FileKeyProvider(path, lambda: passphrase, cost=CHEAP)

    return open_it


def _never() -> str:
    raise AssertionError("the passphrase was asked for")


@pytest.mark.parametrize("algorithm", ["ML-KEM-768+X25519", "ML-DSA-65", "RSA-2048", "Ed25519", "AES-128", "PEPPER"])
def test_a_generated_key_comes_back_whole(opened: Opened, algorithm: str) -> None:
    info = opened().generate("my-key", algorithm)
    key = opened().get("my-key")
    assert key.info == info
    assert (info.id, info.algorithm, info.origin, info.has_secret) == ("my-key:1", algorithm, "generated", True)
    assert key.secret
    assert (key.public is None) is (algorithm in {"AES-128", "PEPPER"})
    assert (key.seal_secret is not None) is algorithm.startswith("ML-KEM")
    assert opened().get("my-key:1") == key


def test_it_is_a_key_provider(opened: Opened) -> None:
    provider: KeyProvider = opened()
    assert provider.list() == []


def test_a_new_keyring_has_the_cost_of_a_real_one(path: Path) -> None:
    provider = FileKeyProvider(path, lambda: PASSPHRASE)
    provider.generate("a", "AES-256")
    kdf = json.loads(path.read_text())["kdf"]
    assert (kdf["name"], kdf["memory_kib"], kdf["passes"], kdf["lanes"]) == ("argon2id", 65536, 3, 1)


def test_versions_count_up_and_the_name_means_the_newest(opened: Opened) -> None:
    provider = opened()
    first, second = provider.generate("kek", "AES-256"), provider.generate("kek", "AES-256")
    assert (first.id, second.id) == ("kek:1", "kek:2")
    assert provider.get("kek").id == "kek:2"
    assert provider.get("kek:1").secret != provider.get("kek:2").secret
    assert [info.id for info in provider.list()] == ["kek:1", "kek:2"]


def test_listing_needs_no_passphrase(opened: Opened, path: Path) -> None:
    opened().generate("kek", "AES-256")
    locked = FileKeyProvider(path, _never)
    assert [info.id for info in locked.list()] == ["kek:1"]
    assert locked.info("kek").algorithm == "AES-256"


def test_no_secret_is_readable_in_the_file(opened: Opened, path: Path) -> None:
    provider = opened()
    provider.import_key("aes", bytes(range(32)), algorithm="AES-256")
    content = path.read_bytes()
    assert bytes(range(32)).hex().encode() not in content
    assert b"AAECAwQFBgcICQoLDA0ODw" not in content
    assert PASSPHRASE.encode() not in content
    assert "secret" not in repr(provider.get("aes")).replace("has_secret", "")


def test_a_wrong_passphrase_is_said_and_the_right_one_works_after_it(path: Path, opened: Opened) -> None:
    opened().generate("kek", "AES-256")
    answers = iter(["wrong", PASSPHRASE])
    provider = FileKeyProvider(path, lambda: next(answers))
    with pytest.raises(KeyStoreError, match="The passphrase is wrong") as raised:
        provider.get("kek")
    assert raised.value.exit_code is ExitCode.KEYS
    assert raised.value.remedy
    assert provider.get("kek").secret
    with pytest.raises(KeyStoreError, match="The passphrase is wrong"):
        opened("wrong").generate("other", "AES-256")
    with pytest.raises(KeyStoreError, match="The passphrase is wrong"):
        opened("wrong").unlock()


def test_the_passphrase_is_asked_for_once(path: Path, opened: Opened) -> None:
    opened().generate("kek", "AES-256")
    asked: list[str] = []

    def ask() -> str:
        asked.append("x")
        return PASSPHRASE

    provider = FileKeyProvider(path, ask)
    with ThreadPoolExecutor(8) as pool:
        secrets = {key.secret for key in pool.map(provider.get, ["kek"] * 16)}
    provider.generate("other", "AES-256")
    assert len(asked) == 1
    assert len(secrets) == 1


def test_a_change_by_another_process_is_seen(opened: Opened) -> None:
    mine, theirs = opened(), opened()
    mine.generate("kek", "AES-256")
    theirs.generate("kek", "AES-256")
    assert mine.get("kek").id == "kek:2"


@pytest.mark.parametrize(
    ("field", "value"),
    [("algorithm", "AES-128"), ("name", "other"), ("version", 7), ("fingerprint", "0" * 16), ("public", "AAAA")],
)
def test_changed_metadata_does_not_open(opened: Opened, path: Path, field: str, value: object) -> None:
    opened().generate("kek", "AES-256")
    document = json.loads(path.read_text())
    document["keys"][0][field] = value
    path.write_text(json.dumps(document))
    entry = document["keys"][0]
    with pytest.raises(KeyStoreError, match="was changed since it was stored"):
        opened().get(f"{entry['name']}:{entry['version']}")


def test_a_planted_public_key_does_not_open(opened: Opened, path: Path) -> None:
    opened().generate("kek", "AES-256")
    document = json.loads(path.read_text())
    document["keys"].append(document["keys"][0] | {"name": "planted", "public": "AAAA", "has_secret": False})
    path.write_text(json.dumps(document))
    with pytest.raises(KeyStoreError, match="was changed"):
        opened().get("planted")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda d: d.update(version=2),
        lambda d: d.pop("check"),
        lambda d: d["kdf"].update(memory_kib=4 * 1024 * 1024),
        lambda d: d["kdf"].update(passes=1_000_000),
        lambda d: d["kdf"].update(lanes=4),
        lambda d: d["kdf"].update(salt="AAAA"),
        lambda d: d["keys"].append(d["keys"][0]),
        lambda d: d["keys"][0].update(box=7),
        lambda d: d["keys"][0].update(created_at="yesterday"),
        lambda d: d["keys"][0].update(surprise=1),
    ],
)
def test_a_damaged_keyring_is_refused_with_a_remedy(
    opened: Opened, path: Path, spoil: Callable[[dict[str, object]], object]
) -> None:
    opened().generate("kek", "AES-256")
    document = json.loads(path.read_text())
    spoil(document)
    path.write_text(json.dumps(document))
    with pytest.raises(KeyStoreError, match="not a keyring that can be read") as raised:
        opened().list()
    assert "keyring.json.1" in raised.value.remedy


def test_what_is_not_json_is_refused(opened: Opened, path: Path) -> None:
    opened().generate("kek", "AES-256")
    path.write_bytes(b"\xff[[[")
    with pytest.raises(KeyStoreError, match="it is not JSON"):
        opened().list()


def test_folder_and_file_are_for_their_owner_alone(opened: Opened, path: Path) -> None:
    opened().generate("a", "AES-256")
    opened().generate("b", "AES-256")
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert {stat.S_IMODE(item.stat().st_mode) for item in path.parent.iterdir()} == {0o600}


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_an_open_file_is_refused(opened: Opened, path: Path, mode: int) -> None:
    provider = opened()
    provider.generate("a", "AES-256")
    path.chmod(mode)
    for refused in (provider, opened()):
        with pytest.raises(KeyStoreError, match="open to other users") as raised:
            refused.list()
        assert raised.value.remedy == f"Run chmod 600 {path}"


def test_an_open_folder_is_refused(opened: Opened, path: Path) -> None:
    path.parent.mkdir(mode=0o755)
    path.parent.chmod(0o755)
    with pytest.raises(KeyStoreError, match="open to other users") as raised:
        opened().generate("a", "AES-256")
    assert raised.value.remedy == f"Run chmod 700 {path.parent}"
    assert list(path.parent.iterdir()) == []


def test_links_and_what_is_no_file_are_refused(opened: Opened, path: Path, tmp_path: Path) -> None:
    opened().generate("a", "AES-256")
    real = path.rename(path.with_name("real.json"))
    path.symlink_to(real)
    with pytest.raises(KeyStoreError, match="symbolic link"):
        opened().list()
    path.unlink()
    os.mkfifo(path, 0o600)
    with pytest.raises(KeyStoreError, match="not a regular file"):
        opened().list()
    link = tmp_path / "link"
    link.symlink_to(path.parent)
    with pytest.raises(KeyStoreError, match="symbolic link"):
        FileKeyProvider(link / "real.json", _never).list()


def test_a_parent_that_everybody_may_write_is_refused(opened: Opened, path: Path, tmp_path: Path) -> None:
    opened().generate("a", "AES-256")
    tmp_path.chmod(0o777)
    for refused in (lambda: opened().list(), lambda: opened().generate("b", "AES-256")):
        with pytest.raises(KeyStoreError, match="may be written by everybody") as raised:
            refused()
        assert raised.value.remedy.startswith(f"Run chmod o-w {tmp_path}")
    tmp_path.chmod(0o1777)
    assert len(opened().list()) == 1, "sticky, as /tmp is"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a link away")
def test_a_link_of_someone_else_on_the_way_is_refused(opened: Opened, path: Path, tmp_path: Path) -> None:
    opened().generate("a", "AES-256")
    link = tmp_path / "link"
    link.symlink_to(tmp_path)
    through = FileKeyProvider(link / "keys" / path.name, _never)
    assert len(through.list()) == 1, "one of my own is as I wish"
    os.lchown(link, 65534, 65534)
    with pytest.raises(KeyStoreError, match="symbolic link of another user"):
        FileKeyProvider(link / "keys" / path.name, _never).list()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_someone_else_is_refused(opened: Opened, path: Path) -> None:
    opened().generate("a", "AES-256")
    os.chown(path, 65534, 65534)
    with pytest.raises(KeyStoreError, match="belongs to another user"):
        opened().list()


def test_backups_keep_the_last_few_states(opened: Opened, path: Path) -> None:
    provider = opened()
    for number in range(8):
        provider.generate(f"key{number}", "AES-256")
    names = {item.name for item in path.parent.iterdir()}
    assert names == {"keyring.json", "keyring.json.lock", *(f"keyring.json.{n}" for n in range(1, 6))}
    before = FileKeyProvider(path.with_name("keyring.json.1"), lambda: PASSPHRASE)
    assert [info.name for info in before.list()] == [f"key{number}" for number in range(7)]
    assert before.get("key6").secret == provider.get("key6").secret


def test_a_lost_keyring_is_not_replaced_by_an_empty_one(opened: Opened, path: Path) -> None:
    provider = opened()
    provider.generate("a", "AES-256")
    provider.generate("b", "AES-256")
    path.unlink()
    with pytest.raises(KeyStoreError, match="its backup is there") as raised:
        opened().generate("c", "AES-256")
    assert "cp -p" in raised.value.remedy


def test_a_failed_write_leaves_the_old_keyring(opened: Opened, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    provider = opened()
    provider.generate("a", "AES-256")
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(KeyStoreError, match="No space left on device"):
        provider.generate("b", "AES-256")
    assert path.read_bytes() == before
    assert not list(path.parent.glob("*.tmp"))
    assert not list(path.parent.glob(".*.tmp"))


GENERATE = """
import sys
from pathlib import Path
from pqcore.keys.file import FileKeyProvider
from pqcore.keys.sealing import Cost
provider = FileKeyProvider(Path(sys.argv[1]), lambda: "x", cost=Cost(64, 1))
sys.stdin.readline()
for _ in range(15):
    provider.generate("shared", "AES-256")
    provider.generate("own-" + sys.argv[2], "AES-256")
"""


def test_no_key_is_lost_when_processes_write_at_once(path: Path) -> None:
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", GENERATE, str(path), name],
            stdin=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        )
        for name in "abc"
    ]
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write(b"go\n")
        worker.stdin.close()
    assert [worker.wait(60) for worker in workers] == [0, 0, 0]
    provider = FileKeyProvider(path, lambda: "x")
    shared = [info.version for info in provider.list() if info.name == "shared"]
    assert shared == list(range(1, 46))
    assert len(provider.list()) == 90
    assert len({provider.get(info.id).secret for info in provider.list()}) == 90


def test_no_key_is_lost_when_threads_write_at_once(opened: Opened) -> None:
    provider, start = opened(), threading.Barrier(6)

    def work(_: int) -> None:
        start.wait()
        provider.generate("shared", "AES-256")

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))
    assert [info.version for info in opened().list()] == [1, 2, 3, 4, 5, 6]


def test_a_private_key_is_imported_from_pem(opened: Opened) -> None:
    private = ed25519.Ed25519PrivateKey.generate()
    public_pem = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    private_pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    provider = opened()
    public = provider.import_key("signer", public_pem)
    assert (public.origin, public.has_secret, public.algorithm) == ("imported", False, "Ed25519")
    assert provider.get("signer").secret is None
    whole = provider.import_key("signer", private_pem)
    assert (whole.version, whole.has_secret, whole.fingerprint) == (2, True, public.fingerprint)
    for twice in (private_pem, public_pem):
        with pytest.raises(KeyStoreError, match="in the keyring already, as signer:2"):
            provider.import_key("signer", twice)


def test_a_name_keeps_its_algorithm(opened: Opened) -> None:
    provider = opened()
    provider.generate("kek", "AES-256")
    with pytest.raises(KeyStoreError, match="is a key for AES-256"):
        provider.generate("kek", "AES-128")


@pytest.mark.parametrize("name", ["", "a b", "a:1", "ü", "x" * 65, "../up", "a\n"])
def test_a_name_that_is_none_is_refused(opened: Opened, name: str) -> None:
    with pytest.raises(KeyStoreError, match="cannot be the name"):
        opened().generate(name, "AES-256")


def test_a_missing_key_is_named_with_a_near_one(opened: Opened) -> None:
    provider = opened()
    provider.generate("documents-kek", "AES-256")
    with pytest.raises(KeyStoreError, match="no key document-kek") as raised:
        provider.get("document-kek")
    assert raised.value.remedy == "Did you mean documents-kek"
    with pytest.raises(KeyStoreError, match="no version 3"):
        provider.info("documents-kek:3")
    with pytest.raises(KeyStoreError, match="no key reference"):
        provider.info("documents-kek:0")


def test_a_read_only_session_opens_keys_and_changes_none(opened: Opened, path: Path) -> None:
    opened().generate("my-key", "AES-128")
    before = path.read_bytes()
    watching = FileKeyProvider(path, lambda: PASSPHRASE, cost=CHEAP, read_only=True)
    assert watching.get("my-key").secret
    locked = FileKeyProvider(path, _never, read_only=True)
    for change in (
        lambda: locked.generate("other", "AES-128"),
        lambda: locked.import_key("other", b"0" * 16, algorithm="AES-128"),
        lambda: locked.change_state("my-key:1", KeyState.RETIRED),
        lambda: locked.change_passphrase(_never),
    ):
        with pytest.raises(ReadOnlySession, match="is not changed"):
            change()
    assert path.read_bytes() == before
    assert not FileKeyProvider(path.with_name("none.json"), _never, read_only=True).list()
