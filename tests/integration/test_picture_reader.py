"""Pictures in a process of their own: what they cost, and what becomes of it."""

import io
import os
import resource
import signal
import struct
import threading
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from monitor.sources import picture_reader
from monitor.sources.picture_reader import PictureReader, UnreadableError

MAX_PIXELS = 2_000_000


@pytest.fixture
def reader() -> Iterator[PictureReader]:
    with PictureReader(MAX_PIXELS, give_way=True) as reader:
        yield reader


def saved(picture: Image.Image, kind: str, **more: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **more)
    return file.getvalue()


def good() -> bytes:
    return saved(Image.new("RGB", (40, 30), (10, 20, 30)), "PNG")


def read_good(reader: PictureReader) -> None:
    image = reader.read_bytes(good()).image
    assert image.shape == (30, 40, 3)
    assert not image.flags.writeable
    assert (image == (30, 20, 10)).all()


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def process_of(reader: PictureReader) -> int:
    assert reader._process is not None
    return reader._process.pid


def png(width: int, height: int, depth: int, kind: int, rows: bytes) -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


def test_one_process_decodes_one_picture_after_another(reader: PictureReader):
    read_good(reader)
    process = process_of(reader)
    for data in (b"", b"not a picture", good()[:50]):
        with pytest.raises(UnreadableError):
            reader.read_bytes(data)
    read_good(reader)
    assert process_of(reader) == process


def test_a_file_is_read_from_its_beginning(reader: PictureReader, tmp_path: Path):
    (tmp_path / "a.png").write_bytes(good())
    with (tmp_path / "a.png").open("rb") as file:
        file.read(10)
        assert reader.read(file).image.shape == (30, 40, 3)


def test_a_tall_column_is_refused_within_a_moment(reader: PictureReader):
    """40 million rows of one pixel: 100 kB that take 1.5 GB."""
    column = png(1, 40_000_000, 8, 0, bytes(80_000_000))
    assert len(column) < 110_000
    with pytest.raises(UnreadableError, match="1 x 40000000 pixels"):
        reader.read_bytes(column)
    read_good(reader)


def test_a_process_that_is_killed_is_started_again(reader: PictureReader):
    read_good(reader)
    os.kill(process_of(reader), signal.SIGKILL)
    reader._process.wait()
    read_good(reader)


def test_a_crash_is_the_fault_of_the_picture_and_of_no_other(reader: PictureReader):
    read_good(reader)
    process = process_of(reader)
    os.kill(process, signal.SIGSTOP)
    crash = threading.Timer(0.2, lambda: [os.kill(process, number) for number in (signal.SIGSEGV, signal.SIGCONT)])
    crash.start()
    with pytest.raises(UnreadableError, match="crashes its decoder"):
        reader.read_bytes(good())
    crash.join()
    read_good(reader)


def test_too_much_memory_is_said(reader: PictureReader):
    read_good(reader)
    used = int(Path(f"/proc/{process_of(reader)}/statm").read_text().split()[0]) * resource.getpagesize()
    resource.prlimit(process_of(reader), resource.RLIMIT_AS, (used + 2**20, used + 2**20))
    with pytest.raises(UnreadableError, match="too much memory"):
        reader.read_bytes(saved(Image.new("RGB", (1400, 1400)), "PNG"))
    read_good(reader)


def test_too_much_time_is_said(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(picture_reader, "_CPU_S", 0)
    data = saved(Image.new("RGB", (5000, 4000)), "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    slow = data[:-2] + data[last:-2] * 80 + data[-2:]
    with PictureReader(20_000_000) as own:
        with pytest.raises(UnreadableError, match="takes too long"):
            own.read_bytes(slow)
        read_good(own)


def test_a_process_that_does_not_answer_is_ended(reader: PictureReader, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(picture_reader, "_DEADLINE_S", 0.2)
    with PictureReader(MAX_PIXELS) as own:
        own._started()
        process = process_of(own)
        os.kill(process, signal.SIGSTOP)
        started = time.monotonic()
        with pytest.raises(UnreadableError, match="takes too long"):
            own.read_bytes(good())
        assert time.monotonic() - started < 5
        assert not Path(f"/proc/{process}").exists()


def test_another_thread_ends_a_read_at_once_and_all_later_ones(reader: PictureReader):
    read_good(reader)
    os.kill(process_of(reader), signal.SIGSTOP)
    abort = threading.Timer(0.2, reader.abort)
    abort.start()
    started = time.monotonic()
    with pytest.raises(UnreadableError):
        reader.read_bytes(good())
    assert time.monotonic() - started < 5
    abort.join()
    with pytest.raises(UnreadableError, match="has been stopped"):
        reader.read_bytes(good())


def test_the_process_is_limited_and_gives_way(reader: PictureReader):
    read_good(reader)
    process = process_of(reader)
    memory, _ = resource.prlimit(process, resource.RLIMIT_AS)
    assert memory < 600 * 2**20
    assert resource.prlimit(process, resource.RLIMIT_CPU)[0] < 60
    assert resource.prlimit(process, resource.RLIMIT_CORE) == (0, 0)
    assert os.getpriority(os.PRIO_PROCESS, process) == os.getpriority(os.PRIO_PROCESS, 0) + 10
    loaded = Path(f"/proc/{process}/maps").read_text()
    assert "PIL" in loaded
    for other in ("numpy", "cv2", "pydantic", "sqlalchemy", "litert"):
        assert other not in loaded


def test_the_process_knows_no_secret(reader: PictureReader, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CAMERA_PASSWORD", "geheim")
    read_good(reader)
    assert b"geheim" not in Path(f"/proc/{process_of(reader)}/environ").read_bytes()


def test_nothing_is_left_open(reader: PictureReader):
    read_good(reader)
    before = open_files()
    for _ in range(20):
        read_good(reader)
        with pytest.raises(UnreadableError):
            reader.read_bytes(b"not a picture")
    assert open_files() == before
    reader.close()
    assert open_files() == before - 1
