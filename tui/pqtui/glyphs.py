"""The few signs the console draws with, in Unicode and in plain ASCII."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Glyphs:
    """One set of signs; each is one cell wide.

    ``states`` has a sign for each word of ``show.state_word``, so that colour is never the only difference.
    ``give``: the number that follows is how far the one before may be off. ``bars`` are eight heights for plots, from
    the lowest; ``braille``: plots may be drawn with its dots instead.
    """

    states: Mapping[str, str]
    cursor: str
    mark: str
    filled: str
    empty: str
    live: str
    stale: str
    bars: str
    bullet: str
    rise: str
    fall: str
    ellipsis: str
    give: str
    braille: bool = False


UNICODE = Glyphs(
    states={
        "pending": "○",
        "scheduled": "◷",
        "paused": "‖",
        "running": "▶",
        "pausing": "‖",
        "cancelling": "⊘",
        "stalled": "!",
        "done": "✓",
        "failed": "✗",
        "cancelled": "⊘",
        "verifying": "▶",
        "restoring": "▶",
        "finalizing": "▶",
        "restored": "↶",
    },
    cursor="›",
    mark="●",
    filled="━",
    empty="─",
    live="●",
    stale="▲",
    bars="▁▂▃▄▅▆▇█",
    bullet="•",
    rise="↑",
    fall="↓",
    ellipsis="…",
    give="±",
    braille=True,
)

ASCII = Glyphs(
    states={
        "pending": "o",
        "scheduled": "@",
        "paused": "=",
        "running": ">",
        "pausing": "=",
        "cancelling": "x",
        "stalled": "!",
        "done": "+",
        "failed": "X",
        "cancelled": "x",
        "verifying": ">",
        "restoring": ">",
        "finalizing": ">",
        "restored": "<",
    },
    cursor=">",
    mark="*",
    filled="#",
    empty="-",
    live="*",
    stale="!",
    bars="._-=+*%#",
    bullet="-",
    rise="^",
    fall="v",
    ellipsis="~",
    give="~",
)


def choose(env: Mapping[str, str] = os.environ) -> Glyphs:
    """The set that this terminal can show: ASCII where asked for, where the locale is not UTF-8, on a Linux console.

    The fonts of that console lack most of the signs.
    """
    if env.get("PQCONSOLE_ASCII") or env.get("TERM") == "linux":
        return ASCII
    locale = env.get("LC_ALL") or env.get("LC_CTYPE") or env.get("LANG") or "C.UTF-8"
    return UNICODE if "utf" in locale.lower() else ASCII
