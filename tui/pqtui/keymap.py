"""Keys as an operator writes them in the settings, and the registry of actions with those keys in place of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches
from unicodedata import name as unicode_name

from pqcore.errors import ConfigurationError
from pqcore.text import clean
from pqtui.actions import ACTIONS, BY_ID, DIALOG, EDITOR, PARTS, Action, key_text

# what moves the cursor and turns pages in whichever pane has the focus: an action never hears of these
MOVING = frozenset(
    "up down left right pageup pagedown home end enter tab shift+tab j k g G".split()  # noqa: SIM905
)
# a terminal sends the same byte for these and for a key of their own
_SAME = {"ctrl+i": "tab", "ctrl+m": "enter", "ctrl+j": "enter", "ctrl+h": "backspace"}
_NAMED = frozenset(
    "escape space backspace delete insert up down left right pageup pagedown home end enter tab".split()  # noqa: SIM905
) | {f"f{number}" for number in range(1, 25)}
_ALIASES = {"esc": "escape", "return": "enter", "del": "delete", "pgup": "pageup", "pgdn": "pagedown"}
_MODIFIED = re.compile(r"(?P<modifiers>(?:(?:ctrl|alt|shift)\+)*)(?P<key>.+)", re.DOTALL)
# Unicode's names of these are not the ones that Textual uses
_TEXTUAL = {"solidus": "slash", "reverse_solidus": "backslash", "commercial_at": "at", "hyphen_minus": "minus",
            "plus_sign": "plus", "low_line": "underscore"}  # fmt: skip


def key_name(text: str) -> str | None:
    """Textual's name of a key such as ``p``, ``?``, ``f5``, ``ctrl+r`` or ``^r``; None where it is none."""
    wanted = text.strip() or text
    if len(wanted) == 2 and wanted[0] == "^":
        wanted = f"ctrl+{wanted[1]}"
    if len(wanted) == 1:
        return _character(wanted)
    match = _MODIFIED.fullmatch(wanted)
    if match is None:
        return None
    modifiers, key = match["modifiers"], match["key"]
    if len(key) == 1 and modifiers:
        return f"{modifiers}{key.lower()}" if key.isalnum() and key.isascii() and modifiers != "shift+" else None
    key = _ALIASES.get(key.lower(), key.lower())
    return modifiers + key if key in _NAMED else None


def _character(text: str) -> str | None:
    if text == " ":
        return "space"
    if text.isalnum():
        return text
    if not text.isprintable():
        return None
    named = unicode_name(text, "").lower().replace("-", "_").replace(" ", "_")
    return _TEXTUAL.get(named, named) or None


def remapped(wanted: Mapping[str, tuple[str, ...]], actions: tuple[Action, ...] = ACTIONS) -> tuple[Action, ...]:
    """The registry with these keys: id of an action -> keys as an operator writes them.

    ``actions`` is the part of the registry that holds on one screen: only there do keys clash.

    Raises:
        ConfigurationError: there is no such action or key, or two actions would have one key.
    """
    ids = {action.id for action in actions}
    given: dict[str, tuple[str, ...]] = {}
    for action_id, texts in wanted.items():
        if action_id not in BY_ID:
            near = get_close_matches(action_id, BY_ID, n=1)
            hint = f"Did you mean {near[0]}" if near else f"There are {', '.join(BY_ID)}"
            raise ConfigurationError(f"keys.{clean(action_id, limit=64)} names no action of the console", hint)
        if action_id in ids:
            given[action_id] = tuple(_key(action_id, text) for text in texts)
    result = tuple(replace(action, keys=given.get(action.id, action.keys)) for action in actions)
    _refuse_clashes(result, given)
    return result


def _key(action_id: str, text: str) -> str:
    key = key_name(text)
    shown = clean(text, limit=32)
    if key is None:
        raise ConfigurationError(
            f"keys.{action_id}: {shown} is not the name of a key", "Write one such as p, ?, f5, space or ctrl+r"
        )
    if key in _SAME:
        raise ConfigurationError(
            f"keys.{action_id}: a terminal cannot tell {shown} from {_SAME[key]}", "Take another key"
        )
    if BY_ID[action_id].group in (EDITOR, DIALOG) and _is_typed(key):
        raise ConfigurationError(f"keys.{action_id}: {shown} is typed into a field", "Take one such as f5 or ctrl+g")
    if key in MOVING:
        raise ConfigurationError(f"keys.{action_id}: {shown} moves the cursor", "Take another key")
    return key


def _is_typed(key: str) -> bool:
    """Whether a field takes this key as text, or to delete it."""
    return "+" not in key and re.fullmatch(r"f\d+|escape|insert", key) is None


def _refuse_clashes(actions: tuple[Action, ...], given: Mapping[str, tuple[str, ...]]) -> None:
    holders: dict[str, str] = {}
    for action in actions:
        for key in action.keys:
            other = holders.setdefault(key, action.id)
            if other != action.id:
                # name the one that was remapped first
                first, second = (other, action.id) if other in given else (action.id, other)
                raise ConfigurationError(
                    f"keys.{first}: {key_text(key)} is the key of {second}, too",
                    f"Take another key, or give {second} another one",
                )


Parts = Mapping[str, tuple[Action, ...]]


def parts(wanted: Mapping[str, tuple[str, ...]]) -> Parts:
    """Every part of the registry with these keys. Raises what ``remapped`` raises."""
    return {name: remapped(wanted, actions) for name, actions in PARTS.items()}


def key_texts(parts: Parts) -> dict[str, str]:
    """Id of an action -> its key as it is shown."""
    return {action.id: action.key_text for actions in parts.values() for action in actions}


def for_textual(parts: Parts) -> dict[str, str]:
    """The keymap that Textual takes: id of a binding -> keys, separated by commas."""
    return {action.id: ",".join(action.keys) for actions in parts.values() for action in actions}
