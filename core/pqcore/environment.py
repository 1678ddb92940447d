"""Variables of the environment that hold a secret, kept from the children of this process.

Children inherit the environment, and every process of the same user can read theirs. That of this very process stays
readable in ``/proc`` as it was at its start; nothing but another way to pass the secret changes that.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

SECRET_VARIABLES = ("PQCONSOLE_PASSPHRASE", "PQCONSOLE_NEW_PASSPHRASE", "PQCONSOLE_DATABASE_PASSWORD", "VAULT_TOKEN")
_withheld: dict[str, str] = {}


def withhold(*more: str) -> None:
    """Take the variables with a secret, and ``more``, out of the environment; ``variable`` still knows them."""
    for name in (*SECRET_VARIABLES, *more):
        if name in os.environ:
            _withheld[name] = os.environ.pop(name)


def variable(name: str, env: Mapping[str, str] = os.environ) -> str | None:
    """The value of a variable, also of one that is withheld; None where it is not set or empty."""
    value = env.get(name)
    if value is None and env is os.environ:
        value = _withheld.get(name)
    return value or None
