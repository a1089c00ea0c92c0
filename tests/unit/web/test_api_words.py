from typing import Any

import pytest

from monitor.config.web import WebSettings
from monitor.web.api_words import calls, paragraphs, type_words
from monitor.web.app import make_app

SCHEMAS = {
    "By": {"type": "string", "enum": ["hour", "day"]},
    "Box": {"type": "object", "properties": {"x": {"type": "number"}}},
}


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "integer"}, "whole number"),
        ({"type": "integer", "minimum": 1, "maximum": 200}, "whole number, 1 to 200"),
        ({"type": "integer", "minimum": 0, "maximum": 9}, "whole number, 0 to 9"),
        ({"type": "number", "minimum": 0}, "number, at least 0"),
        ({"type": "string", "maxLength": 64}, "text, at most 64 characters"),
        ({"type": "string", "format": "date-time"}, "date and time"),
        ({"type": "boolean"}, "true or false"),
        ({"enum": ["csv", "json"], "type": "string"}, "one of csv, json"),
        ({"const": "x"}, "x"),
        ({"$ref": "#/components/schemas/By"}, "one of hour, day"),
        ({"$ref": "#/components/schemas/Box"}, "Box"),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "whole number"),
        ({"anyOf": [{"$ref": "#/components/schemas/By"}, {"type": "null"}]}, "one of hour, day"),
        ({"anyOf": [{"type": "integer"}, {"type": "string"}]}, "whole number or text"),
        ({"type": "array", "items": {"type": "string"}}, "list of text"),
        ({"type": "array", "items": {"anyOf": [{"$ref": "#/components/schemas/By"}]}}, "list of one of hour, day"),
        ({"type": "array"}, "list of any value"),
        ({}, "any value"),
    ],
)
def test_every_kind_of_schema_has_words(schema: dict[str, Any], words: str):
    assert type_words(schema, SCHEMAS) == words


def test_code_is_marked_as_such_and_nothing_else_is_taken_for_markup():
    assert paragraphs("With `Retry-After`.\n\n  Two\n  lines: `<b>` & <i>.\n") == [
        "With <code>Retry-After</code>.",
        "Two lines: <code>&lt;b&gt;</code> &amp; &lt;i&gt;.",
    ]
    assert paragraphs("") == []


def test_every_parameter_and_field_of_the_api_has_a_type_and_no_backtick_is_left():
    described = calls(make_app(None, WebSettings()).openapi())  # type: ignore[arg-type]  # nothing is asked of it
    assert len(described) > 20
    for call in described:
        assert call["description"], call["path"]
        for row in call["parameters"] + call["body"]:
            assert row["type"] not in ("", "any value"), (call["path"], row)
        texts = call["description"] + [part for row in call["parameters"] for part in row["description"]]
        assert not any("`" in text for text in texts), call["path"]
    (review,) = (call for call in described if call["path"].endswith("/review"))
    assert {row["name"]: row["required"] for row in review["body"]} == {
        "decision": True,
        "false_alarm_reason": False,
        "note": False,
    }
