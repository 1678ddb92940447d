"""Where HashiCorp Vault is: table ``vault`` of a profile. Importing this loads nothing of the network."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from pqcore.errors import ConfigurationError

_SECONDS = 10.0
_LOCAL = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class VaultSettings:
    """Where Vault is, table ``vault`` of a profile.

    Attributes:
        address: ``https://HOST[:PORT]``; plain http only to this machine.
        mount: path of the transit engine.
        namespace: of Vault Enterprise, None without one.
        ca_file: certificates to trust instead of the system's, None for those.
        token_file: private file with the token, None where it comes from elsewhere.
        token_command: argument vector that prints the token.
        seconds: how long to wait for one answer.
    """

    address: str
    mount: str = "transit"
    namespace: str | None = None
    ca_file: str | None = None
    token_file: str | None = None
    token_command: tuple[str, ...] | None = field(default=None, repr=False)
    seconds: float = _SECONDS

    def __post_init__(self) -> None:
        host = _host(self.address)
        if urlsplit(self.address).scheme != "https" and host not in _LOCAL:
            raise ConfigurationError("Vault's address is not https: the token would be sent in the clear", "Use https")


def _host(address: str) -> str:
    try:
        parts = urlsplit(address)
        host = parts.hostname
        parts.port  # noqa: B018 - parsed on access
    except ValueError:
        host = None
    if not host or parts.scheme not in ("http", "https") or parts.path.strip("/") or parts.query or parts.username:
        raise ConfigurationError("Vault's address cannot be used", "Write it as https://HOST or https://HOST:PORT")
    return host
