"""From what a column holds to selections for jobs: what is known filled in, what is not left empty at its place.

An empty text is no key's and no column's name, so the selection parser names every place that is left to the operator.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pqcore.formats.blind_index import OLD_SIZES
from pqcore.formats.detection.forms import Basis, State, Use
from pqcore.formats.detection.tokens import TINK, TRANSIT
from pqcore.formats.digest import LEGACY
from pqcore.inspection import hints
from pqcore.inspection.frames import frame_of
from pqcore.inspection.rating import Standing
from pqcore.inspection.report import Column, ColumnReport, FormReport
from pqcore.migrations.base import Scope
from pqcore.migrations.options import OPTIONS
from pqcore.selection.document import parse
from pqcore.selection.problem import SelectionError

_LEFT = ""  # for the operator to fill in
_AES_SIZE = re.compile(r"^AES-(128|192|256)-")
# Argon2 is what passwords are wrapped in; the others need the stored value itself, or are no hash.
_NOT_WRAPPED = ("Argon2", "yescrypt", "SCRAM", "MySQL caching_sha2", "password in the clear")
_TINK_FORMATS = {"AES-": "AES-GCM"}  # which Tink lays out in one way
_ECDSA_LARGER = ("ECDSA-P384", "ECDSA-P521")  # which have another hash by default
_ECDSA_RAW = {"ECDSA-P256": 64, "ECDSA-P384": 96, "ECDSA-P521": 132}  # bytes of r and s side by side


@dataclass(frozen=True, slots=True)
class Proposal:
    """A selection for the values of one column that a job can migrate.

    Attributes:
        forms: what it is for.
        document: the selection.
        left: places in it that are left to the operator, such as ``options.new_key``.
        notes: what to know before it is used, one sentence each.
    """

    column: Column
    scope: Scope
    forms: tuple[FormReport, ...]
    document: dict[str, Any]
    left: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def values(self) -> int:
        """How many of the values that were read it is for."""
        return sum(form.values for form in self.forms)

    @property
    def name(self) -> str:
        """A name for a file, without its ending: ``documents.wrapped_key.RSA-OAEP.wrappers``."""
        value = self.document.get("where", {}).get("value", "")
        parts = [*self.column.label.split("."), value if isinstance(value, str) else "", self.scope.value]
        return ".".join("".join(c if c.isalnum() or c in "_-" else "_" for c in part) for part in parts if part)


def propose(report: ColumnReport) -> list[Proposal]:
    """Selections for those parts of a column that are not fine as they are; none for what no job can migrate."""
    poor = [form for form in report.forms if _wants_migration(form)]
    made: list[Proposal] = []
    passwords = [f for f in poor if _use(f) is Use.PASSWORD and not f.name.startswith(_NOT_WRAPPED)]
    named = [f for f in passwords if f.group.basis is Basis.STRUCTURE]
    if named:
        made.append(_proposal(report.column, Scope.HASHES, named, {"mode": "password"}))
    if len(named) < len(passwords):
        bare = [f for f in passwords if f not in named]
        made.append(_proposal(report.column, Scope.HASHES, bare, {"mode": "password", "scheme": _LEFT}))
    digests = [f for f in poor if _use(f) is Use.DIGEST and _old_form(f, LEGACY) is not None]
    if digests:
        made.append(_digests(report.column, digests))
    macs = [f for f in poor if _use(f) is Use.MAC and _old_form(f, OLD_SIZES) is not None]
    if macs:
        made.append(_index(report.column, macs))
    wraps = [f for f in poor if _use(f) is Use.WRAPPED_KEY and _is_read(f, Scope.WRAPPERS)]
    made.extend(_keyed(report.column, Scope.WRAPPERS, wraps, {"old_key": _LEFT, "new_key": _LEFT}, _wrap_format))
    signatures = [f for f in poor if _use(f) is Use.SIGNATURE and _is_read(f, Scope.SIGNATURES)]
    keys = {"payload": _LEFT, "old_key": _LEFT, "new_key": _LEFT}
    made.extend(_keyed(report.column, Scope.SIGNATURES, signatures, keys, _signature_format))
    return made


def _wants_migration(form: FormReport) -> bool:
    own = any(c.form.own for c in form.group.candidates)
    known = form.group.state in (State.RECOGNISED, State.AMBIGUOUS)
    return known and not own and form.rating.standing is not Standing.FINE


def _use(form: FormReport) -> Use | None:
    """What the values are for, where all candidates agree on it; a digest may be keyed."""
    uses = {c.form.use for c in form.group.candidates}
    if uses == {Use.DIGEST, Use.MAC}:
        return Use.DIGEST
    return next(iter(uses)) if len(uses) == 1 else None


def _names(form: FormReport) -> list[str]:
    """The candidates as the options name them, behind a prefix of another product: ``AES-KW`` for ``AES-128-KW``."""
    return [_AES_SIZE.sub("AES-", c.form.inner) for c in form.group.candidates]


def _is_read(form: FormReport, scope: Scope) -> bool:
    """Whether a format of the scope's options can be the one of these values."""
    known = _choices(scope, "format")
    if scope is Scope.WRAPPERS and form.group.candidates[0].form.frame == TRANSIT:
        return True
    families = {choice.partition("-")[0] for choice in known}
    names = _names(form)
    if any(name.startswith("AES-") for name in names):
        return all(any(name.startswith(choice) for choice in known) for name in names)
    return any(re.split("[- ]", name)[0] in families for name in names)


def _named_by_form(form: FormReport, scope: Scope) -> str:
    """The format that the form itself says: JOSE, HPKE; empty where it does not."""
    names = _names(form)
    if scope is Scope.WRAPPERS and form.group.candidates[0].form.frame == TINK:
        found = {named for start, named in _TINK_FORMATS.items() if all(name.startswith(start) for name in names)}
        if found:
            return found.pop()
    for start in ("JWE", "JWS", "HPKE"):
        if start in _choices(scope, "format") and all(name.startswith(f"{start} ") for name in names):
            return start
    return _LEFT


def _digests(column: Column, forms: Sequence[FormReport]) -> Proposal:
    formats = {_old_form(form, LEGACY) for form in forms}
    options: dict[str, Any] = {"mode": "digest", "source": _LEFT}
    options["format"] = formats.pop() if len(formats) == 1 else "auto"
    options |= _encoding(forms)
    keyed = any(c.form.use is Use.MAC for form in forms for c in form.group.candidates)
    notes = ["If the values are keyed (HMAC), use mode blind-index with its keys instead"] if keyed else []
    return _proposal(column, Scope.HASHES, forms, options, _where(column, forms), notes)


def _index(column: Column, forms: Sequence[FormReport]) -> Proposal:
    formats = {_old_form(form, OLD_SIZES) for form in forms}
    options: dict[str, Any] = {"mode": "blind-index", "source": _LEFT, "old_key": _LEFT, "new_key": _LEFT}
    options["format"] = formats.pop() if len(formats) == 1 else "auto"
    options |= _encoding(forms)
    notes = ["Where the content cannot be read, use mode nested-index, which needs no source and no old key"]
    others = {c.form.name for form in forms for c in form.group.candidates if c.form.name in OLD_SIZES} - formats
    if others and len(formats) == 1:
        notes.append(f"If the values are {' or '.join(sorted(others))}, set format to that")
    return _proposal(column, Scope.HASHES, forms, options, _where(column, forms), notes)


def _old_form(form: FormReport, known: Collection[str]) -> str | None:
    """The old digest or index as the options name it, of those that are ``known``; None where no job reads it."""
    return next((c.form.name for c in form.group.candidates if c.form.name in known), None)


def _keyed(
    column: Column,
    scope: Scope,
    forms: Sequence[FormReport],
    keys: dict[str, str],
    format_of: Any,
) -> Iterable[Proposal]:
    """A selection for each format and encoding: a job opens all its values in one way."""
    parts: dict[tuple[str, str, str, str], list[FormReport]] = {}
    for form in forms:
        named = format_of(form)
        frame = frame_of(form, named)
        start = "" if frame is None else frame.start
        parts.setdefault((named, str(form.group.encoding or ""), form.group.declared, start), []).append(form)
    for (named, _, _, _), members in parts.items():
        notes = []
        frame = frame_of(members[0], named)
        where = _both(_where(column, members), None if frame is None else frame.condition(column))
        if where is None and len(parts) > 1:
            notes.append("The column holds other forms too and nothing here tells them apart: add a condition")
        options: dict[str, Any] = {"format": named, **({} if named == "Vault" else _encoding(members))}
        if frame is not None:
            options |= frame.options
            notes.append(frame.note)
            if named in _ECDSA_LARGER:
                notes.append(
                    "The hash is not in the value: transit takes SHA-256, Tink may take SHA-512; set ecdsa_hash"
                )
        options |= {**keys, **_ecdsa_encoding(named, members)}
        if named == "JWS":
            del options["payload"]  # it is in the value
        yield _proposal(column, scope, members, options, where, notes)


def _wrap_format(form: FormReport) -> str:
    if form.group.candidates[0].form.frame == TRANSIT:
        return "Vault"
    known = _choices(Scope.WRAPPERS, "format")
    declared = hints.declared(form.group.declared)
    if declared is not None and declared.format in known:
        return declared.format or _LEFT
    # neither the hash of OAEP, nor whether AES-KW pads, is in a value
    return _named_by_form(form, Scope.WRAPPERS)


def _signature_format(form: FormReport) -> str:
    known = _choices(Scope.SIGNATURES, "format")
    declared = hints.declared(form.group.declared)
    if declared is not None and declared.format in known:
        return declared.format or _LEFT
    names = {c.form.inner for c in form.group.candidates}
    # DER says that it is a curve's signature of 256 bits, or a DSA one, of which no key is made any more
    names.discard("DSA (256 bits)")
    only = names.pop() if len(names) == 1 else _LEFT
    return only if only in known else _named_by_form(form, Scope.SIGNATURES)


def _ecdsa_encoding(named: str, forms: Sequence[FormReport]) -> dict[str, str]:
    """DER is what the option stands at; side by side, all signatures of a curve have the same length."""
    raw = _ECDSA_RAW.get(named)
    frame = frame_of(forms[0], named)
    if raw and frame is not None:
        raw += frame.octets
    return {"ecdsa_encoding": "raw"} if raw and all(f.shortest == f.longest == raw for f in forms) else {}


def _both(one: dict[str, Any] | None, other: dict[str, Any] | None) -> dict[str, Any] | None:
    """The condition that both hold, where there are two."""
    return {"all": [one, other]} if one is not None and other is not None else one or other


def _choices(scope: Scope, option: str) -> tuple[str, ...]:
    return next((spec.choices for spec in OPTIONS[scope] if spec.name == option), ())


def _encoding(forms: Sequence[FormReport]) -> dict[str, str]:
    found = {form.group.encoding for form in forms}
    only = found.pop() if len(found) == 1 else None
    return {} if only is None else {"encoding": only.value}


def _where(column: Column, forms: Sequence[FormReport]) -> dict[str, Any] | None:
    """The condition on the neighbour that names the algorithm, where all these values have one name."""
    spelled = sorted({form.group.declared for form in forms})
    if not column.neighbour or not all(spelled):
        return None
    if len(spelled) == 1:
        return {"column": column.neighbour, "op": "eq", "value": spelled[0]}
    return {"column": column.neighbour, "op": "in", "value": spelled}


def _proposal(
    column: Column,
    scope: Scope,
    forms: Sequence[FormReport],
    options: dict[str, Any],
    where: dict[str, Any] | None = None,
    notes: Sequence[str] = (),
) -> Proposal:
    document: dict[str, Any] = {} if column.schema is None else {"schema": column.schema}
    document |= {"table": column.table, "field": column.name}
    if where is not None:
        document["where"] = where
    document["options"] = options
    return Proposal(column, scope, tuple(forms), document, _left(document, scope), tuple(notes))


def _left(document: dict[str, Any], scope: Scope) -> tuple[str, ...]:
    try:
        parse(document, scope=scope)
    except SelectionError as error:
        return tuple(dict.fromkeys(problem.path for problem in error.problems))
    return ()
