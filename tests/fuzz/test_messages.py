"""Messages that a page sends over its socket."""

import contextlib
import json
from pathlib import Path

from pydantic import ValidationError

from monitor.web.socket import Request
from tests.fuzz.mutations import JSON, attack

MESSAGES = [
    {"watch": {"door": {"width": 640, "mirrored": True, "words": False}, "yard": {"width": 320}}},
    {"kiosk": "door", "ping": 17.5},
    {"seen": {"p50_ms": 40, "p95_ms": 90.5, "per_s": 12}},
]


def test_messages_of_pages(tmp_path: Path) -> None:
    def check(data: bytes) -> None:
        with contextlib.suppress(ValidationError):
            message = Request.model_validate_json(data.decode("utf-8", "replace"))
            assert message.model_dump_json()

    attack([json.dumps(message).encode() for message in MESSAGES], check, tmp_path, 1500, JSON)
