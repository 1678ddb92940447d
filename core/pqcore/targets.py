"""What a job migrates to: an algorithm of the catalogue, named by the job or chosen by its policy.

The tables ``crypto_algorithms``, ``encryption_policies`` and ``policy_algorithms`` may be another product's: only
columns that are there are read, and a row whose name the catalogue does not know is no choice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from pqcore.crypto.argon2id import parse_cost
from pqcore.crypto.catalogue import Algorithm, find, migratable_to
from pqcore.database.connect import Database
from pqcore.errors import SchemaError, UsageError
from pqcore.formats.wrapped_key import MAX_LAYERS
from pqcore.migrations.base import Scope
from pqcore.migrations.options import suits
from pqcore.migrations.rules import NO_POLICY, LayerRules

# the role that a policy gives to algorithms for each scope
ROLES: Mapping[Scope, str] = {Scope.WRAPPERS: "kem", Scope.SIGNATURES: "sig", Scope.HASHES: "hash"}


@dataclass(frozen=True, slots=True)
class AlgorithmChoice:
    """A row of ``crypto_algorithms`` that this build can migrate to."""

    id: int
    algorithm: Algorithm

    @property
    def label(self) -> str:
        """``NAME`` or ``NAME/VARIANT``."""
        a = self.algorithm
        return f"{a.name}/{a.variant}" if a.variant else a.name


@dataclass(frozen=True, slots=True)
class PolicyChoice:
    """A row of ``encryption_policies``."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Resolved:
    """A job's target: the algorithm, the policy that chose it (empty where none did), and what that demands."""

    algorithm: Algorithm
    policy: str = ""
    rules: LayerRules = NO_POLICY


def algorithms(db: Database, scope: Scope) -> list[AlgorithmChoice]:
    """What jobs of this scope can name, in the catalogue's order."""
    usable = {(a.name, a.variant): a for a in migratable_to(scope)}
    with db.read() as conn:
        rows = _algorithm_rows(conn)
    found: dict[tuple[str, str], AlgorithmChoice] = {}
    for row_id, label in rows:
        algorithm = _known(label)
        if algorithm is not None and (algorithm.name, algorithm.variant) in usable:
            found.setdefault((algorithm.name, algorithm.variant), AlgorithmChoice(row_id, algorithm))
    return [found[key] for key in usable if key in found]


def known_labels(db: Database) -> frozenset[str]:
    """All algorithms that the database lists, as ``NAME`` or ``NAME/VARIANT``."""
    with db.read() as conn:
        return frozenset(label for _, label in _algorithm_rows(conn))


def policies(db: Database) -> list[PolicyChoice]:
    """All policies by name."""
    with db.read() as conn:
        table = _existing(conn, "encryption_policies")
        name = _first(table, "policy_name", "name")
        if table is None or name is None:
            return []
        rows = conn.execute(sa.select(table.c.id, name).order_by(name)).all()
    return [PolicyChoice(int(row[0]), str(row[1])) for row in rows]


def policy_algorithms(db: Database, policy_id: int) -> dict[str, tuple[str, ...]]:
    """What a policy of the database lists: role -> labels of algorithms that are known here, the first choice first."""
    with db.read() as conn:
        return {
            role: tuple(a.label for label in _policy_labels(conn, policy_id, role) if (a := _known(label)) is not None)
            for role in ("kem", "sig", "hash", "symmetric")
        }


def algorithm_id(db: Database, scope: Scope, name: str) -> int:
    """The id of ``NAME[/VARIANT]`` as a target of this scope.

    Raises:
        UsageError: unknown, or of a class that does not fit the scope.
        SchemaError: the database's catalogue has no such row.
    """
    algorithm = find(name)
    usable = migratable_to(scope)
    if algorithm not in usable:
        names = ", ".join(dict.fromkeys(a.name for a in usable))
        raise UsageError(f"{algorithm.name} cannot be a target of {scope}", f"Use one of {names}")
    for choice in algorithms(db, scope):
        if choice.algorithm == algorithm:
            return choice.id
    raise SchemaError(
        f"The table crypto_algorithms of this database does not list {algorithm.name}",
        "Add the standard algorithms with: pqconsole init --seed",
    )


def policy_id(db: Database, name: str) -> int:
    """The id of a policy. Raises ``UsageError`` where there is none of this name."""
    known = policies(db)
    for policy in known:
        if policy.name == name:
            return policy.id
    names = ", ".join(p.name for p in known)
    raise UsageError(f"There is no policy {name}", f"Use one of {names}" if names else "Run: pqconsole init")


def resolve(
    db: Database, scope: Scope, algorithm_id: int | None, policy_id: int | None, options: Mapping[str, Any]
) -> Resolved:
    """The algorithm a job migrates to: the one it names, which its policy has to allow, else the first of its policy.

    A policy's algorithms are taken by their role for the scope, in the order of ``priority``, the lowest first.

    Raises:
        UsageError: neither is set, nothing of it fits the scope, or the policy does not allow the algorithm.
    """
    with db.read() as conn:
        policy = _policy_name(conn, policy_id) if policy_id is not None else ""
        rules = _layer_rules(conn, policy_id, policy) if policy_id is not None else NO_POLICY
        allowed = _policy_labels(conn, policy_id, ROLES[scope]) if policy_id is not None else []
        if algorithm_id is not None:
            labels = [label for row_id, label in _algorithm_rows(conn) if row_id == algorithm_id]
            where = f"The algorithm {algorithm_id}"
            if policy_id is not None:
                _require_allowed(labels, allowed, policy, ROLES[scope])
        elif policy_id is not None:
            labels = allowed
            where = f"The policy {policy}"
        else:
            raise UsageError(
                "The job names neither an algorithm nor a policy", "Set target_algo_id or target_policy_id"
            )
    for label in labels:
        algorithm = _known(label)
        if algorithm is not None and algorithm in migratable_to(scope) and _suits(algorithm, scope, options):
            return Resolved(algorithm, policy, rules)
    raise UsageError(f"{where} gives nothing that can be a target of these {scope}", "Choose another target")


def _require_allowed(labels: list[str], allowed: list[str], policy: str, role: str) -> None:
    """Refuse an algorithm that the policy does not list for this role, under whatever name either table has it."""
    known = [algorithm for label in allowed if (algorithm := _known(label)) is not None]
    asked = [algorithm for label in labels if (algorithm := _known(label)) is not None]
    if any(_is_as_good(algorithm, listed) for algorithm in asked for listed in known):
        return
    named = labels[0] if labels else "This algorithm"
    if not known:
        raise UsageError(
            f"The policy {policy} allows no algorithm for the role {role}, so {named} fails it", "Name another policy"
        )
    choices = " or ".join(dict.fromkeys(algorithm.label for algorithm in known))
    raise UsageError(
        f"{named} fails the policy {policy}, which allows {choices} for the role {role}",
        "Name one of these, or leave out the policy",
    )


def _is_as_good(algorithm: Algorithm, listed: Algorithm) -> bool:
    """The same, or Argon2id at a cost that is nowhere less."""
    if algorithm == listed:
        return True
    if algorithm.name != listed.name or algorithm.name != "Argon2id":
        return False
    cost, least = parse_cost(algorithm.variant), parse_cost(listed.variant)
    return cost.memory >= least.memory and cost.passes >= least.passes


def _suits(algorithm: Algorithm, scope: Scope, options: Mapping[str, Any]) -> bool:
    return scope is not Scope.HASHES or suits(algorithm.name, options.get("mode"))


def _known(label: str) -> Algorithm | None:
    try:
        return find(label)
    except UsageError:
        return None


def _algorithm_rows(conn: sa.Connection) -> list[tuple[int, str]]:
    table = _existing(conn, "crypto_algorithms")
    name = _first(table, "name", "algorithm")
    if table is None or name is None:
        return []
    return [(int(row[0]), _label(row)) for row in conn.execute(_label_columns(table, name).order_by(table.c.id))]


def _policy_labels(conn: sa.Connection, policy_id: int, role: str) -> list[str]:
    table, members = _existing(conn, "crypto_algorithms"), _existing(conn, "policy_algorithms")
    name = _first(table, "name", "algorithm")
    if table is None or name is None or members is None:
        return []
    statement = _label_columns(table, name).join(members, members.c.algo_id == table.c.id)
    statement = statement.where(members.c.policy_id == policy_id, members.c.role == role)
    order = [members.c.priority] if "priority" in members.c else []
    return [_label(row) for row in conn.execute(statement.order_by(*order, table.c.id))]


def _policy_name(conn: sa.Connection, policy_id: int) -> str:
    table = _existing(conn, "encryption_policies")
    name = _first(table, "policy_name", "name")
    if table is None or name is None:
        return str(policy_id)
    return str(conn.execute(sa.select(name).where(table.c.id == policy_id)).scalar_one_or_none() or policy_id)


def _layer_rules(conn: sa.Connection, policy_id: int, policy: str) -> LayerRules:
    """What the policy demands of wrapped keys; a column that another product's table lacks demands nothing."""
    table = _existing(conn, "encryption_policies")
    bounds = []
    for name, unbound in (("min_layers", 1), ("max_layers", MAX_LAYERS)):
        found = None
        if table is not None and name in table.c:
            found = conn.execute(sa.select(table.c[name]).where(table.c.id == policy_id)).scalar_one_or_none()
        bounds.append(unbound if found is None else int(found))
    known = (_known(label) for label in _policy_labels(conn, policy_id, ROLES[Scope.WRAPPERS]))
    allowed = frozenset(algorithm.label for algorithm in known if algorithm is not None)
    least, most = bounds
    return LayerRules(policy, least, most, allowed or None)


def _label_columns(table: sa.Table, name: sa.ColumnElement[Any]) -> sa.Select[Any]:
    variant = table.c["variant"] if "variant" in table.c else sa.null()
    return sa.select(table.c.id, name, variant)


def _label(row: sa.Row[Any]) -> str:
    _, name, variant = tuple(row)
    return f"{name}/{variant}" if variant else str(name)


def _existing(conn: sa.Connection, name: str) -> sa.Table | None:
    inspector = sa.inspect(conn)
    if not inspector.has_table(name):
        return None
    return sa.Table(name, sa.MetaData(), *[sa.Column(c["name"], c["type"]) for c in inspector.get_columns(name)])


def _first(table: sa.Table | None, *names: str) -> sa.ColumnElement[Any] | None:
    return next((table.c[n] for n in names if table is not None and n in table.c), None)
