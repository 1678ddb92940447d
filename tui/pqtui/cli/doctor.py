"""``pqconsole doctor``: what is installed, reachable and allowed. Changes nothing."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version

import sqlalchemy as sa
from cryptography.hazmat.backends.openssl import backend as openssl

from pqcore import actor
from pqcore.crypto import agreement, liboqs
from pqcore.crypto import keys as material
from pqcore.database import install
from pqcore.database.clock import now as database_now
from pqcore.database.rights import missing_rights
from pqcore.errors import ExitCode, PQConsoleError
from pqcore.keys.opening import vault_keys
from pqcore.settings import Settings
from pqcore.text import clean
from pqcore.workspace import Workspace
from pqtui.cli.flags import keyring, settings_of
from pqtui.cli.output import print_json, print_table
from pqtui.cli.session import opened, require_file

_LIBRARIES = ("cryptography", "argon2-cffi", "bcrypt", "SQLAlchemy", "textual", "rich", "platformdirs")
_DRIVERS = (("psycopg", "postgres", "PostgreSQL"), ("PyMySQL", "mysql", "MySQL and MariaDB"))
_SHOWN_SETTINGS = ("profile", "keyring", "read_only", "operator", "threads", "data_dir", "config_file")
_LARGEST_CLOCK_DIFFERENCE = 5.0  # seconds; schedules go by the database's clock, the screen by this host's


class State(StrEnum):
    """How a check came out."""

    OK = "ok"
    NOTE = "note"  # nothing is wrong, and something is to be known
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the report; ``code`` is the exit code where it failed."""

    name: str
    state: State
    detail: str
    code: ExitCode = ExitCode.OK


def doctor(args: argparse.Namespace) -> int:
    checks = list(_installed())
    checks += _guarded("algorithms", _algorithms)
    checks += _guarded("liboqs", _liboqs)
    checks += _guarded("settings", lambda: _configured(settings_of(args)))
    if checks[-1].state is not State.FAILED:
        settings = settings_of(args)
        checks += _guarded("keyring", lambda: _keys(settings))
        checks += _guarded("vault", lambda: _vault(settings))
        checks += _guarded("database", lambda: _database(settings))
    checks += _guarded("terminal", _terminal)
    if args.json:
        print_json([{"name": check.name, "state": check.state, "detail": check.detail} for check in checks])
    else:
        print_table(("CHECK", "STATE", "DETAIL"), ((check.name, check.state, check.detail) for check in checks))
    return next((check.code for check in checks if check.state is State.FAILED), ExitCode.OK)


def _guarded(name: str, checks: Callable[[], Iterator[Check]]) -> list[Check]:
    """The checks made until one cannot be made at all, and then why."""
    made: list[Check] = []
    try:
        made.extend(checks())
    except PQConsoleError as error:
        made.append(Check(name, State.FAILED, clean(str(error)), error.exit_code))
    return made


def _installed() -> Iterator[Check]:
    own = _version("pqconsole") or "run from its sources"
    yield Check("pqconsole", State.OK, f"{own}, Python {platform.python_version()} on {platform.system()}")
    found = ", ".join(f"{name} {_version(name) or 'missing'}" for name in _LIBRARIES)
    yield Check("libraries", State.OK, f"{found}, {openssl.openssl_version_text()}")
    for package, extra, served in _DRIVERS:
        installed = _version(package)
        if installed:
            yield Check("driver", State.OK, f"{package} {installed} for {served}")
        else:
            detail = f"{package} for {served} is not installed; pip install 'pqconsole[{extra}]' adds it"
            yield Check("driver", State.NOTE, detail)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _algorithms() -> Iterator[Check]:
    """Make a key of each post-quantum kind: OpenSSL may have been built without them."""
    made = []
    for name in ("ML-KEM-768+X25519", "ML-KEM-1024+P-384", "ML-KEM-768", "ML-KEM-1024", "ML-DSA-65", "ML-DSA-87"):
        material.generate(name)
        made.append(name)
    yield Check("algorithms", State.OK, f"{', '.join(made)} work here")


def _liboqs() -> Iterator[Check]:
    """What liboqs adds, and whether it and ``cryptography`` understand each other."""
    found = liboqs.status()
    if not found.version:
        detail = f"not available: {found.reason}; SLH-DSA and Falcon need it"
        yield Check("liboqs", State.NOTE, clean(detail))
        return
    added = [family for family in ("SLH-DSA", "Falcon") if any(name.startswith(family) for name in found.algorithms)]
    agree, differ = agreement.compare()
    if differ:
        detail = f"liboqs {found.version} and cryptography do not agree on {', '.join(differ)}: use neither, report it"
        yield Check("liboqs", State.FAILED, clean(detail), ExitCode.FAILED)
        return
    detail = f"liboqs {found.version} adds {', '.join(added) or 'nothing'}"
    yield Check("liboqs", State.OK, f"{detail}; agrees with cryptography on {', '.join(agree) or 'nothing in common'}")


def _configured(settings: Settings) -> Iterator[Check]:
    yield Check("settings", State.OK, f"url {settings.shown_url} ({settings.origins['url'].value})")
    for name in _SHOWN_SETTINGS:
        value = getattr(settings, name)
        if value is not None:
            yield Check("settings", State.OK, f"{name} {value} ({settings.origins[name].value})")
    who = actor.current()
    via = f" from {who.ssh_client}" if who.ssh_client else ""
    yield Check("actor", State.OK, f"{who.user}@{who.host}{via}")


def _keys(settings: Settings) -> Iterator[Check]:
    infos = keyring(settings).list()
    if not infos:
        yield Check("keyring", State.NOTE, f"{settings.keyring} holds no key; make one with: pqconsole keys generate")
        return
    names = {info.name for info in infos}
    yield Check(
        "keyring", State.OK, f"{settings.keyring}, {len(names)} keys, {len(infos)} versions; private to this user"
    )


def _vault(settings: Settings) -> Iterator[Check]:
    if settings.vault is not None:
        infos = vault_keys(settings.vault).list()
        yield Check("vault", State.OK, f"{settings.vault.address}, {len(infos)} versions of keys can be used")


def _database(settings: Settings) -> Iterator[Check]:
    require_file(settings)
    with opened(settings, require_schema=False) as workspace:
        yield _reached(workspace)
        yield from _schema(workspace)


def _reached(workspace: Workspace) -> Check:
    with workspace.db.read() as conn:
        moment: datetime = conn.execute(sa.select(database_now())).scalar_one()
        info = conn.dialect.server_version_info or ()
    server = ".".join(str(part) for part in info)
    off = abs((datetime.now(UTC) - moment).total_seconds())
    detail = f"{workspace.db.label} answers, version {server}, clock {off:.1f} s from this host's"
    return Check("database", State.OK if off <= _LARGEST_CLOCK_DIFFERENCE else State.NOTE, clean(detail))


def _schema(workspace: Workspace) -> Iterator[Check]:
    problems = install.check(workspace.db)
    for problem in problems:
        yield Check("tables", State.FAILED, clean(problem), ExitCode.DATABASE)
    if problems:
        return
    yield Check("tables", State.OK, "the job table, both views and the companion tables are there")
    for note in install.notes(workspace.db):
        yield Check("tables", State.NOTE, clean(note))
    yield _rights(workspace)
    alive = [worker for worker in workspace.jobs.workers() if worker.alive]
    yield Check("workers", State.OK, f"{len(alive)} at work")


def _rights(workspace: Workspace) -> Check:
    if workspace.read_only:
        return Check("rights", State.NOTE, "not tried in a read-only session")
    lacking = missing_rights(workspace.db)
    if lacking:
        detail = f"missing: {', '.join(lacking)}; docs/DATABASES.md lists what daily work needs"
        return Check("rights", State.FAILED, detail, ExitCode.DATABASE)
    return Check("rights", State.OK, "this session may write the job table and the companion tables")


def _terminal() -> Iterator[Check]:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        yield Check("terminal", State.NOTE, "none; the console needs one, the other commands do not")
        return
    size = shutil.get_terminal_size()
    colour = "off (NO_COLOR)" if os.environ.get("NO_COLOR") else os.environ.get("COLORTERM", "as TERM says")
    detail = f"{clean(os.environ.get('TERM', 'unknown'))}, {size.columns}x{size.lines}, colour {clean(colour)}"
    yield Check("terminal", State.OK, f"{detail}, {sys.stdout.encoding}")
