"""Filling the algorithm and policy tables with rows that the caller names; this package knows no algorithm."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from pqcore.database.connect import Database
from pqcore.database.ids import next_id, next_id_needed
from pqcore.errors import SchemaError


@dataclass(frozen=True, slots=True)
class AlgorithmRow:
    """A row of ``crypto_algorithms``. ``kind`` goes to its column ``class``: kem, sig, hash or symmetric."""

    kind: str
    name: str
    variant: str = ""
    nist_level: int | None = None
    status: str = "active"
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PolicyUse:
    """A row of ``policy_algorithms``: the algorithm a policy uses for a role; the smallest priority comes first."""

    algorithm: str
    role: str
    variant: str = ""
    weight: int = 1
    priority: int = 0


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """A row of ``encryption_policies`` and its algorithms."""

    policy_name: str
    uses: tuple[PolicyUse, ...]
    mode: str = "local"
    layer_selection: str = "defined"
    min_layers: int = 1
    max_layers: int = 1
    notes: str | None = None


@dataclass(frozen=True, slots=True)
class Seeded:
    """How many rows were added."""

    algorithms: int
    policies: int


def seed(db: Database, algorithms: Iterable[AlgorithmRow], policies: Iterable[PolicyRow] = ()) -> Seeded:
    """Add the algorithms (by name and variant) and policies (by name) that are missing; existing rows stay as they are.

    Only columns that the live tables have are filled. A new policy needs its algorithms to exist or to be given here.

    Raises:
        SchemaError: a table is missing, or a policy names an algorithm that is nowhere.
    """
    with db.translated(), db.write() as conn:
        catalogue = _Rows(conn, "crypto_algorithms")
        known = catalogue.ids_by("name", "variant")
        added = 0
        for row in algorithms:
            identity = (row.name, row.variant)
            if identity in known:
                continue
            known[identity] = catalogue.add(
                {
                    "class": row.kind,
                    "name": row.name,
                    "variant": row.variant,
                    "nist_level": row.nist_level,
                    "status": row.status,
                    "params": dict(row.params),
                }
            )
            added += 1
        return Seeded(added, _seed_policies(conn, list(policies), known))


def _seed_policies(conn: sa.Connection, policies: list[PolicyRow], algorithms: dict[tuple[str, ...], int]) -> int:
    if not policies:
        return 0
    table, uses = _Rows(conn, "encryption_policies"), _Rows(conn, "policy_algorithms")
    known = table.ids_by("policy_name")
    added = 0
    for policy in policies:
        if (policy.policy_name,) in known:
            continue
        policy_id = table.add(
            {
                "policy_name": policy.policy_name,
                "mode": policy.mode,
                "layer_selection": policy.layer_selection,
                "min_layers": policy.min_layers,
                "max_layers": policy.max_layers,
                "notes": policy.notes,
            }
        )
        for use in policy.uses:
            algorithm = algorithms.get((use.algorithm, use.variant))
            if algorithm is None:
                label = f"{use.algorithm}/{use.variant}" if use.variant else use.algorithm
                raise SchemaError(f"Policy {policy.policy_name} names {label}, which is not in crypto_algorithms")
            uses.insert(
                {
                    "policy_id": policy_id,
                    "algo_id": algorithm,
                    "role": use.role,
                    "weight": use.weight,
                    "priority": use.priority,
                }
            )
        added += 1
    return added


class _Rows:
    """A reflected table that may have fewer columns than ours, or others."""

    def __init__(self, conn: sa.Connection, name: str) -> None:
        self._conn = conn
        self._table = sa.Table(name, sa.MetaData(), autoload_with=conn, resolve_fks=False)

    def ids_by(self, *names: str) -> dict[tuple[str, ...], int]:
        """Ids by these columns; a missing column or NULL counts as an empty string."""
        columns = [self._table.c[n] if n in self._table.c else sa.literal("").label(n) for n in names]
        rows = self._conn.execute(sa.select(self._table.c.id, *columns))
        return {tuple(value or "" for value in row[1:]): int(row[0]) for row in rows}

    def add(self, values: Mapping[str, Any]) -> int:
        """Insert a row and return its id."""
        if next_id_needed(self._table, self._conn.dialect.name):
            values = {"id": next_id(self._conn, self._table), **values}
        return self.insert(values)

    def insert(self, values: Mapping[str, Any]) -> int:
        """Insert a row with those of ``values`` whose column exists; returns the generated id, or 0."""
        stored = {name: self._stored(name, value) for name, value in values.items() if name in self._table.c}
        key = self._conn.execute(self._table.insert().values(stored)).inserted_primary_key
        return int(key[0]) if key and "id" in self._table.c else 0

    def _stored(self, name: str, value: Any) -> Any:
        if isinstance(value, dict) and not isinstance(self._table.c[name].type, sa.JSON):
            return json.dumps(value)
        return value
