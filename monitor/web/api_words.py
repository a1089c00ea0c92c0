"""The texts of the API page, from the API's description."""

import re
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup, escape

_CODE = re.compile(r"`([^`]+)`")

_PLAIN = {
    "integer": "whole number",
    "number": "number",
    "string": "text",
    "boolean": "true or false",
    "object": "object",
    "null": "null",
}
_FORMATS = {"date-time": "date and time", "binary": "file", "date": "date"}


def paragraphs(text: str) -> list[Markup]:
    """Return a docstring as HTML, one item per paragraph, with text in backticks as code."""
    parts = re.split(r"\n\s*\n", text.strip())
    return [Markup(_CODE.sub(r"<code>\1</code>", str(escape(" ".join(part.split()))))) for part in parts if part]


def type_words(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> str:
    """Return the type of a value in words, such as "whole number, 1 to 200" or "one of hour, day".

    `schema` is a JSON Schema as written by FastAPI, `schemas` has those that it may refer to, by name. Whether a value
    is optional is not included.
    """
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        found = schemas.get(name, {})
        return type_words(found, schemas) if "enum" in found else name
    if "anyOf" in schema:
        choices = [type_words(choice, schemas) for choice in schema["anyOf"] if choice.get("type") != "null"]
        return " or ".join(dict.fromkeys(choices))
    if "enum" in schema:
        return f"one of {', '.join(map(str, schema['enum']))}"
    if "const" in schema:
        return str(schema["const"])
    if schema.get("type") == "array":
        return f"list of {type_words(schema.get('items', {}), schemas)}"
    words = _FORMATS.get(schema.get("format", "")) or _PLAIN.get(schema.get("type", ""), "any value")
    return ", ".join(filter(None, (words, _bounds(schema))))


def _bounds(schema: Mapping[str, Any]) -> str:
    for least, most, unit in (("minimum", "maximum", ""), ("minLength", "maxLength", " characters")):
        match schema.get(least), schema.get(most):
            case None, None:
                continue
            case None, high:
                return f"at most {high}{unit}"
            case low, None:
                return f"at least {low}{unit}"
            case low, high:
                return f"{low} to {high}{unit}"
    return ""


def calls(api: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return every call of an OpenAPI description for the API page: parameters, and the fields of a JSON body."""
    schemas = api.get("components", {}).get("schemas", {})
    return [
        {
            "method": method,
            "path": path,
            "description": paragraphs(call.get("description", "")),
            "parameters": [
                _row(each["name"], each["in"], each.get("required", False), each["schema"], schemas)
                | {"description": paragraphs(each.get("description") or each["schema"].get("description", ""))}
                for each in call.get("parameters", ())
            ],
            "body": _fields(call.get("requestBody", {}), schemas),
        }
        for path, methods in api["paths"].items()
        for method, call in methods.items()
    ]


def _fields(body: Mapping[str, Any], schemas: Mapping[str, Any]) -> list[dict[str, Any]]:
    schema = body.get("content", {}).get("application/json", {}).get("schema", {})
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rpartition("/")[2]]
    required = schema.get("required", ())
    return [
        _row(name, "body", name in required, field, schemas) | {"description": paragraphs(field.get("description", ""))}
        for name, field in schema.get("properties", {}).items()
    ]


def _row(
    name: str, place: str, required: bool, schema: Mapping[str, Any], schemas: Mapping[str, Any]
) -> dict[str, Any]:
    default = schema.get("default")
    return {
        "name": name,
        "place": place,
        "required": required,
        "type": type_words(schema, schemas),
        "default": None if default in (None, "") else default,
    }
