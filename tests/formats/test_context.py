from __future__ import annotations

import datetime as dt
import json
import uuid
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqcore.formats.context import Context, key_digest, row_key_text
from pqcore.formats.errors import FormatError
from pqcore.formats.framing import frame

BERLIN = dt.timezone(dt.timedelta(hours=2))


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ((1,), "[1]"),
        ((-1, "a"), '[-1,"a"]'),
        ((Decimal("7"),), "[7]"),
        ((Decimal("7.00"),), "[7]"),
        ((Decimal("7E+2"),), "[700]"),
        ((7.0,), "[7]"),
        ((True,), "[1]"),
        ((Decimal("1.50"),), '["1.5"]'),
        ((1.5,), '["1.5"]'),
        ((Decimal("-0"),), "[0]"),
        ((0.1,), '["0.1"]'),
        ((2**80,), f"[{2**80}]"),
        (("ä\n",), '["\\u00e4\\n"]'),
        ((b"\x00\xff",), '[{"hex":"00ff"}]'),
        ((memoryview(b"\x01"), bytearray(b"\x02")), '[{"hex":"01"},{"hex":"02"}]'),
        ((uuid.UUID("0EC0FEE6-A714-57A9-DAC8-98A1B86E76A5"),), '["0ec0fee6-a714-57a9-dac8-98a1b86e76a5"]'),
        (("0EC0FEE6-A714-57A9-DAC8-98A1B86E76A5",), '["0ec0fee6-a714-57a9-dac8-98a1b86e76a5"]'),
        (("ABC",), '["ABC"]'),
        ((dt.date(2026, 1, 2),), '["2026-01-02"]'),
        ((dt.datetime(2026, 1, 2, 3, 4, 5),), '["2026-01-02T03:04:05.000000"]'),
        ((dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=BERLIN),), '["2026-01-02T01:04:05.000000Z"]'),
        ((dt.time(1, 2, 3, 4),), '["01:02:03.000004"]'),
    ],
)
def test_row_key_text(key, text):
    assert row_key_text(key) == text


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), Decimal("NaN"), Decimal("1e99999999"), [1], {}])
def test_values_that_are_no_key_are_refused(value):
    with pytest.raises(FormatError):
        row_key_text((value,))


@given(st.tuples(st.integers() | st.text() | st.binary() | st.uuids() | st.datetimes() | st.dates()))
def test_row_key_text_is_json_and_digests(key):
    text = row_key_text(key)
    assert len(json.loads(text)) == 1
    assert len(key_digest(text)) == 64


PARTS = ("data", "app.documents", "wrapped_key", (7, "x"), "kek:1", "strict")


def test_every_part_counts():
    plain = Context(*PARTS).encode()
    others = ("data2", "documents", "wrapped_key2", (7, "y"), "kek:2", "")
    for index, other in enumerate(others):
        parts = list(PARTS)
        parts[index] = other
        assert Context(*parts).encode() != plain


def test_parts_do_not_run_into_each_other():
    assert Context("a", "b.c", "d", (1,)).encode() != Context("a", "b", ".cd", (1,)).encode()
    assert frame(b"a", b"b") == b"\0\0\0\1a\0\0\0\1b"
    assert frame(b"ab", b"") != frame(b"a", b"b")


def test_a_reader_takes_key_and_policy_from_the_value_but_may_insist():
    open_context = Context("d", "t", "c", (1,))
    assert open_context.under("k:1", "p") == Context("d", "t", "c", (1,), "k:1", "p")
    assert open_context.under("k:1", "p").under("k:1", "p").key_id == "k:1"
    with pytest.raises(FormatError):
        Context("d", "t", "c", (1,), key_id="k:2").under("k:1", "")
    with pytest.raises(FormatError):
        Context("d", "t", "c", (1,), policy="p").under("k:1", "q")
