"""Settings as plain values, as YAML and as a hash."""

import hashlib
import json
from typing import Any

import yaml

from monitor.config.base import Section


def plain(section: Section) -> dict[str, Any]:
    """Return settings as plain values in the order of the schema, with secrets masked."""
    values: dict[str, Any] = section.model_dump(mode="json")
    return values


def as_yaml(values: dict[str, Any]) -> str:
    """Return plain settings as YAML."""
    return yaml.safe_dump(values, sort_keys=False, allow_unicode=True)


def fingerprint(values: dict[str, Any]) -> str:
    """Return the sha256 of settings as 64 hexadecimal digits, independent of the order of keys."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
