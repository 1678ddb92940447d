"""The JSON Schema of the selection document, made from the same data that the parser reads.

``python -m pqcore.selection.schema`` prints what ``schema.json`` has to hold; a test holds the two together.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from importlib import resources
from typing import Any

from pqcore.migrations.base import Scope
from pqcore.migrations.options import ALIASES, OPTIONS, OptionKind, OptionSpec
from pqcore.selection.condition import LISTS, MAX_ITEMS, NO_VALUE, PATTERNS, Op
from pqcore.selection.document import (
    BATCH_MEMBERS,
    BYTES,
    DEFAULT_MAX_FAILURES,
    MAX_FAILURES,
    MAX_KEY_COLUMNS,
    MAX_LAG,
    MAX_LIMIT,
    MAX_RATE,
    MAX_WINDOWS,
    MEMBERS,
    ROWS,
    RUNNING,
    TARGET_MS,
    THROTTLE_MEMBERS,
    BatchSettings,
    ThrottleSettings,
)
from pqcore.selection.options import option_names
from pqcore.selection.reader import NAME_LENGTH
from pqcore.selection.windows import PATTERN, ZONE_PATTERN

Schema = dict[str, Any]

_COMMENT = (
    "The parser also refuses what no schema can express: duplicate keys, lone surrogates, numbers of more than 100 "
    "characters, documents of more than 64 KiB or 32 levels, and names of time zones that there are not."
)


def published() -> Schema:
    """The schema as shipped, ``schema.json``."""
    text = (resources.files("pqcore.selection") / "schema.json").read_text(encoding="utf-8")
    loaded: Schema = json.loads(text)
    return loaded


def document_schema() -> Schema:
    """JSON Schema 2020-12: the root is a selection of any scope, ``$defs`` has one definition for each scope."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:pqconsole:selection:1",
        "title": "pqconsole selection",
        "description": "Which values of a database table a migration job takes, and how.",
        "$comment": _COMMENT,
        "$ref": "#/$defs/selection",
        "$defs": {
            "selection": _selection(),
            **{str(scope): _scoped(scope) for scope in Scope},
            **{f"options_{scope}": _options(scope) for scope in Scope},
            "name": _name(),
            "condition": _condition(),
            "value": _value(),
            "bytes": _bytes("(?:[0-9a-fA-F]{2})*"),
            "key_reference": {"type": "string", "minLength": 1},
        },
    }


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _name() -> Schema:
    return {
        "type": "string",
        "minLength": 1,
        "maxLength": NAME_LENGTH,
        "not": {"pattern": "[\\u0000-\\u001f\\u007f]"},
    }


def _selection() -> Schema:
    defaults = BatchSettings()
    members: dict[str, Schema] = {
        "table": _ref("name"),
        "field": _ref("name"),
        "schema": _ref("name"),
        "key": {
            "type": "array",
            "items": _ref("name"),
            "minItems": 1,
            "maxItems": MAX_KEY_COLUMNS,
            "uniqueItems": True,
        },
        "where": _ref("condition"),
        "limit": {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT},
        "options": {
            "type": "object",
            "propertyNames": {"enum": list(option_names(None))},
            "additionalProperties": {"not": {"type": "null"}},
        },
        "batch": _object(
            BATCH_MEMBERS,
            {
                "rows": _integer(ROWS, defaults.rows),
                "target_ms": _integer(TARGET_MS, defaults.target_ms),
                "max_bytes": _integer(BYTES, defaults.max_bytes),
            },
        ),
        "throttle": _object(
            THROTTLE_MEMBERS,
            {
                "rows_per_second": {"type": "number", "exclusiveMinimum": 0, "maximum": MAX_RATE},
                "windows": {
                    "type": "array",
                    "items": _matching(PATTERN),
                    "minItems": 1,
                    "maxItems": MAX_WINDOWS,
                },
                "time_zone": {**_matching(ZONE_PATTERN), "default": ThrottleSettings().time_zone},
                "max_replica_lag": {"type": "number", "exclusiveMinimum": 0, "maximum": MAX_LAG},
                "max_running": {"type": "integer", "minimum": RUNNING[0], "maximum": RUNNING[1]},
            },
        ),
        "keep_originals": {"type": "boolean", "default": False},
        "max_failures": {
            "anyOf": [
                {"type": "integer", "minimum": 0, "maximum": MAX_FAILURES},
                {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
            ],
            "default": DEFAULT_MAX_FAILURES,
        },
    }
    return {**_object(MEMBERS, members), "required": ["table", "field"]}


def _object(meanings: Any, members: dict[str, Schema]) -> Schema:
    described = {name: {"description": meanings[name], **schema} for name, schema in members.items()}
    return {"type": "object", "properties": described, "additionalProperties": False}


def _integer(bounds: tuple[int, int], default: int) -> Schema:
    return {"type": "integer", "minimum": bounds[0], "maximum": bounds[1], "default": default}


def _condition() -> Schema:
    several = {"type": "array", "items": _ref("condition"), "minItems": 1, "maxItems": MAX_ITEMS}
    text = {"type": "string", "not": {"pattern": "\\u0000"}}
    pattern = {**text, "pattern": "^(?:[^\\\\]|\\\\[%_\\\\])*$"}
    plain = [op for op in Op if op not in NO_VALUE | LISTS | PATTERNS | {Op.BETWEEN, Op.PREFIX}]
    return {
        "oneOf": [
            _group("all", several),
            _group("any", several),
            _group("not", _ref("condition")),
            _compare(sorted(NO_VALUE), None),
            _compare(plain, _ref("value")),
            _compare(sorted(LISTS), {"type": "array", "items": _ref("value"), "minItems": 1, "maxItems": MAX_ITEMS}),
            _compare([Op.BETWEEN], {"type": "array", "items": _ref("value"), "minItems": 2, "maxItems": 2}),
            _compare(sorted(PATTERNS), pattern),
            _compare([Op.PREFIX], {"anyOf": [{**text, "minLength": 1}, _bytes("(?:[0-9a-fA-F]{2})+")]}),
        ]
    }


def _group(name: str, inner: Schema) -> Schema:
    return {"type": "object", "properties": {name: inner}, "required": [name], "additionalProperties": False}


def _compare(ops: list[Op], value: Schema | None) -> Schema:
    properties: Schema = {"column": _ref("name"), "op": {"enum": [op.value for op in ops]}}
    required = ["column", "op"]
    if value is not None:
        properties["value"] = value
        required.append("value")
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _value() -> Schema:
    return {
        "anyOf": [{"type": "string", "not": {"pattern": "\\u0000"}}, {"type": ["number", "boolean"]}, _ref("bytes")]
    }


def _bytes(pattern: str) -> Schema:
    return _group("bytes", _matching(pattern))


def _matching(pattern: str) -> Schema:
    # in Python "$" also stands before a last line break
    return {"type": "string", "pattern": f"^{pattern}$", "not": {"pattern": "\\n"}}


def _scoped(scope: Scope) -> Schema:
    needed = [spec.name for spec in OPTIONS[scope] if spec.required and spec.when is None]
    return {
        "description": f"A selection of the scope {scope}.",
        "allOf": [_ref("selection"), {"properties": {"options": _ref(f"options_{scope}")}}],
        **({"required": ["options"]} if needed else {}),
    }


def _options(scope: Scope) -> Schema:
    specs = OPTIONS[scope]
    rules = []
    for spec in specs:
        if spec.when is None:
            continue
        holds = _holds(spec.when, specs)
        rules.append({"if": {"required": [spec.name]}, "then": holds})
        if spec.required:
            rules.append({"if": holds, "then": {"required": [spec.name]}})
    schema: Schema = {
        "description": f"Options of the scope {scope}.",
        "type": "object",
        "properties": {spec.name: _option(spec) for spec in specs},
        "additionalProperties": False,
        "required": [spec.name for spec in specs if spec.required and spec.when is None],
    }
    needs = {spec.name: [spec.needs] for spec in specs if spec.needs is not None}
    return schema | ({"dependentRequired": needs} if needs else {}) | ({"allOf": rules} if rules else {})


def _holds(when: tuple[str, ...], specs: tuple[OptionSpec, ...]) -> Schema:
    name, *wanted = when
    default = next(spec.default for spec in specs if spec.name == name)
    values = _with_aliases(wanted)
    rule: Schema = {"properties": {name: {"const": values[0]} if len(values) == 1 else {"enum": values}}}
    return rule if default in wanted else {**rule, "required": [name]}


def _with_aliases(names: Iterable[str]) -> list[str]:
    known = list(names)
    return [*known, *(alias for alias, name in ALIASES.items() if name in known)]


def _option(spec: OptionSpec) -> Schema:
    schema: Schema = {"description": spec.help}
    if spec.default is not None:
        schema["default"] = spec.default
    match spec.kind:
        case OptionKind.CHOICE:
            schema["enum"] = _with_aliases(spec.choices)
        case OptionKind.INTEGER:
            schema["type"] = "integer"
            schema |= {"minimum": spec.minimum} if spec.minimum is not None else {}
            schema |= {"maximum": spec.maximum} if spec.maximum is not None else {}
        case OptionKind.COLUMN:
            schema |= _ref("name")
        case OptionKind.KEY:
            schema |= _ref("key_reference")
        case OptionKind.KEY_REF:
            column = {**_group("column", _ref("name"))}
            schema["anyOf"] = [_ref("key_reference"), column]
        case OptionKind.TEXT:
            schema["type"] = "string"
        case OptionKind.BYTES:
            schema["anyOf"] = [{"type": "string"}, _ref("bytes")]
    return schema


if __name__ == "__main__":
    print(json.dumps(document_schema(), indent=2))
