"""Hypothesis strategies for selections and for documents that are nearly selections."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from pqcore.selection.condition import LISTS, NO_VALUE, PATTERNS, All, Any_, Compare, Condition, Not, Op
from pqcore.selection.document import BatchSettings, Selection, ThrottleSettings
from pqcore.selection.windows import Window

text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
names = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8)
scalars = st.one_of(
    text,
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.binary(max_size=4),
)
patterns = st.lists(st.sampled_from(["a", "b", "%", "_", "\\%", "\\_", "\\\\", "\n", "*", "["]), max_size=5).map(
    "".join
)


@st.composite
def compares(draw: st.DrawFn) -> Compare:
    op = draw(st.sampled_from(Op))
    values: tuple[Any, ...]
    if op in NO_VALUE:
        values = ()
    elif op in LISTS:
        values = tuple(draw(st.lists(scalars, min_size=1, max_size=3)))
    elif op is Op.BETWEEN:
        values = (draw(scalars), draw(scalars))
    elif op in PATTERNS:
        values = (draw(patterns),)
    elif op is Op.PREFIX:
        values = (draw(st.one_of(text.filter(bool), st.binary(min_size=1, max_size=3))),)
    else:
        values = (draw(scalars),)
    return Compare(draw(names), op, values)


def trees(leaves: st.SearchStrategy[Compare]) -> st.SearchStrategy[Condition]:
    """Conditions over these leaves."""
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.lists(inner, min_size=1, max_size=3).map(lambda parts: All(tuple(parts))),
            st.lists(inner, min_size=1, max_size=3).map(lambda parts: Any_(tuple(parts))),
            inner.map(Not),
        ),
        max_leaves=6,
    )


_minutes = st.integers(0, 1439)
windows = st.tuples(_minutes, st.integers(0, 1440)).filter(lambda w: w[0] != w[1]).map(lambda w: Window(*w))
_window_texts = st.from_regex(r"[012][0-9]:[0-6][0-9]-[012][0-9]:[0-6][0-9]\n?", fullmatch=True) | st.sampled_from(
    ["22:00-06:00", "00:00-24:00", "24:00-01:00", "06:00-06:00", "6-7"]
)


def selections() -> st.SearchStrategy[Selection]:
    """Any selection."""
    return st.builds(
        Selection,
        table=names,
        field=names,
        schema=st.none() | names,
        key=st.lists(names, max_size=3, unique=True).map(tuple),
        where=st.none() | trees(compares()),
        limit=st.none() | st.integers(1, 2**63 - 1),
        options=st.fixed_dictionaries({}, optional={"mode": text, "old_key": text | st.just({"column": "k"})}),
        batch=st.builds(
            BatchSettings,
            rows=st.integers(1, 50_000),
            target_ms=st.integers(1, 10_000),
            max_bytes=st.integers(4096, 2**26),
        ),
        throttle=st.builds(
            ThrottleSettings,
            rows_per_second=st.none() | st.floats(0.001, 1e9),
            windows=st.lists(windows, max_size=3).map(tuple),
            time_zone=st.sampled_from(["UTC", "Europe/Berlin"]),
            max_replica_lag=st.none() | st.floats(0.001, 86_400),
            max_running=st.none() | st.integers(1, 100_000),
        ),
        keep_originals=st.booleans(),
        max_failures=st.none() | st.integers(0, 1000) | st.floats(0.001, 0.999),
    )


_words = st.sampled_from(
    [
        "a",
        "",
        "mode",
        "eq",
        "in",
        "like",
        "between",
        "is_null",
        "password",
        "digest",
        "AES-KW",
        "\0",
        "a\n",
        "00ff",
        "%\\",
    ]
)
_leaves = st.one_of(_words, st.integers(-1, 3), st.sampled_from([0.5, 1.0, 2.5, 1e10]), st.booleans(), st.none())


def _objects(values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    members = ["column", "op", "value", "all", "any", "not", "bytes", "rows", "rows_per_second", "x"]
    return st.dictionaries(st.sampled_from(members), values, max_size=3)


junk = st.recursive(_leaves, lambda inner: st.one_of(st.lists(inner, max_size=3), _objects(inner)), max_leaves=6)


@st.composite
def near_conditions(draw: st.DrawFn) -> Any:
    """Mostly a condition, with one thing or another wrong."""
    column = draw(st.sampled_from(["a", "b c", "", "x\n"]) | _leaves)
    condition = {"column": column, "op": draw(st.sampled_from([*Op, "equals"]).map(str)), "value": draw(junk)}
    for name in draw(st.sets(st.sampled_from(["column", "op", "value"]), max_size=1)):
        del condition[name]
    group = draw(st.sampled_from(["", "", "all", "any", "not"]))
    if group:
        return {group: condition if group == "not" else [condition]}
    return condition


@st.composite
def near_documents(draw: st.DrawFn, option_names: list[str]) -> dict[str, Any]:
    """Documents of which many are valid and many are nearly so."""
    document: dict[str, Any] = {"table": "t", "field": "f"}
    values = {
        "table": junk,
        "schema": junk,
        "key": st.lists(_words, max_size=3) | junk,
        "where": near_conditions() | junk,
        "limit": junk,
        "options": st.dictionaries(st.sampled_from(option_names), _words | junk | st.just({"column": "c"}), max_size=4),
        "batch": st.dictionaries(
            st.sampled_from(["rows", "target_ms", "max_bytes", "y"]), st.integers(0, 10**5), max_size=2
        )
        | junk,
        "throttle": st.fixed_dictionaries(
            {},
            optional={
                "rows_per_second": junk,
                "windows": st.lists(_window_texts | junk, max_size=3) | junk,
                "time_zone": st.sampled_from(["UTC", "Asia/Tokyo", "", "a b", "../x", "UTC\n", 3]),
                "max_replica_lag": junk,
                "max_running": junk,
                "x": junk,
            },
        )
        | junk,
        "keep_originals": junk,
        "max_failures": junk,
        "other": junk,
    }
    for name in draw(st.sets(st.sampled_from(sorted(values)), max_size=3)):
        document[name] = draw(values[name])
    return document
