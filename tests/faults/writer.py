"""The application: a process that goes on changing, adding and deleting rows while they are migrated."""

from __future__ import annotations

import os
import random
import traceback
from dataclasses import dataclass
from multiprocessing.connection import Connection
from threading import Event
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from pqcore.database.connect import Database
from pqcore.errors import DatabaseUnavailable
from tests.engine.items import sha1, sha512
from tests.faults.estate import TABLES, WRITES, Place, wrap


@dataclass(frozen=True)
class Habits:
    """How the application behaves.

    Attributes:
        kek: under which it wraps data keys.
        avoid: keys by table that it leaves alone.
        most: writes after which it stops by itself.
        pause: seconds between two writes, at most.
    """

    place: Place
    kek: bytes
    avoid: dict[str, frozenset[int]]
    seed: int
    most: int
    pause: float = 0.004


def write(line: Connection, habits: Habits) -> None:
    """Write until told to leave or all is written; says ``wrote`` with the numbers of the writes that it knows of."""
    try:
        application = _Application(habits)
        line.send(("ready",))
        while len(application.acknowledged) < habits.most and not line.poll(habits.pause):
            application.write_once()
        line.send(("wrote", application.acknowledged))
        line.recv()
    except EOFError:
        os._exit(1)
    except BaseException:
        line.send(("crashed", traceback.format_exc()))


class _Application:
    def __init__(self, habits: Habits) -> None:
        self._habits = habits
        self._random = random.Random(habits.seed)
        self._db: Database = habits.place.database()
        self.acknowledged: list[int] = []
        with self._db.read() as conn:
            self._seq = int(conn.execute(sa.select(sa.func.max(WRITES.c.seq))).scalar_one() or 0)
            self._keys = {
                name: list(conn.execute(sa.select(table.c.id).order_by(table.c.id)).scalars())
                for name, table in TABLES.items()
            }
        for name, avoided in habits.avoid.items():
            self._keys[name] = [key for key in self._keys[name] if key not in avoided]

    def write_once(self) -> None:
        """One write, tried until it is known to be done."""
        self._seq += 1
        statement, entry = self._chosen()
        pause = 0.01
        while not self._done(statement, entry):
            # away for now, or another transaction was in the way
            Event().wait(pause)
            pause = min(0.2, pause * 2)
        self.acknowledged.append(self._seq)

    def _chosen(self) -> tuple[sa.UpdateBase, dict[str, Any]]:
        name = "vault" if self._keys["vault"] and self._random.random() < 0.25 else "items"
        table, keys = TABLES[name], self._keys[name]
        draw = self._random.random()
        if draw < 0.1 and len(keys) > 10:
            key = keys.pop(self._random.randrange(len(keys)))
            return sa.delete(table).where(table.c.id == key), self._entry(name, key, None, old_form=False)
        new_form = name == "items" and draw > 0.9
        content = os.urandom(32).hex()
        row = {"version": self._seq, **self._row(name, content, new_form=new_form)}
        if draw < 0.3:
            # between the first rows and behind them, in places that were never used
            key = self._random.randrange(2**20) * 10 + 1 + self._seq % 9 if draw < 0.2 else max(keys) + 1
            if key not in keys:
                keys.append(key)
                return table.insert().values(id=key, **row), self._entry(name, key, content, old_form=not new_form)
        key = self._random.choice(keys)
        return sa.update(table).where(table.c.id == key).values(row), self._entry(
            name, key, content, old_form=not new_form
        )

    def _row(self, name: str, content: str, *, new_form: bool) -> dict[str, Any]:
        if name == "vault":
            return {"wrapped": wrap(self._habits.kek, bytes.fromhex(content))}
        return {"body": content, "digest": sha512(content) if new_form else sha1(content)}

    def _entry(self, name: str, key: int, content: str | None, *, old_form: bool) -> dict[str, Any]:
        version = self._seq
        return {"seq": version, "tab": name, "id": key, "version": version, "content": content, "old_form": old_form}

    def _done(self, statement: sa.UpdateBase, entry: dict[str, Any]) -> bool:
        try:
            with self._db.write() as conn:
                # a commit whose reply was lost may have happened
                if conn.execute(sa.select(WRITES.c.seq).where(WRITES.c.seq == entry["seq"])).first() is None:
                    conn.execute(statement)
                    conn.execute(WRITES.insert().values(entry))
        except (DatabaseUnavailable, DBAPIError):
            return False
        return True
