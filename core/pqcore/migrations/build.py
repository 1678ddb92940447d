"""From a job's scope, algorithm and options to the migration that converts its rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from pqcore.crypto.catalogue import CLASS_OF_SCOPE, Algorithm, migratable_to
from pqcore.errors import UsageError
from pqcore.keys.provider import KeyProvider
from pqcore.migrations.base import Migration, Scope
from pqcore.migrations.hashes import build_hashes
from pqcore.migrations.options import INDEX_MODES, for_column
from pqcore.migrations.place import Place
from pqcore.migrations.rules import NO_POLICY, LayerRules
from pqcore.migrations.signatures import build_signatures
from pqcore.migrations.wrappers import LAYER_OPTIONS, build_wrappers


def utc_now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)


def build(
    scope: Scope,
    algorithm: Algorithm,
    *,
    table: str,
    field: str,
    options: Mapping[str, Any],
    keys: KeyProvider,
    data_set: str,
    policy: str = "",
    target_key_id: str | None = None,
    now: Callable[[], datetime] = utc_now,
    binary: bool | None = None,
    rules: LayerRules = NO_POLICY,
) -> Migration:
    """The migration of one job.

    Args:
        scope: what is migrated.
        algorithm: the target, an entry of the catalogue.
        table: ``table`` or ``schema.table``, as the selection names it.
        field: the column that holds the old values.
        options: the selection's options of this scope.
        keys: where old and new keys are.
        data_set: id of the installation; part of what new values are bound to.
        policy: policy id stored with wrapped keys, may be empty.
        target_key_id: ``name:version`` fixed at the job's first start; None takes the newest version of
            ``options.new_key`` (``options.pepper`` for password hashes).
        now: the time written into signatures.
        binary: whether the field's column is of a binary type, which decides ``options.encoding`` where it is absent;
            None where it is not known.
        rules: what the job's policy demands of wrapped keys.

    Raises:
        UsageError: an option or the algorithm cannot be used; the sentence names ``options.x``.
        KeyStoreError: a key is missing, locked or of the wrong kind.
    """
    check_target(scope, algorithm)
    place = Place(data_set, table, field, policy)
    if binary is not None:
        options = for_column(scope, options, binary=binary)
    match scope:
        case Scope.WRAPPERS:
            return build_wrappers(algorithm, place, options, keys, target_key_id, rules)
        case Scope.SIGNATURES:
            return build_signatures(algorithm, place, options, keys, target_key_id, now)
        case Scope.HASHES:
            return build_hashes(algorithm, place, options, keys, target_key_id)


def check_target(scope: Scope, algorithm: Algorithm) -> None:
    """Raises UsageError where rows of ``scope`` cannot be migrated to ``algorithm``."""
    targets = migratable_to(scope)
    if algorithm in targets:
        return
    firsts = {target.name: target.label for target in reversed(targets)}
    remedy = f"Choose {' or '.join(reversed(firsts.values()))}"
    wanted = CLASS_OF_SCOPE[scope]
    if algorithm.klass is not wanted:
        raise UsageError(
            f"The scope {scope} needs an algorithm of class {wanted}, {algorithm.label} is of class {algorithm.klass}",
            remedy,
        )
    raise UsageError(f"This build cannot write {algorithm.label}", remedy)


def target_key(scope: Scope, options: Mapping[str, Any]) -> str | None:
    """The option's value that names the key new values are written with; None where no key is used."""
    name = options.get(key_option(scope, options))
    return name if isinstance(name, str) and name else None


def key_option(scope: Scope, options: Mapping[str, Any]) -> str:
    """The option that names the key new values are written with."""
    return "pepper" if scope is Scope.HASHES and options.get("mode") not in INDEX_MODES else "new_key"


def layer_keys(scope: Scope, options: Mapping[str, Any]) -> dict[str, str]:
    """The options that name keys of further layers of wrapped keys, with their values."""
    if scope is not Scope.WRAPPERS:
        return {}
    return {name: str(options[name]) for name in LAYER_OPTIONS if options.get(name)}
