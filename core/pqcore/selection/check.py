"""Holding a selection against the live database and the keys, before a job is made of it. Nothing is written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from pqcore.crypto.catalogue import Algorithm, find
from pqcore.database.connect import Database
from pqcore.database.load import Measure, read_load
from pqcore.errors import KeyStoreError, PQConsoleError, UsageError
from pqcore.keys.provider import KeyProvider
from pqcore.migrations.base import FailureReason, Migrated, Migration, Scope
from pqcore.migrations.build import build, check_target
from pqcore.migrations.options import columns_named, keys_named, problems
from pqcore.migrations.rules import NO_POLICY, LayerRules
from pqcore.selection import preview, widths
from pqcore.selection.catalog import Catalog
from pqcore.selection.compile import predicate
from pqcore.selection.document import Selection
from pqcore.selection.kinds import Kind, kind
from pqcore.selection.preview import Count, SampleRow
from pqcore.selection.problem import Problem, SelectionError, listed, quoted, sentence
from pqcore.selection.target import Target, column_problem, resolve
from pqcore.selection.trial import Trial, try_rows

COUNT_SECONDS = 3.0  # for each query
TRIAL_SECONDS = 10.0  # for all sampled rows together; Argon2id takes its time
_SAMPLE_SHOWN = 5
# Kinds beside text and bytes whose values have one spelling, as associated data.
_IDENTIFIERS = frozenset({Kind.INTEGER, Kind.UUID})
_UNSAFE_ENGINES = frozenset({"myisam", "aria", "memory", "csv", "archive", "merge", "mrg_myisam"})


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of a check.

    Attributes:
        problems: what stands in the way; a job may be made only where there are none.
        warnings: what an operator should know.
        count: rows that the selection takes; None where it could not be counted.
        sample: the first rows, safe to show.
        trial: sampled rows by outcome.
        keys_only: whether everything in the way is about keys (missing, locked, of the wrong kind).
    """

    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...] = ()
    count: Count | None = None
    sample: tuple[SampleRow, ...] = ()
    trial: Trial = field(default_factory=Trial)
    keys_only: bool = False

    @property
    def ok(self) -> bool:
        return not self.problems

    def raise_for_problems(self) -> None:
        """Raises ``SelectionError`` with all problems; ``KeyStoreError`` where only keys are at fault."""
        if not self.problems:
            return
        error = SelectionError(self.problems)
        raise KeyStoreError(error.message, error.remedy) if self.keys_only else error


def check(
    db: Database,
    catalog: Catalog,
    selection: Selection,
    *,
    scope: Scope,
    algorithm: Algorithm | str,
    keys: KeyProvider,
    data_set: str,
    policy: str = "",
    rules: LayerRules = NO_POLICY,
    sample_rows: int = 20,
) -> Report:
    """Check a selection as a job would use it.

    Args:
        algorithm: the target, or its name.
        data_set: id of the installation.
        policy: policy id that new values would carry.
        rules: what the policy demands of wrapped keys.
        sample_rows: rows to migrate in memory; half from each end of the key.

    Raises:
        DatabaseError: the database cannot answer. Everything else that is wrong is in the report.
    """
    return _Check(db, catalog, selection, scope, keys).run(algorithm, data_set, policy, rules, sample_rows)


def require_fit(
    db: Database,
    catalog: Catalog,
    selection: Selection,
    *,
    scope: Scope,
    keys: KeyProvider,
    target: Target,
    migration: Migration,
) -> None:
    """What a job holds its selection against when it starts: the table may have changed since it was created.

    Reads the live catalogue and no row.

    Raises:
        SelectionError: a column is missing, computed, of the wrong type, or too narrow for the new values.
    """
    _Check(db, catalog, selection, scope, keys).require_fit(target, migration)


class _Check:
    def __init__(self, db: Database, catalog: Catalog, selection: Selection, scope: Scope, keys: KeyProvider) -> None:
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        self._key_problems = 0
        self._db = db
        self._catalog = catalog
        self._selection = selection
        self._scope = scope
        self._keys = keys

    def run(
        self, algorithm: Algorithm | str, data_set: str, policy: str, rules: LayerRules, sample_rows: int
    ) -> Report:
        target = self._target()
        where = self._where(target) if target is not None else None
        selectable = target is not None and not self.problems
        if target is not None:
            self._columns(target)
            self._table(target)
        chosen = self._algorithm(algorithm)
        self._options_and_keys()
        self._throttles()
        migration = None
        if target is not None and chosen is not None and not self.problems:
            migration = self._build(chosen, target, data_set, policy, rules)
        trial = Trial()
        if target is not None and migration is not None:
            self._widths(target, migration)
            trial = self._try(target, where, migration, sample_rows)
        if target is None or not selectable:
            return self._report()
        counted = preview.count(self._db, self._selection, target, timeout=COUNT_SECONDS)
        if counted.rows == 0:
            self._warn("where", "no row matches", "Check the condition; the job would have nothing to do")
        elif counted.rows is None:
            self._warn(
                "where", f"counting took more than {COUNT_SECONDS:g} s", "An index on the condition's columns helps"
            )
        named = columns_named(self._scope, self._selection.options).values()
        shown = [name for name in dict.fromkeys([self._selection.field, *named]) if name in target.table.c]
        rows = preview.sample(self._db, self._selection, target, shown, _SAMPLE_SHOWN, timeout=COUNT_SECONDS)
        return self._report(counted, tuple(rows), trial)

    def require_fit(self, target: Target, migration: Migration) -> None:
        self._columns(target)
        self._table(target)
        if not self.problems:
            self._widths(target, migration)
        if self.problems:
            raise SelectionError(self.problems)

    def _report(
        self, count: Count | None = None, sample: tuple[SampleRow, ...] = (), trial: Trial | None = None
    ) -> Report:
        keys_only = 0 < self._key_problems == len(self.problems)
        return Report(tuple(self.problems), tuple(self.warnings), count, sample, trial or Trial(), keys_only)

    def _problem(self, path: str, message: str, remedy: str) -> None:
        self.problems.append(Problem(path, message, remedy))

    def _key_problem(self, path: str, error: KeyStoreError) -> None:
        self._key_problems += 1
        self._problem(*_placed(path, error), error.remedy)

    def _warn(self, path: str, message: str, remedy: str) -> None:
        self.warnings.append(Problem(path, message, remedy))

    def _target(self) -> Target | None:
        try:
            return resolve(self._catalog, self._selection)
        except SelectionError as error:
            self.problems.extend(error.problems)
            return None

    def _where(self, target: Target) -> sa.ColumnElement[bool] | None:
        try:
            return predicate(self._selection, target)
        except SelectionError as error:
            self.problems.extend(error.problems)
            return None

    def _columns(self, target: Target) -> None:
        infos = {info.name: info for info in self._catalog.columns(self._selection.table, self._selection.schema)}
        self._holds_values(target.field, "field", infos[target.field.name].type)
        if infos[target.field.name].generated:
            remedy = "Migrate the columns that it is computed from"
            self._problem("field", f"{quoted(target.field.name)} is computed by the database", remedy)
        for path, name in columns_named(self._scope, self._selection.options).items():
            if name not in target.table.c:
                self.problems.append(column_problem(target.table, name, path))
                continue
            column = target.table.c[name]
            names_key = path.endswith(".column")
            if column is target.field:
                remedy = (
                    "Name the column that belongs here" if path != "options.signature_field" else "Use mode replace"
                )
                self._problem(path, f"{quoted(name)} is the migrated field itself", remedy)
            elif names_key and kind(column) not in {Kind.TEXT, Kind.INTEGER, Kind.ENUM, Kind.OTHER}:
                self._problem(path, f"{quoted(name)} ({infos[name].type}) holds no names of keys", "Name a text column")
            elif not names_key and not (path == "options.aad_field" and kind(column) in _IDENTIFIERS):
                self._holds_values(column, path, infos[name].type)
            if path == "options.signature_field":
                if column in target.key:
                    self._problem(path, f"{quoted(name)} is part of the key", "Name a column of its own")
                if infos[name].generated:
                    self._problem(path, f"{quoted(name)} is computed by the database", "Name an ordinary column")

    def _holds_values(self, column: sa.Column[Any], path: str, spelled: str) -> None:
        found = kind(column)
        if found is Kind.JSON:
            remedy = "The database rewrites JSON, so its bytes are not those the application wrote; use a text column"
            self._problem(path, f"{quoted(column.name)} is a JSON column", remedy)
        elif found not in {Kind.TEXT, Kind.BYTES} and not (found is Kind.OTHER and self._db.dialect.name == "sqlite"):
            message = f"{quoted(column.name)} ({spelled}) is neither a text nor a binary column"
            self._problem(path, message, "Name a text or binary column")

    def _table(self, target: Target) -> None:
        table, selection = target.table, self._selection
        engine = str(table.dialect_options["mysql"].get("engine") or "") if self._db.dialect.name == "mysql" else ""
        if engine.casefold() in _UNSAFE_ENGINES:
            remedy = f"Convert it with ALTER TABLE {widths.quote(self._db, table.name)} ENGINE=InnoDB"
            self._problem("table", f"{quoted(table.name)} has no transactions (engine {engine})", remedy)
        triggers = self._catalog.triggers(selection.table, selection.schema)
        if triggers:
            remedy = "Make sure that they leave the new values as they are, and can bear the load"
            self._warn("table", f"every update fires the triggers {listed(triggers)}", remedy)
        names = tuple(column.name for column in target.key)
        candidates = self._catalog.candidate_keys(selection.table, selection.schema)
        if not any(candidate == names[: len(candidate)] for candidate in candidates):
            remedy = "Name the columns in the order of an index, or add one"
            self._warn("key", f"no unique index begins with {listed(names)} in this order, so reading is slow", remedy)
        infos = {info.name: info for info in self._catalog.columns(selection.table, selection.schema)}
        loose = [name for name in names if infos[name].nullable]
        if loose:
            remedy = "Declare it NOT NULL"
            self._warn("key", f"{listed(loose)} may be NULL in SQLite, and such a row would never be migrated", remedy)

    def _algorithm(self, algorithm: Algorithm | str) -> Algorithm | None:
        try:
            chosen = find(algorithm) if isinstance(algorithm, str) else algorithm
            check_target(self._scope, chosen)
        except UsageError as error:
            self._problem("algorithm", sentence(error.message), error.remedy)
            return None
        return chosen

    def _options_and_keys(self) -> None:
        options = self._selection.options
        wrong = problems(self._scope, options)
        self.problems.extend(Problem(p.path, sentence(p.message), p.remedy) for p in wrong)
        if wrong:
            return
        for path, name in keys_named(self._scope, options).items():
            try:
                self._keys.info(name)
            except KeyStoreError as error:
                self._key_problem(path, error)

    def _throttles(self) -> None:
        """Say which limits would hold nothing back here, since the server does not tell what they go by."""
        throttle = self._selection.throttle
        limits = {Measure.LAG: throttle.max_replica_lag, Measure.RUNNING: throttle.max_running}
        wanted = [measure for measure, limit in limits.items() if limit is not None]
        for unread in read_load(self._db, wanted).unread if wanted else ():
            path = "throttle.max_replica_lag" if unread.measure is Measure.LAG else "throttle.max_running"
            self._warn(path, f"holds nothing back: {sentence(unread.message)}", unread.remedy)

    def _build(
        self, algorithm: Algorithm, target: Target, data_set: str, policy: str, rules: LayerRules
    ) -> Migration | None:
        selection = self._selection
        try:
            return build(
                self._scope,
                algorithm,
                table=target.name,
                field=selection.field,
                options=selection.options,
                keys=self._keys,
                data_set=data_set,
                policy=policy,
                rules=rules,
            )
        except KeyStoreError as error:
            self._key_problem("options", error)
        except UsageError as error:
            self._problem(*_placed("options", error), error.remedy)
        return None

    def _widths(self, target: Target, migration: Migration) -> None:
        for name in migration.writes:
            path = _path_of(target, self._scope, self._selection, name)
            problem = widths.too_narrow(self._db, target, name, migration.max_width(name), path)
            if problem is not None:
                self.problems.append(problem)

    def _try(self, target: Target, where: sa.ColumnElement[bool] | None, migration: Migration, rows: int) -> Trial:
        trial = try_rows(self._db, target, where, migration, rows, read_seconds=COUNT_SECONDS, seconds=TRIAL_SECONDS)
        for outcome in trial.values:
            self._fits(target, outcome)
        if trial.failure is not None:
            self._report_failures(trial, *trial.failure)
        elif trial.rows and trial.skipped == trial.rows:
            message = f"none of the {trial.rows} sampled rows needs work: {listed(reason for reason, _ in trial.skips)}"
            self._warn("where", message, "Check that the selection names the rows you mean")
        elif not trial.rows and not trial.complete:
            message = f"finding rows to try took more than {COUNT_SECONDS:g} s, so none was tried"
            self._warn("where", message, "An index on the condition's columns helps")
        return trial

    def _report_failures(self, trial: Trial, reason: FailureReason, why: str) -> None:
        if trial.failed == trial.rows:
            none = f"none of {trial.rows} sampled rows" if trial.rows > 1 else "not one row"
            self._problem("field", f"{none} can be migrated; {why}", _REMEDIES[reason])
        else:
            remedy = "Such rows become dead letters; max_failures bounds how many"
            self._warn("field", f"{trial.failed} of {trial.rows} sampled rows cannot be migrated; {why}", remedy)

    def _fits(self, target: Target, outcome: Migrated) -> None:
        for name, value in outcome.values.items():
            path = _path_of(target, self._scope, self._selection, name)
            problem = widths.misfit(self._db, target.table.c[name], value, path)
            if problem is not None and problem not in self.problems:
                self.problems.append(problem)


_REMEDIES: dict[FailureReason, str] = {
    FailureReason.UNPARSEABLE: 'Check "format" and "encoding" in options, or select fewer rows with "where"',
    FailureReason.UNVERIFIABLE: "Check the old key, the format and the columns named in options",
    FailureReason.KEY_MISSING: "Import the key with `pqconsole keys import`",
    FailureReason.TOO_WIDE: "Widen the column",
    FailureReason.UNPROVED: "Check the new key; if it is right, report this",
    FailureReason.VERIFY_FAILED: "Find out what changed the value, or roll the job back",
    FailureReason.REJECTED: "Look at the constraints and triggers of the table",
}


def _placed(path: str, error: PQConsoleError) -> tuple[str, str]:
    """Path and message of an error whose message may begin with its place (``options.x: ...``)."""
    place, separator, message = error.message.partition(": ")
    if separator and place.startswith("options.") and " " not in place:
        return place, sentence(message)
    return path, sentence(error.message)


def _path_of(target: Target, scope: Scope, selection: Selection, column: str) -> str:
    if column == target.field.name:
        return "field"
    named = columns_named(scope, selection.options)
    return next((path for path, name in named.items() if name == column), "options")
