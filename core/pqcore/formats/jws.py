"""JWS in compact serialization (RFC 7515): what it says, not yet verified.

The payload of a detached JWS is elsewhere (RFC 7515, appendix F), and with ``"b64": false`` signed as it is
(RFC 7797).
"""

from __future__ import annotations

from dataclasses import dataclass

from pqcore.formats.encoding import Encoding, encode
from pqcore.formats.errors import FormatError
from pqcore.formats.jose import header_of, segment, token_of

_WHAT = "JWS"


@dataclass(frozen=True, slots=True)
class Token:
    """A JWS taken apart.

    Attributes:
        algorithm: the header's ``alg``.
        header: the protected header as signed, base64url.
        payload: what the JWS carries, empty for a detached one.
        signature: its bytes.
        encoded: whether the payload is signed in base64url.
    """

    algorithm: str
    header: str
    payload: bytes
    signature: bytes
    encoded: bool

    def signing_input(self, payload: bytes) -> bytes:
        """What was signed, for this payload."""
        text = str(encode(payload, Encoding.BASE64URL)).encode("ascii") if self.encoded else payload
        return self.header.encode("ascii") + b"." + text


def parse(value: bytes) -> Token:
    """Read a JWS (ASCII) strictly. Raises FormatError."""
    text, payload, signature = token_of(value, 3, _WHAT)
    header = header_of(text, _WHAT)
    algorithm = header.get("alg")
    if not isinstance(algorithm, str):
        raise FormatError("The JWS names no algorithm", "Restore the value from a backup")
    encoded = True
    if "crit" in header or "b64" in header:
        encoded = header.get("b64", True)
        # RFC 7797: a header that has to be understood, or the signature means something else
        if header.get("crit") != ["b64"] or encoded is not False:
            raise FormatError("The JWS has critical headers that are not read", "Leave the row out with `where`")
    return Token(algorithm, text, segment(payload, _WHAT), segment(signature, _WHAT), encoded)


def attached(value: bytes) -> bytes:
    """The payload that a JWS carries. Raises FormatError for a detached one."""
    token = parse(value)
    if not token.payload or not token.encoded:
        raise FormatError("The JWS carries no payload", "Set format to JWS-detached, and payload to its column")
    return token.payload
