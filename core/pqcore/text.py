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
    "\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0"  # joiners and fillers: invisible, and terminals differ in their width
    "\ufe00-\ufe0f\U000e0100-\U000e01ef\U0001f3fb-\U0001f3ff"  # variation selectors, skin tones: the same
    "]"
)
_MARK = "\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
_MARKS = re.compile(f"([{_MARK}]{{2}})[{_MARK}]+")  # a pile of them covers other lines
_FLAGS = re.compile("[\U0001f1e6-\U0001f1ff]")  # two make a flag on some terminals, two or four cells on others
_CUT = "…"


def clean(text: str, *, newline: str = " ", limit: int | None = None) -> str:
    """Text without control characters, escape sequences, bidi controls, invisible characters, and what terminals
    measure differently: so a line is as wide everywhere as it is computed to be.

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
    shown = _FLAGS.sub(_letter, _MARKS.sub(r"\1", newline.join(lines)))
    if limit is not None and (cut or len(shown) > limit):
        shown = shown[: max(0, limit - 1)] + _CUT[: max(0, limit)]
    return shown


def _letter(flag: re.Match[str]) -> str:
    """The letter that a regional indicator stands for."""
    return chr(ord(flag[0]) - 0x1F1E6 + ord("A"))
