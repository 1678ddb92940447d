"""The demonstration's promise: every job ends as foretold, and every row reads back before, during and after."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from pqcore.actor import current
from pqcore.database.connect import Database
from pqcore.database.install import data_set_id
from pqcore.demo import tables
from pqcore.demo.estate import LEGACY_KEYS, NEW_KEYS, Estate, build_estate, open_estate
from pqcore.demo.jobs import demo_jobs
from pqcore.demo.passwords import legacy_hash, password_of
from pqcore.demo.proof import KindProof, Proof, prove
from pqcore.errors import KeyStoreError, UsageError
from pqcore.formats.password import check_password
from pqcore.jobs.model import Status
from pqcore.keys.memory import MemoryKeyProvider
from pqcore.settings import load
from pqcore.workspace import NewJob, Workspace

ROWS = 30


@pytest.fixture(scope="module")
def keys() -> MemoryKeyProvider:
    """One keyring for all of these tests: RSA keys are slow to make."""
    return MemoryKeyProvider()


def _kind(proof: Proof, name: str) -> KindProof:
    return next(kind for kind in proof.kinds if kind.kind == name)


def _workspace(database: Database, keys: MemoryKeyProvider, home: Path) -> Workspace:
    workspace = Workspace(load(env={"PQCONSOLE_HOME": str(home)}), database, keys, current())
    workspace.install()
    return workspace


def test_every_job_ends_as_foretold_and_every_row_reads_back(
    database: Database, keys: MemoryKeyProvider, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    estate = build_estate(database, keys, rows=ROWS)
    before = prove(database, keys, estate)
    assert before.ok, before.kinds
    assert [kind.migrated for kind in before.kinds] == [0, 0, 0, 0, 0]

    workspace = _workspace(database, keys, tmp_path)
    data_set = data_set_id(database)
    worker = workspace.worker(threads=2)
    request.addfinalizer(worker.stop)
    planned = demo_jobs(estate)
    created = [
        workspace.create_job(NewJob(job.scope, job.selection, algorithm=job.algorithm, policy=job.policy))
        for job in planned
    ]
    for number, (job, row) in enumerate(zip(planned, created, strict=True)):
        ended = worker.run_job(row.id)
        assert ended.status is job.expected, (job.title, ended.error)
        assert (ended.progress.failed > 0) is (job.expected is Status.FAILED), (job.title, ended.error)
        if number == 3:
            during = prove(database, keys, estate, data_set)
            assert during.ok, during.kinds
            assert 0 < _kind(during, "signatures").migrated < ROWS

    after = prove(database, keys, estate, data_set)
    assert after.ok, after.kinds
    for name in ("logins", "documents", "signatures", "digests"):
        assert _kind(after, name).legacy == 0
        assert _kind(after, name).migrated == _kind(after, name).checked > 0
    partners = _kind(after, "partner keys")
    assert partners.left_out == len(estate.broken) > 0


def test_a_value_moved_to_another_data_set_does_not_read_back(
    database: Database, keys: MemoryKeyProvider, tmp_path: Path
) -> None:
    estate = build_estate(database, keys, rows=5)
    workspace = _workspace(database, keys, tmp_path)
    job = next(job for job in demo_jobs(estate) if job.algorithm == "ML-KEM-1024")
    worker = workspace.worker(threads=1)
    worker.run_job(workspace.create_job(NewJob(job.scope, job.selection, algorithm=job.algorithm)).id)
    worker.stop()
    assert prove(database, keys, estate, data_set_id(database)).ok
    assert not prove(database, keys, estate, "another data set").ok


@pytest.mark.parametrize(
    ("table", "column", "value", "kind"),
    [
        (tables.users, "password_hash", legacy_hash(3), "logins"),
        (tables.documents, "body", b"\0" * 40, "documents"),
        (tables.documents, "content_digest", "0" * 64, "documents"),
        (tables.audit_log, "payload", "{}", "signatures"),
        (tables.files, "content", b"changed", "digests"),
        (tables.partner_keys, "check_value", "0" * 32, "partner keys"),
    ],
    ids=["password", "document", "its digest", "record", "file", "partner key"],
)
def test_the_proof_sees_a_row_that_was_changed(
    keys: MemoryKeyProvider, tmp_path: Path, table: sa.Table, column: str, value: object, kind: str
) -> None:
    db = Database.open(f"sqlite:///{tmp_path}/demo.sqlite")
    estate = build_estate(db, keys, rows=5)
    with db.write() as conn:
        key = list(table.primary_key.columns)
        first = conn.execute(sa.select(*key).order_by(*key).limit(1)).one()
        conn.execute(sa.update(table).where(*(c == v for c, v in zip(key, first, strict=True))).values({column: value}))
    proof = prove(db, keys, estate)
    db.close()
    assert [k.kind for k in proof.kinds if not k.ok] == [kind]
    assert len(_kind(proof, kind).problems) == 1


def test_the_proof_misses_no_row_that_is_gone(keys: MemoryKeyProvider, tmp_path: Path) -> None:
    db = Database.open(f"sqlite:///{tmp_path}/demo.sqlite")
    estate = build_estate(db, keys, rows=5)
    with db.write() as conn:
        conn.execute(sa.delete(tables.files).where(tables.files.c.path.like("%2.bin")))
    proof = prove(db, keys, estate)
    db.close()
    assert not _kind(proof, "digests").ok
    assert "4 rows where 5 were made" in _kind(proof, "digests").problems[0]


def test_an_estate_is_opened_again(keys: MemoryKeyProvider, tmp_path: Path) -> None:
    db = Database.open(f"sqlite:///{tmp_path}/demo.sqlite")
    assert open_estate(db) is None
    built = build_estate(db, keys, rows=7)
    assert open_estate(db) == built
    with pytest.raises(UsageError, match="has a table"):
        build_estate(db, keys, rows=7)
    with db.write() as conn:
        conn.execute(sa.delete(tables.partner_keys))
    assert open_estate(db) is None
    db.close()


def test_the_same_seed_gives_the_same_texts(keys: MemoryKeyProvider, tmp_path: Path) -> None:
    texts = []
    for name in ("one", "two"):
        db = Database.open(f"sqlite:///{tmp_path}/{name}.sqlite")
        build_estate(db, keys, rows=5)
        with db.read() as conn:
            texts.append(conn.execute(sa.select(tables.documents.c.title, tables.documents.c.content_digest)).all())
        db.close()
    assert texts[0] == texts[1]


def test_progress_reaches_the_end_of_each_table(keys: MemoryKeyProvider, tmp_path: Path) -> None:
    db = Database.open(f"sqlite:///{tmp_path}/demo.sqlite")
    built: dict[str, tuple[int, int]] = {}
    proved: dict[str, tuple[int, int]] = {}
    estate = build_estate(db, keys, rows=3, progress=lambda name, done, total: built.update({name: (done, total)}))
    prove(db, keys, estate, progress=lambda name, done, total: proved.update({name: (done, total)}))
    db.close()
    assert set(built) == set(tables.metadata.tables)
    assert built == proved
    assert all(done == total for done, total in built.values())


def test_all_keys_of_the_jobs_are_made(keys: MemoryKeyProvider, tmp_path: Path) -> None:
    db = Database.open(f"sqlite:///{tmp_path}/demo.sqlite")
    estate = build_estate(db, keys, rows=5)
    db.close()
    assert {info.name for info in keys.list()} == {*LEGACY_KEYS, *NEW_KEYS}
    named = {job.selection["options"].get("new_key") for job in demo_jobs(estate)} - {None}
    assert named == set(NEW_KEYS)


def test_a_keyring_with_other_keys_of_these_names_is_refused(tmp_path: Path) -> None:
    other = MemoryKeyProvider()
    other.generate("documents-rsa-2019", "AES-128")
    db = Database.open(f"sqlite:///{tmp_path}/demo.sqlite")
    with pytest.raises(KeyStoreError, match="documents-rsa-2019"):
        build_estate(db, other, rows=5)
    assert open_estate(db) is None
    db.close()


def test_fewer_rows_give_fewer_jobs_and_one_of_each_end() -> None:
    assert len(demo_jobs(Estate(1, 1, 1, 1, 10, frozenset({"x"})))) < 9
    jobs = demo_jobs(Estate(5, 5, 5, 5, 10, frozenset({"x"})))
    assert len(jobs) == 9
    assert [job.expected for job in jobs if job.run_first].count(Status.FAILED) == 1
    assert sum(job.starts_in is not None for job in jobs) == 1


@pytest.mark.parametrize("user_id", range(40, 50))
def test_a_login_takes_its_own_password_only(user_id: int) -> None:
    stored = legacy_hash(user_id)
    usable = user_id != 49
    assert check_password(stored, password_of(user_id)).ok is usable
    assert not check_password(stored, password_of(user_id + 1)).ok
