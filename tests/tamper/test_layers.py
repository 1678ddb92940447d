"""Nested layers taken off, put in another order, made anew, or sealed by somebody who holds only some of the keys."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pqcore.crypto import suites
from pqcore.formats import wrapped_key
from pqcore.formats.errors import FormatError, NotAuthentic
from pqcore.formats.wrapped_key import Accept, SealKey, open_wrapped_key, parse, seal, seal_nested
from tests.formats.keyring import key, ring
from tests.tamper.forms import DATA_KEY, HERE, NESTED, SINGLE, each_nest, each_single, refuses, stored_here

OUTER, INNER = "kem-1024", "hybrid"  # the layers of NESTED[0]


def sealers(*names: str) -> list[SealKey]:
    return [SealKey.of(key(name)) for name in names]


def peeled(stored: bytes) -> bytes:
    """``enc | ct | tag`` of the second layer, as the holder of the outer key takes it out."""
    parsed = parse(stored)
    bound = wrapped_key._Bound(parsed.header, len(parsed.layers), 0, HERE, parsed.key_id)
    opened = suites.open_sealed(parsed.layers[0].suite, key(OUTER).secret, parsed.enc_ct, bound.info)
    assert opened is not None
    return opened


def test_the_inner_layer_alone_is_no_value_even_to_who_may_open_the_outer_one():
    """An operator with the outer key peels it off; what is left was bound to both, and passes under no header."""
    inner = peeled(stored_here(NESTED[0]))
    enc_ct, tag = inner[:-32], inner[-32:]
    length = len(enc_ct).to_bytes(2, "big")
    alone = wrapped_key.header(key(INNER).algorithm, key(INNER).id, HERE.policy) + length + enc_ct + tag
    parse(alone)
    refuses(SINGLE[0], alone)
    again = wrapped_key.header_of([s.layer for s in sealers("kem-1024", INNER)], HERE.policy) + length + enc_ct + tag
    refuses(NESTED[0], again)


@each_nest
def test_a_header_with_fewer_more_or_other_layers_is_refused(form):
    parsed = parse(stored_here(form))
    rest = parsed.signed_part[len(parsed.header) :] + parsed.tag
    layers = list(parsed.layers)
    another = SealKey.of(key("other-hybrid") if form is NESTED[0] else key("hybrid")).layer
    for changed in (
        [*layers[1:]],
        layers[:-1],
        layers[::-1],
        [*layers, another],
        [another, *layers],
        [*layers[:-1], another],
    ):
        refuses(form, wrapped_key.header_of(changed, parsed.policy) + rest)


@pytest.mark.parametrize("count", [0, 1, 3, 5, 255])
def test_another_number_of_layers_is_refused(count):
    stored = stored_here(NESTED[0])
    assert stored[6] == 2
    refuses(NESTED[0], stored[:6] + bytes((count,)) + stored[7:])


def test_who_holds_the_outer_keys_and_the_inner_public_key_cannot_plant():
    """Each layer has a tag of its own: the seal secret of one does not stand for that of the other."""
    blind = SealKey.of(replace(key(INNER), secret=None, seal_secret=bytes(32)))
    planted = seal_nested(b"known", [SealKey.of(key(OUTER)), blind], HERE)
    wrapped_key.check_tag(parse(planted), ring(), HERE)
    with pytest.raises(NotAuthentic, match="sealed"):
        open_wrapped_key(planted, ring(), HERE)
    outside = SealKey.of(replace(key(OUTER), secret=None, seal_secret=bytes(32)))
    with pytest.raises(NotAuthentic, match="sealed"):
        open_wrapped_key(seal_nested(b"known", [outside, SealKey.of(key(INNER))], HERE), ring(), HERE)


def test_an_inner_layer_of_another_row_does_not_pass_in_a_new_outer_one():
    """Who holds the outer key and its seal secret seals another row's inner layer into this row's value."""
    there = replace(HERE, row_key=(8, "b"))
    foreign = seal_nested(b"theirs", sealers(OUTER, INNER), there)
    parsed = parse(foreign)
    bound = wrapped_key._Bound(parsed.header, 2, 0, there, parsed.key_id)
    inner = suites.open_sealed(parsed.layers[0].suite, key(OUTER).secret, parsed.enc_ct, bound.info)
    here = wrapped_key._Bound(parsed.header, 2, 0, HERE, parsed.key_id)
    enc_ct = suites.seal(parsed.layers[0].suite, key(OUTER).public, inner, here.info)
    mixed = parsed.header + len(enc_ct).to_bytes(2, "big") + enc_ct + here.tag(key(OUTER), enc_ct)
    wrapped_key.check_tag(parse(mixed), ring(), HERE)
    with pytest.raises(NotAuthentic):
        open_wrapped_key(mixed, ring(), HERE)


@each_single
def test_a_reader_that_asks_for_two_layers_refuses_one(form):
    with pytest.raises(FormatError, match="1 of the 2 layers"):
        open_wrapped_key(stored_here(form), ring(), HERE, Accept(min_layers=2))


def test_a_single_layer_put_in_the_place_of_two_is_refused_by_who_asks_for_two():
    """Both are of this row and by a holder of the keys: only what the reader demands tells them apart."""
    single = seal(DATA_KEY, key(INNER), HERE)
    assert open_wrapped_key(single, ring(), HERE) == DATA_KEY
    with pytest.raises(FormatError):
        open_wrapped_key(single, ring(), HERE, Accept(min_layers=2))
    assert open_wrapped_key(stored_here(NESTED[0]), ring(), HERE, Accept(min_layers=2)) == DATA_KEY


def test_one_key_for_two_layers_is_refused_when_sealing_and_when_reading():
    with pytest.raises(FormatError, match="One key"):
        seal_nested(DATA_KEY, sealers("kem", "kem"), HERE)
    stored = stored_here(NESTED[1])
    ids = parse(stored).key_ids
    assert ids == ("hybrid-1024:1", "kem:1", "other-hybrid:1")
    twice = seal_nested(DATA_KEY, [SealKey.of(key("kem")), SealKey.of(renamed("other-hybrid", "kex"))], HERE)
    with pytest.raises(FormatError, match="one key for two layers"):
        parse(twice.replace(b"kex:1", b"kem:1", 1))


def renamed(name: str, new: str):
    return replace(key(name), info=replace(key(name).info, name=new))
