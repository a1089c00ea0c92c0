import json
import random
import zlib

import cv2
import numpy as np

from scripts.bench.bodies import Address, addresses, bomb, random_request

DESCRIPTION = {
    "paths": {
        "/cameras": {"get": {"parameters": [{"name": "most", "in": "query"}], "responses": {}}},
        "/cameras/{camera}/still": {
            "parameters": [],
            "get": {"parameters": [{"name": "camera", "in": "path"}], "responses": {"200": {"content": {}}}},
        },
        "/cameras/{camera}/live": {
            "get": {"responses": {"200": {"content": {"multipart/x-mixed-replace": {}}}}},
            "delete": {},
        },
    },
    "components": {"schemas": {"A": {"properties": {"note": {}, "decision": {}}}, "B": {"type": "string"}}},
}


def test_every_address_of_a_description_is_found():
    found = addresses(DESCRIPTION)
    assert [(each.method, each.path, each.query, each.endless) for each in found] == [
        ("GET", "/cameras", ("most",), False),
        ("GET", "/cameras/{camera}/still", (), False),
        ("GET", "/cameras/{camera}/live", (), True),
        ("DELETE", "/cameras/{camera}/live", (), False),
    ]
    assert {each.fields for each in found} == {("decision", "note")}


def test_the_same_chance_makes_the_same_requests_of_many_kinds():
    address = Address("POST", "/cameras/{camera}/still", ("most",), ("decision", "note"), False)
    requests = [random_request(random.Random(number), address, ["door"]) for number in range(300)]
    assert requests == [random_request(random.Random(number), address, ["door"]) for number in range(300)]
    targets = [target for _, target, _, _ in requests]
    assert all(target.isascii() and " " not in target for target in targets)
    assert any(target.startswith("/cameras/door/still") for target in targets)
    assert any("?most=" in target for target in targets)
    assert all("{" not in target.partition("?")[0] for target in targets)
    bodies = [body for _, _, body, _ in requests]
    assert sum(b'"note"' in body or b'"decision"' in body for body in bodies) > 30
    assert sum(body.startswith((b"[[[[", b'{"a":{"a":')) for body in bodies) > 3
    assert 100 < sum(is_json(body) for body in bodies) < 290
    assert len({headers.get("Content-Type") for _, _, _, headers in requests}) == 5


def test_a_stream_without_end_is_asked_for_by_no_name_that_exists():
    address = Address("GET", "/cameras/{camera}/live", (), (), True)
    targets = {random_request(random.Random(number), address, ["door"])[1] for number in range(200)}
    assert not any("door" in target for target in targets)


def test_a_bomb_is_small_and_says_to_be_large():
    data = bomb()
    assert len(data) < 100_000
    width, height = int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    assert width * height * 3 == 10_800_000_000
    length = int.from_bytes(data[33:37], "big")
    assert len(zlib.decompress(data[41 : 41 + length])) == 20_000_000
    assert cv2.imdecode(np.frombuffer(data[:33], np.uint8), cv2.IMREAD_COLOR) is None


def is_json(body: bytes) -> bool:
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return False
    return True
