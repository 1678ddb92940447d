"""Making text that others wrote safe to show: no control byte of it reaches a terminal.

ECMA-48 names the control functions; the bidirectional controls are those of Unicode's UAX #9.
"""

from __future__ import annotations

import re

# Whole sequences go where they are well formed, so that no payload is left behind as litter.
_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*+[ -/]*+[@-~]"  # CSI
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x00-\x1f\x7f-\x9f]*+(?:\x07|\x1b\\|\x9c)"  # OSC, DCS, SOS, PM, APC
    r"|\x1b[ -/]*+[0-~]"  # every other escape sequence
)
_LINE_END = re.compile("\r\n|[\n\x0b\x0c\r\x85\u2028\u2029]")
_UNSAFE = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # C0, DEL, C1
    "\u00ad\u180e\ufeff"  # soft hyphen, Mongolian vowel separator, byte order mark: invisible
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # bidirectional controls
    "\u200b-\u200d\u2060-\u2065\u206a-\u206f"  # zero width and invisible operators
    "\ufff9-\ufffb\U000e0000-\U000e007f"  # interlinear annotation, tags
    "\ud800-\udfff"  # lone surrogates: cannot be encoded
    "]"
)
_CUT = "…"


def clean(text: str, *, newline: str = " ", limit: int | None = None) -> str:
    """Text without control characters, escape sequences, bidi controls and invisible characters.

    Args:
        text: anything, e.g. a value read from a database or an environment variable.
        newline: what stands for each line end; ``"\\n"`` keeps lines apart.
        limit: most characters of the result; a longer text ends in ``…``.
    """
    cut = False
    if limit is not None:
        reach = limit * 8 + 1024  # a hostile megabyte is not worked through for one cell
        cut = len(text) > reach
        text = text[:reach]
    text = _SEQUENCE.sub("", text).replace("\t", " ")
    lines = [_UNSAFE.sub("", line) for line in _LINE_END.split(text)]
    shown = newline.join(lines)
    if limit is not None and (cut or len(shown) > limit):
        shown = shown[: max(0, limit - 1)] + _CUT[: max(0, limit)]
    return shown
