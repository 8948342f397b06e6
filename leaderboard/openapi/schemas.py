"""JSON schemas of the interface's values, made from their models."""

import re
from typing import Any, Final

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from challenge.results.repeated_training import RepeatedTraining
from challenge.results.report import Report
from challenge.results.samples_report import SamplesReport
from challenge.results.worker_info import WorkerInfo
from leaderboard.openapi import models, worker_models
from leaderboard.openapi.values import Value

Schema = dict[str, Any]
_ATTRIBUTE: Final = re.compile(r"^ {4}(\w+(?:, \w+)*): (.*?)(?=^ {4}\w|\Z)", re.MULTILINE | re.DOTALL)
_TEMPLATE: Final = "#/components/schemas/{model}"


class _WithoutTitles(GenerateJsonSchema):
    """A field's title would repeat its name."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - pydantic's signature
        return False


def ref(name: str) -> Schema:
    """A schema by its name."""
    return {"$ref": f"#/components/schemas/{name}"}


def either(*names: str) -> Schema:
    """One of several schemas, by their names."""
    return ref(names[0]) if len(names) == 1 else {"anyOf": [ref(name) for name in names]}


def whole(text: str, **more: Any) -> Schema:
    """A whole number, 0 or more."""
    return {"type": "integer", "minimum": 0, "description": text} | more


def words(text: str, **more: Any) -> Schema:
    """A text."""
    return {"type": "string", "description": text} | more


def truth(text: str) -> Schema:
    """Yes or no."""
    return {"type": "boolean", "description": text}


def items(schema: Schema, text: str, **more: Any) -> Schema:
    """A list."""
    return {"type": "array", "items": schema, "description": text} | more


def thing(text: str, properties: dict[str, Schema], **more: Any) -> Schema:
    """An object that has all of these fields, and no other."""
    return {
        "type": "object",
        "description": text,
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    } | more


def _schemas() -> dict[str, Schema]:
    kinds = [
        kind
        for name, kind in (*vars(models).items(), *vars(worker_models).items())
        # Those with an underscore are parts of others.
        if not name.startswith("_")
        and isinstance(kind, type)
        and issubclass(kind, BaseModel)
        and kind not in (BaseModel, Value)
    ]
    adapters = [
        TypeAdapter[Any](kind) for kind in (Report, SamplesReport, WorkerInfo, RepeatedTraining, *kinds)
    ]
    _, made = TypeAdapter.json_schemas(
        [(index, "validation", adapter) for index, adapter in enumerate(adapters)],
        ref_template=_TEMPLATE,
        schema_generator=_WithoutTitles,
    )
    return {name: _described(schema) for name, schema in sorted(made["$defs"].items())}


def _described(schema: Schema) -> Schema:
    """A schema whose docstring's list of attributes is the descriptions of its fields."""
    text, _, attributes = str(schema.get("description", "")).partition("\n\nAttributes:\n")
    if not attributes:
        return schema
    fields = dict(schema.get("properties", {}))
    for names, description in _ATTRIBUTE.findall(attributes):
        for name in names.split(", "):
            if name in fields:
                sentence = " ".join(description.split())
                fields[name] = {"description": sentence[:1].upper() + sentence[1:]} | fields[name]
    return schema | {"description": text, "properties": fields}


SCHEMAS: Final[dict[str, Schema]] = _schemas()
