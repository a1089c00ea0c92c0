"""Clips whose frames carry their own number, so that order and loss can be proved after any codec."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.frame import VideoFrame

#: Bits of a frame's number, most significant first, as blocks side by side.
_BITS = 8
_MILLISECONDS = Fraction(1, 1000)

Painter = Callable[[int, int, int], np.ndarray]


def numbered(index: int, width: int, height: int) -> np.ndarray:
    """Return a BGR picture with the frame's number as black and white columns."""
    image = np.zeros((height, width, 3), np.uint8)
    edges = np.linspace(0, width, _BITS + 1).astype(int)
    for bit in range(_BITS):
        image[:, edges[bit] : edges[bit + 1]] = 235 if index >> (_BITS - 1 - bit) & 1 else 20
    return image


def number_of(image: np.ndarray) -> int:
    """Read back the number that `numbered` has drawn."""
    edges = np.linspace(0, image.shape[1], _BITS + 1).astype(int)
    number = 0
    for bit in range(_BITS):
        middle = image[:, (3 * edges[bit] + edges[bit + 1]) // 4 : (edges[bit] + 3 * edges[bit + 1]) // 4 + 1]
        number = number << 1 | int(middle.mean() > 128)
    return number


def quadrants(_index: int, width: int, height: int) -> np.ndarray:
    """Return a BGR picture: red top left, green top right, blue bottom left, white bottom right."""
    image = np.zeros((height, width, 3), np.uint8)
    x, y = width // 2, height // 2
    image[:y, :x], image[:y, x:], image[y:, :x], image[y:, x:] = (0, 0, 230), (0, 230, 0), (230, 0, 0), (230, 230, 230)
    return image


def corner_colours(image: np.ndarray) -> str:
    """Name the quarters' colours, top left, top right, bottom left, bottom right: `RGBW` for `quadrants`."""
    height, width = image.shape[:2]
    names = ""
    for y in (height // 4, 3 * height // 4):
        for x in (width // 4, 3 * width // 4):
            patch = image[y - 2 : y + 3, x - 2 : x + 3].reshape(-1, 3).mean(axis=0)
            names += "W" if patch.min() > 120 else "BGR"[int(patch.argmax())] if patch.max() > 100 else "K"
    return names


def write_clip(
    path: Path,
    frames: int = 50,
    size: tuple[int, int] = (160, 120),
    fps: int = 25,
    *,
    times_ms: Sequence[int] | None = None,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    paint: Painter = numbered,
    container: dict[str, str] | None = None,
    encoder: dict[str, str] | None = None,
    audio_s: float = 0,
    time_base: Fraction = _MILLISECONDS,
) -> Path:
    """Write a clip of (width, height) `size`, with silence beside it where `audio_s` asks for some."""
    width, height = size
    with av.open(str(path), "w", options=container or {}) as output:
        stream = output.add_stream(codec, rate=fps, options=encoder or {})
        stream.width, stream.height, stream.pix_fmt = width, height, pix_fmt
        stream.codec_context.time_base = time_base
        sound = output.add_stream("aac", rate=48000) if audio_s else None
        for index in range(frames):
            frame = VideoFrame.from_ndarray(paint(index, width, height), format="bgr24")
            frame.pts = times_ms[index] if times_ms else round(index * 1000 / fps)
            frame.time_base = _MILLISECONDS
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
        if sound is not None:
            for start in range(0, int(48000 * audio_s), 1024):
                silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
                silence.rate, silence.pts = 48000, start
                output.mux(sound.encode(silence))
            output.mux(sound.encode())
    return path


def write_empty_clip(path: Path) -> Path:
    """Write an MP4 with a video track that holds no frame: `ftyp`, `moov` with an empty sample table."""
    write_clip(path, 1)
    data = bytearray(path.read_bytes())
    # No sample: the counts of stsz, stts, stsc and stco, and the durations, become 0.
    for box, offset in (("stsz", 12), ("stts", 8), ("stsc", 8), ("stco", 8)):
        at = data.index(box.encode())
        data[at + offset : at + offset + 4] = bytes(4)
    path.write_bytes(data)
    return path


def rotate_by_metadata(path: Path, degrees: int) -> None:
    """Make an MP4's track header ask players to turn the picture clockwise."""
    matrices = {
        0: (1, 0, 0, 1),
        90: (0, 1, -1, 0),
        180: (-1, 0, 0, -1),
        270: (0, -1, 1, 0),
    }
    a, b, c, d = (value * 65536 for value in matrices[degrees])
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 44  # version 0: type, flags, times, ids, duration, reserved, layer, volume
    values = (a, b, 0, c, d, 0, 0, 0, 1 << 30)
    data[at : at + 36] = b"".join(value.to_bytes(4, "big", signed=True) for value in values)
    path.write_bytes(data)


def cut(path: Path, share: float) -> Path:
    """Keep the first part of a file."""
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


def cut_copy(source: Path, target: Path, frames: int) -> Path:
    """Copy the first frames of a recording without decoding them."""
    with av.open(str(source)) as given, av.open(str(target), "w") as output:
        stream = given.streams.video[0]
        copy = output.add_stream_from_template(stream)
        for number, packet in enumerate(given.demux(stream)):
            if number >= frames or packet.dts is None:
                break
            packet.stream = copy
            output.mux(packet)
    return target


def times_and_pictures(path: Path) -> tuple[list[float], list[np.ndarray]]:
    """Read a video with FFmpeg directly: presentation times in seconds, and BGR pictures."""
    times, pictures = [], []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            times.append(float(frame.time))
            pictures.append(frame.to_ndarray(format="bgr24"))
    return times, pictures
