"""Text of others never brings a control byte to the terminal."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqcore.text import clean

ANY_TEXT = st.text(st.characters(codec=None) | st.sampled_from("\x1b\x9b\x9d\x07\n\t[]m;\u202e\u200b\u2028\ud800"))
# Format, control, surrogate, line and paragraph separator: categories of what is never shown.
HIDDEN = {"Cc", "Cs", "Zl", "Zp"}


@given(ANY_TEXT)
def test_no_control_byte_is_left(text: str) -> None:
    shown = clean(text)
    assert not [char for char in shown if unicodedata.category(char) in HIDDEN]
    assert not set(shown) & set("\u061c\u200b\u200c\u200d\u200e\u200f\u202a\u202d\u202e\u2066\u2069\ufeff")
    shown.encode("utf-8")


@given(ANY_TEXT)
def test_cleaning_twice_changes_nothing_more(text: str) -> None:
    assert clean(clean(text)) == clean(text)


@given(ANY_TEXT, st.integers(min_value=0, max_value=30))
def test_a_limit_holds(text: str, limit: int) -> None:
    shown = clean(text, limit=limit)
    assert len(shown) <= limit
    assert shown == clean(text) or (limit == 0 and shown == "") or shown.endswith("…")


# no fillers, skin tones, flags and variation selectors, which terminals measure differently
@given(st.text(st.characters(categories=["L", "N", "P", "Sm", "Sc"], exclude_characters="\u115f\u1160\u3164\uffa0")))
def test_ordinary_unicode_stays(text: str) -> None:
    assert clean(text) == text


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("a\x1b[31mred\x1b[0m", "ared"),
        ("\x1b]52;c;ZXZpbA==\x07after", "after"),
        ("\x1b]8;;https://example.org\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x9b2J\x9d0;title\x9cx", "x"),
        ("\x1bPq payload\x1b\\x", "x"),
        ("\x1bc\x1b(Bx", "x"),
        ("\x1b\x1b[2J", ""),
        ("\x1b]0;never closed", "0;never closed"),
        ("a\x00b\x7fc", "abc"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("one\r\ntwo\u2028three\tfour", "one two three four"),
    ],
)
def test_known_attacks(hostile: str, shown: str) -> None:
    assert clean(hostile) == shown


def test_lines_can_be_kept_apart() -> None:
    assert clean("a\r\nb\x85c", newline="\n") == "a\nb\nc"


def test_a_hostile_megabyte_is_cut_before_it_is_worked_through() -> None:
    assert clean("x" * 10_000_000, limit=10) == "xxxxxxxxx…"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\u0301\u0302\u0303\u0304b", "a\u0301\u0302b"),
        ("\U0001f1e9\U0001f1ea", "DE"),
        ("\u2764\ufe0f", "\u2764"),
        ("\U0001f44d\U0001f3fd", "\U0001f44d"),
        ("x\u3164y\u115fz\u034f", "xyz"),
        ("\u0e01\u0e47", "\u0e01\u0e47"),
    ],
)
def test_what_terminals_measure_differently_is_left_out(text: str, shown: str) -> None:
    assert clean(text) == shown


@given(st.text())
def test_cleaning_twice_changes_nothing(text: str) -> None:
    assert clean(clean(text)) == clean(text)
