"""Containers and codecs of recordings: what docs/cameras.md says is read, is read completely and with its times."""

import re
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from monitor.domain.event import EndReason
from monitor.domain.frame import Frame
from monitor.sources.opening import make_recording
from monitor.sources.recording import RecordingSource
from tests.conftest import PROJECT
from tests.integration.clips import number_of, quadrants, rotate_by_metadata, write_clip
from tests.integration.test_video_sources import milliseconds, read_all, source_of

#: The file's name, the encoder, its pixel format, and the words for it in the documentation's table.
FORMATS = [
    ("a.mp4", "libx264", "yuv420p", "MP4 with H.264"),
    ("a.mp4", "libx264", "yuv422p10le", "MP4 with H.264, 4:2:2 in 10 bits"),
    ("a.mp4", "libx264", "yuv444p", "MP4 with H.264, 4:4:4"),
    ("a.mp4", "libx264", "gray", "MP4 with H.264, grey (infrared)"),
    ("a.mp4", "libx265", "yuv420p", "MP4 with H.265 (HEVC)"),
    ("a.mp4", "libx265", "yuv422p10le", "MP4 with H.265, 4:2:2 in 10 bits"),
    ("a.mp4", "libx265", "yuv444p", "MP4 with H.265, 4:4:4"),
    ("a.mp4", "libsvtav1", "yuv420p", "MP4 with AV1"),
    ("a.mp4", "mpeg4", "yuv420p", "MP4 with MPEG-4 Part 2"),
    ("a.mov", "prores_ks", "yuv422p10le", "MOV with ProRes"),
    ("a.mov", "mjpeg", "yuvj422p", "MOV with Motion JPEG"),
    ("a.mkv", "libx264", "yuv420p", "Matroska with H.264"),
    ("a.mkv", "libx265", "yuv420p", "Matroska with H.265"),
    ("a.mkv", "ffv1", "yuv420p", "Matroska with FFV1"),
    ("a.webm", "libvpx", "yuv420p", "WebM with VP8"),
    ("a.webm", "libvpx-vp9", "yuv420p", "WebM with VP9"),
    ("a.webm", "libvpx-vp9", "yuva420p", "WebM with VP9 and transparency"),
    ("a.webm", "libsvtav1", "yuv420p", "WebM with AV1"),
    ("a.avi", "libx264", "yuv420p", "AVI with H.264"),
    ("a.avi", "mjpeg", "yuvj420p", "AVI with Motion JPEG"),
    ("a.avi", "mpeg4", "yuv420p", "AVI with MPEG-4 Part 2 (Xvid, DivX)"),
    ("a.avi", "rawvideo", "gray", "AVI with raw grey pictures (Y800)"),
    ("a.ts", "libx264", "yuv420p", "MPEG-TS with H.264"),
    ("a.ts", "libx265", "yuv420p", "MPEG-TS with H.265"),
    ("a.ts", "mpeg2video", "yuv420p", "MPEG-TS with MPEG-2"),
    ("a.mpg", "mpeg2video", "yuv420p", "MPEG-PS with MPEG-2"),
    ("a.flv", "libx264", "yuv420p", "FLV with H.264"),
    ("a.3gp", "libx264", "yuv420p", "3GP with H.264"),
    ("a.mxf", "mpeg2video", "yuv422p", "MXF with MPEG-2"),
    ("a.asf", "wmv2", "yuv420p", "ASF/WMV with Windows Media Video 8"),
    ("a.h264", "libx264", "yuv420p", "H.264 without a container (.h264, .264, .dav)"),
    ("a.h265", "libx265", "yuv420p", "H.265 without a container (.h265, .265)"),
]

#: These have no times: the stated rate takes their place.
WITHOUT_TIMES = (".h264", ".h265")


@pytest.mark.parametrize(("name", "codec", "pix_fmt", "words"), FORMATS, ids=[row[3] for row in FORMATS])
def test_every_frame_comes_at_its_time(tmp_path: Path, name: str, codec: str, pix_fmt: str, words: str) -> None:
    encoder = {"g": "10", "bf": "2"} if codec in ("libx264", "mpeg2video", "mpeg4") else {}
    if codec in ("libx264", "libx265"):
        encoder |= {"preset": "ultrafast"}
    if codec == "libx265":
        encoder |= {"x265-params": "log-level=none:keyint=10"}
    if codec == "libsvtav1":
        encoder |= {"preset": "12", "svtav1-params": "lp=1"}
    # These formats count frames, not time.
    time_base = Fraction(1, 25) if codec == "mpeg2video" or name == "a.avi" else Fraction(1, 1000)
    clip = write_clip(
        tmp_path / name, 30, (320, 240), codec=codec, pix_fmt=pix_fmt, encoder=encoder, time_base=time_base
    )
    source = source_of(clip)
    assert isinstance(source, RecordingSource)
    source.open()
    frames = []
    while source.grab() is not None:
        frames.append(source.retrieve())
    source.close()
    assert [number_of(frame.image) for frame in frames] == list(range(30))
    assert milliseconds(frames) == pytest.approx([40 * number for number in range(30)], abs=1)
    assert source.end_reason is EndReason.FINISHED
    assert bool(source.notes) == (clip.suffix in WITHOUT_TIMES)


def test_the_documentation_names_exactly_what_is_tested() -> None:
    text = (PROJECT / "docs" / "cameras.md").read_text("utf-8")
    table = text.split("### Recordings\n")[1].split("\n### ")[0]
    listed = re.findall(r"^\| ([^|]+?) \|", table, re.MULTILINE)
    assert listed[1:] == [row[3] for row in FORMATS]


# -- interlaced


def combed(index: int, width: int, height: int) -> np.ndarray:
    """A white bar that moves by a quarter of the width from field to field."""
    image = np.full((height, width, 3), 40, np.uint8)
    for field in range(2):
        left = (index * 2 + field) * width // 40
        image[field::2, left : left + width // 8] = 235
    return image


def interlaced(path: Path, frames: int = 20) -> Path:
    return write_clip(path, frames, (320, 240), paint=combed, encoder={"flags": "+ildct+ilme", "x264-params": "tff=1"})


def comb(image: np.ndarray) -> float:
    """Return how much neighbouring lines differ, against lines of one field."""
    grey = image.astype(float).mean(axis=2)
    return float(np.abs(grey[1:-1] - grey[:-2]).mean() / (np.abs(grey[2:] - grey[:-2]).mean() + 1))


@pytest.mark.parametrize("suffix", ["mp4", "ts", "mkv"])
def test_interlaced_frames_are_real_pictures_without_combs(tmp_path: Path, suffix: str) -> None:
    clip = interlaced(tmp_path / f"a.{suffix}")
    with av.open(str(clip)) as container:
        raw = [(frame.interlaced_frame, frame.to_ndarray(format="bgr24")) for frame in container.decode(video=0)]
    assert all(is_interlaced for is_interlaced, _ in raw), "the clip is what this test is about"
    frames, end = read_all(clip)
    assert len(frames) == 20
    assert milliseconds(frames) == [40 * number for number in range(20)]
    assert end is EndReason.FINISHED
    for frame, (_, before) in zip(frames[1:-1], raw[1:-1], strict=True):
        assert 40 < frame.image.mean() < 120
        assert comb(frame.image) < 0.6 * comb(before)


# -- unusual, but valid


@pytest.mark.parametrize("fps", [1, 120, 240])
def test_any_rate(tmp_path: Path, fps: int) -> None:
    frames, end = read_all(write_clip(tmp_path / "a.mp4", 30, fps=fps))
    assert [number_of(frame.image) for frame in frames] == list(range(30))
    assert milliseconds(frames) == pytest.approx([1000 * number / fps for number in range(30)], abs=1)
    assert end is EndReason.FINISHED


def test_a_time_lapse_keeps_its_times(tmp_path: Path) -> None:
    times = [60_000 * number for number in range(10)]
    frames, end = read_all(write_clip(tmp_path / "a.mp4", 10, times_ms=times))
    assert milliseconds(frames) == times
    assert end is EndReason.FINISHED


def test_a_turn_by_45_degrees_is_left_alone(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.mp4", 3, (160, 96), paint=quadrants)
    rotate_by_metadata(clip, 0)
    data = bytearray(clip.read_bytes())
    at = data.index(b"tkhd") + 44
    half = round(0.7071 * 65536)
    for offset, value in ((0, half), (4, half), (12, -half), (16, half)):
        data[at + offset : at + offset + 4] = value.to_bytes(4, "big", signed=True)
    clip.write_bytes(data)
    frames, _ = read_all(clip)
    assert {frame.image.shape for frame in frames} == {(96, 160, 3)}


def test_times_before_zero(tmp_path: Path) -> None:
    times = [-1000 + 40 * number for number in range(50)]
    frames, end = read_all(write_clip(tmp_path / "a.mkv", 50, times_ms=[time - times[0] for time in times]))
    assert milliseconds(frames)[:3] == [0, 40, 80]
    assert end is EndReason.FINISHED


def test_a_panorama_of_12000_pixels(tmp_path: Path) -> None:
    frames, _ = read_all(write_clip(tmp_path / "a.mp4", 2, (12000, 3000), encoder={"preset": "ultrafast"}))
    assert [frame.image.shape for frame in frames] == [(3000, 12000, 3)] * 2


def test_pictures_that_change_their_size(tmp_path: Path) -> None:
    """Two MPEG-TS files joined, as a camera leaves them whose settings were changed while it recorded."""
    small = write_clip(tmp_path / "small.ts", 20, (160, 120))
    large = write_clip(tmp_path / "large.ts", 20, (320, 240), times_ms=[1000 + 40 * number for number in range(20)])
    joined = tmp_path / "joined.ts"
    joined.write_bytes(small.read_bytes() + large.read_bytes())
    frames, _ = read_all(joined)
    assert [frame.width_px for frame in frames] == [160] * 20 + [320] * 20


# -- edit lists


def trimmed(path: Path, frames: int = 60, from_frame: int = 33) -> Path:
    """An MP4 whose edit list leaves out what comes before a frame, as phones trim without encoding anew."""
    clip = write_clip(path, frames, encoder={"g": "30", "bf": "0"})
    with av.open(str(clip)) as container:
        stream = container.streams.video[0]
        offset = from_frame * round(0.04 / float(stream.time_base))
    data = bytearray(clip.read_bytes())
    at = data.index(b"elst") + 4  # version and flags, count, then duration, media time, rate
    data[at + 8 : at + 12] = round((frames - from_frame) * 40).to_bytes(4, "big")
    data[at + 12 : at + 16] = offset.to_bytes(4, "big")
    clip.write_bytes(data)
    return clip


@pytest.mark.parametrize("from_frame", [33, 45, 59])
def test_frames_that_an_edit_list_leaves_out_are_not_missing(tmp_path: Path, from_frame: int) -> None:
    clip = trimmed(tmp_path / "a.mp4", from_frame=from_frame)
    frames, end = read_all(clip)
    assert number_of(frames[0].image) == from_frame
    assert number_of(frames[-1].image) == 59
    assert end is EndReason.FINISHED


# -- clocks


def joined_ts(tmp_path: Path, second_ms: int, frames: int = 50) -> Path:
    one = write_clip(tmp_path / "one.ts", frames, times_ms=[20_000 + 40 * number for number in range(frames)])
    two = write_clip(
        tmp_path / "two.ts",
        frames,
        times_ms=[second_ms + 40 * number for number in range(frames)],
        paint=quadrants,
    )
    joined = tmp_path / "joined.ts"
    joined.write_bytes(one.read_bytes() + two.read_bytes())
    return joined


@pytest.mark.parametrize("second_ms", [0, 19_000, 20_000, 5_000_000])
def test_a_clock_that_starts_again_loses_no_time(tmp_path: Path, second_ms: int) -> None:
    source = make_recording("door", _address(joined_ts(tmp_path, second_ms)))
    source.open()
    frames: list[Frame] = []
    while source.grab() is not None:
        frames.append(source.retrieve())
    source.close()
    times = [frame.time_s for frame in frames]
    assert len(frames) == 100
    assert all(later > earlier for earlier, later in pairwise(times))
    if second_ms <= 20_000:
        assert milliseconds(frames) == pytest.approx([40 * number for number in range(100)], abs=2)
        assert "starts again once" in " ".join(source.notes)
    else:
        assert times[50] - times[49] == pytest.approx(4978, abs=1), "a pause of an hour and more can be true"


def test_one_wrong_time_moves_no_other_frame(tmp_path: Path) -> None:
    times = [40 * number for number in range(60)]
    clip = write_clip(tmp_path / "a.mkv", 60, times_ms=times, encoder={"bf": "0"})
    glitched = tmp_path / "b.mkv"
    with av.open(str(clip)) as given, av.open(str(glitched), "w") as output:
        stream = output.add_stream_from_template(given.streams.video[0])
        held = [packet for packet in given.demux(video=0) if packet.dts is not None]
        for number, packet in enumerate(held):
            packet.stream = stream
            if number == 30:
                continue
            output.mux(packet)
    frames, _ = read_all(glitched)
    assert milliseconds(frames) == times[:30] + times[31:]


def _address(path: Path):
    from monitor.domain.address import SourceAddress

    return SourceAddress(str(path))
