"""Values written once and kept: a change of code that no longer reads them is a change of format."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from pqcore.crypto import keys
from pqcore.formats.blind_index import SIZES, verify_index
from pqcore.formats.context import Context
from pqcore.formats.digest import DigestCheck, verify_digest
from pqcore.formats.legacy_password import Scheme
from pqcore.formats.password import check_password
from pqcore.formats.signature import verify_signature
from pqcore.formats.wrapped_key import open_wrapped_key, parse

FILE = Path(__file__).with_name("golden.json")
LOGINS_FILE = Path(__file__).with_name("golden_passwords.json")
LOGINS = json.loads(LOGINS_FILE.read_text(encoding="utf-8"))
GOLDEN = json.loads(FILE.read_text())
# The checker that others may run: pqcore cannot be imported in it.
ALONE = (
    "import runpy, sys; sys.modules['pqcore'] = None; del sys.argv[0]; runpy.run_path(sys.argv[0], run_name='__main__')"
)


@dataclass(frozen=True)
class GoldenKey:
    """A key as an application may hold it: any object with these attributes will do."""

    id: str
    algorithm: str
    secret: bytes | None
    public: bytes | None
    seal_secret: bytes | None = None


def golden_key(key_id: str) -> GoldenKey:
    entry = GOLDEN["keys"][key_id]
    secret = bytes.fromhex(entry["secret"])
    seal = bytes.fromhex(entry["seal_secret"]) if entry["seal_secret"] else None
    return GoldenKey(key_id, entry["algorithm"], secret, keys.public_of(entry["algorithm"], secret), seal)


def place(policy: str = "") -> Context:
    where = GOLDEN["place"]
    return Context(where["data_set"], where["table"], where["column"], tuple(where["row_key"]), policy=policy)


@pytest.mark.parametrize("sample", GOLDEN["wrapped_keys"], ids=lambda s: s["key"])
def test_wrapped_keys(sample):
    opened = open_wrapped_key(sample["stored"], golden_key, place(sample["policy"]))
    assert opened == bytes.fromhex(sample["data_key"])
    if "layers" in sample:
        assert [layer.suite.label for layer in parse(sample["stored"]).layers] == sample["layers"]


@pytest.mark.parametrize("sample", GOLDEN["signatures"], ids=lambda s: s["key"])
def test_signatures(sample):
    old = bytes.fromhex(sample["old_signature"])
    form = verify_signature(sample["stored"], sample["payload"], old, golden_key, place())
    assert form.time == datetime.fromisoformat(sample["time"])
    assert (form.mode, form.key_id) == (sample["mode"], sample["key"])


@pytest.mark.parametrize("sample", GOLDEN["blind_indexes"], ids=lambda s: f"{s['key']} {s['inner']}")
def test_blind_indexes(sample):
    old_key = golden_key(sample["old_key"]) if sample["old_key"] else None
    assert verify_index(sample["stored"], sample["content"], golden_key, old_key)
    assert not verify_index(sample["stored"], sample["content"] + "0", golden_key, old_key)


def test_there_is_a_blind_index_of_every_algorithm():
    assert {GOLDEN["keys"][sample["key"]]["algorithm"] for sample in GOLDEN["blind_indexes"]} == set(SIZES)


@pytest.mark.parametrize("sample", GOLDEN["digests"], ids=lambda s: s["algorithm"])
def test_digests(sample):
    assert verify_digest(sample["stored"], sample["content"]) == DigestCheck(True, sample["algorithm"])


@pytest.mark.parametrize("sample", GOLDEN["passwords"], ids=lambda s: s["scheme"])
def test_passwords(sample):
    for stored in (sample["old"], sample["stored"]):
        assert check_password(stored, sample["password"], golden_key).ok
        assert not check_password(stored, sample["password"][:-1], golden_key).ok


@pytest.mark.parametrize("sample", LOGINS["samples"], ids=lambda s: s["what"])
def test_passwords_of_every_scheme(sample):
    told = {name: sample.get(name) for name in ("scheme", "user")}
    for stored in (sample["old"], sample["stored"]):
        assert check_password(stored, LOGINS["password"], login_pepper, **told).ok
        assert not check_password(stored, LOGINS["wrong"], login_pepper, **told).ok
    assert f"${sample['code']}," in sample["stored"]


def test_there_is_a_sample_of_every_scheme():
    assert {sample["code"] for sample in LOGINS["samples"]} == set(Scheme)


def login_pepper(key_id: str) -> GoldenKey:
    return GoldenKey(key_id, "PEPPER", bytes.fromhex(LOGINS["peppers"][key_id]), None)


def check_alone(path: Path, program: str = "check_golden.py") -> subprocess.CompletedProcess[str]:
    checker = str(Path(__file__).with_name(program))
    return subprocess.run([sys.executable, "-I", "-c", ALONE, checker, str(path)], capture_output=True, text=True)


def test_the_samples_come_out_by_the_documents_alone():
    done = check_alone(FILE)
    assert (done.returncode, done.stderr) == (0, "")
    assert (
        done.stdout.splitlines()[0]
        == f"{len(GOLDEN['wrapped_keys'])} wrapped keys, {len(GOLDEN['signatures'])} signatures"
    )
    assert f"{len(GOLDEN['blind_indexes'])} blind indexes, {len(GOLDEN['digests'])} digests" in done.stdout
    assert f"{len(GOLDEN['passwords'])} password hashes, 0 left out" in done.stdout


def test_the_checker_finds_what_is_wrong(tmp_path):
    changed = GOLDEN | {"wrapped_keys": [GOLDEN["wrapped_keys"][0] | {"data_key": "00" * 32}]}
    path = tmp_path / "changed.json"
    path.write_text(json.dumps(changed))
    done = check_alone(path)
    assert done.returncode == 1
    assert "WRONG: wrapped key under hybrid-768:1" in done.stdout


def test_the_logins_come_out_by_the_documents_alone():
    done = check_alone(LOGINS_FILE, "check_logins.py")
    assert (done.returncode, done.stderr) == (0, "")
    left_out = set(done.stdout.split("left out: ")[1].split())
    others = {"asa", "d4", "dcc", "dcc2", "lm", "my3", "nt", "or10", "pix"}  # MD4, DES and two devices
    assert left_out == others | {"c1", "c16", "c5", "c6", "ca1", "cbg", "cbs", "cd", "cs1", "csm"}


def test_the_checker_of_logins_finds_what_is_wrong(tmp_path):
    path = tmp_path / "changed.json"
    path.write_text(json.dumps(LOGINS | {"password": LOGINS["wrong"], "wrong": LOGINS["password"]}))
    done = check_alone(path, "check_logins.py")
    assert done.returncode == 1
    assert "WRONG: atlassian_pbkdf2_sha1 (p1a) takes a wrong password" in done.stdout
