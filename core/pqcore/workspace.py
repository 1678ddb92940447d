"""One opened profile: a database, its jobs, the keys and who acts. What console and command line hold."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any

from pqcore import actor as actors
from pqcore.actor import Actor
from pqcore.environment import withhold
from pqcore.errors import UsageError
from pqcore.keys.sources import database_password
from pqcore.migrations.base import Scope
from pqcore.settings import Settings, holds_password

# The database, the engine, the cryptography and the selection document are loaded by what first needs them: a console
# shows its first lines without any of them.
if TYPE_CHECKING:
    from pqcore import targets
    from pqcore.database.connect import Database
    from pqcore.database.install import Step
    from pqcore.engine.executors import Opening
    from pqcore.engine.worker import Worker
    from pqcore.inspection.inspector import Inspector
    from pqcore.inspection.rating import Level
    from pqcore.jobs.model import Job
    from pqcore.jobs.records import JobRecords
    from pqcore.jobs.repository import JobRepository
    from pqcore.keys.provider import KeyProvider
    from pqcore.selection.catalog import Catalog
    from pqcore.selection.check import Report

_ALGORITHMS = "crypto_algorithms"


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job to create: ``algorithm`` (``NAME[/VARIANT]``) names its target, else ``policy`` does; with both, the policy
    has to allow the algorithm."""

    scope: Scope
    selection: Mapping[str, Any] | str
    algorithm: str | None = None
    policy: str | None = None
    scheduled_at: datetime | None = None


class Workspace:
    """An opened profile. Thread-safe; every method may block on the database.

    ``password`` is that of the database, for the processes of a worker.
    """

    def __init__(
        self,
        settings: Settings,
        db: Database | None,
        keys: KeyProvider | None,
        actor: Actor,
        password: str | None = None,
        opens_keys: Callable[[], KeyProvider] | None = None,
    ) -> None:
        """Where ``db`` is None, it is opened when first needed; where ``keys`` is, ``opens_keys`` is called then."""
        self._password = password
        self._db = db
        self._jobs: JobRepository | None = None
        self._records: JobRecords | None = None
        self._opening_db = Lock()
        self._existing = True
        self._keys = keys
        self._opens_keys = opens_keys
        self._opening_keys = Lock()
        self.settings = settings
        self.actor = actor

    def __reduce__(self) -> tuple[Any, ...]:
        """For a process of ours that reads jobs: with nothing opened, and without keys."""
        return Workspace, (self.settings, None, None, self.actor, self._password)

    @classmethod
    def prepared(cls, settings: Settings, *, prompt: Callable[[str], str] | None = None) -> Workspace:
        """A profile with everything that may ask the operator something answered, but nothing opened.

        Args:
            prompt: asks the operator for a passphrase, once a key is needed, where the settings name no other way.

        Raises:
            ConfigurationError: there is no way to get the database's password.
        """
        withhold()

        def keys() -> KeyProvider:
            from pqcore.keys.opening import open_keys

            return open_keys(settings, prompt)

        return cls(settings, None, None, actors.current(), database_password(settings), keys)

    @classmethod
    def open(
        cls, settings: Settings, *, prompt: Callable[[str], str] | None = None, require_schema: bool = True
    ) -> Workspace:
        """Open a profile. No passphrase is asked for until a key is needed.

        Args:
            prompt: asks the operator for a passphrase where the settings name no other way.
            require_schema: whether to connect at once and insist on the tables and views.

        Raises:
            DatabaseError: the database cannot be reached, or its schema is missing.
        """
        workspace = cls.prepared(settings, prompt=prompt)
        workspace._existing = require_schema  # else whoever asks may make the file
        try:
            if require_schema:
                workspace.require_schema()
            else:
                workspace._open()
        except BaseException:
            workspace.close()
            raise
        return workspace

    def require_schema(self) -> None:
        """Connect, and insist on the tables and views.

        Raises:
            DatabaseError: the database cannot be reached, or its schema is missing.
        """
        from pqcore.database import install

        install.require(self.db)

    @property
    def db(self) -> Database:
        """The database."""
        return self._open()[0]

    @property
    def jobs(self) -> JobRepository:
        """The jobs."""
        return self._open()[1]

    @property
    def records(self) -> JobRecords:
        """What is kept of each job."""
        return self._open()[2]

    def _open(self) -> tuple[Database, JobRepository, JobRecords]:
        # also so that one thread alone loads what all of them need
        with self._opening_db:
            if self._db is None:
                self._db = _open_database(self.settings, self._password, existing=self._existing)
            if self._jobs is None or self._records is None:
                from pqcore.jobs.records import JobRecords
                from pqcore.jobs.repository import JobRepository

                self._jobs, self._records = JobRepository(self._db, self.actor), JobRecords(self._db)
            return self._db, self._jobs, self._records

    @property
    def keys(self) -> KeyProvider:
        """Where the keys are."""
        with self._opening_keys:
            if self._keys is None:
                assert self._opens_keys is not None
                self._keys = self._opens_keys()
            return self._keys

    @property
    def read_only(self) -> bool:
        """Whether every write is refused."""
        return self.settings.read_only if self._db is None else self._db.read_only

    def close(self) -> None:
        """Close the database's connections."""
        with self._opening_db:
            if self._db is not None:
                self._db.close()

    def install_plan(self, *, seed: bool = False) -> list[Step]:
        """What ``install`` would do, in order; empty where everything is there."""
        from pqcore import seeding
        from pqcore.database import install as installer

        steps = installer.plan(self.db)
        return [*steps, *(seeding.missing(self.db) if seed or self._fills_itself(steps) else [])]

    def install(self, *, seed: bool = False) -> list[Step]:
        """Make the tables and views that are missing and list the algorithms and policies; returns what was done.

        Args:
            seed: also add missing rows to algorithm and policy tables that another product made.

        Raises:
            SchemaError: what exists cannot be used.
            DatabaseError: a right is missing.
        """
        from pqcore import seeding
        from pqcore.database import install as installer

        done = installer.apply(self.db, installer.plan(self.db))
        return [*done, *(seeding.fill(self.db) if seed or self._fills_itself([]) else [])]

    def _fills_itself(self, planned: list[Step]) -> bool:
        """Whether the algorithm table is pqconsole's own, or about to be."""
        from pqcore.database import install as installer

        return any(s.name == f"table {_ALGORITHMS}" for s in planned) or _ALGORITHMS in installer.made_tables(self.db)

    def catalog(self) -> Catalog:
        """What the live database holds: tables, columns, keys."""
        from pqcore.selection.catalog import Catalog

        return Catalog(self.db)

    def algorithms(self, scope: Scope) -> list[targets.AlgorithmChoice]:
        """What jobs of this scope can name as their target."""
        from pqcore import targets

        return targets.algorithms(self.db, scope)

    def policies(self) -> list[targets.PolicyChoice]:
        """The policies that jobs can name as their target."""
        from pqcore import targets

        return targets.policies(self.db)

    def level(self, policy: str | None = None) -> Level:
        """What a policy asks of stored values: one of this program's, or one that the database lists.

        Raises:
            UsageError: there is no policy of this name.
        """
        from pqcore import targets
        from pqcore.inspection.rating import DEFAULT_POLICY, level_of, level_of_algorithms
        from pqcore.policies import POLICIES

        name = policy or DEFAULT_POLICY
        for known in POLICIES:
            if known.name == name:
                return level_of(known)
        return level_of_algorithms(name, targets.policy_algorithms(self.db, targets.policy_id(self.db, name)))

    def inspector(self, level: Level, *, stop: Callable[[], bool] = lambda: False) -> Inspector:
        """What reads columns and says what is in them; ``stop`` is asked between two reads."""
        from pqcore.inspection.inspector import Inspector

        return Inspector(self.db, self.catalog(), level, stop=stop)

    def preflight(
        self,
        scope: Scope,
        selection: Mapping[str, Any] | str,
        *,
        algorithm: str | None = None,
        policy: str | None = None,
    ) -> Report:
        """Hold a selection and a target against the live database and the keys.

        Raises:
            SelectionError: the document cannot be read.
            UsageError: the target is unknown or does not fit the scope.
        """
        from pqcore import targets
        from pqcore.crypto.catalogue import find
        from pqcore.database.install import data_set_id
        from pqcore.selection.check import check
        from pqcore.selection.document import parse

        parsed = parse(selection, scope=scope)
        algorithm_id, policy_id = self._target_ids(scope, algorithm, policy)
        target = targets.resolve(self.db, scope, algorithm_id, policy_id, parsed.options)
        return check(
            self.db,
            self.catalog(),
            parsed,
            scope=scope,
            algorithm=find(algorithm) if algorithm else target.algorithm,
            keys=self.keys,
            data_set=data_set_id(self.db),
            policy=target.policy,
            rules=target.rules,
        )

    def unlock(self) -> None:
        """Ask for the passphrase now, where there is a keyring: a worker that claims jobs must be able to run them.

        Raises:
            KeyStoreError: the passphrase is wrong, there is no way to ask for it, or the keyring is unsafe.
        """
        self.keys.unlock()

    def create_job(self, new: NewJob, checked: Report | None = None) -> Job:
        """Check everything, then insert the job.

        Args:
            checked: the report of a preflight of this very job, which is then not made again.

        Raises:
            SelectionError: the selection has problems; each names place and remedy.
            UsageError, SchemaError, KeyStoreError: the target or the keys cannot be used.
        """
        from pqcore.selection.document import parse, to_document

        report = checked or self.preflight(new.scope, new.selection, algorithm=new.algorithm, policy=new.policy)
        report.raise_for_problems()
        algorithm_id, policy_id = self._target_ids(new.scope, new.algorithm, new.policy)
        return self.jobs.create(
            new.scope,
            to_document(parse(new.selection, scope=new.scope)),
            algorithm_id=algorithm_id,
            policy_id=policy_id,
            scheduled_at=new.scheduled_at,
            created_by=self._operator(),
        )

    def worker(self, *, threads: int | None = None, kind: str = "work") -> Worker:
        """A worker on this database; it does nothing until it is started or given a job."""
        from pqcore.engine.worker import Worker

        return Worker(
            self.db,
            self.keys,
            self.jobs,
            threads=threads or self.settings.threads,
            kind=kind,
            opening=self._opening,
        )

    def _opening(self) -> Opening | None:
        """What processes of a worker are given through their pipe; None where the keys stay in this process."""
        from pqcore.engine.executors import Opening

        keys = self.keys.handover()
        if keys is None:
            return None
        # before any process is started
        withhold(*(["PQCONSOLE_URL"] if holds_password(os.environ.get("PQCONSOLE_URL")) else []))
        return Opening(partial(_open_database, self.settings, self._password, existing=True), keys)

    def _target_ids(self, scope: Scope, algorithm: str | None, policy: str | None) -> tuple[int | None, int | None]:
        from pqcore import targets

        if algorithm is None and policy is None:
            raise UsageError("A job needs an algorithm or a policy", "Give --algorithm, --policy or both")
        return (
            None if algorithm is None else targets.algorithm_id(self.db, scope, algorithm),
            None if policy is None else targets.policy_id(self.db, policy),
        )

    def _operator(self) -> int | None:
        """The profile's ``users.id``, which has to exist."""
        operator = self.settings.operator
        if operator is None:
            return None
        import sqlalchemy as sa

        users = sa.table("users", sa.column("id"))
        with self.db.read() as conn:
            if conn.execute(sa.select(users.c.id).where(users.c.id == operator)).first() is None:
                raise UsageError(f"There is no user {operator} in the table users", "Give another id with --as")
        return operator


def _open_database(settings: Settings, password: str | None, *, existing: bool) -> Database:
    from pqcore.database.connect import Database

    return Database.open(
        settings.url,
        password=password,
        read_only=settings.read_only,
        connect_args=settings.connect_args,
        existing=existing,
    )
