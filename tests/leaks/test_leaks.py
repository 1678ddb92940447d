"""No secret is found where it does not belong, whatever fails on the way."""

from __future__ import annotations

import base64
import json
import os
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from pqcore import environment
from pqcore.crypto import argon2id, suites
from pqcore.database.connect import Database
from pqcore.database.dialects.base import Dialect
from pqcore.engine import originals
from pqcore.engine.executors import ProcessTurns
from pqcore.errors import KeyStoreError
from pqcore.formats import legacy_wrap, password, signature, wrapped_key
from pqcore.inspection import hints, inspector, lineage, report, rows
from pqcore.inspection.tally import Tally
from pqcore.jobs.repository import JobRepository
from pqcore.keys import file, sealing
from pqcore.keys import keyring as document
from pqcore.keys.file import FileKeyProvider
from pqcore.migrations import signatures
from pqcore.settings import load
from pqcore.workspace import Workspace
from tests.cli.conftest import own_logs  # noqa: F401 - each test keeps its logs in its own home
from tests.console.conftest import opened, screen_text, until
from tests.keys.vault_server import TOKEN
from tests.leaks.canaries import Canaries, Findings, forms
from tests.leaks.estate import DATABASE_PASSWORD, JOBS, PASSPHRASE, ROWS, Estate


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Estate:
    """An estate in SQLite, to be copied."""
    home = tmp_path_factory.mktemp("leaks")
    return Estate.build(home, f"sqlite:///{home / 'data.sqlite'}")


@pytest.fixture
def estate(template: Estate, tmp_path: Path) -> Estate:
    """An estate in SQLite."""
    return template.copied_to(tmp_path)


@pytest.fixture
def everywhere(tmp_path: Path, database_url: str) -> Estate:
    """An estate in each kind of database."""
    return Estate.build(tmp_path, database_url)


@pytest.mark.parametrize("form", [name for name, _ in forms(b"secret")])
def test_the_search_finds_a_leak_in_every_form(form: str) -> None:
    secret = bytes(range(200, 232))
    needle = dict(forms(secret))[form]
    assert form in {found for _, found in Canaries({"s": secret}).found_in(b"left " + needle + b" right")}
    for before in (b"", b"a", b"ab"):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            assert Canaries({"s": secret}).found_in(encode(before + secret + b"after"))
    assert Canaries({"s": secret}).found_in(b"nothing of it") == []


def look_around(estate: Estate, jobs: list[str]) -> None:
    """Every command that shows something."""
    for job in jobs:
        for words in (
            ["jobs", "show", job],
            ["jobs", "show", job, "--dead-letters", "--json"],
            ["jobs", "tune", job, "--rows-per-second", "500", "--json"],
            ["jobs", "tune", job, "--reset"],
        ):
            estate.run(*words)
    for words in (
        ["inspect", "vault", "--exact"],
        ["inspect", "--json"],
        ["inspect", "vault.password", "--selections", str(estate.cli.home / "log")],
        ["inspect", "--cbom", "-"],
        ["jobs", "list", "--json"],
        ["keys", "list", "--json"],
        ["keys", "show", "kem"],
        ["keys", "usage", "kem:1"],
        ["keys", "export", "pepper", "--public"],
        ["keys", "export", "kem", "--public"],
        ["doctor"],
        ["algorithms"],
    ):
        estate.run(*words)


def test_jobs_that_go_well_leave_nothing(estate: Estate) -> None:
    jobs = [estate.create(scope, keep_originals=True) for scope in ("wrappers", "signatures", "hashes")]
    for job in jobs:
        estate.ok("jobs", "run", job)
    estate.ok("verify", jobs[0])
    look_around(estate, jobs)
    estate.findings(migrated=True).clean()
    estate.ok("finalize", jobs[0], "--yes")
    estate.ok("rollback", jobs[1])
    estate.findings(migrated=True).clean()


def test_rows_that_are_refused_leave_nothing(everywhere: Estate) -> None:
    """Databases quote rows in their errors: PostgreSQL the whole row that fails a constraint."""
    estate = everywhere
    jobs = [estate.create(scope) for scope in ("wrappers", "signatures", "hashes")]
    db = Database.open(estate.url)
    if db.engine.dialect.name == "sqlite":
        refusing = "CREATE TRIGGER no BEFORE UPDATE ON vault BEGIN SELECT RAISE(ABORT, 'refused'); END"
    else:
        refusing = "ALTER TABLE vault ADD CONSTRAINT no CHECK (wrapped NOT LIKE 'cHFj%' AND password NOT LIKE 'pq1%')"
    with db.write() as conn:
        conn.execute(sa.text(refusing))
    db.close()
    for job in jobs:
        estate.run("jobs", "run", job)
    look_around(estate, jobs)
    refused = estate.cli.json("jobs", "show", jobs[0], "--dead-letters")
    assert [letter["reason"] for letter in refused] == ["rejected"] * ROWS
    estate.findings(migrated=False).clean()


@dataclass(frozen=True)
class Fault:
    """A function that fails, quoting all it was given."""

    scope: str
    owner: Any
    name: str

    @property
    def id(self) -> str:
        return f"{self.scope}-{self.owner.__name__.rpartition('.')[2]}.{self.name}"


class Chatty(Exception):
    """A library's error that quotes its arguments, and what it has locally."""


def failing(*args: Any, **kwargs: Any) -> Any:
    quoted = [*args, *kwargs.values()]
    quoted += [getattr(a, part, None) for a in quoted for part in ("secret", "seal_secret", "values", "digest")]
    raise Chatty(f"bad input: {quoted!r} {[q.hex() for q in quoted if isinstance(q, bytes)]}")


FAULTS = (
    Fault("wrappers", legacy_wrap, "unwrap"),
    Fault("wrappers", suites, "seal"),
    Fault("wrappers", suites, "open_sealed"),
    Fault("wrappers", wrapped_key, "open_envelope"),
    Fault("wrappers", originals.OriginalsVault, "seal"),
    Fault("wrappers", Dialect, "compare_and_swap"),
    Fault("wrappers", FileKeyProvider, "get"),
    Fault("wrappers", document, "open_entry"),
    Fault("wrappers", document, "seal_entry"),
    Fault("wrappers", sealing.Derivation, "derive"),
    Fault("wrappers", file, "read_private"),
    Fault("signatures", signatures, "verify_legacy"),
    Fault("signatures", signature, "countersign"),
    Fault("signatures", signature, "verify_parsed"),
    Fault("hashes", password, "wrap_password_hash"),
    Fault("hashes", argon2id, "derive"),
    Fault("hashes", password, "wraps"),
    Fault("hashes", Dialect, "compare_and_swap"),
)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.id)
def test_a_call_that_fails_and_quotes_its_arguments_leaves_nothing(
    estate: Estate,
    fault: Fault,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    job = estate.create(fault.scope, keep_originals=True)
    with monkeypatch.context() as patch:
        patch.setattr(fault.owner, fault.name, failing)
        done = estate.run("jobs", "run", job)
        estate.run("verify", job)
    assert done.returncode != 0
    for words in (["jobs", "show", job], ["jobs", "show", job, "--dead-letters", "--json"]):
        estate.run(*words)
    estate.said.extend(capfd.readouterr())
    estate.findings(migrated=False).clean()


LOOKS: dict[str, tuple[str, ...]] = {
    "inspect": ("inspect", "vault", "--exact"),
    "inspect --json": ("inspect", "--json"),
    "inspect --cbom": ("inspect", "vault.password", "--cbom", "-"),
    "jobs tune": ("jobs", "tune", "1", "--rows-per-second", "500"),
}
LOOKING = (
    Fault("inspect", inspector, "detect"),
    Fault("inspect", rows.Rows, "_row"),
    Fault("inspect", rows.Rows, "_value"),
    Fault("inspect", lineage.Origins, "lineage"),
    Fault("inspect --json", hints, "narrow"),
    Fault("inspect --json", report, "rate"),
    Fault("inspect --json", inspector, "draw"),
    Fault("inspect --json", Tally, "add"),
    Fault("inspect --cbom", inspector, "detect"),
    Fault("jobs tune", JobRepository, "tune"),
)


@pytest.mark.parametrize("fault", LOOKING, ids=lambda fault: fault.id)
def test_a_look_that_fails_and_quotes_what_it_saw_leaves_nothing(
    estate: Estate, fault: Fault, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    estate.create("hashes")
    met: list[object] = []

    def failing_here(*args: Any, **kwargs: Any) -> Any:
        met.append(args)
        return failing(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(fault.owner, fault.name, failing_here)
        done = estate.run(*LOOKS[fault.scope])
    assert met
    assert done.returncode != 0
    estate.said.extend(capfd.readouterr())
    estate.findings(migrated=False).clean()


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.id)
def test_a_check_of_a_selection_that_fails_leaves_nothing(
    estate: Estate, fault: Fault, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A job is tried on some rows before it is created: the same calls fail there."""
    selection, algorithm = JOBS[fault.scope]
    words = ("jobs", "create", "--scope", fault.scope, "--algorithm", algorithm, "--selection", "-")
    with monkeypatch.context() as patch:
        patch.setattr(fault.owner, fault.name, failing)
        estate.run(*words, stdin=json.dumps({"table": "vault", **selection}))
    estate.said.extend(capfd.readouterr())
    estate.findings(migrated=False).clean()


def test_what_is_raised_holds_no_secret(estate: Estate) -> None:
    """Not in the words of an error of ours, nor where its variables are shown."""
    findings = Findings(Canaries(estate.secrets))
    path = estate.cli.home / "keys" / "keyring.json"
    wrong: list[Callable[[], object]] = [
        lambda: FileKeyProvider(path, lambda: PASSPHRASE + "!").get("kem"),
        lambda: FileKeyProvider(path, lambda: PASSPHRASE).get("kem:9"),
        lambda: FileKeyProvider(path, lambda: PASSPHRASE).import_key("kek", estate.secrets["secret of kek"]),
        lambda: FileKeyProvider(path, lambda: PASSPHRASE).generate("kem", "AES-128"),
        lambda: FileKeyProvider(path, lambda: PASSPHRASE).change_passphrase(lambda: PASSPHRASE),
    ]
    for call in wrong:
        with pytest.raises(KeyStoreError) as raised:
            call()
        findings.look("error", "".join(traceback.format_exception(raised.value)))
        findings.look("error", repr(raised.value.__dict__))
    key = FileKeyProvider(path, lambda: PASSPHRASE).get("kem")
    settings = load(url=estate.url, env={"PQCONSOLE_HOME": str(estate.cli.home)})
    findings.look("repr", f"{key!r} {replace(settings, url='postgresql://u:' + PASSPHRASE + '@h/d')!r}")
    findings.clean()


def test_processes_show_nothing(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the arguments nor the environment of a worker's process, which every process of the user can read."""
    monkeypatch.setattr(environment, "_withheld", {})
    for name, value in estate.cli.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PQCONSOLE_URL", f"postgresql://me:{DATABASE_PASSWORD.replace(' ', '_')}@db.example/app")
    monkeypatch.setenv("VAULT_TOKEN", TOKEN)
    estate.secrets["token of Vault"] = TOKEN.encode()
    estate.secrets["database password"] = DATABASE_PASSWORD.replace(" ", "_").encode()
    settings = load(url=estate.url)
    workspace = Workspace.open(settings)
    workspace.unlock()
    opening = workspace._opening()
    assert opening is not None
    turns = ProcessTurns(1, opening, helping=False)
    findings = Findings(Canaries(estate.secrets))
    try:
        child = turns._executor.submit(os.getpid).result(60)
        assert child != os.getpid()
        for part in ("cmdline", "environ"):
            findings.look(part, Path(f"/proc/{child}/{part}").read_bytes())
    finally:
        turns.shutdown(wait=True)
        workspace.close()
    assert findings.searched > 500
    findings.clean()


async def test_a_console_session_shows_nothing(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = [estate.create(scope) for scope in ("wrappers", "hashes")]
    with monkeypatch.context() as patch:
        patch.setattr(legacy_wrap, "unwrap", failing)
        estate.run("jobs", "run", jobs[0])
    monkeypatch.setattr(environment, "_withheld", {})
    workspace = Workspace.open(load(url=estate.url, env={"PQCONSOLE_HOME": str(estate.cli.home)}))
    try:
        async with opened(workspace, (120, 36)) as pilot:
            await until(pilot, lambda: "wrappers" in screen_text(pilot))
            for keys in (["down"], ["down"], ["tab"], ["tab"], ["f1"], ["escape"], ["n"]):
                await pilot.press(*keys)
                await pilot.pause()
                estate.said.append(screen_text(pilot))
    finally:
        workspace.close()
    estate.findings(migrated=False).clean()


def test_a_secret_on_standard_input_is_not_echoed(estate: Estate) -> None:
    secret = estate.secrets["secret of kek"]
    estate.said.append(repr(estate.cli.run("keys", "import", "kek", "-", "--algorithm", "AES-256", stdin=secret)))
    estate.said.append(repr(estate.cli.run("keys", "import", "other", "-", "--algorithm", "AES-128", stdin=secret)))
    estate.findings(migrated=False).clean()
