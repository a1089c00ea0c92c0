"""`monitor image`, `check`, `models`, `score` and the help."""

import json
import os
import pty
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from monitor.commands.images import images
from monitor.config.settings import Settings
from monitor.storage.files import claimed
from tests.e2e.commands import environment, names, refused, run
from tests.integration.clips import write_clip
from tests.integration.detecting import copy_of_model, default_settings
from tests.integration.faces import Scene


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory, scenes: list[Scene]) -> Path:
    """Pictures of people and of nobody, one broken."""
    folder = tmp_path_factory.mktemp("photos")
    cv2.imwrite(str(folder / "people 口罩.jpg"), scenes[0].image)
    cv2.imwrite(str(folder / "people 口罩.png"), scenes[1].image)
    Image.new("RGB", (1, 1), (255, 0, 0)).save(folder / "pixel.png")
    Image.new("I;16", (64, 48), 40_000).save(folder / "sixteen.png")
    Image.new("CMYK", (64, 48), (0, 200, 200, 0)).save(folder / "cmyk.jpg")
    Image.fromarray(np.full((4320, 7680, 3), 120, np.uint8)).save(folder / "zz 8k.jpg", quality=30)
    (folder / "broken.jpg").write_text("This is no picture.")
    return folder


def test_pictures_are_annotated_and_a_broken_one_is_named(photos: Path, tmp_path: Path) -> None:
    done = run("image", photos, "--out", "results", "--json", cwd=tmp_path)
    refused(done, 4, "broken.jpg")
    found = done.json
    assert found == json.loads((tmp_path / "results" / "detections.json").read_text("utf-8"))
    by_name = {Path(entry["file"]).name: entry for entry in found}
    assert set(by_name) == {path.name for path in photos.iterdir()} - {"broken.jpg"}
    people = by_name["people 口罩.jpg"]
    assert people["detections"]
    for face in people["detections"]:
        x1, y1, x2, y2 = face["box_px"]
        assert 0 <= x1 < x2 <= 1280
        assert 0 <= y1 < y2 <= 720
        assert face["state"] in {"with_mask", "without_mask", "incorrect"}
        assert 0 < face["score"] <= 1
    copies = {Path(entry["annotated"]) for entry in found}
    assert len(copies) == len(found), "no copy takes the place of another"
    for entry in found:
        copy = cv2.imread(str(tmp_path / entry["annotated"]))
        assert copy.shape == (entry["height_px"], entry["width_px"], 3)
    assert names(tmp_path / "results") == {path.name for path in copies} | {"detections.json"}


def test_pictures_for_people_to_read(photos: Path, tmp_path: Path) -> None:
    done = run("image", photos / "people 口罩.jpg", photos / "pixel.png", "--out", "results", cwd=tmp_path)
    assert done.code == 0
    assert done.err == ""
    assert re.search(r"people 口罩\.jpg: \d+ ", done.out)
    assert "pixel.png: no face found" in done.out
    assert "results" in done.out


def test_a_picture_alone_is_judged_by_the_models_own_thresholds(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = []
    for score in (0.01, 0.33, 1.0):
        thresholds = dict.fromkeys(("with_mask", "without_mask", "incorrect"), score)
        settings = Settings(detector=default_settings(thresholds=thresholds))
        assert images(settings, [photos / "people 口罩.jpg"], tmp_path, as_json=True) == 0
        found.append(json.loads(capsys.readouterr().out))
    assert found[0] == found[1] == found[2]
    assert found[0][0]["detections"]


def test_pictures_none_of_which_can_be_read_leave_everything_as_it_was(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(detector=default_settings())
    for folder in (tmp_path / "new", tmp_path):
        (tmp_path / "detections.json").write_text("[1]")
        assert images(settings, [photos / "broken.jpg"], folder, as_json=False) == 4
        told = capsys.readouterr()
        assert told.out == ""
        assert "broken.jpg" in told.err
        assert names(tmp_path) == {"detections.json"}
        assert (tmp_path / "detections.json").read_text() == "[1]"
    assert images(settings, [photos / "broken.jpg"], tmp_path, as_json=True) == 4
    assert json.loads(capsys.readouterr().out) == []


def test_pictures_in_formats_that_cannot_be_written_are_annotated_as_png(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(project / "tests" / "pictures" / "quarters.heic", tmp_path)
    frames = [Image.new("RGB", (40, 30), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    Image.new("RGB", (20_000, 300)).save(tmp_path / "wide.webp", "PNG")  # wider than a WebP can be
    assert images(Settings(detector=default_settings()), [tmp_path], tmp_path / "results", as_json=True) == 0
    told = capsys.readouterr()
    assert names(tmp_path / "results") == {"moving.png", "quarters.png", "wide.png", "detections.json"}
    notes = [picture.get("note") for picture in json.loads(told.out)]
    assert notes == ["the picture is animated; only its first frame is read", None, None]
    assert "moving.gif: the picture is animated; only its first frame is read" in told.err


def test_pictures_that_cannot_be_read_count_as_done(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[tuple[int, int | None]] = []

    @contextmanager
    def progress(name: str) -> Iterator[Callable[[int, int | None], None]]:
        yield lambda done, total: shown.append((done, total))

    monkeypatch.setattr("monitor.commands.images.progress", progress)
    paths = [photos / "pixel.png", photos / "broken.jpg", photos / "broken.jpg"]
    assert images(Settings(detector=default_settings()), paths, tmp_path, as_json=True) == 4
    assert shown == [(0, 3), (1, 3), (2, 3), (3, 3)]


def test_originals_are_never_overwritten(photos: Path, tmp_path: Path) -> None:
    picture = tmp_path / "a.png"
    picture.write_bytes((photos / "pixel.png").read_bytes())
    before = picture.read_bytes()
    done = run("image", "a.png", "--out", ".", cwd=tmp_path)
    assert picture.read_bytes() == before
    assert done.code in (0, 6)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("missing.png", None, "no such file"),
        ("empty.png", b"", "is empty"),
        ("text.png", b"hello", "not a readable picture"),
        ("film.mp4", b"hello", "not a readable picture"),
    ],
)
def test_a_bad_picture_is_refused(tmp_path: Path, name: str, content: bytes | None, words: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    refused(run("image", name, "--out", "results", cwd=tmp_path), 4, name, words)


def test_the_shipped_configuration_is_correct_and_shown(tmp_path: Path, project: Path) -> None:
    done = run("check", project / "config.yaml", "--json", cwd=tmp_path)
    assert (done.code, done.err) == (0, "")
    values = done.json
    assert Path(values["detector"]["model"]).is_dir()
    assert all(Path(camera["source"]).is_file() for camera in values["cameras"].values())
    plain = run("check", cwd=project)
    assert plain.code == 0
    assert "cameras:" in plain.out


def test_every_fault_of_a_configuration_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(
        "detektor: {}\n"
        "rules:\n"
        "  dwell_s: -1\n"
        "  min_face_px: many\n"
        "cameras:\n"
        "  door:\n"
        "    sorce: 0\n"
        "    rules: {dwel_s: 3}\n"
        "  yard:\n"
        "    source: rtsp://viewer:${NO_SUCH_VARIABLE}@192.0.2.1/x\n",
        "utf-8",
    )
    for arguments in (["check", "bad.yaml"], ["replay", "a.mp4", "--config", "bad.yaml"]):
        done = run(*arguments, cwd=tmp_path)
        assert done.code == 3
        assert done.out == ""
        text = done.err.removeprefix("error: ")
        places = [
            (1, "detektor", "detector"),
            (3, "rules.dwell_s", "-1"),
            (4, "rules.min_face_px", "many"),
            (7, "cameras.door.sorce", "source"),
            (8, "cameras.door.rules.dwel_s", "dwell_s"),
            (10, "NO_SUCH_VARIABLE", "not set"),
        ]
        for line, key, word in places:
            assert [
                told
                for told in text.splitlines()
                if told.startswith(f"bad.yaml:{line}: ") and key in told and word in told
            ], (line, text)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("cameras: [1, 2\ndetector: }\n", "not valid YAML"),
        ("- a\n- b\n", "expected"),
        ("\t- x: y\n", "not valid YAML"),
        (b"\xff\xfe\x00", "UTF-8"),
    ],
)
def test_a_broken_configuration_is_refused(tmp_path: Path, content: str | bytes, words: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    refused(run("check", "bad.yaml", cwd=tmp_path), 3, "bad.yaml", words)


def test_a_missing_configuration_is_refused(tmp_path: Path) -> None:
    refused(run("check", "nothing.yaml", cwd=tmp_path), 3, "nothing.yaml", "no such file")
    refused(run("replay", "a.mp4", "--config", tmp_path, cwd=tmp_path), 3, str(tmp_path), "folder")


def test_secrets_are_masked(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(
        f"detector: {{model: {default_settings().model}}}\n"
        "cameras: {door: {source: 'rtsp://viewer:${DOOR_PASSWORD}@192.0.2.1/x?token=${DOOR_PASSWORD}'}}\n",
        "utf-8",
    )
    for options in ([], ["--json"]):
        done = run("check", *options, cwd=tmp_path, DOOR_PASSWORD="geheim")
        assert done.code == 0
        assert "geheim" not in done.out + done.err
        assert "192.0.2.1" in done.out


def test_models_are_listed_also_the_broken_ones(tmp_path: Path, project: Path) -> None:
    model = default_settings().model
    (tmp_path / "models" / "broken").mkdir(parents=True)
    (tmp_path / "models" / "good").symlink_to(model)
    done = run("models", "list", "models", "--json", cwd=tmp_path)
    assert (done.code, done.err) == (0, "")
    rows = {Path(row["folder"]).name: row for row in done.json}
    assert rows["good"]["exports"]
    assert "label_map.pbtxt" in rows["broken"]["error"]
    plain = run("models", "list", "models", cwd=tmp_path)
    assert rows["good"]["name"] in plain.out, "piped lines are whole"
    refused(run("models", "list", "nothing", cwd=tmp_path), 5, "nothing")


@pytest.mark.tensorflow
def test_a_model_is_inspected_on_every_backend(tmp_path: Path) -> None:
    pytest.importorskip("tensorflow", reason="TensorFlow is not installed", exc_type=ImportError)
    model = default_settings().model
    done = run("models", "inspect", model, "--json", cwd=tmp_path)
    assert done.code == 0
    values = done.json
    assert set(values["labels"].values()) == {"with_mask", "without_mask", "incorrect"}
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in values["sha256"].values())
    assert "label_map.pbtxt" in values["sha256"]
    assert len(values["backends"]) == 3
    assert all(backend["ms"] > 0 and "3)" in backend["signature"] for backend in values["backends"])
    assert [backend["preprocessing"] for backend in values["backends"]] == [
        "minus_one_to_one, from model.yaml",
        "minus_one_to_one, from model.yaml",
        "in the SavedModel's graph",
    ]
    assert [(one["file"], one["agrees"]) for one in values["comparison"]] == [
        ("model.tflite", True),
        ("model_int8.tflite", True),
    ]
    assert re.search(r"finds the same \d+ faces as the SavedModel", values["comparison"][0]["result"])


@pytest.mark.tensorflow
@pytest.mark.parametrize("wrong", ["channel_means", "zero_to_one"])
def test_a_tflite_export_that_disagrees_with_its_savedmodel_is_not_fit(tmp_path: Path, wrong: str) -> None:
    pytest.importorskip("tensorflow", reason="TensorFlow is not installed", exc_type=ImportError)
    copy_of_model(tmp_path / "model", without=("model_int8.tflite",), preprocessing=wrong, cpu_default="float")
    done = run("models", "inspect", "model", "--json", cwd=tmp_path)
    assert done.code == 5
    assert len(done.err.splitlines()) == 1
    assert "model.tflite: does not find the faces of the SavedModel beside it" in done.err
    assert [one["agrees"] for one in done.json["comparison"]] == [False]


def test_a_model_whose_preprocessing_is_unknown_is_told_by_every_command(tmp_path: Path) -> None:
    without = ("saved_model", "model_int8.tflite", "pipeline.config")
    folder = copy_of_model(tmp_path / "models" / "model", without=without, preprocessing=None)
    remedy = "add 'preprocessing: NAME' to model.yaml"
    done = run("models", "inspect", "models/model", cwd=tmp_path)
    assert done.code == 5
    assert len(done.err.splitlines()) == 1
    assert remedy in done.err
    assert remedy in run("models", "list", "models", "--json", cwd=tmp_path).json[0]["error"]
    (tmp_path / "config.yaml").write_text(f"detector: {{model: {folder}}}\n")
    refused(run("check", cwd=tmp_path), 3, "detector.model", remedy)


def test_a_check_tells_the_preprocessing_and_where_it_was_read_from(tmp_path: Path) -> None:
    copy_of_model(tmp_path / "model", without=("saved_model",), preprocessing=None)
    (tmp_path / "config.yaml").write_text("detector: {model: model}\n")
    done = run("check", cwd=tmp_path)
    assert done.code == 0
    origin = "pipeline.config: ssd_mobilenet_v2_lean_fpn_keras"
    assert f"the model's preprocessing: minus_one_to_one, from {origin}" in done.err


def test_a_model_is_shown_within_a_hundred_columns(tmp_path: Path) -> None:
    copy_of_model(tmp_path / "model", without=("saved_model", "model_int8.tflite"), cpu_default="float")
    done = run("models", "inspect", "model", cwd=tmp_path)
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert max(map(len, lines)) <= 100
    assert any(re.fullmatch(r" +[0-9a-f]{64} *", line) for line in lines), "hashes are whole"
    assert any("mask_weared_incorrect: incorrect" in line for line in lines)


def test_a_folder_that_another_run_writes_to_is_named_with_the_way_out(tmp_path: Path) -> None:
    write_clip(tmp_path / "clip.mp4", 5)
    config = tmp_path / "config.yaml"
    config.write_text(f"detector: {{model: {default_settings().model}}}\ncameras: {{gate: {{source: clip.mp4}}}}\n")
    (tmp_path / "results").mkdir()
    (tmp_path / "recordings" / "live").mkdir(parents=True)
    with claimed(tmp_path / "results"), claimed(tmp_path / "recordings" / "live"):
        words = refused(run("replay", "clip.mp4", "--out", "results", cwd=tmp_path), 6, "another run is writing there")
        assert words.endswith("with --out")
        words = refused(run("run", cwd=tmp_path), 6, "another run is writing there")
        assert words.endswith("with output.folder")


def test_a_model_that_cannot_be_inspected(tmp_path: Path) -> None:
    refused(run("models", "inspect", "nothing", cwd=tmp_path), 5, "nothing")
    (tmp_path / "empty").mkdir()
    refused(run("models", "inspect", "empty", cwd=tmp_path), 5, "empty", "label_map.pbtxt")


def test_help_and_version_load_nothing_heavy(tmp_path: Path) -> None:
    code = """
import sys
sys.argv = ["monitor", *sys.argv[1:]]
from monitor.cli import main
try:
    main()
except SystemExit as end:
    heavy = {"tensorflow", "cv2", "numpy", "av", "sqlalchemy", "ai_edge_litert", "trackers", "torch"}
    heavy |= {"monitor.training", "monitor.config"}
    print("LOADED", sorted(heavy & set(sys.modules)), end.code)
"""
    for argument in ("--help", "--version"):
        done = subprocess.run(
            [sys.executable, "-c", code, argument],
            cwd=tmp_path,
            env=environment(),
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.splitlines()[-1] == "LOADED [] 0"


def test_the_help_tells_every_command_and_exit_code(tmp_path: Path) -> None:
    done = run("--help", cwd=tmp_path)
    assert done.code == 0
    for word in (
        "replay",
        "probe",
        "doctor",
        "train",
        "evaluate",
        "evaluate-clips",
        "export",
        "image",
        "check",
        "models",
        "score",
        "bench",
        "130",
        " 6 ",
        " 7 ",
    ):
        assert word in done.out
    models = ("models list", "models inspect", "models accept")
    for command in ("replay", "image", "check", "score", *models, "bench replay"):
        assert run(*command.split(), "--help", cwd=tmp_path).code == 0


def test_a_closed_pipe_is_no_crash(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "monitor", "check", "--json"],
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    process.wait(60)
    assert "Traceback" not in err
    assert "unexpected" not in err


def in_a_terminal(*arguments: str | Path, cwd: Path) -> tuple[int, str]:
    """Run a command on a terminal of its own, and return its exit code and everything that appeared there."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "monitor", *map(str, arguments)],
        cwd=cwd,
        env=environment(TERM="xterm-256color", COLUMNS="100", LINES="30"),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            data = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        if not data:
            break
        shown += data
    os.close(ours)
    return process.wait(60), shown.decode("utf-8", "replace")


def test_a_terminal_shows_progress(tmp_path: Path) -> None:
    write_clip(tmp_path / "gate [b].mp4", 150)
    code, shown = in_a_terminal("replay", "gate [b].mp4", "--out", "results", cwd=tmp_path)
    assert code == 0
    assert "\x1b[" in shown
    assert "/150" in shown
    assert "gate [b]" in shown
    assert "150 frames" in shown


def test_a_password_never_reaches_the_terminal(tmp_path: Path) -> None:
    code, shown = in_a_terminal("replay", "rtsp://viewer:geheim@192.0.2.1", "--out", "results", cwd=tmp_path)
    assert code == 4
    assert "geheim" not in shown
    assert "192.0.2.1" in shown


def test_the_sample_is_judged_as_its_truth_says(project: Path, tmp_path: Path) -> None:
    """Nobody's identity is swapped, and nine of ten decided visits are right."""
    done = run("score", project / "recordings" / "samples" / "entrance.mp4", "--json", cwd=tmp_path)
    assert done.code == 0, done.err
    values = done.json
    assert values["identity_swaps"] == 0
    assert values["right_share"] >= 0.9, values["wrong_visits"]
    assert values["found"] == values["owed_a_verdict"], values["missed"]
    assert names(tmp_path) == set(), "nothing that stays is written"


@pytest.mark.parametrize(
    ("truth", "words"),
    [
        (None, "clip.json"),
        ("{}", "clip.json"),
        ("not JSON", "clip.json"),
        (
            '{"video": "x", "width": 1, "height": 1, "fps": 0, "frames": 0, "people": []}',
            "fps",
        ),
        (
            '{"video": "x", "width": 9, "height": 9, "fps": 25, "frames": 1, "people": '
            '[{"id": "a", "state": "odd", "first_frame": 0, "boxes": [[0, 0, 5, 5]]}]}',
            "state",
        ),
    ],
)
def test_a_bad_ground_truth_is_refused(tmp_path: Path, truth: str | None, words: str) -> None:
    write_clip(tmp_path / "clip.mp4", 5)
    if truth is not None:
        (tmp_path / "clip.json").write_text(truth)
    refused(run("score", "clip.mp4", cwd=tmp_path), 4, words)
