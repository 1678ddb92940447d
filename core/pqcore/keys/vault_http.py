"""Asking HashiCorp Vault over its HTTP API: one JSON answer, or an error to show. The token is never in one.

Standard library only: no proxy, no redirect (it would carry the token to another host), certificates are verified.
"""

from __future__ import annotations

import http.client
import json
import ssl
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from pqcore.errors import ConfigurationError, KeyServiceUnavailable, KeyStoreError
from pqcore.keys.vault_settings import VaultSettings
from pqcore.text import clean

_TRIES = 4
_FIRST_PAUSE = 0.2  # seconds; doubled each time
_MAX_BYTES = 16 * 1024 * 1024
# answers after which the same request may succeed soon: a write that another node has not seen, too many requests
_AGAIN = frozenset({412, 429, 500, 502, 504})
_SEALED, _STANDBY = 503, frozenset({472, 473})


class Refused(Exception):
    """An answer that says no, by its HTTP status. Vault's own words are not kept: they may quote the request."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class VaultClient:
    """Requests with a token. Thread-safe; connections are kept open for the next request.

    Args:
        token: gives the token when it is first needed; it is kept.
        pause: waits a number of seconds before the same request is made again.
    """

    def __init__(
        self, settings: VaultSettings, token: Callable[[], str], pause: Callable[[float], None] = time.sleep
    ) -> None:
        self._settings = settings
        self._token = token
        self._pause = pause
        self._known: str | None = None
        self._lock = threading.Lock()
        self._idle: list[http.client.HTTPConnection] = []
        weakref.finalize(self, _close_all, self._idle)

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        """The ``data`` of Vault's answer to ``path`` below the transit mount.

        Raises:
            Refused: Vault answers and says no, with a status that is the caller's to explain.
            KeyServiceUnavailable: Vault is away, sealed, or busy, also after several tries.
            KeyStoreError: its certificate or its answer cannot be accepted.
        """
        reason = ""
        for attempt in range(_TRIES):
            if attempt:
                self._pause(_FIRST_PAUSE * 2 ** (attempt - 1))
            try:
                status, content = self._once(method, path, body)
            except ssl.SSLCertVerificationError as error:
                raise KeyStoreError(
                    f"The certificate of Vault at {self._where} is not trusted: {clean(error.verify_message)}",
                    "Name its authority as ca_file in the profile",
                ) from None
            except TimeoutError:
                reason = f"gave no answer in {self._settings.seconds:g} seconds"
            except (OSError, http.client.HTTPException) as error:
                reason = f"cannot be reached: {getattr(error, 'strerror', None) or type(error).__name__}"
            else:
                if status == _SEALED or status in _STANDBY:
                    state = "sealed" if status == _SEALED else "a standby"
                    raise KeyServiceUnavailable(
                        f"Vault at {self._where} is {state}", "Unseal it, or name the active node"
                    )
                if status not in _AGAIN:
                    return self._answer(status, content)
                reason = f"answers with HTTP status {status}"
        raise KeyServiceUnavailable(f"Vault at {self._where} {reason}", "Try again when it is back; see its own log")

    @property
    def _where(self) -> str:
        return clean(urlsplit(self._settings.address).netloc.rpartition("@")[2])

    def _once(self, method: str, path: str, body: Mapping[str, Any] | None) -> tuple[int, bytes]:
        headers = {"X-Vault-Token": self._kept_token(), "X-Vault-Request": "true", "Content-Type": "application/json"}
        if self._settings.namespace:
            headers["X-Vault-Namespace"] = self._settings.namespace
        with self._lock:
            connection = self._idle.pop() if self._idle else None
        connection = connection or self._connection()
        try:
            where = f"/v1/{quote(self._settings.mount.strip('/'))}/{quote(path)}"
            connection.request(method, where, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            content = answer.read(_MAX_BYTES + 1)
        except BaseException:
            connection.close()
            raise
        with self._lock:
            self._idle.append(connection)
        return answer.status, content

    def _connection(self) -> http.client.HTTPConnection:
        parts, seconds = urlsplit(self._settings.address), self._settings.seconds
        if parts.scheme != "https":
            return http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=seconds)
        try:
            context = ssl.create_default_context(cafile=self._settings.ca_file)
        except OSError as error:
            raise ConfigurationError(
                f"The ca_file of Vault cannot be read: {error.strerror}", "Correct it in the profile"
            ) from error
        return http.client.HTTPSConnection(parts.hostname or "", parts.port, timeout=seconds, context=context)

    def _kept_token(self) -> str:
        with self._lock:
            if self._known is None:
                token = self._token()
                if not token.isascii() or not token.isprintable() or " " in token:
                    raise KeyStoreError("The token for Vault is not one", "Check where the profile takes it from")
                self._known = token
            return self._known

    def _answer(self, status: int, content: bytes) -> Mapping[str, Any]:
        try:
            answer = json.loads(content) if content.strip() else {}
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict) or len(content) > _MAX_BYTES:
            raise KeyStoreError(
                f"What answers at {self._where} is not Vault (HTTP status {status})",
                "Correct the profile's address",
            )
        if status >= 300:
            raise Refused(status)
        data = answer.get("data")
        return data if isinstance(data, dict) else {}


def _close_all(connections: list[http.client.HTTPConnection]) -> None:
    for connection in connections:
        connection.close()
