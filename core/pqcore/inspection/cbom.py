"""An inspection as a cryptography bill of materials: CycloneDX 1.6, by the extra ``cbom``.

One component a form, with its class; its occurrences are the columns that hold it. No stored value is in it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import TYPE_CHECKING

from pqcore.errors import UsageError
from pqcore.formats.detection.forms import Candidate, State, Threat, Use
from pqcore.inspection.rating import Level
from pqcore.inspection.report import ColumnReport, FormReport

if TYPE_CHECKING:
    from cyclonedx.model.component import Component
    from cyclonedx.model.crypto import CryptoPrimitive

_CURVES = {"P256": "secp256r1", "P-256": "secp256r1", "P384": "secp384r1", "P521": "secp521r1", "25519": "curve25519"}
_SIZE = re.compile(r"(?<!\d)(\d{2,4})(?!\d)")


def require() -> None:
    """Raises UsageError where the library is not installed."""
    if find_spec("cyclonedx") is None:
        raise UsageError(
            "A CBOM needs the package cyclonedx-python-lib", "Install it with: pip install 'pqconsole[cbom]'"
        )


def to_cbom(reports: Sequence[ColumnReport], level: Level) -> str:
    """The document as JSON text. Raises UsageError where the library is not installed."""
    require()
    from cyclonedx.model import Property
    from cyclonedx.model.bom import Bom, BomMetaData
    from cyclonedx.model.component import Component, ComponentType
    from cyclonedx.output import make_outputter
    from cyclonedx.schema import OutputFormat, SchemaVersion

    database = Component(name="inspected database", type=ComponentType.DATA, bom_ref="database")
    tool = Component(name="pqconsole", version=_own_version(), type=ComponentType.APPLICATION, bom_ref="pqconsole")
    bom = Bom(
        metadata=BomMetaData(component=database, properties=[Property(name="pqconsole:policy", value=level.policy)])
    )
    bom.metadata.tools.components.add(tool)
    found: dict[str, list[tuple[ColumnReport, FormReport]]] = {}
    for report in reports:
        for form in report.forms:
            if form.group.state in (State.RECOGNISED, State.AMBIGUOUS):
                found.setdefault(f"{form.name}|{form.rating.standing.value}", []).append((report, form))
    components = [_component(number, places) for number, places in enumerate(found.values(), start=1)]
    for component in components:
        bom.components.add(component)
    bom.register_dependency(database, components)
    return make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string(indent=2)


def _component(number: int, places: Sequence[tuple[ColumnReport, FormReport]]) -> Component:
    from cyclonedx.model import Property
    from cyclonedx.model.component import Component, ComponentType
    from cyclonedx.model.component_evidence import ComponentEvidence, Occurrence
    from cyclonedx.model.crypto import AlgorithmProperties, CryptoAssetType, CryptoProperties

    form = places[0][1]
    candidates = form.group.candidates
    first = candidates[0]
    primitives = {_primitive(candidate) for candidate in candidates}
    one = len({c.form.name for c in candidates}) == 1
    algorithm = AlgorithmProperties(
        primitive=next(iter(primitives)) if len(primitives) == 1 else _unknown(),
        parameter_set_identifier=_parameter_set(first.form.name) if one else None,
        curve=next((curve for mark, curve in _CURVES.items() if mark in first.form.name), None) if one else None,
        nist_quantum_security_level=_quantum_level(candidates),
    )
    properties = [Property(name="pqconsole:class", value=form.rating.standing.value)]
    if form.rating.why:
        properties.append(Property(name="pqconsole:why", value=form.rating.why))
    if not one:
        properties += [Property(name="pqconsole:candidate", value=c.form.name) for c in candidates]
    return Component(
        name=form.name,
        type=ComponentType.CRYPTOGRAPHIC_ASSET,
        bom_ref=f"crypto-{number}",
        properties=properties,
        crypto_properties=CryptoProperties(asset_type=CryptoAssetType.ALGORITHM, algorithm_properties=algorithm),
        evidence=ComponentEvidence(
            occurrences=[
                Occurrence(
                    bom_ref=f"crypto-{number}-{place}",
                    location=report.column.label,
                    additional_context=_context(report, found),
                )
                for place, (report, found) in enumerate(places, start=1)
            ]
        ),
    )


def _context(report: ColumnReport, form: FormReport) -> str:
    cost = ", ".join(f"{name}={value}" for name, value in form.group.candidates[0].details if value != "")
    words = [f"{form.values} of {report.held} values that were read ({report.method.value})"]
    if form.group.declared:
        words.append(f"declared as {form.group.declared}")
    if cost and len(form.group.candidates) == 1:
        words.append(cost)
    return "; ".join(words)


def _quantum_level(candidates: Sequence[Candidate]) -> int | None:
    """NIST's category, 0 for what meets none; None where the candidates differ or nothing was assigned."""
    levels = {0 if c.form.threat is not Threat.NONE else c.form.category for c in candidates}
    return levels.pop() if len(levels) == 1 else None


def _primitive(candidate: Candidate) -> CryptoPrimitive:
    from cyclonedx.model.crypto import CryptoPrimitive

    name = candidate.form.name
    match candidate.form.use:
        case Use.WRAPPED_KEY if "KW" in name:
            return CryptoPrimitive.KEY_WRAP
        case Use.WRAPPED_KEY if "GCM" in name:
            return CryptoPrimitive.AE
        case Use.WRAPPED_KEY if "RSA" in name:
            return CryptoPrimitive.PKE
        case Use.WRAPPED_KEY:
            return CryptoPrimitive.KEM
        case Use.SIGNATURE:
            return CryptoPrimitive.SIGNATURE
        case Use.PASSWORD:
            return CryptoPrimitive.KDF
        case Use.DIGEST:
            return CryptoPrimitive.HASH
        case Use.MAC:
            return CryptoPrimitive.MAC
        case Use.CIPHERTEXT:
            return CryptoPrimitive.AE
    return CryptoPrimitive.UNKNOWN


def _unknown() -> CryptoPrimitive:
    from cyclonedx.model.crypto import CryptoPrimitive

    return CryptoPrimitive.UNKNOWN


def _parameter_set(name: str) -> str | None:
    sizes = _SIZE.findall(name)
    return sizes[0] if sizes else None


def _own_version() -> str | None:
    try:
        return version("pqconsole")
    except PackageNotFoundError:
        return None
