"""A libpass (passlib) handler for wrapped password hashes.

Name it in the context beside the preferred scheme and those of rows not migrated yet::

    from passlib.context import CryptContext
    from pqcore.shims.libpass import pqconsole_wrapped

    context = CryptContext(schemes=["argon2", pqconsole_wrapped, "sha512_crypt"], deprecated="auto")
    ok, new = context.verify_and_update(typed, stored)  # new: a plain hash to store, or None
"""

from __future__ import annotations

from typing import Any, NoReturn

from passlib import exc
from passlib.utils.handlers import MinimalHandler

from pqcore.formats.errors import FormatError
from pqcore.formats.keyring import KeySource
from pqcore.formats.password import PREFIX, Limits, check_password


class pqconsole_wrapped(MinimalHandler):  # type: ignore[misc]
    """Verifies ``pq1$...``; makes no such hashes, since new passwords get a plain one.

    Attributes:
        keys: where peppers come from; None where none is used. ``with_keys`` gives a handler that has them.
        limits: largest Argon2id parameters to compute.
    """

    name = "pqconsole_wrapped"
    setting_kwds: tuple[str, ...] = ()
    context_kwds: tuple[str, ...] = ()
    keys: KeySource | None = None
    limits = Limits()

    @classmethod
    def with_keys(cls, keys: KeySource) -> type[pqconsole_wrapped]:
        """The handler of hashes with a pepper."""
        return type(cls.__name__, (cls,), {"keys": staticmethod(keys) if callable(keys) else keys})

    @classmethod
    def identify(cls, hash: str | bytes) -> bool:
        """Whether a value is a wrapped hash, by its beginning."""
        if not isinstance(hash, str | bytes):
            raise exc.ExpectedStringError(hash, "hash")
        return hash.startswith(PREFIX) if isinstance(hash, str) else hash.startswith(PREFIX.encode())

    @classmethod
    def verify(cls, secret: str | bytes, hash: str | bytes, **context: Any) -> bool:  # noqa: ARG003
        """Whether the password is right. Raises as handlers do, and KeyStoreError where the pepper is missing."""
        if not isinstance(secret, str | bytes):
            raise exc.ExpectedStringError(secret, "secret")
        if not cls.identify(hash):
            raise exc.InvalidHashError(cls)
        try:
            return check_password(hash, secret, cls.keys, limits=cls.limits).ok
        except FormatError as error:
            raise exc.MalformedHashError(cls, error.message) from None

    @classmethod
    def needs_update(cls, hash: str | bytes, secret: str | bytes | None = None) -> bool:  # noqa: ARG003
        """Always: a plain hash has one layer less."""
        return True

    @classmethod
    def hash(cls, secret: str | bytes, **settings: Any) -> NoReturn:
        raise NotImplementedError("Wrapped password hashes are made by a migration; name another scheme as the default")

    @classmethod
    def genconfig(cls, **settings: Any) -> NoReturn:
        raise NotImplementedError("Wrapped password hashes are made by a migration")

    @classmethod
    def genhash(cls, secret: str | bytes, config: str, **context: Any) -> NoReturn:
        raise NotImplementedError("Wrapped password hashes are made by a migration")
