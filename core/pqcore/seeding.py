"""The rows that ``init`` puts into the algorithm and policy tables: the catalogue and the policies, as data."""

from __future__ import annotations

from pqcore.crypto.catalogue import CATALOGUE, find
from pqcore.database.connect import Database
from pqcore.database.install import Step
from pqcore.database.seed import AlgorithmRow, PolicyRow, PolicyUse, seed
from pqcore.policies import POLICIES, Policy
from pqcore.targets import known_labels, policies


def algorithm_rows() -> list[AlgorithmRow]:
    """The catalogue as rows of ``crypto_algorithms``; sizes (bytes) and the standard go to ``params``."""
    return [
        AlgorithmRow(
            kind=a.klass.value,
            name=a.name,
            variant=a.variant,
            nist_level=a.nist_level,
            status=a.status.value,
            params={"standard": a.standard, **a.sizes},
        )
        for a in CATALOGUE
    ]


def policy_rows() -> list[PolicyRow]:
    """The policies as rows; the priority counts the algorithms of a role from 1."""
    return [
        PolicyRow(
            policy_name=p.name,
            notes=p.notes,
            uses=_uses(p),
            min_layers=p.min_layers,
            max_layers=p.max_layers,
        )
        for p in POLICIES
    ]


def _uses(policy: Policy) -> tuple[PolicyUse, ...]:
    return tuple(
        PolicyUse(algorithm=find(label).name, variant=find(label).variant, role=role, priority=place)
        for role, labels in policy.algorithms.items()
        for place, label in enumerate(labels, start=1)
    )


def missing(db: Database) -> list[Step]:
    """What ``fill`` would add, as steps to show; empty where nothing is missing."""
    labels, names = known_labels(db), {p.name for p in policies(db)}
    algorithms = [a.label for a in CATALOGUE if a.label not in labels]
    added = [p.name for p in POLICIES if p.name not in names]
    steps = []
    if algorithms:
        why = f"{len(algorithms)} algorithms of the standards are not listed"
        steps.append(Step("rows of crypto_algorithms", f"-- adds rows: {', '.join(algorithms)}", why))
    if added:
        why = f"{len(added)} policies are not listed"
        steps.append(Step("rows of encryption_policies", f"-- adds rows: {', '.join(added)}", why))
    return steps


def fill(db: Database) -> list[Step]:
    """Add the algorithms and policies that are missing; rows that are there stay as they are."""
    steps = missing(db)
    if steps:
        seed(db, algorithm_rows(), policy_rows())
    return steps
