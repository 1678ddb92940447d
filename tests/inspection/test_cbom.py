"""The CBOM validates against CycloneDX 1.6 and says what the inspection says."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from pqcore.database.connect import Database
from pqcore.errors import UsageError
from pqcore.inspection import cbom
from pqcore.inspection.inspector import Inspector
from pqcore.inspection.rating import level_of
from pqcore.policies import POLICIES
from pqcore.selection.catalog import Catalog
from tests.inspection import estate

LEVEL = level_of(POLICIES[2])


def test_it_validates_and_names_forms_columns_and_classes(tmp_path: Path) -> None:
    database = Database.open(f"sqlite:///{tmp_path / 'test.db'}")
    estate.fill(database)
    inspector = Inspector(database, Catalog(database), LEVEL)
    text = cbom.to_cbom([r for place in inspector.everything() for r in inspector.exact(place)], LEVEL)
    database.close()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    document = json.loads(text)
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    components = {component["name"]: component for component in document["components"]}
    rsa = components["RSA-2048 encryption"]
    assert rsa["type"] == "cryptographic-asset"
    properties = rsa["cryptoProperties"]["algorithmProperties"]
    assert properties == {"primitive": "pke", "parameterSetIdentifier": "2048", "nistQuantumSecurityLevel": 0}
    (place,) = rsa["evidence"]["occurrences"]
    assert place["location"] == "vault.wrapped_key"
    assert place["additionalContext"].startswith(f"{estate.RSA} of {estate.ROWS} values")
    assert {"name": "pqconsole:class", "value": "broken by a quantum computer"} in rsa["properties"]
    assert components["AES-256-KW"]["cryptoProperties"]["algorithmProperties"]["nistQuantumSecurityLevel"] == 5


def test_nothing_to_report_validates_too() -> None:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(cbom.to_cbom([], LEVEL)) is None


def test_without_the_library_there_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cbom, "find_spec", lambda _: None)
    with pytest.raises(UsageError, match="cbom"):
        cbom.to_cbom([], LEVEL)
    assert importlib.util.find_spec("cyclonedx") is not None
