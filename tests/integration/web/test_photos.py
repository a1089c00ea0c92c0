"""The photo page's address, with the real model."""

import base64
import contextlib
import io
import json
import socket
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
import pytest
from PIL import Image

from tests.integration.faces import Scene
from tests.integration.web.desk import ADMIN, VIEWER, Desk, serving
from tests.live.watch import until


def jpeg(image: np.ndarray, **more: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image[:, :, ::-1]).save(file, "JPEG", quality=90, **more)
    return file.getvalue()


@pytest.fixture(scope="module")
def face(scenes: list[Scene]) -> np.ndarray:
    """A picture with somebody in it."""
    return next(scene.image for scene in scenes)


def sent(client: httpx.Client, text: str, **more: object) -> httpx.Response:
    return client.post("/predict", json={"image": text} | more)


def refusal(client: httpx.Client, **body: Any) -> int:
    """Return the code of an answer that comes before all was sent.

    A server that closes then may take its own answer away with it (RFC 9112, 9.6), so it is asked a few times.
    """
    for _ in range(10):
        with contextlib.suppress(httpx.TransportError), client.stream("POST", "/predict", **body) as answer:
            return answer.status_code
    pytest.fail("ten times no answer")


def base64_of(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def test_a_picture_comes_back_annotated_with_who_is_in_it(desk: Desk, face: np.ndarray):
    with desk.client(VIEWER) as client:
        answer = sent(client, base64_of(jpeg(face)))
    assert answer.status_code == 200
    body = answer.json()
    drawn = cv2.imdecode(np.frombuffer(base64.b64decode(body["image"]), np.uint8), cv2.IMREAD_COLOR)
    assert drawn.shape == face.shape == (body["height_px"], body["width_px"], 3)
    assert body["detections"]
    for found in body["detections"]:
        assert found["state"] in ("with_mask", "without_mask", "incorrect")
        assert 0 <= found["score"] <= 1
        x1, y1, x2, y2 = found["box_px"]
        assert 0 <= x1 < x2 <= face.shape[1]
        assert 0 <= y1 < y2 <= face.shape[0]


def test_the_same_picture_may_be_sent_in_every_way(desk: Desk, face: np.ndarray):
    data = jpeg(face)
    lines = base64.encodebytes(data).decode()
    with desk.client(VIEWER) as client:
        answers = [
            sent(client, base64_of(data)),
            sent(client, "data:image/jpeg;base64," + base64_of(data)),
            sent(client, "data:;base64," + lines),
            sent(client, lines),
            client.post("/predict", files={"image": ("x.jpg", data, "image/jpeg")}),
            client.post("/predict", files={"image": ("../../etc/passwd", data, "text/html")}),
            client.post(
                "/predict",
                content=json.dumps({"image": base64_of(data)}),
                headers={"Content-Type": "Application/JSON; charset=utf-8"},
            ),
        ]
    assert [answer.status_code for answer in answers] == [200] * 7
    assert len({json.dumps(answer.json()["detections"]) for answer in answers}) == 1


def test_a_picture_on_its_side_is_judged_upright(desk: Desk, face: np.ndarray):
    exif = Image.Exif()
    exif[0x0112] = 6
    lying = jpeg(np.ascontiguousarray(np.rot90(face)), exif=exif)
    with desk.client(VIEWER) as client:
        straight, turned = sent(client, base64_of(jpeg(face))).json(), sent(client, base64_of(lying)).json()
    assert (turned["width_px"], turned["height_px"]) == (straight["width_px"], straight["height_px"])
    assert [each["state"] for each in turned["detections"]] == [each["state"] for each in straight["detections"]]


def test_one_pixel_is_judged(desk: Desk):
    with desk.client(VIEWER) as client:
        body = sent(client, base64_of(jpeg(np.zeros((1, 1, 3), np.uint8)))).json()
    assert (body["width_px"], body["height_px"], body["detections"]) == (1, 1, [])


@pytest.mark.parametrize(
    "text", ["", "=", "A", "====", "not base64!", "data:image/png;base64,", "data:,", "ä", "\0", "AAAA", "A" * 1000]
)
def test_base64_of_nothing_is_no_picture(desk: Desk, text: str):
    with desk.client(VIEWER) as client:
        assert sent(client, text).status_code == 422


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"image": null}',
        b'{"image": 1}',
        b'{"image": ["AAAA"]}',
        b'{"image": {"url": "http://192.0.2.1/"}}',
        b'{"image": "AAAA", "path": "/etc/passwd"}',
        b'{"picture": "AAAA"}',
        b'{"image": "\\ud800"}',
        b"\xff\xfe\x00",
        b'{"image": ' + b"[" * 100_000,
        b"[" * 500_000,
        b'{"a":' * 50_000,
        b'{"image": ' + b"9" * 10_000 + b"}",
    ],
)
def test_other_json_is_refused_in_words(desk: Desk, body: bytes):
    with desk.client(VIEWER) as client:
        answer = client.post("/predict", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert len(answer.text) < 300


@pytest.mark.parametrize("text", ["/etc/passwd", "file:///etc/passwd", "http://192.0.2.1/x.jpg", "~/x.jpg"])
def test_a_name_of_a_file_or_an_address_is_no_picture(desk: Desk, text: str):
    with desk.client(VIEWER) as client:
        assert sent(client, text).status_code == 422
        assert client.post("/predict", files={"image": ("x", text.encode())}).status_code == 422


def test_other_kinds_of_body_are_not_taken(desk: Desk):
    with desk.client(VIEWER) as client:
        for kind in ("text/plain", "application/x-www-form-urlencoded", "image/jpeg", "", "application/jsonx"):
            answer = client.post("/predict", content=b"image=AAAA", headers={"Content-Type": kind})
            assert answer.status_code == 415, kind


def test_a_form_has_one_file_and_nothing_else(desk: Desk, face: np.ndarray):
    data = jpeg(face)
    with desk.client(VIEWER) as client:
        for wrong in (
            {"data": {"image": "AAAA"}, "files": {"other": b"x"}},
            {"files": [("image", data), ("image", data)]},
            {"data": {f"f{number}": "x" for number in range(50)}, "files": {"image": data}},
        ):
            assert client.post("/predict", **wrong).status_code in (400, 422)
        for kind in ("multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=x"):
            answer = client.post("/predict", content=b"--y\r\n\r\n", headers={"Content-Type": kind})
            assert answer.status_code in (400, 422), kind


def test_what_is_too_large_is_refused_by_its_bytes_and_by_its_pixels(desk: Desk):
    noise = np.random.default_rng(0).integers(0, 256, (1000, 1000, 3), np.uint8)
    large = cv2.imencode(".png", noise)[1].tobytes()
    assert len(large) > 2**20
    wide = Image.new("RGB", (2001, 1000))
    file = io.BytesIO()
    wide.save(file, "PNG")
    with desk.client(VIEWER) as client:
        assert refusal(client, json={"image": base64_of(large)}) == 413
        assert refusal(client, files={"image": large}) == 413
        answer = sent(client, base64_of(file.getvalue()))
        assert answer.status_code == 422
        assert "2001 x 1000 pixels" in answer.json()["detail"]


def column() -> bytes:
    """A PNG of one pixel by 40 million, in 80 kB."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", 1, 40_000_000, 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(80_000_000), 9)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def of_many_scans() -> bytes:
    data = jpeg(np.zeros((8, 8, 3), np.uint8), progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:-2] + data[last:-2] * 30_000 + data[-2:]


def wide() -> bytes:
    file = io.BytesIO()
    Image.new("L", (66_000, 20)).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (column, "the picture has 1 x 40000000 pixels; at most 2 megapixels are accepted"),
        (of_many_scans, "the JPEG has more than 100 scans; save it as JPEG or PNG again"),
        (wide, "the picture has 66000 x 20 pixels; a side of at most 30,000 is accepted"),
    ],
)
def test_a_small_file_that_takes_the_monitors_memory_or_time_is_refused(desk: Desk, make, words: str):
    with desk.client(VIEWER) as client:
        answer = sent(client, base64_of(make()))
        assert (answer.status_code, answer.json()["detail"]) == (422, words)
        assert sent(client, base64_of(jpeg(np.zeros((8, 8, 3), np.uint8)))).status_code == 200


def test_what_of_a_file_was_not_read_is_said(desk: Desk, face: np.ndarray):
    file = io.BytesIO()
    Image.fromarray(face[:, :, ::-1]).save(
        file, "TIFF", save_all=True, compression="jpeg", append_images=[Image.new("RGB", (8, 8))]
    )
    with desk.client(VIEWER) as client:
        body = sent(client, base64_of(jpeg(face))).json()
        assert body["note"] is None
        body = client.post("/predict", files={"image": ("x.tif", file.getvalue())}).json()
        assert body["note"] == "the file has several pages; only its first page is read"
        assert body["detections"]


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Desk]:
    with serving(tmp_path, accounts=(ADMIN,), cameras={"door": {}}, photo={"per_minute": 12, "max_mb": 1}) as desk:
        yield desk


def test_so_many_a_minute_and_no_more(own: Desk):
    with own.client(ADMIN) as client:
        codes = [sent(client, "AAAA").status_code for _ in range(13)]
        assert codes == [422] * 12 + [429]
        assert 0 < int(sent(client, "AAAA").headers["retry-after"]) <= 60


def test_so_many_at_once_and_no_more_even_while_they_are_still_being_sent(own: Desk):
    """Eight senders who never finish hold every place; the ninth is told to come again, and the cameras go on."""
    token = own.token(ADMIN)
    head = f"POST /predict HTTP/1.1\r\nHost: localhost\r\nAuthorization: {token['Authorization']}\r\n"
    head += "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
    with contextlib.ExitStack() as senders, own.client(**token) as client:

        def send() -> None:
            sender = senders.enter_context(socket.create_connection(own.address))
            sender.sendall(head.encode())

        def full() -> bool:
            """A sender that came while the question held a place was told to come again: another takes its place."""
            if refused_now(own, client):
                return True
            send()
            return False

        for _ in range(8):
            send()
        until(full)
        assert int(sent(client, "AAAA").headers["retry-after"]) > 0
        own_looks = own.looks()
        until(lambda: own.looks() > own_looks + 3)
    with own.client(**token) as client:
        until(lambda: not refused_now(own, client), "the places of those who left are not free")


def refused_now(own: Desk, client: httpx.Client) -> bool:
    own.clock.skip(61)
    return sent(client, "AAAA").status_code == 503


def test_a_model_that_is_gone_is_said_and_nothing_of_where_it_was(tmp_path: Path):
    with serving(tmp_path, accounts=(ADMIN,), cameras={"door": {}}) as desk:
        object.__setattr__(desk.settings.detector, "model", tmp_path / "missing")
        with desk.client(ADMIN) as client:
            answer = sent(client, base64_of(jpeg(np.zeros((8, 8, 3), np.uint8))))
            assert answer.status_code == 503
            assert str(tmp_path) not in answer.text
            assert client.get("/healthz").status_code == 200
