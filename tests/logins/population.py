"""Users who log in and change their passwords in threads of their own, and an account of what they were told.

The application's side of a migration: it knows every user's password, reads and writes the live table, and upgrades a
hash after a login by compare and swap. Nothing here knows the job.
"""

from __future__ import annotations

import base64
import hashlib
import random
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import bcrypt
import sqlalchemy as sa
from passlib import hash as handlers

from pqcore import seeding
from pqcore.actor import Actor
from pqcore.crypto.argon2id import Cost
from pqcore.database import install
from pqcore.database.connect import Database
from pqcore.formats.keyring import KeySource
from pqcore.formats.password import Kind, check_password, classify, hash_password
from pqcore.jobs.repository import JobRepository
from pqcore.migrations.base import Scope
from pqcore.targets import algorithm_id

USERS = sa.Table(
    "users_of_the_application",
    sa.MetaData(),
    sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("password_hash", sa.String(200), nullable=False),
)
# What the application stores after a login, at the least cost: hardness is not what is counted here.
PLAIN = Cost(8, 1)


def _django(name: str) -> Callable[[bytes], str]:
    def make(password: bytes) -> str:
        digest = base64.b64encode(hashlib.pbkdf2_hmac(name, password, b"salt", 100)).decode()
        return f"pbkdf2_{name}$100$salt${digest}"

    return make


OLD: tuple[Callable[[bytes], str], ...] = (
    _django("sha256"),
    _django("sha1"),
    lambda password: bcrypt.hashpw(password, bcrypt.gensalt(4)).decode(),
    lambda password: "sha1$salt$" + hashlib.sha1(b"salt" + password).hexdigest(),
    lambda password: "{SSHA}" + base64.b64encode(hashlib.sha1(password + b"salt").digest() + b"salt").decode(),
    handlers.md5_crypt.hash,
    handlers.sha512_crypt.using(rounds=1000).hash,
    handlers.phpass.using(rounds=7).hash,
    handlers.mysql41.hash,
)


@dataclass
class Account:
    """What happened, by what the column held: logins, and those that came out wrong."""

    right: Counter[Kind] = field(default_factory=Counter)
    wrong: Counter[Kind] = field(default_factory=Counter)
    changes: int = 0
    upgrades: int = 0
    upgrades_lost: int = 0
    refused: list[str] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)

    @property
    def logins(self) -> int:
        return self.right.total() + self.wrong.total()

    def add(self, other: Account) -> None:
        self.right += other.right
        self.wrong += other.wrong
        self.changes += other.changes
        self.upgrades += other.upgrades
        self.upgrades_lost += other.upgrades_lost
        self.refused += other.refused
        self.taken += other.taken


class Population:
    """Users in a live table. ``log_in`` and ``change`` may be called from any number of threads.

    ``upgrades`` is the share of right logins after which a hash is stored anew.
    """

    def __init__(self, db: Database, count: int, keys: KeySource | None = None, upgrades: float = 0.2) -> None:
        self.db = db
        self.keys = keys
        self.count = count
        self.upgrades = upgrades
        self.jobs = JobRepository(db, Actor("tester", "host", None))
        self._versions = [0] * count
        self._locks = [threading.Lock() for _ in range(count)]
        install.apply(db, install.plan(db))
        seeding.fill(db)
        USERS.create(db.engine)
        with db.write() as conn:
            rows = [{"id": user, "password_hash": self._old(user)} for user in range(count)]
            conn.execute(USERS.insert(), rows)

    def job(self, pepper: str | None = None) -> int:
        """A job that wraps all of them."""
        options = {"mode": "password"} | ({"pepper": pepper} if pepper else {})
        document = {"table": USERS.name, "field": "password_hash", "options": options, "batch": {"rows": 8}}
        return self.jobs.create(Scope.HASHES, document, algorithm_id=algorithm_id(self.db, Scope.HASHES, "Argon2id")).id

    def log_in(self, user: int, account: Account, chance: random.Random) -> None:
        """Try the right password, or one of two kinds of wrong ones, and count what comes out wrong."""
        # One user does one thing at a time; the migration is what must not need that.
        with self._locks[user]:
            stored = self._stored(user)
            what = chance.choice(("right", "right", "wrong", "former"))
            typed = self._typed(user, what)
            check = check_password(stored, typed, self.keys, cost=PLAIN)
            kind = classify(stored)
            if what == "right":
                account.right[kind] += 1
                if not check.ok:
                    account.refused.append(f"user {user}, {kind}")
                elif check.rehash and chance.random() < self.upgrades:
                    self._upgrade(user, stored, typed, account)
            else:
                account.wrong[kind] += 1
                if check.ok:
                    account.taken.append(f"user {user}, {kind}, {what}")

    def change(self, user: int, account: Account, *, old: bool) -> None:
        """Set another password, stored as an application stores it that is not updated yet, or one that is."""
        with self._locks[user]:
            self._versions[user] += 1
            new = self._old(user) if old else hash_password(self._password(user), PLAIN)
            with self.db.write() as conn:
                conn.execute(sa.update(USERS).where(USERS.c.id == user).values(password_hash=new))
            account.changes += 1

    def live(self, logins: int, done: Callable[[], bool], seed: int, old: float = 0.0) -> Account:
        """Log in ``logins`` times at the least and until ``done``; about a tenth as many password changes before.

        ``old`` is the share of changes that store the old form, in the first quarter of the logins: then the
        application is updated, as a job asks for that finds the old form sweep after sweep. What is written behind its
        last sweep is left for the next job.
        """
        chance, made = random.Random(seed), Account()
        while made.logins < logins or not done():
            user = chance.randrange(self.count)
            self.log_in(user, made, chance)
            if chance.random() < 0.1 and made.logins < logins:
                self.change(user, made, old=made.logins < logins / 4 and chance.random() < old)
        return made

    def kinds(self) -> Counter[Kind]:
        """What the column holds."""
        with self.db.read() as conn:
            return Counter(classify(stored) for (stored,) in conn.execute(sa.select(USERS.c.password_hash)))

    def _upgrade(self, user: int, stored: str, typed: str, account: Account) -> None:
        column = USERS.c.password_hash
        held = sa.func.binary(column) if self.db.dialect.name == "mysql" else column
        statement = sa.update(USERS).where(USERS.c.id == user, held == stored)
        with self.db.write() as conn:
            done = conn.execute(statement.values(password_hash=hash_password(typed, PLAIN))).rowcount
        account.upgrades += done
        account.upgrades_lost += 1 - done

    def _stored(self, user: int) -> str:
        with self.db.read() as conn:
            stored: str = conn.execute(sa.select(USERS.c.password_hash).where(USERS.c.id == user)).scalar_one()
            return stored

    def _typed(self, user: int, what: str) -> str:
        if what == "right":
            return self._password(user)
        version = self._versions[user] - 1
        return f"{version}-{user}" if what == "former" and version >= 0 else f"{version + 1}-{user + 1}"

    def _password(self, user: int) -> str:
        return f"{self._versions[user]}-{user}"

    def _old(self, user: int) -> str:
        return OLD[(user + self._versions[user]) % len(OLD)](self._password(user).encode())
