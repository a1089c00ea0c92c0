"""Video files: times, order, orientation, and files that are not what they should be."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import av
import pytest

from monitor.domain.address import SourceAddress
from monitor.domain.errors import SourceError
from monitor.domain.event import EndReason
from monitor.domain.frame import Frame
from monitor.domain.ports import Source
from monitor.sources.container import is_cut_off
from monitor.sources.opening import make_recording
from tests.conftest import PROJECT
from tests.integration.clips import (
    corner_colours,
    cut,
    cut_copy,
    number_of,
    quadrants,
    rotate_by_metadata,
    write_clip,
    write_empty_clip,
)

UNEVEN_MS = [0, 40, 80, 200, 240, 1000, 1040, 3000, 3040, 3080]


def source_of(path: Path, threads: int = 1) -> Source:
    return make_recording("door", SourceAddress(str(path)), threads)


def read(source: Source, most: int = 10_000) -> list[Frame]:
    frames = []
    while len(frames) < most and source.grab() is not None:
        frames.append(source.retrieve())
    return frames


def read_all(path: Path, threads: int = 1) -> tuple[list[Frame], EndReason]:
    source = source_of(path, threads)
    source.open()
    try:
        return read(source), source.end_reason
    finally:
        source.close()


def milliseconds(frames: list[Frame]) -> list[int]:
    return [round(frame.time_s * 1000) for frame in frames]


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_constant_rate_keeps_order_and_time(tmp_path: Path, suffix: str) -> None:
    frames, end = read_all(write_clip(tmp_path / f"clip.{suffix}", 60))
    assert [number_of(frame.image) for frame in frames] == list(range(60))
    assert [frame.index for frame in frames] == list(range(60))
    assert milliseconds(frames) == [40 * index for index in range(60)]
    assert end is EndReason.FINISHED
    assert {frame.source_id for frame in frames} == {"door"}


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_variable_rate_keeps_its_own_times(tmp_path: Path, suffix: str) -> None:
    frames, end = read_all(write_clip(tmp_path / f"clip.{suffix}", 10, times_ms=UNEVEN_MS))
    assert milliseconds(frames) == UNEVEN_MS
    assert [number_of(frame.image) for frame in frames] == list(range(10))
    assert end is EndReason.FINISHED


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
@pytest.mark.parametrize("slow_first", [True, False])
def test_a_rate_that_changes_is_no_truncation(tmp_path: Path, suffix: str, slow_first: bool) -> None:
    slow, fast = list(range(0, 10_000, 500)), [33 * index for index in range(100)]
    times = slow + [10_000 + ms for ms in fast] if slow_first else fast + [3300 + ms for ms in slow]
    frames, end = read_all(write_clip(tmp_path / f"clip.{suffix}", 120, times_ms=times))
    assert milliseconds(frames) == times
    assert end is EndReason.FINISHED


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
def test_times_count_from_the_first_frame(tmp_path: Path, suffix: str) -> None:
    times = [5000 + 40 * index for index in range(50)]
    frames, end = read_all(write_clip(tmp_path / f"clip.{suffix}", 50, times_ms=times))
    assert milliseconds(frames) == [40 * index for index in range(50)]
    assert end is EndReason.FINISHED, "a recording that was cut out of a stream is complete"


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_sound_longer_than_the_picture_is_no_truncation(tmp_path: Path, suffix: str) -> None:
    frames, end = read_all(write_clip(tmp_path / f"clip.{suffix}", 50, audio_s=6))
    assert len(frames) == 50
    assert end is EndReason.FINISHED


@pytest.mark.parametrize(("degrees", "expected"), [(0, "RGBW"), (90, "BRWG"), (180, "WBGR"), (270, "GWRB")])
def test_rotation_metadata_turns_the_picture_upright(tmp_path: Path, degrees: int, expected: str) -> None:
    clip = write_clip(tmp_path / "clip.mp4", 3, (160, 96), paint=quadrants)
    rotate_by_metadata(clip, degrees)
    source = source_of(clip)
    info = source.open()
    frame = read(source)[0]
    source.close()
    assert corner_colours(frame.image) == expected
    size = (96, 160) if degrees in (90, 270) else (160, 96)
    assert (frame.width_px, frame.height_px) == size
    assert (info.width_px, info.height_px) == size


@pytest.mark.parametrize(
    ("name", "size", "codec", "pix_fmt"),
    [
        ("h264.mp4", (161, 121), "libx264", "yuv444p"),
        ("mjpeg.mkv", (333, 77), "mjpeg", "yuvj420p"),
        ("ffv1.mkv", (17, 231), "ffv1", "yuv420p"),
    ],
)
def test_odd_sizes(tmp_path: Path, name: str, size: tuple[int, int], codec: str, pix_fmt: str) -> None:
    frames, _ = read_all(write_clip(tmp_path / name, 12, size, codec=codec, pix_fmt=pix_fmt))
    assert len(frames) == 12
    assert {(frame.width_px, frame.height_px) for frame in frames} == {size}
    if size[0] > 32:
        assert [number_of(frame.image) for frame in frames] == list(range(12))


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt"),
    [("grey.mp4", "libx264", "gray"), ("grey.mkv", "ffv1", "gray"), ("ten-bit.mp4", "libx264", "yuv420p10le")],
)
def test_grey_and_ten_bit_video_arrive_as_bgr(tmp_path: Path, name: str, codec: str, pix_fmt: str) -> None:
    frames, _ = read_all(write_clip(tmp_path / name, 20, codec=codec, pix_fmt=pix_fmt))
    assert [number_of(frame.image) for frame in frames] == list(range(20))
    image = frames[-1].image
    assert image.shape == (120, 160, 3)
    assert image.dtype.name == "uint8"


def test_colours_are_bgr(tmp_path: Path) -> None:
    frames, _ = read_all(write_clip(tmp_path / "clip.mp4", 2, paint=quadrants))
    assert corner_colours(frames[0].image) == "RGBW"


def test_a_frame_cannot_be_changed(tmp_path: Path) -> None:
    frames, _ = read_all(write_clip(tmp_path / "clip.mp4", 2))
    with pytest.raises(ValueError, match="read-only"):
        frames[0].image[0, 0, 0] = 1


def test_frames_stay_as_they_were_when_the_next_are_read(tmp_path: Path) -> None:
    source = source_of(write_clip(tmp_path / "clip.mp4", 10))
    source.open()
    source.grab()
    first = source.retrieve()
    read(source)
    source.close()
    assert number_of(first.image) == 0


def test_grabbed_frames_need_not_be_retrieved(tmp_path: Path) -> None:
    source = source_of(write_clip(tmp_path / "clip.mp4", 30))
    source.open()
    seen = []
    while (time_s := source.grab()) is not None:
        if round(time_s * 25) % 7 == 0:
            seen.append((source.retrieve().index, number_of(source.retrieve().image)))
    source.close()
    assert seen == [(number, number) for number in range(0, 30, 7)]


def digest(frames: list[Frame]) -> str:
    sha = hashlib.sha256()
    for frame in frames:
        sha.update(frame.image.tobytes())
        sha.update(repr(frame.time_s).encode())
    return sha.hexdigest()


def test_decode_threads_change_no_pixel_and_no_time(tmp_path: Path, sample: Path) -> None:
    clips = [
        write_clip(tmp_path / "b-frames.mp4", 90, (320, 240), encoder={"bf": "3", "x264-params": "sliced-threads=0"}),
        cut_copy(sample, tmp_path / "people.mp4", 40),
    ]
    for clip in clips:
        one, two, four = (read_all(clip, threads)[0] for threads in (1, 2, 4))
        assert len(one) in {90, 40}
        assert digest(one) == digest(two) == digest(four)


@pytest.mark.parametrize(("suffix", "options"), [("mp4", {"movflags": "faststart"}), ("mkv", {})])
def test_a_file_that_was_cut_off_gives_what_it_has_and_says_so(
    tmp_path: Path, suffix: str, options: dict[str, str]
) -> None:
    clip = cut(write_clip(tmp_path / f"clip.{suffix}", 200, container=options), 0.6)
    frames, end = read_all(clip)
    assert end is EndReason.TRUNCATED
    assert 80 <= len(frames) < 160
    whole = [number_of(frame.image) for frame in frames]
    assert whole == list(range(len(frames)))


def test_a_few_missing_frames_of_an_mp4_are_noticed(tmp_path: Path) -> None:
    clip = cut(write_clip(tmp_path / "clip.mp4", 200, container={"movflags": "faststart"}), 0.97)
    frames, end = read_all(clip)
    assert 180 < len(frames) < 200
    assert end is EndReason.TRUNCATED, "an MP4's sample table says exactly how many frames there are"


def without_index(tmp_path: Path) -> Path:
    path = write_clip(tmp_path / "no-index.mp4")
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"moov") - 4])
    return path


def text(tmp_path: Path) -> Path:
    path = tmp_path / "text.mp4"
    path.write_text("This is a shopping list.\n" * 50)
    return path


def noise(tmp_path: Path) -> Path:
    path = tmp_path / "noise.mp4"
    path.write_bytes(bytes((index * 7919) >> 3 & 255 for index in range(50_000)))
    return path


def empty(tmp_path: Path) -> Path:
    path = tmp_path / "empty.mp4"
    path.touch()
    return path


def folder(tmp_path: Path) -> Path:
    path = tmp_path / "folder.mp4"
    path.mkdir()
    return path


def sound_only(tmp_path: Path) -> Path:
    path = write_clip(tmp_path / "both.mp4", 2, audio_s=1)
    import av

    target = tmp_path / "sound.mp4"
    with av.open(str(path)) as given, av.open(str(target), "w") as output:
        stream = output.add_stream_from_template(given.streams.audio[0])
        for packet in given.demux(audio=0):
            if packet.dts is not None:
                packet.stream = stream
                output.mux(packet)
    return target


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\nother.mp4\n#EXT-X-ENDLIST\n", "is a playlist"),
        ("a.mp4", "ffconcat version 1.0\nfile other.mp4\n", "is a playlist"),
        (
            "a.sdp",
            "v=0\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n",
            "not a readable",
        ),
    ],
)
def test_a_file_that_names_others_is_refused(tmp_path: Path, name: str, content: str, words: str) -> None:
    write_clip(tmp_path / "other.mp4", 2)
    (tmp_path / name).write_text(content)
    with pytest.raises(SourceError, match=words):
        source_of(tmp_path / name).open()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (without_index, "not a readable video"),
        (text, "not a readable video"),
        (noise, "not a readable video"),
        (sound_only, "not a readable video"),
        (empty, "is empty"),
        (folder, "contains no image"),
        (lambda folder: write_empty_clip(folder / "zero.mp4"), ""),
        (lambda folder: folder / "missing.mp4", "no such file"),
    ],
)
def test_what_is_no_video_is_refused_in_one_line(tmp_path: Path, make, words: str) -> None:
    path = make(tmp_path)
    source = source_of(path)
    with pytest.raises(SourceError) as caught:  # noqa: PT012 - a video without frames may open
        source.open()
        source.grab()
    source.close()
    message = str(caught.value)
    assert path.name in message
    assert words in message
    assert "\n" not in message


@pytest.mark.parametrize("name", ["100%d %s.mp4", "ünï 口罩 🎭.mp4", "#a?b=c&d.mp4", "-dash.mp4", "it's [1].mp4"])
def test_any_name_can_be_read(tmp_path: Path, name: str) -> None:
    frames, _ = read_all(write_clip(tmp_path / "plain.mp4", 5).rename(tmp_path / name))
    assert len(frames) == 5


@pytest.mark.parametrize("name", ["12:30 gate.mp4", "http:clip.mp4", "concat:clip.mp4"])
def test_a_relative_name_with_a_colon_is_no_protocol(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    write_clip(tmp_path / "plain.mp4", 5).rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert len(read_all(Path(name))[0]) == 5


def test_closing_is_harmless_when_repeated_or_early(tmp_path: Path) -> None:
    source = source_of(write_clip(tmp_path / "clip.mp4", 2))
    source.close()
    source.open()
    source.close()
    source.close()
    with pytest.raises(SourceError):
        source.grab()


def overwrite(path: Path, start: float, length: int | None) -> Path:
    """Put zeros in a file, from a share of its length on."""
    data = bytearray(path.read_bytes())
    begin = int(len(data) * start)
    end = len(data) if length is None else begin + length
    data[begin:end] = bytes(end - begin)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(("suffix", "options"), [("mp4", {"movflags": "faststart"}), ("mkv", {})])
def test_a_tail_of_zeros_is_no_proper_end(tmp_path: Path, suffix: str, options: dict[str, str]) -> None:
    """What a copy leaves that was stopped after its room had been set aside."""
    clip = overwrite(write_clip(tmp_path / f"clip.{suffix}", 200, container=options), 0.6, None)
    frames, end = read_all(clip)
    assert 80 <= len(frames) < 160
    assert end is not EndReason.FINISHED


def test_damage_in_the_middle_does_not_end_a_recording_without_a_word(tmp_path: Path) -> None:
    """Half of the pictures come after the damage: they are read, or the end is told as what it is."""
    clip = write_clip(tmp_path / "clip.mp4", 200, container={"movflags": "faststart"}, encoder={"g": "25"})
    frames, end = read_all(overwrite(clip, 0.4, 1500))
    numbers = [number_of(frame.image) for frame in frames]
    assert end is not EndReason.FINISHED or numbers[-1] == 199
    assert milliseconds(frames) == sorted(milliseconds(frames))


def test_bytes_after_the_end_are_no_truncation(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", 20)
    clip.write_bytes(clip.read_bytes() + b"abc")
    frames, end = read_all(clip)
    assert len(frames) == 20
    assert end is EndReason.FINISHED


def test_a_name_that_is_not_utf8_is_read_or_refused_in_one_line(tmp_path: Path) -> None:
    """FFmpeg's side crashes on such names; the process that tries it is another one."""
    clip = write_clip(tmp_path / "plain.mp4", 5)
    clip.rename(tmp_path / os.fsdecode(b"caf\xe9.mp4"))
    code = """
import os
from monitor.domain.errors import SourceError
from tests.integration.test_video_sources import read_all
from pathlib import Path
try:
    print(len(read_all(Path(os.fsdecode(b"caf\\xe9.mp4")).absolute())[0]))
except SourceError as error:
    print(ascii(str(error)))
"""
    environment = os.environ | {"PYTHONPATH": str(PROJECT)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "5\n" or "caf" in done.stdout


def test_a_fragmented_recording_is_cut_off_wherever_it_ends(tmp_path: Path) -> None:
    """Also within the head of a fragment, of which FFmpeg's own index shows nothing."""
    fragments = {"movflags": "frag_keyframe+empty_moov"}
    whole = write_clip(tmp_path / "whole.mp4", 100, container=fragments, encoder={"g": "25"})
    assert not is_cut_off(whole)
    data = whole.read_bytes()
    head = data.index(b"moof", len(data) // 2)
    part = tmp_path / "part.mp4"
    for end in (head + 5, head + 60, head - 40, len(data) - 9):
        part.write_bytes(data[:end])
        assert is_cut_off(part), end
    part.write_bytes(data[: head + 60])
    with av.open(str(part)) as container:
        for _ in container.demux(video=0):
            pass
        indexed = max(entry.pos + entry.size for entry in container.streams.video[0].index_entries)
    assert indexed <= part.stat().st_size, "FFmpeg tells now: its index may take the place of monitor.sources.container"
