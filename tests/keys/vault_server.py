"""A stand-in that speaks the documented HTTP API of Vault's transit engine, with real keys, in a thread.

https://developer.hashicorp.com/vault/api-docs/secret/transit: read key, list keys, decrypt data, export key.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

_CIPHERS = {AESGCM: "aes256-gcm96", ChaCha20Poly1305: "chacha20-poly1305"}
TOKEN = "hvs.canary-token-of-vault"


@dataclass
class Transit:
    """What the stand-in holds, and what happened to it."""

    rsa: dict[str, list[rsa.RSAPrivateKey]] = field(default_factory=dict)
    aes: dict[str, list[bytes]] = field(default_factory=dict)
    chacha: set[str] = field(default_factory=set)  # those of ``aes`` that are of the other cipher
    exportable: set[str] = field(default_factory=set)
    oldest: dict[str, int] = field(default_factory=dict)
    namespace: str | None = None
    requests: list[tuple[str, str]] = field(default_factory=list)
    answers: list[tuple[int, bytes]] = field(default_factory=list)  # given first, whatever is asked
    batches: bool = True  # whether it knows batch_input
    hang: threading.Event | None = None  # answers nothing until it is set

    def answer(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        match method, path.removeprefix("/v1/transit/").split("/"):
            case "LIST", ["keys"]:
                return 200, {"data": {"keys": sorted([*self.rsa, *self.aes])}}
            case "GET", ["keys", name] if name in self.rsa or name in self.aes:
                return 200, {"data": self._described(name)}
            case "GET", ["export", "encryption-key", name, version] if name in self.rsa or name in self.aes:
                if name not in self.exportable:
                    return 400, {"errors": ["key is not exportable"]}
                return 200, {"data": {"name": name, "keys": {version: self._secret(name, int(version))}}}
            case "POST", ["decrypt", name] if "batch_input" in body and (name in self.aes or name in self.rsa):
                return self._many(name, body)
            case "POST", ["decrypt", name] if name in self.aes or name in self.rsa:
                return self._one(name, body)
        return 404, {"errors": []}

    def _one(self, name: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        return self._opened(name, body) if name in self.aes else self._decrypted(name, body["ciphertext"])

    def _many(self, name: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """In the order of the items; those that fail say why, and the whole answer has another status."""
        if not self.batches:
            return 400, {"errors": ["missing ciphertext to decrypt"]}
        results = []
        for item in body["batch_input"]:
            status, answer = self._one(name, item)
            said = answer["data"] if status == 200 else {"error": answer["errors"][0]}
            results.append({**said, **({"reference": item["reference"]} if "reference" in item else {})})
        bad = sum("error" in result for result in results)
        partial = body.get("partial_failure_response_code", 400) if bad < len(results) else 400
        return partial if bad else 200, {"data": {"batch_results": results}}

    def _described(self, name: str) -> dict[str, Any]:
        versions: dict[str, Any] = {str(n): 1700000000 for n, _ in enumerate(self.aes.get(name, ()), 1)}
        for number, private in enumerate(self.rsa.get(name, ()), 1):
            pem = private.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
            made = "2024-01-02T03:04:05.678901234Z"
            versions[str(number)] = {"creation_time": made, "name": "rsa-2048", "public_key": pem.decode()}
        return {
            "name": name,
            "type": "rsa-2048" if name in self.rsa else _CIPHERS[self._cipher(name)],
            "keys": {n: said for n, said in versions.items() if int(n) >= self.oldest.get(name, 1)},
            "latest_version": len(versions),
            "min_decryption_version": self.oldest.get(name, 1),
            "exportable": name in self.exportable,
        }

    def _secret(self, name: str, version: int) -> str:
        if name in self.aes:
            return base64.b64encode(self.aes[name][version - 1]).decode()
        pem = self.rsa[name][version - 1].private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
        return pem.decode()

    def _opened(self, name: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        _, version, text = body["ciphertext"].split(":")
        box, aad = base64.b64decode(text), base64.b64decode(body.get("associated_data", ""))
        try:
            cipher = self._cipher(name)(self.aes[name][int(version.removeprefix("v")) - 1])
            plain = cipher.decrypt(box[:12], box[12:], aad or None)
        except InvalidTag:
            return 400, {"errors": ["cipher: message authentication failed"]}
        return 200, {"data": {"plaintext": base64.b64encode(plain).decode()}}

    def _cipher(self, name: str) -> type[AESGCM] | type[ChaCha20Poly1305]:
        return ChaCha20Poly1305 if name in self.chacha else AESGCM

    def _decrypted(self, name: str, ciphertext: str) -> tuple[int, dict[str, Any]]:
        vault, version, text = ciphertext.split(":")
        assert vault == "vault"
        private = self.rsa[name][int(version.removeprefix("v")) - 1]
        sha = hashes.SHA256()
        try:
            plain = private.decrypt(base64.b64decode(text), padding.OAEP(padding.MGF1(sha), sha, None))
        except ValueError:
            return 400, {"errors": [f"crypto/rsa: decryption error of {ciphertext}"]}
        return 200, {"data": {"plaintext": base64.b64encode(plain).decode()}}


@contextmanager
def serving(transit: Transit, wrap: Any = None) -> Iterator[str]:
    """The stand-in's address while it runs; ``wrap`` puts TLS around its socket."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 1 << 20  # head and body in one write: in two, the second waits 40 ms for the first one's receipt

        def handle_any(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
            transit.requests.append((self.command, self.path))
            if transit.hang is not None:
                transit.hang.wait(30)
            if transit.answers:
                status, content = transit.answers.pop(0)
            elif self.headers.get("X-Vault-Token") != TOKEN:
                status, content = 403, b'{"errors": ["permission denied"]}'
            elif self.headers.get("X-Vault-Namespace") != transit.namespace:
                status, content = 404, b'{"errors": ["no handler for route"]}'
            else:
                status, document = transit.answer(self.command, self.path, body)
                content = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_LIST = handle_any

        def log_message(self, *_: object) -> None:
            return

        def handle(self) -> None:
            try:
                super().handle()
            except OSError:
                return  # whoever asked has gone

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if wrap is not None:
        server.socket = wrap(server.socket)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"{'http' if wrap is None else 'https'}://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
