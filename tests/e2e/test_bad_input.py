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


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda folder: folder / "bad.mp4", "no such file"),
        (text, "not a video that can be read"),
        (empty, "is empty"),
        (without_index, "cut off before its index"),
        (lambda folder: write_empty_clip(folder / "bad.mp4"), ""),
        (no_pictures, "holds no image"),
        (broken_picture, "not a picture"),
        (lambda folder: "rtsp://viewer:geheim@192.0.2.1/stream", "a camera never ends"),
        (lambda folder: "http://viewer:geheim@192.0.2.1/a.mp4?token=geheim", "a camera never ends"),
    ],
)
def test_a_bad_recording_is_refused_and_leaves_nothing(tmp_path: Path, make, words: str) -> None:
    bad = make(tmp_path)
    done = run("replay", bad, "--out", "results", cwd=tmp_path)
    line = refused(done, 4, words)
    assert "geheim" not in line
    assert "bad" in line or "192.0.2.1" in line
    assert done.out == ""
    assert names(tmp_path / "results") == set()


@pytest.mark.parametrize(("suffix", "options"), [("mp4", {"movflags": "faststart"}), ("mkv", {})])
def test_a_recording_that_was_cut_off_is_judged_and_told(tmp_path: Path, suffix: str, options: dict[str, str]) -> None:
    cut(write_clip(tmp_path / f"bad.{suffix}", 200, container=options), 0.6)
    done = run("replay", f"bad.{suffix}", "--out", "results", cwd=tmp_path)
    refused(done, 4, f"bad.{suffix}", "cut off")
    last = events(tmp_path / "results")[-1]
    assert last["reason"] == "truncated"
    assert 80 <= last["frames"] < 160
    assert "truncated" in done.out
    assert "bad" in Page((tmp_path / "results" / "report.html").read_text("utf-8")).words


def test_the_trace_is_shown_to_those_who_ask(tmp_path: Path) -> None:
    for arguments in (["--debug", "replay", "missing.mp4"], ["replay", "missing.mp4", "--debug"]):
        done = run(*arguments, "--out", "results", cwd=tmp_path)
        assert done.code != 0
        assert "Traceback" in done.err
        assert "SourceError" in done.err


def test_a_file_in_the_way_of_the_results(tmp_path: Path) -> None:
    write_clip(tmp_path / "clip.mp4", 5)
    (tmp_path / "file").write_text("precious")
    for out in ("file", "file/below"):
        refused(run("replay", "clip.mp4", "--out", out, cwd=tmp_path), 6, "file")
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


def settings_for(folder: Path, model: Path, more: str = "") -> Path:
    path = folder / "settings.yaml"
    path.write_text(f"detector: {{model: {model}, backend: litert{more}}}\n", "utf-8")
    return path


def corrupt_tflite(model: Path) -> str:
    replace(model / "model.tflite", b"This is no model.\n" * 100)
    return "model.tflite"


def other_label_map(model: Path) -> str:
    replace(model / "label_map.pbtxt", LABEL_MAP + "item { id: 4 name: 'no_mask' }\n")
    return "label"


def unknown_label(model: Path) -> str:
    replace(model / "label_map.pbtxt", LABEL_MAP.replace("'without_mask'", "'bare'"))
    return "'bare'"


def missing_file(model: Path) -> str:
    (model / "model.tflite").unlink()
    return "model.tflite"


@pytest.mark.parametrize("spoil", [corrupt_tflite, other_label_map, unknown_label, missing_file])
@pytest.mark.parametrize("listed", [True, False])
def test_a_bad_model_is_refused_before_anything_is_read(tmp_path: Path, spoil, listed: bool) -> None:
    changes = {"cpu_default": "float"} if listed else {"cpu_default": "float", "sha256": None, "states": None}
    model = copy_of_model(tmp_path / "model", without=("saved_model", "model_int8.tflite"), **changes)
    word = spoil(model)
    write_clip(tmp_path / "clip.mp4", 5)
    done = run("replay", "clip.mp4", "--out", "results", "--config", settings_for(tmp_path, model), cwd=tmp_path)
    line = refused(done, 5, word if listed or spoil is not missing_file else "tflite")
    assert str(model) in line
    assert not (tmp_path / "results").exists()


def test_a_corrupt_saved_model_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("tensorflow", reason="TensorFlow is not installed", exc_type=ImportError)
    model = copy_of_model(tmp_path / "model", without=("model.tflite", "model_int8.tflite"), sha256=None)
    replace(model / "saved_model" / "saved_model.pb", b"This is no model.")
    write_clip(tmp_path / "clip.mp4", 5)
    config = tmp_path / "settings.yaml"
    config.write_text(f"detector: {{model: {model}, backend: savedmodel}}\n", "utf-8")
    done = run("replay", "clip.mp4", "--out", "results", "--config", config, cwd=tmp_path)
    assert done.code == 5
    assert [line for line in done.lines if line.startswith("error: ") and "saved_model" in line]
    assert "Traceback" not in done.err
    assert not (tmp_path / "results").exists()
