"""The filter that is typed above the job list."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqcore.errors import UsageError
from pqcore.jobs.filter import KINDS, Term, parse_filter


def test_words_of_each_kind() -> None:
    parsed = parse_filter('status:Failed scope:wrappers -table:users algo:ml-kem id:12 "two words" -x')
    assert parsed.terms == (
        Term("status", "failed"),
        Term("scope", "wrappers"),
        Term("table", "users", negated=True),
        Term("algo", "ml-kem"),
        Term("id", "12"),
        Term("text", "two words"),
        Term("text", "x", negated=True),
    )


def test_what_is_still_being_typed_is_left_out() -> None:
    assert not parse_filter("status: ")
    assert not parse_filter("")


@pytest.mark.parametrize("text", ["status:runing", "scope:hash", "id:abc", "id:-1", "status:nonsense"])
def test_wrong_words_name_a_remedy(text: str) -> None:
    with pytest.raises(UsageError) as error:
        parse_filter(text)
    assert error.value.remedy


def test_a_near_miss_is_suggested() -> None:
    with pytest.raises(UsageError, match="Did you mean status:running"):
        parse_filter("status:runing")


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        parsed = parse_filter(text)
    except UsageError:
        return
    assert all(t.kind in (*KINDS, "text") and t.value for t in parsed.terms)


@given(st.text(alphabet='abc:- "', max_size=30))
def test_reading_what_was_printed_gives_the_same(text: str) -> None:
    parsed = parse_filter(text)
    printable = all('"' not in t.value and ":" not in t.value and not t.value.startswith("-") for t in parsed.terms)
    if printable:
        assert parse_filter(str(parsed)) == parsed
