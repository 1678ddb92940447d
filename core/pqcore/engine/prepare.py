"""From a job's row to what its batches need: selection, target table, algorithm, keys."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from threading import Event
from typing import Any

import sqlalchemy as sa

from pqcore import targets
from pqcore.crypto.catalogue import find
from pqcore.database.clock import now
from pqcore.database.connect import Database
from pqcore.database.install import data_set_id
from pqcore.database.tables import runs
from pqcore.engine.context import JobContext
from pqcore.engine.originals import OriginalsVault
from pqcore.engine.plan import ceiling_of, count_rows
from pqcore.engine.points import Point, reach
from pqcore.engine.throttles.live import LiveLimits
from pqcore.errors import KeyStoreError, UsageError
from pqcore.jobs.claims import JobClaim, LeaseLost
from pqcore.jobs.cursor import decode_key, encode_key
from pqcore.jobs.model import Job, Phase
from pqcore.keys.provider import KeyProvider, KeyState
from pqcore.migrations.build import build, key_option, layer_keys, target_key
from pqcore.migrations.place import require_active
from pqcore.migrations.rules import LayerRules
from pqcore.selection.catalog import Catalog
from pqcore.selection.check import require_fit
from pqcore.selection.compile import predicate
from pqcore.selection.document import parse
from pqcore.selection.kinds import Kind, kind
from pqcore.selection.target import resolve

# phases in which new values are written
WRITING = frozenset({Phase.MIGRATING, Phase.SWEEPING, Phase.REQUEUEING})


def prepare(
    db: Database,
    keys: KeyProvider,
    job: Job,
    stop: Event,
    live: LiveLimits | None = None,
    claim: JobClaim | None = None,
) -> JobContext:
    """Everything the job needs, checked; what is decided at its first start is kept for every later one.

    The first start fixes the algorithm and the version of the new key, so that a job that is paused while a key
    is rotated ends as it began, and counts the selection.

    Args:
        live: the limits that its batches look at; without them nothing holds it back.
        claim: under which it is started; what another one has fixed is used without.

    Raises:
        PQConsoleError: the job cannot run; sentence and remedy go to its ``error``.
        LeaseLost: nobody has claimed it, or this claim is no longer the newest: it decides nothing any more.
    """
    if job.selection is None:
        raise UsageError("The job has no selection", "Cancel it and create one with a selection")
    selection = parse(job.selection, scope=job.scope)
    catalog = Catalog(db)
    target = resolve(catalog, selection)
    where = predicate(selection, target)
    data_set = data_set_id(db)
    fixed = _fixed(db, job.id, claim)
    if fixed is None:
        chosen = targets.resolve(db, job.scope, job.target_algo_id, job.target_policy_id, selection.options)
        new_key = target_key(job.scope, selection.options)
        key_id = _chosen(keys, new_key, key_option(job.scope, selection.options)) if new_key else None
        fixed = {
            "algorithm": f"{chosen.algorithm.name}/{chosen.algorithm.variant}".rstrip("/"),
            "policy": chosen.policy,
            "key_id": key_id,
            "layer_keys": {o: _chosen(keys, name, o) for o, name in layer_keys(job.scope, selection.options).items()},
            "rules": chosen.rules.document,
        }
    elif job.phase in WRITING:
        for written_with in (fixed["key_id"], *fixed.get("layer_keys", {}).values()):
            if written_with:
                _require_still_active(keys, written_with, job.id)
    migration = build(
        job.scope,
        find(fixed["algorithm"]),
        table=target.name,
        field=selection.field,
        options={**selection.options, **fixed.get("layer_keys", {})},
        keys=keys,
        data_set=data_set,
        policy=fixed["policy"],
        target_key_id=fixed["key_id"],
        now=lambda: datetime.now(UTC),
        binary=kind(target.field) is Kind.BYTES,
        rules=LayerRules.of(fixed.get("rules")),
    )
    require_fit(db, catalog, selection, scope=job.scope, keys=keys, target=target, migration=migration)
    context = JobContext(
        db=db,
        job_id=job.id,
        selection=selection,
        target=target,
        where=where,
        migration=migration,
        originals=OriginalsVault.of(keys, data_set, target.name) if selection.keep_originals else None,
        ceiling=decode_key(fixed["ceiling"]) if fixed.get("ceiling") else None,
        live=live or LiveLimits(),
        stop=stop,
    )
    if "total" in fixed:
        return context
    # where another worker has started the job meanwhile, what it has fixed is used
    return _first_start(context, fixed, claim) or prepare(db, keys, job, stop, live, claim)


def _first_start(context: JobContext, fixed: dict[str, Any], claim: JobClaim | None) -> JobContext | None:
    with context.db.read() as conn:
        total = count_rows(conn, context)
        ceiling = ceiling_of(conn, context)
    fixed |= {"total": total, "ceiling": encode_key(ceiling) if ceiling else None}
    reach(Point.BEFORE_FIX)
    with context.db.write() as conn:
        first = conn.execute(
            sa.update(runs)
            .where(runs.c.job_id == context.job_id, runs.c.total.is_(None), *_ours(claim))
            .values(target=fixed, total=total, updated_at=now())
        ).rowcount
    reach(Point.AFTER_FIX)
    return replace(context, ceiling=ceiling) if first else None


def _chosen(keys: KeyProvider, name: str, option: str) -> str:
    """The version of the key that ``options.<option>`` names, which the job writes with to its end."""
    info = keys.info(name)
    require_active(info, option)
    return info.id


def _require_still_active(keys: KeyProvider, key_id: str, job_id: int) -> None:
    """A job that was stopped and taken up again may find the version of its key retired meanwhile."""
    state = keys.info(key_id).state
    if state is not KeyState.ACTIVE:
        raise KeyStoreError(
            f"The job writes with the key {key_id}, which is {state} by now",
            f"Start it over with: pqconsole jobs retry {job_id} --from-scratch",
        )


def _fixed(db: Database, job_id: int, claim: JobClaim | None) -> dict[str, Any] | None:
    with db.read() as conn:
        run = conn.execute(sa.select(runs.c.target).where(runs.c.job_id == job_id, *_ours(claim))).first()
    if run is None:
        raise LeaseLost  # taken over, started over by an operator, or deleted
    return dict(run.target) if run.target else None


def _ours(claim: JobClaim | None) -> list[sa.ColumnElement[bool]]:
    """That the run is still leased under this claim."""
    return [] if claim is None else [runs.c.lease_epoch == claim.epoch, runs.c.lease_owner == claim.owner]
