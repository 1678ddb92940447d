"""Names from the live database and the keyring for the editor's fields, read beside the screen."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from textual.suggester import Suggester

from pqcore.errors import PQConsoleError
from pqcore.keys.provider import KeyProvider, KeyState
from pqcore.selection.catalog import Catalog
from pqcore.text import clean

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Names:
    """What can be named. ``columns`` are those of ``table`` with their types."""

    table: str = ""
    tables: tuple[str, ...] = ()
    columns: tuple[tuple[str, str], ...] = ()
    keys: tuple[tuple[str, str], ...] = field(default=())


def read_names(catalog: Catalog, keys: KeyProvider, table: str, schema: str | None) -> Names:
    """All names that fit now; what cannot be read is left empty, the checks say why. Blocks on the database."""
    return Names(
        table,
        tuple(_readable(catalog.tables(schema))),
        tuple(
            (c.name, clean(c.type))
            for c in _or_empty(lambda: catalog.columns(table, schema))
            if clean(c.name) == c.name
        ),
        tuple({k.name: (k.name, k.algorithm) for k in _or_empty(keys.list) if k.state is KeyState.ACTIVE}.values()),
    )


def _readable(names: Iterable[str]) -> list[str]:
    # a name that cannot be shown as it is cannot be completed either; it can still be typed
    return [n for n in names if clean(n) == n and not n.startswith("pq_migration_")]


def _or_empty(read: Callable[[], Iterable[T]]) -> Iterable[T]:
    try:
        return read()
    except PQConsoleError:
        return ()


class NameSuggester(Suggester):
    """Completes what is typed into a field with the first name that begins with it."""

    def __init__(self, names: Callable[[], Iterable[str]]) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._names = names

    async def get_suggestion(self, value: str) -> str | None:
        """As ``continued``, for Textual."""
        return self.continued(value)

    def continued(self, value: str) -> str | None:
        """The first name that continues ``value``; after a comma or an @, what follows is continued."""
        start = max(value.rfind(","), value.rfind("@")) + 1
        while start < len(value) and value[start] == " ":
            start += 1
        typed = value[start:]
        if not typed:
            return None
        for name in self._names():
            if name.casefold().startswith(typed.casefold()) and len(name) > len(typed):
                return value + name[len(typed) :]
        return None
