"""A job whose old keys are in Vault, through the whole engine: an outage stops it, and it goes on where it was."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric import rsa

from pqcore.database.connect import Database
from pqcore.engine.worker import Worker
from pqcore.formats.legacy_wrap import LegacyWrap, wrap
from pqcore.formats.wrapped_key import open_wrapped_key
from pqcore.jobs.model import Status
from pqcore.keys.combined import CombinedKeyProvider
from pqcore.keys.file import FileKeyProvider
from pqcore.keys.provider import Key
from pqcore.keys.sealing import Cost
from pqcore.keys.vault import VaultKeyProvider
from pqcore.keys.vault_http import VaultClient
from pqcore.keys.vault_settings import VaultSettings
from pqcore.migrations.base import Scope
from tests.engine.test_scopes import ROWS, Estate
from tests.keys.vault_server import TOKEN, Transit, serving


@pytest.fixture
def transit() -> Transit:
    return Transit(rsa={"orders": [rsa.generate_private_key(65537, 2048)]})


@pytest.fixture
def estate(transit: Transit, tmp_path: Path) -> Iterator[Estate]:
    """Rows whose data keys were wrapped with Vault's public key."""
    db = Database.open(f"sqlite:///{tmp_path / 'vault.db'}")
    with serving(transit) as address:
        settings = VaultSettings(address)
        client = VaultClient(settings, lambda: TOKEN, lambda _: None)
        keyring = FileKeyProvider(tmp_path / "keys" / "keyring.json", lambda: "x", cost=Cost(64, 1))
        keys = CombinedKeyProvider(keyring, VaultKeyProvider(settings, lambda: TOKEN, client))
        made = Estate(db, keys)
        public = Key(keys.info("orders"), public=keys.get("orders").public)
        with db.write() as conn:
            for (tenant, number), data_key in made.data_keys.items():
                value = base64.b64encode(wrap(LegacyWrap.RSA_OAEP_SHA256, data_key, public)).decode()
                table = made.table
                conn.execute(
                    sa.update(table).where(table.c.tenant == tenant, table.c.number == number).values(wrapped=value)
                )
        yield made
    db.close()


def test_an_outage_stops_the_job_and_costs_no_row(estate: Estate, transit: Transit) -> None:
    options = {"format": "RSA-OAEP-SHA256", "old_key": "orders", "new_key": "kem"}
    transit.answers = [(503, b'{"errors": ["Vault is sealed"]}')]
    job = estate.run(Scope.WRAPPERS, "ML-KEM-768+X25519", field="wrapped", options=options, batch={"rows": 10})
    assert job.status is Status.FAILED
    assert "is sealed. Unseal it" in (job.error or "")
    assert estate.jobs.dead_letters(job.id) == []
    estate.jobs.retry(job.id)
    worker = Worker(estate.db, estate.keys, estate.jobs, threads=2)
    try:
        done = worker.run_job(job.id)
    finally:
        worker.stop()
    assert (done.status, done.progress.migrated, done.progress.failed) == (Status.DONE, ROWS, 0)
    for key, row in estate.rows().items():
        opened = open_wrapped_key(row.wrapped, estate.keys.get, estate.context("wrapped", key))
        assert opened == estate.data_keys[key]
