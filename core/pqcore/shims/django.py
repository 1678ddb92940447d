"""A Django password hasher for wrapped password hashes.

Put it behind the preferred one::

    PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.Argon2PasswordHasher",
        "pqcore.shims.django.WrappedPasswordHasher",
        ...,  # those of rows not migrated yet
    ]

Django stores a plain hash of the preferred hasher at the next login, as it does for every hasher that is not preferred.
"""

from __future__ import annotations

from typing import Any, NoReturn

from django.contrib.auth.hashers import BasePasswordHasher, mask_hash
from django.utils.translation import gettext_noop as _

from pqcore.formats.encoding import Encoding, encode
from pqcore.formats.errors import FormatError
from pqcore.formats.keyring import KeySource
from pqcore.formats.password import PREFIX, Limits, WrappedHash, check_password, parse_wrapped


class WrappedPasswordHasher(BasePasswordHasher):  # type: ignore[misc]
    """Checks ``pq1$...``; makes no such hashes, since new passwords get a plain one.

    Attributes:
        keys: where peppers come from; None where none is used. Set it in a subclass, and name that in the settings.
        limits: largest Argon2id parameters to compute.
    """

    algorithm = PREFIX.rstrip("$")
    keys: KeySource | None = None
    limits = Limits()

    def verify(self, password: str, encoded: str) -> bool:
        """Whether the password is right; False for a broken value. Raises KeyStoreError where its pepper is missing."""
        try:
            # Of the class: a function must not become a method.
            return check_password(encoded, password, type(self).keys, limits=self.limits).ok
        except FormatError:
            return False

    def encode(self, password: str, salt: str) -> NoReturn:
        raise NotImplementedError(
            "Wrapped password hashes are made by a migration; prefer another hasher in PASSWORD_HASHERS"
        )

    def decode(self, encoded: str) -> dict[str, Any]:
        """What a wrapped hash says of itself."""
        form = parse_wrapped(encoded, self.limits)
        return {
            "algorithm": self.algorithm,
            "inner": str(form.inner.scheme),
            "memory_cost": form.cost.memory,
            "time_cost": form.cost.passes,
            "parallelism": form.cost.lanes,
            "pepper": form.pepper,
            "salt": _text(form.salt),
            "hash": _text(form.tag),
        }

    def safe_summary(self, encoded: str) -> dict[str, Any]:
        """For the user page of the admin."""
        form: WrappedHash = parse_wrapped(encoded, self.limits)
        return {
            _("algorithm"): self.algorithm,
            _("variety"): f"argon2id({form.inner.scheme})",
            _("memory cost"): form.cost.memory,
            _("time cost"): form.cost.passes,
            _("parallelism"): form.cost.lanes,
            _("salt"): mask_hash(_text(form.salt)),
            _("hash"): mask_hash(_text(form.tag)),
        }

    def must_update(self, encoded: str) -> bool:  # noqa: ARG002
        """Always: a plain hash has one layer less."""
        return True

    def harden_runtime(self, password: str, encoded: str) -> None:
        """Nothing to bridge: the work is that of the stored value."""


def _text(data: bytes) -> str:
    return str(encode(data, Encoding.BASE64URL))
