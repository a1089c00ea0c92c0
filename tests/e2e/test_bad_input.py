"""Everything of the issue's "Bad input": one line, an exit code, nothing harmed."""

from pathlib import Path

import pytest

from tests.e2e.commands import Page, events, names, refused, run
from tests.integration.clips import cut, write_clip, write_empty_clip
from tests.integration.detecting import LABEL_MAP, copy_of_model, replace


def without_index(folder: Path) -> Path:
    path = write_clip(folder / "bad.mp4")
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"moov") - 4])
    return path


def text(folder: Path) -> Path:
    path = folder / "bad.mp4"
    path.write_text("This is a shopping list.\n" * 50)
    return path


def empty(folder: Path) -> Path:
    path = folder / "bad.mp4"
    path.touch()
    return path


def no_pictures(folder: Path) -> Path:
    path = folder / "bad"
    path.mkdir()
    (path / "notes.txt").write_text("no picture")
    return path


def broken_picture(folder: Path) -> Path:
    path = folder / "bad.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    return path


def test_bad_recordings_are_each_refused_in_a_line_and_leave_nothing(tmp_path: Path) -> None:
    makers = {
        "text": (text, "not a readable video"),
        "empty": (empty, "is empty"),
        "without-index": (without_index, "cut off before its index"),
        "no-frames": (lambda folder: write_empty_clip(folder / "bad.mp4"), ""),
        "missing": (lambda folder: folder / "bad.mp4", "no such file"),
        "no-pictures": (no_pictures, "contains no image"),
        "broken-picture": (broken_picture, "not a readable picture"),
    }
    paths = []
    for name, (make, _) in makers.items():
        (tmp_path / name).mkdir()
        paths.append(make(tmp_path / name).relative_to(tmp_path))
    good = write_clip(tmp_path / "good.mp4", 5)
    done = run("replay", *paths, good, "--out", "results", cwd=tmp_path)
    assert done.code == 4
    assert len(done.lines) == len(makers), done.err
    for line, path, (_, words) in zip(done.lines, paths, makers.values(), strict=True):
        assert line.startswith("error: ")
        assert str(path) in line
        assert words in line
    assert names(tmp_path / "results") == {"good"}, "a refused recording leaves nothing behind"
    assert events(tmp_path / "results" / "good")[-1]["frames"] == 5


def test_one_bad_recording_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    bad = without_index(tmp_path)
    done = run("replay", bad, "--out", "results", cwd=tmp_path)
    refused(done, 4, str(bad), "cut off before its index")
    assert done.out == ""
    assert names(tmp_path) == {"bad.mp4"}


@pytest.mark.parametrize(
    "address", ["rtsp://viewer:geheim@192.0.2.1/stream", "http://viewer:geheim@192.0.2.1/a.mp4?token=geheim"]
)
def test_a_camera_is_no_recording_and_keeps_its_password(tmp_path: Path, address: str) -> None:
    line = refused(run("replay", address, "--out", "results", cwd=tmp_path), 4, "recordings only", "192.0.2.1")
    assert "geheim" not in line
    assert names(tmp_path) == set()


def test_recordings_that_were_cut_off_are_judged_and_told(tmp_path: Path) -> None:
    cut(write_clip(tmp_path / "one.mp4", 200, container={"movflags": "faststart"}), 0.6)
    cut(write_clip(tmp_path / "two.mkv", 200), 0.6)
    done = run("replay", "one.mp4", "two.mkv", "--out", "results", cwd=tmp_path)
    assert done.code == 4
    assert len(done.lines) == 2
    for line, name in zip(done.lines, ("one.mp4", "two.mkv"), strict=True):
        assert line.startswith("error: ")
        assert name in line
        assert "cut off" in line
        folder = tmp_path / "results" / Path(name).stem
        last = events(folder)[-1]
        assert last["reason"] == "truncated"
        assert 80 <= last["frames"] < 160
        assert name in Page((folder / "report.html").read_text("utf-8")).words
    assert done.out.count("truncated") == 2


def test_the_trace_is_shown_to_those_who_ask(tmp_path: Path) -> None:
    done = run("replay", "missing.mp4", "--debug", "--out", "results", cwd=tmp_path)
    assert done.code == 4, "the error's own exit code"
    assert "Traceback" in done.err
    assert "SourceError" in done.err
    assert done.lines[-1] == "error: missing.mp4: no such file"


def test_a_file_in_the_way_of_the_results(tmp_path: Path) -> None:
    write_clip(tmp_path / "clip.mp4", 5)
    (tmp_path / "file").write_text("precious")
    refused(run("replay", "clip.mp4", "--out", "file/below", cwd=tmp_path), 6, "file")
    assert (tmp_path / "file").read_text() == "precious"
    assert names(tmp_path) == {"clip.mp4", "file"}


def test_a_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    """Below /proc not even root makes a folder."""
    write_clip(tmp_path / "clip.mp4", 5)
    refused(run("replay", "clip.mp4", "--out", "/proc/results", cwd=tmp_path), 6, "/proc/results")
    (tmp_path / "a.png").write_bytes(b"")
    refused(run("image", "a.png", "--out", "/proc/results", cwd=tmp_path), 4, "a.png")


def test_a_folder_in_the_place_of_a_result(tmp_path: Path) -> None:
    write_clip(tmp_path / "clip.mp4", 5)
    for name in ("journal.db", "report.html"):
        folder = tmp_path / f"results-{name}"
        (folder / name).mkdir(parents=True)
        refused(run("replay", "clip.mp4", "--out", folder, cwd=tmp_path), 6, name)


def test_a_journal_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    import sqlite3

    write_clip(tmp_path / "clip.mp4", 5)
    assert run("replay", "clip.mp4", "--out", "results", cwd=tmp_path).code == 0
    before = (tmp_path / "results" / "events.jsonl").read_bytes()
    with sqlite3.connect(tmp_path / "results" / "journal.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    refused(run("replay", "clip.mp4", "--out", "results", cwd=tmp_path), 6, "journal.db", "newer version")
    assert (tmp_path / "results" / "events.jsonl").read_bytes() == before


@pytest.mark.parametrize(
    "arguments",
    [
        ["nothing"],
        ["replay", "--detect-fps", "0", "a.mp4"],
        ["replay", "--detect-fps", "nan", "a.mp4"],
        ["replay", "--detect-fps", "x", "a.mp4"],
        ["replay", "--decode-threads", "0", "a.mp4"],
        ["replay", "--nonsense", "a.mp4"],
        ["image"],
        ["models", "inspect"],
        ["bench", "replay", "--rounds", "0"],
    ],
)
def test_wrong_usage_is_explained(tmp_path: Path, arguments: list[str]) -> None:
    done = run(*arguments, cwd=tmp_path)
    assert done.code == 2
    assert done.err
    assert "Traceback" not in done.err
    assert names(tmp_path) == set()


def settings_for(folder: Path, model: Path) -> Path:
    path = folder / "settings.yaml"
    path.write_text(f"detector: {{model: {model}, backend: litert}}\n", "utf-8")
    return path


def corrupt_tflite(model: Path) -> str:
    replace(model / "model.tflite", b"This is no model.\n" * 100)
    return "model.tflite"


def other_label_map(model: Path) -> str:
    replace(model / "label_map.pbtxt", LABEL_MAP + "item { id: 4 name: 'no_mask' }\n")
    return "label"


@pytest.mark.parametrize(
    ("spoil", "listed"), [(corrupt_tflite, True), (corrupt_tflite, False), (other_label_map, True)]
)
def test_a_bad_model_is_refused_before_anything_is_read(tmp_path: Path, spoil, listed: bool) -> None:
    changes = {"cpu_default": "float"} if listed else {"cpu_default": "float", "sha256": None}
    model = copy_of_model(tmp_path / "model", without=("saved_model", "model_int8.tflite"), **changes)
    word = spoil(model)
    write_clip(tmp_path / "clip.mp4", 5)
    done = run("replay", "clip.mp4", "--out", "results", "--config", settings_for(tmp_path, model), cwd=tmp_path)
    assert str(model) in refused(done, 5, word)
    assert not (tmp_path / "results").exists()
