"""Decodes photographs with Pillow, in the process that `monitor.sources.picture_reader` starts.

A small file can demand any amount of memory and time, and a decoder can crash: this module runs where both are limited,
and imports as little as possible.
"""

import json
import os
import resource
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from PIL import AvifImagePlugin, UnidentifiedImageError
from PIL import Image as Pillow

from monitor.sources.jpegs import count_scans
from monitor.sources.pictures import REMEDY, as_rgb, upright

#: The formats that are read, by their names for people.
FORMATS = {
    "JPEG": "JPEG",
    "PNG": "PNG",
    "WEBP": "WebP",
    "HEIF": "HEIC",
    "AVIF": "AVIF",
    "TIFF": "TIFF",
    "BMP": "BMP",
    "GIF": "GIF",
}

#: Pixels of a side; panoramas of telephones have about 16,000, and a JPEG cannot have more than 65,500.
MAX_SIDE_PX = 30_000
#: How many times one side is longer than the other at most; a panorama of 360 degrees has 10.
MAX_RATIO = 100
#: Progressive JPEGs have about 10 scans, and each costs as much as the whole picture.
MAX_SCANS = 100

#: Memory in bytes beyond that of the process itself, for each pixel and for all else that a decoder needs.
_BYTES_A_PIXEL, _BYTES_MORE = 20, 256 * 2**20
#: The exit code for a picture that needs more memory.
NO_MEMORY = 3
#: The kernel ends this process before the monitor when memory runs out (-1000 to 1000).
_OOM_SCORE = "800"
#: The niceness of a decoder that gives way to cameras.
_NICE = 10
#: Rows that are converted at a time.
_STRIP = 256

#: Formats in which more than one picture means that the others are left out; in JPEGs they are gain maps or depths.
_SEVERAL = {
    "GIF": "the picture is animated; only its first frame is read",
    "PNG": "the picture is animated; only its first frame is read",
    "WEBP": "the picture is animated; only its first frame is read",
    "AVIF": "the picture is animated; only its first frame is read",
    "TIFF": "the file has several pages; only its first page is read",
}


class UnreadableError(Exception):
    """A file is not a readable picture, or exceeds a limit; the message is the reason, without the file's name."""


def decode(file: BinaryIO, max_pixels: int) -> tuple[Pillow.Image, str | None]:
    """Return a picture in RGB, upright by its EXIF orientation, and a note if the file has more than is read.

    Transparency is dropped. Sizes and scans are checked before pixels are decoded. Raises `UnreadableError`.
    """
    try:
        with Pillow.open(file, formats=tuple(FORMATS)) as picture:
            _check_size(*picture.size, max_pixels)
            if picture.format in ("JPEG", "MPO"):
                _check_scans(file)
            note = _SEVERAL.get(picture.format or "") if getattr(picture, "is_animated", False) else None
            picture.load()
            return _in_rgb(upright(picture)), note
    except (UnreadableError, MemoryError):
        raise
    except UnidentifiedImageError as error:
        *formats, last = FORMATS.values()
        words = f"not a readable picture: damaged, or in none of the formats {', '.join(formats)} and {last}"
        raise UnreadableError(words) from error
    except Exception as error:  # a decoder may raise anything for crafted input
        raise UnreadableError(f"the picture is damaged: {error}") from error


def write_bgr(picture: Pillow.Image, file: BinaryIO) -> None:
    """Write an RGB picture as H x W x 3 bytes, BGR."""
    for top in range(0, picture.height, _STRIP):
        strip = picture.crop((0, top, picture.width, min(top + _STRIP, picture.height)))
        file.write(strip.tobytes("raw", "BGR"))


def prepare() -> None:
    """Load every decoder, each with one thread, and leave the limits to this module."""
    from pi_heif import register_heif_opener  # its decoder is not for the monitor's own process

    register_heif_opener(thumbnails=False, decode_threads=1)
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    Pillow.MAX_IMAGE_PIXELS = None
    Pillow.init()


def serve(descriptor: int, max_pixels: int, cpu_s: int, *, give_way: bool) -> None:
    """Answer requests on this socket until it is closed: the body of the process.

    A request carries the descriptor of a file. The answer is JSON, either `width`, `height` and `note` with the
    descriptor of the pixels, or the `fault`. A picture that needs too much memory or time ends the process.
    """
    prepare()
    if give_way:
        os.nice(_NICE)
    _limit_memory(max_pixels)
    with socket.socket(fileno=descriptor) as parent:
        while True:
            _, descriptors, _, _ = socket.recv_fds(parent, 1, 1)
            if not descriptors:
                return
            _limit_time(cpu_s)
            with os.fdopen(descriptors[0], "rb") as file:
                try:
                    _answer(parent, file, max_pixels)
                except MemoryError:
                    sys.exit(NO_MEMORY)


def _answer(parent: socket.socket, file: BinaryIO, max_pixels: int) -> None:
    try:
        file.seek(0)
        picture, note = decode(file, max_pixels)
        with os.fdopen(os.memfd_create("pixels", os.MFD_ALLOW_SEALING | os.MFD_CLOEXEC), "wb") as pixels:
            write_bgr(picture, pixels)
            pixels.flush()
            answer = {"width": picture.width, "height": picture.height, "note": note}
            socket.send_fds(parent, [json.dumps(answer).encode()], [pixels.fileno()])
    except UnreadableError as error:
        parent.send(json.dumps({"fault": str(error)[:500]}).encode())


def _limit_memory(max_pixels: int) -> None:
    own = int(Path("/proc/self/statm").read_text("ascii").split()[0]) * resource.getpagesize()
    memory = own + _BYTES_MORE + _BYTES_A_PIXEL * max_pixels
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_FSIZE, (3 * max_pixels, 3 * max_pixels))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(OSError):  # a sandbox may have no such file
        Path("/proc/self/oom_score_adj").write_text(_OOM_SCORE, "ascii")


def _limit_time(cpu_s: int) -> None:
    """Let the kernel end this process with SIGXCPU if the next picture takes more CPU time, in seconds."""
    soft, hard = int(time.process_time()) + 1 + cpu_s, resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


def _check_size(width: int, height: int, max_pixels: int) -> None:
    size = f"the picture has {width} x {height} pixels"
    if min(width, height) < 1:
        raise UnreadableError("the picture has no pixels")
    if width * height > max_pixels:
        raise UnreadableError(f"{size}; at most {max_pixels / 1e6:g} megapixels are accepted")
    if max(width, height) > MAX_SIDE_PX:
        raise UnreadableError(f"{size}; a side of at most {MAX_SIDE_PX:,} is accepted")
    if max(width, height) > MAX_RATIO * min(width, height):
        raise UnreadableError(f"{size}; one side may be at most {MAX_RATIO} times the other")


def _check_scans(file: BinaryIO) -> None:
    position = file.tell()
    file.seek(0)
    scans = count_scans(file.read(), MAX_SCANS)
    file.seek(position)
    if scans > MAX_SCANS:
        raise UnreadableError(f"the JPEG has more than {MAX_SCANS} scans; {REMEDY} again")


def _in_rgb(picture: Pillow.Image) -> Pillow.Image:
    try:
        return as_rgb(picture)
    except ValueError as error:
        raise UnreadableError(f"the picture has {error}") from error
