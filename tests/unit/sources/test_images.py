import tracemalloc

import cv2
import pytest

from monitor.config.camera import CameraSettings
from monitor.domain.address import SourceAddress
from monitor.domain.errors import SourceError
from monitor.domain.event import EndReason
from monitor.sources.files import check_file
from monitor.sources.images import IMAGE_PERIOD_S, ImageSource, image_reader, list_images, read_image
from monitor.sources.opening import make_camera_source, make_recording
from monitor.sources.recording import RecordingSource
from tests.fakes import FakeClock, flat


def write(path, image):
    ok, data = cv2.imencode(path.suffix, image)
    assert ok
    path.write_bytes(data.tobytes())
    return path


def test_images_come_in_the_order_a_person_would_count(tmp_path):
    names = [
        "img10.png",
        "img2.png",
        "img1.png",
        "IMG3.PNG",
        "img02.png",
        "a.jpg",
        "b10c2.webp",
        "b10c10.webp",
        "b2.bmp",
    ]
    for name in names:
        (tmp_path / name).touch()
    assert [path.name for path in list_images(tmp_path)] == [
        "a.jpg", "b2.bmp", "b10c2.webp", "b10c10.webp", "img1.png", "img02.png", "img2.png", "IMG3.PNG", "img10.png",
    ]  # fmt: skip


def test_names_that_differ_in_case_only_have_a_fixed_order(tmp_path):
    for name in "ABCDEFGHIJ":
        (tmp_path / f"{name}.png").touch()
        (tmp_path / f"{name.lower()}.png").touch()
    names = [path.name for path in list_images(tmp_path)]
    assert names == [f"{name}.png" for upper in "ABCDEFGHIJ" for name in (upper, upper.lower())]


@pytest.mark.parametrize("name", ["1.png", "².png", "٣.png", "-.png", "1.2.3.png", "0" * 200 + ".png", "x.png"])
def test_no_name_breaks_the_order(tmp_path, name):
    for other in (name, "7.png", "y7.png"):
        (tmp_path / other).touch()
    assert len(list_images(tmp_path)) == len({name, "7.png", "y7.png"})


def test_what_is_no_image_is_passed_over(tmp_path):
    (tmp_path / "notes.txt").touch()
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "png").touch()
    with pytest.raises(SourceError, match="contains no image"):
        list_images(tmp_path)
    (tmp_path / "a.jpeg").touch()
    assert [path.name for path in list_images(tmp_path)] == ["a.jpeg"]


def test_a_folder_of_many_images_is_listed_in_little_memory(tmp_path):
    first = write(tmp_path / "0.png", flat(4, 4))
    count = 10_000
    for number in range(1, count):
        (tmp_path / f"{number}.png").hardlink_to(first)
    tracemalloc.start()
    images = list_images(tmp_path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [images[0].name, images[-1].name, len(images)] == ["0.png", "9999.png", count]
    assert peak < 2000 * count  # 100,000 images: 200 MB


def test_a_single_image_is_a_list_of_one(tmp_path):
    path = write(tmp_path / "a.png", flat(4, 4))
    assert list_images(path) == [path]


@pytest.mark.parametrize("check", [list_images, lambda path: read_image(image_reader(), path), check_file])
def test_files_that_cannot_be_read_are_named(tmp_path, check):
    empty = tmp_path / "empty.png"
    empty.touch()
    for path, words in ((tmp_path / "none.png", "no such file"), (empty, "is empty")):
        with pytest.raises(SourceError, match=words) as caught:
            check(path)
        assert str(path) in str(caught.value)


def test_a_name_no_file_can_have(tmp_path):
    with pytest.raises(SourceError):
        check_file(tmp_path / "a\0b.png")
    with pytest.raises(SourceError):
        check_file(tmp_path / ("x" * 300))


def test_a_folder_is_no_picture(tmp_path):
    with pytest.raises(SourceError, match="is a folder"):
        read_image(image_reader(), tmp_path)


def test_images_as_frames(tmp_path):
    for number in range(3):
        write(tmp_path / f"{number}.png", flat(10 + number, 20, 50 * number))
    source = ImageSource("photos", tmp_path)
    info = source.open()
    assert (info.width_px, info.height_px, info.frame_count, info.live) == (20, 10, 3, False)
    frames = []
    while (time_s := source.grab()) is not None:
        frame = source.retrieve()
        assert frame.time_s == time_s
        frames.append(frame)
    assert [frame.index for frame in frames] == [0, 1, 2]
    assert [frame.time_s for frame in frames] == [0, IMAGE_PERIOD_S, 2 * IMAGE_PERIOD_S]
    assert [int(frame.image[0, 0, 0]) for frame in frames] == [0, 50, 100]
    assert all(frame.source_id == "photos" and frame.captured_at is None for frame in frames)
    assert not any(frame.image.flags.writeable for frame in frames)
    assert source.end_reason is EndReason.FINISHED
    source.close()
    source.close()
    assert source.grab() is None


def test_a_source_opens_nothing_before_it_is_asked_to(tmp_path):
    for value in ("none.png", "none", "none.mp4", "rtsp://u:p@192.0.2.1/x", "7"):
        camera = CameraSettings(source=SourceAddress(value).relative_to(tmp_path))
        assert make_camera_source("x", camera, FakeClock(), lambda _: None).source_id == "x"


@pytest.mark.parametrize(("name", "kind"), [("a.png", ImageSource), ("A.JPG", ImageSource), ("a.mp4", RecordingSource)])
def test_which_source_reads_a_file(tmp_path, name, kind):
    assert isinstance(make_recording("x", SourceAddress(str(tmp_path / name))), kind)


def test_a_folder_is_read_as_images_whatever_its_name(tmp_path):
    folder = tmp_path / "day.mp4"
    folder.mkdir()
    assert isinstance(make_recording("x", SourceAddress(str(folder))), ImageSource)


def test_a_video_that_is_not_there_is_named_and_nothing_stays_open(tmp_path):
    source = RecordingSource("x", SourceAddress(str(tmp_path / "none.mp4")))
    with pytest.raises(SourceError, match=r"none\.mp4: no such file"):
        source.open()
    source.close()
    with pytest.raises(SourceError, match="is not open"):
        source.grab()
