"""Born under a post-quantum wrap, or wrapped anew: what the records prove, and unknown for the rest."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from pqcore.actor import current
from pqcore.database.connect import Database
from pqcore.database.install import data_set_id
from pqcore.database.tables import jobs
from pqcore.formats.context import Context
from pqcore.formats.legacy_wrap import LegacyWrap, wrap
from pqcore.formats.wrapped_key import seal
from pqcore.inspection.inspector import Inspector
from pqcore.inspection.lineage import Lineage
from pqcore.inspection.rating import level_of
from pqcore.jobs.model import Status
from pqcore.keys.memory import MemoryKeyProvider
from pqcore.migrations.base import Scope
from pqcore.policies import POLICIES
from pqcore.selection.catalog import Catalog
from pqcore.settings import load
from pqcore.workspace import NewJob, Workspace

OLD, NEW = 12, 5  # rows wrapped by AES-KW; rows sealed by the application


class Vault:
    """A table of wrapped keys, its keys, and a workspace to migrate it."""

    def __init__(self, database: Database, home: Path) -> None:
        self.db = database
        self.keys = MemoryKeyProvider()
        for name, algorithm in (("kek", "AES-256"), ("pq", "ML-KEM-768"), ("app", "ML-KEM-768")):
            self.keys.generate(name, algorithm)
        self.table = sa.Table(
            "vault",
            sa.MetaData(),
            sa.Column("id", sa.Integer, primary_key=True),
            sa.Column("wrapped", sa.LargeBinary),
        )
        self.workspace = Workspace(load(env={"PQCONSOLE_HOME": str(home)}), database, self.keys, current())
        self.workspace.install()
        with database.write() as conn:
            self.table.create(conn)
        kek = self.keys.get("kek")
        self._insert([(n, wrap(LegacyWrap.AES_KW, secrets.token_bytes(32), kek)) for n in range(1, OLD + 1)])

    def seal(self, first: int, key: str) -> None:
        """Rows that the application seals itself."""
        data_set = data_set_id(self.db)
        rows = range(first, first + NEW)
        places = {n: Context(data_set, "vault", "wrapped", (n,)) for n in rows}
        self._insert([(n, seal(secrets.token_bytes(32), self.keys.get(key), place)) for n, place in places.items()])

    def migrate(self, **members: Any) -> None:
        more = members.pop("options", {})
        options = {"format": "AES-KW", "encoding": "raw", "old_key": "kek", "new_key": "pq", **more}
        selection = {"table": "vault", "field": "wrapped", "options": options, **members}
        job = self.workspace.create_job(NewJob(Scope.WRAPPERS, selection, algorithm="ML-KEM-768"))
        worker = self.workspace.worker(threads=1)
        try:
            assert worker.run_job(job.id).status is Status.DONE
        finally:
            worker.stop()

    def lineage(self, *, exact: bool = True) -> Lineage:
        inspector = Inspector(self.db, Catalog(self.db), level_of(POLICIES[0]))
        (place,) = inspector.named(["vault.wrapped"])
        (report,) = inspector.exact(place) if exact else inspector.sample(place, OLD)
        return report.lineage

    def _insert(self, rows: list[tuple[int, bytes]]) -> None:
        with self.db.write() as conn:
            conn.execute(sa.insert(self.table), [{"id": n, "wrapped": value} for n, value in rows])


@pytest.fixture
def vault(database: Database, tmp_path: Path) -> Vault:
    return Vault(database, tmp_path)


def test_where_no_job_ever_was_all_are_born_so(vault: Vault) -> None:
    vault.seal(100, "app")
    assert vault.lineage() == Lineage(values=NEW, born=NEW)


def test_kept_originals_prove_the_one_and_other_keys_the_other(vault: Vault) -> None:
    vault.migrate(keep_originals=True)
    vault.seal(100, "app")  # a key that no job wrote with
    assert vault.lineage() == Lineage(values=OLD + NEW, born=NEW, rewrapped=OLD)


def test_without_originals_only_what_exceeds_the_jobs_work_is_known(vault: Vault) -> None:
    vault.migrate()
    vault.seal(100, "pq")  # the job's own key
    found = vault.lineage()
    assert (found.values, found.born, found.rewrapped, found.unknown) == (OLD + NEW, NEW, 0, OLD)
    assert "no original" in found.why
    assert vault.lineage(exact=False).born == 0


def test_records_with_a_gap_prove_nothing(vault: Vault) -> None:
    vault.migrate()
    vault.seal(100, "app")
    with vault.db.write() as conn:
        conn.execute(sa.delete(jobs))
    found = vault.lineage()
    assert (found.born, found.rewrapped, found.unknown) == (0, 0, OLD + NEW)
    assert "not complete" in found.why


def test_the_key_of_every_layer_counts_as_the_jobs(vault: Vault) -> None:
    vault.migrate(options={"layer2_key": "app"})
    found = vault.lineage()
    assert (found.values, found.born, found.unknown) == (OLD, 0, OLD)
