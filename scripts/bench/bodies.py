"""Requests that no client of ours would send: random ones, pictures that unfold to gigabytes, uploads without end.

`python -m scripts.bench.bodies URL EACH` sends so many random requests to every address of the API that a monitor
describes, then bombs and uploads, in a process of its own, and prints what was answered as JSON. The same number gives
the same requests.
"""

import base64
import contextlib
import http.client
import json
import random
import select
import socket
import struct
import sys
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from scripts.bench.hostile import code_of

_TIMEOUT_S = 30.0
_AT_ONCE = 4
_DESCRIPTION = "/api/v1/openapi.json"
_METHODS = frozenset({"get", "post", "put", "patch", "delete"})
_ENDLESS = "multipart/x-mixed-replace"

_BOMBS = 20
_BOMB_SIDE_PX, _BOMB_BYTES = 60_000, 20_000_000
_UPLOAD_BYTES, _PART_BYTES = 200_000_000, 65_536
_UPLOADED_TO = ("/predict", "/api/v1/session")

_JSON = "application/json"
_KINDS_OF_CONTENT = (_JSON, "multipart/form-data; boundary=x", "application/octet-stream", "text/html", None)

#: Text that programs have stumbled over.
_ODD = ("", "0", "-1", "1e999", "../../etc/passwd", "a\0b", "'; --", "{{7*7}}", "\u202eabc", "x" * 3000, "2026-01-01")


@dataclass(frozen=True, slots=True)
class Address:
    """One address of an API: its method, path template, and what its parameters and its body's fields are called."""

    method: str
    path: str
    query: tuple[str, ...]
    fields: tuple[str, ...]
    endless: bool


def addresses(description: Mapping[str, Any]) -> list[Address]:
    """Return the addresses that an OpenAPI description names."""
    schemas = description.get("components", {}).get("schemas", {})
    fields = tuple(sorted({name for schema in schemas.values() for name in schema.get("properties", {})}))
    return [
        Address(
            method.upper(),
            path,
            tuple(each["name"] for each in operation.get("parameters", ()) if each["in"] == "query"),
            fields,
            any(_ENDLESS in answer.get("content", {}) for answer in operation.get("responses", {}).values()),
        )
        for path, operations in description["paths"].items()
        for method, operation in operations.items()
        if method in _METHODS
    ]


def random_request(
    chance: random.Random, address: Address, known: Sequence[str]
) -> tuple[str, str, bytes, dict[str, str]]:
    """Return method, target, body and headers; a path now and then names something that is `known`."""
    target = address.path
    while "{" in target:
        before, _, rest = target.partition("{")
        given = chance.choice(known) if known and not address.endless and chance.random() < 0.4 else _text(chance)
        target = before + quote(given or "-", safe="") + rest.partition("}")[2]
    asked = [(name, _text(chance)) for name in address.query if chance.random() < 0.3]
    content = chance.choice(_KINDS_OF_CONTENT) if chance.random() < 0.4 else _JSON
    headers = {} if content is None else {"Content-Type": content}
    return address.method, f"{target}?{urlencode(asked)}" if asked else target, _body(chance, address.fields), headers


def _body(chance: random.Random, fields: Sequence[str]) -> bytes:
    """JSON with fields that exist or of any other kind, whole or cut short, far too deep, or no JSON at all."""
    kind = chance.random()
    if kind < 0.4 and fields:
        names = chance.sample(fields, min(len(fields), chance.randint(1, 4)))
        return json.dumps({name: _value(chance, 2) for name in names}).encode()
    if kind < 0.7:
        return json.dumps(_value(chance, 4)).encode()
    if kind < 0.8:
        whole = json.dumps(_value(chance, 3)).encode()
        return whole[: len(whole) // 2]
    if kind < 0.85:
        return chance.choice((b"[", b'{"a":')) * chance.randint(1, 10_000)
    return chance.randbytes(chance.randint(0, 2000))


def _value(chance: random.Random, depth: int) -> object:
    deep: list[Callable[[], object]] = [
        lambda: [_value(chance, depth - 1) for _ in range(chance.randint(0, 4))],
        lambda: {_text(chance): _value(chance, depth - 1) for _ in range(chance.randint(0, 4))},
    ]
    flat: list[Callable[[], object]] = [
        lambda: None,
        lambda: chance.random() < 0.5,
        lambda: chance.randint(-(2**70), 2**70),
        lambda: chance.choice((0.5, -1e308, float("inf"), float("nan"))),
        lambda: _text(chance),
        lambda: base64.b64encode(chance.randbytes(chance.randint(0, 300))).decode(),
        lambda: "data:image/png;base64," + base64.b64encode(chance.randbytes(50)).decode(),
    ]
    return chance.choice(flat + deep if depth else flat)()


def _text(chance: random.Random) -> str:
    if chance.random() < 0.4:
        return chance.choice(_ODD)
    signs = (chr(chance.randrange(0xD800)) for _ in range(chance.randint(1, 20)))
    return "".join(signs)


def send_random(url: str, each: int) -> dict[str, Any]:
    """Send so many random requests to every address, a few at once, and return what was answered.

    A code of 5xx or no answer at all is listed by its address in `failed`, but for 503, which says to come again.
    """
    host = urlsplit(url).netloc
    description = _asked(host, _DESCRIPTION)
    known = ["1", "2", *(camera["name"] for camera in _asked(host, "/api/v1/cameras"))]
    codes, failed, slowest_s = Counter[str](), Counter[str](), 0.0

    def ask(numbered: tuple[int, Address]) -> tuple[Address, Counter[str], float]:
        number, address = numbered
        return address, *_ask_often(host, address, random.Random(number), each, known)

    began, asked = time.perf_counter(), addresses(description)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for address, own, longest_s in pool.map(ask, enumerate(asked)):
            codes.update(own)
            slowest_s = max(slowest_s, longest_s)
            for code, count in own.items():
                if code == "0" or (code >= "500" and code != "503"):
                    failed[f"{code} of {address.method} {address.path}"] += count
    return {
        "addresses": len(asked),
        "requests": codes.total(),
        "answered_per_s": round(codes.total() / (time.perf_counter() - began), 1),
        "slowest_ms": round(1000 * slowest_s),
        "codes": dict(sorted(codes.items())),
        "failed": dict(failed),
    }


def _ask_often(
    host: str, address: Address, chance: random.Random, times: int, known: Sequence[str]
) -> tuple[Counter[str], float]:
    codes: Counter[str] = Counter()
    slowest_s = 0.0
    connection = http.client.HTTPConnection(host, timeout=_TIMEOUT_S)
    for _ in range(times):
        method, target, body, headers = random_request(chance, address, known)
        began = time.perf_counter()
        codes[code_of(connection, method, target, body, headers)] += 1
        slowest_s = max(slowest_s, time.perf_counter() - began)
    connection.close()
    return codes, slowest_s


def bomb() -> bytes:
    """Return a PNG of a few kilobytes that says to be 60,000 x 60,000 (10.8 GB unfolded)."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", _BOMB_SIDE_PX, _BOMB_SIDE_PX, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(_BOMB_BYTES), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def send_bombs(url: str) -> dict[str, int]:
    """Send pictures that unfold to gigabytes, and return how often each code was answered."""
    codes: Counter[str] = Counter()
    body = json.dumps({"image": base64.b64encode(bomb()).decode()})
    for _ in range(_BOMBS):
        with contextlib.closing(http.client.HTTPConnection(urlsplit(url).netloc, timeout=_TIMEOUT_S)) as connection:
            connection.request("POST", "/predict", body, {"Content-Type": _JSON})
            codes[str(connection.getresponse().status)] += 1
    return dict(codes)


def send_uploads(url: str) -> list[dict[str, Any]]:
    """Send 200 MB, with their length stated and without; return how much was taken until which answer (0: none)."""
    return [_upload(url, path, stated) for path in _UPLOADED_TO for stated in (True, False)]


def _upload(url: str, path: str, stated: bool) -> dict[str, Any]:
    parts = urlsplit(url)
    length = f"Content-Length: {_UPLOAD_BYTES}" if stated else "Transfer-Encoding: chunked"
    head = f"POST {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\n{length}\r\n\r\n"
    part = b"a" * _PART_BYTES
    part = part if stated else b"%x\r\n%b\r\n" % (_PART_BYTES, part)
    sent, code = 0, 0
    with socket.create_connection((parts.hostname, parts.port), _TIMEOUT_S) as connection:
        with contextlib.suppress(OSError):
            connection.sendall(head.encode())
            while sent < _UPLOAD_BYTES and not select.select([connection], [], [], 0)[0]:
                connection.sendall(part)
                sent += _PART_BYTES
        with contextlib.suppress(OSError, IndexError, ValueError):
            code = int(connection.recv(64).split()[1])
    return {
        "path": path,
        "length": "stated" if stated else "not stated",
        "taken_mb": round(sent / 1e6, 1),
        "code": code,
    }


def _asked(host: str, path: str) -> Any:
    with contextlib.closing(http.client.HTTPConnection(host, timeout=_TIMEOUT_S)) as connection:
        connection.request("GET", path)
        return json.loads(connection.getresponse().read())


def _all(url: str, each: int) -> Iterator[tuple[str, Any]]:
    yield "random", send_random(url, each)
    yield "bombs", send_bombs(url)
    yield "uploads", send_uploads(url)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(dict(_all(sys.argv[1], int(sys.argv[2])))) + "\n")
