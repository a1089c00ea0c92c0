"""`monitor replay` on real input."""

import csv
import json
import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from tests.e2e.commands import RESULTS, Done, Page, ask, contents, events, names, run
from tests.integration.clips import cut_copy, number_of, numbered, times_and_pictures, write_clip

WIDE = (640, 360)


def test_it_ends_well_and_says_where_to_look(replayed: tuple[Done, Path]) -> None:
    done, folder = replayed
    assert done.code == 0
    assert done.err == "", "standard error is for what went wrong"
    assert "75 frames" in done.out
    assert "report.html" in done.out
    assert "annotated.mp4" in done.out
    assert "\x1b" not in done.out, "no colours when piped"
    assert names(folder) == set(RESULTS), "and nothing else is left"


def test_the_video_plays_everywhere_and_has_every_frame_at_its_time(replayed: tuple[Done, Path], people: Path) -> None:
    _, folder = replayed
    with av.open(str(folder / "annotated.mp4")) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert stream.codec_context.pix_fmt == "yuv420p"
        assert (stream.codec_context.width, stream.codec_context.height) == (1280, 720)
    data = (folder / "annotated.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat"), "it starts before it is loaded"
    times, pictures = times_and_pictures(folder / "annotated.mp4")
    given, originals = times_and_pictures(people)
    assert len(times) == len(given) == 75
    assert times == pytest.approx([time - given[0] for time in given], abs=0.001)
    for index in (0, 40, 74):
        difference = abs(pictures[index].astype(int) - originals[index]).mean()
        assert difference < 25, "the picture under the drawing is the same"


def test_a_variable_rate_keeps_every_frame_at_its_time(tmp_path: Path) -> None:
    times_ms = [0, 40, 80, 200, 240, 1000, 1033, 1066, 3000, 3017]
    clip = write_clip(tmp_path / "uneven.mkv", 10, WIDE, times_ms=times_ms)
    assert run("replay", clip, "--out", "results", cwd=tmp_path).code == 0
    times, pictures = times_and_pictures(tmp_path / "results" / "annotated.mp4")
    assert [round(time * 1000) for time in times] == times_ms
    assert [number_of(picture[120:300]) for picture in pictures] == list(range(10))


def test_every_event_is_a_line(replayed: tuple[Done, Path]) -> None:
    _, folder = replayed
    lines = events(folder)
    kinds = [line["event"] for line in lines]
    assert kinds[0] == "source_opened"
    assert kinds[-1] == "source_ended"
    assert lines[-1]["reason"] == "finished"
    assert lines[-1]["frames"] == 75
    assert [line["time_s"] for line in lines] == sorted(line["time_s"] for line in lines)
    opened = {line["incident"] for line in lines if line["event"] == "incident_opened"}
    closed = {line["incident"] for line in lines if line["event"] == "incident_closed"}
    assert opened
    assert opened == closed
    for line in lines:
        assert line["source"] == "people"
        if line["event"] == "incident_opened":
            x1, y1, x2, y2 = line["box_px"]
            assert 0 <= x1 < x2 <= 1280
            assert 0 <= y1 < y2 <= 720
            assert line["since_s"] <= line["time_s"]
            assert 0 < line["confidence"] <= 1


def test_visits_agree_with_the_events(replayed: tuple[Done, Path]) -> None:
    _, folder = replayed
    ended = [line for line in events(folder) if line["event"] == "visit_ended"]
    with (folder / "visits.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(int(row["track"]), row["outcome"]) for row in rows] == [(line["track"], line["outcome"]) for line in ended]
    for row in rows:
        parts = sum(float(row[f"{state}_s"]) for state in ("with_mask", "without_mask", "incorrect", "unknown"))
        assert parts == pytest.approx(float(row["duration_s"]), abs=0.01)


def test_the_journal_and_the_log_agree_with_the_events(replayed: tuple[Done, Path]) -> None:
    _, folder = replayed
    lines = events(folder)
    database = folder / "journal.db"
    assert ask(database, "PRAGMA integrity_check") == [("ok",)]
    opened = [line["incident"] for line in lines if line["event"] == "incident_opened"]
    assert [row[0] for row in ask(database, "SELECT incident_id FROM incidents ORDER BY id")] == opened
    assert ask(database, "SELECT count(*) FROM incidents WHERE closed_s IS NULL") == [(0,)]
    visits = sum(line["event"] == "visit_ended" for line in lines)
    assert ask(database, "SELECT count(*) FROM visits") == [(visits,)]
    started = datetime.fromisoformat(ask(database, "SELECT started_at FROM runs")[0][0])
    assert abs((datetime.now(UTC) - started.replace(tzinfo=UTC)).total_seconds()) < 3600
    log = (folder / "violations.log").read_text("utf-8").splitlines()
    assert len(log) == 2 * len(opened)


def test_the_report_stands_alone_and_shows_what_was_found(replayed: tuple[Done, Path]) -> None:
    _, folder = replayed
    text = (folder / "report.html").read_text("utf-8")
    page = Page(text)
    assert all(address.startswith(("data:", "#")) for address in page.addresses), page.addresses
    assert not re.search(r"https?://(?!www\.w3\.org/)|file://|@import", text)
    assert all(link.strip("'\" ").startswith(("data:", "#")) for link in re.findall(r"url\(([^)]*)\)", text))
    pictures = [address for address in page.addresses if address.startswith("data:image/jpeg")]
    incidents = [line for line in events(folder) if line["event"] == "incident_opened"]
    assert len(pictures) == len(incidents)
    assert "people" in page.words
    assert re.search(r"\b[0-9a-f]{64}\b", page.words), "the hashes of model and settings"
    assert "95" in page.words, "the interval"


def replay_again(people: Path, folder: Path, *options: str) -> Path:
    done = run("replay", people, "--out", "results", *options, cwd=folder)
    assert done.code == 0, done.err
    return folder / "results"


def test_again_and_with_two_decoding_threads_it_is_the_same_to_the_byte(
    replayed: tuple[Done, Path], people: Path, tmp_path: Path
) -> None:
    first = contents(replayed[1], "events.jsonl", "visits.csv")
    folder = replay_again(people, tmp_path, "--decode-threads", "2")
    assert contents(folder, "events.jsonl", "visits.csv") == first
    incidents = ask(folder / "journal.db", "SELECT incident_id, opened_s FROM incidents")
    replay_again(people, tmp_path)
    assert contents(folder, "events.jsonl", "visits.csv") == first
    assert ask(folder / "journal.db", "SELECT count(*) FROM runs") == [(2,)], "a rerun is a run more"
    assert ask(folder / "journal.db", "SELECT incident_id, opened_s FROM incidents") == 2 * incidents


def test_fewer_looks_a_second_and_no_video(people: Path, tmp_path: Path) -> None:
    done = run("replay", people, "--out", "results", "--detect-fps", "5", "--no-video", "--json", cwd=tmp_path)
    assert done.code == 0
    assert (done.json[0]["frames"], done.json[0]["analysed_frames"]) == (75, 15)
    assert names(tmp_path / "results") == set(RESULTS) - {"annotated.mp4"}


def test_fewer_looks_a_second_show_every_frame(people: Path, tmp_path: Path) -> None:
    clip = cut_copy(people, tmp_path / "short.mp4", 25)
    done = run("replay", clip, "--out", "results", "--detect-fps", "5", "--json", cwd=tmp_path)
    assert done.code == 0
    assert (done.json[0]["frames"], done.json[0]["analysed_frames"]) == (25, 5)
    times, _ = times_and_pictures(tmp_path / "results" / "annotated.mp4")
    assert len(times) == 25, "frames between two looks are in the video all the same"


def test_json_is_all_there_is_on_standard_output(people: Path, tmp_path: Path) -> None:
    clip = cut_copy(people, tmp_path / "short.mp4", 12)
    done = run("replay", clip, "--out", "results", "--json", cwd=tmp_path)
    assert done.code == 0
    assert done.err == ""
    (values,) = json.loads(done.out)
    assert values["frames"] == 12
    assert values["end_reason"] == "finished"
    assert values["error"] is None


def test_several_videos_each_have_a_folder_and_a_bad_one_stops_no_other(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    write_clip(tmp_path / "gate.mp4", 10)
    write_clip(tmp_path / "other" / "gate.mp4", 20)
    (tmp_path / "text.mp4").write_text("hello")
    done = run(
        "replay", "gate.mp4", "text.mp4", "missing.mp4", "other/gate.mp4", "--out", "results", "--json", cwd=tmp_path
    )
    assert done.code == 4
    assert [line for line in done.lines if "text.mp4" in line]
    assert [line for line in done.lines if "missing.mp4" in line]
    assert len(done.lines) == 2
    frames = {entry["name"]: entry.get("frames") for entry in done.json if entry.get("frames")}
    assert frames == {"gate": 10, "gate-2": 20}
    assert {entry["name"] for entry in done.json} >= {"gate", "gate-2", "text", "missing"}
    for name, count in frames.items():
        assert events(tmp_path / "results" / name)[-1]["frames"] == count


def test_a_folder_of_pictures_of_every_size(tmp_path: Path) -> None:
    """Each is shown for a second; those of another size than the first are fitted in, none is lost."""
    photos = tmp_path / "photos"
    photos.mkdir()
    for index, (width, height) in enumerate([(320, 240), (640, 480), (200, 500), (64, 48), (321, 241)], start=1):
        cv2.imwrite(str(photos / f"photo{index}.png"), numbered(index, width, height))
    done = run("replay", "photos", "--out", "results", cwd=tmp_path)
    assert done.code == 0, done.err
    times, pictures = times_and_pictures(tmp_path / "results" / "annotated.mp4")
    assert times == pytest.approx([0, 1, 2, 3, 4])
    assert {picture.shape for picture in pictures} == {(240, 320, 3)}
    assert events(tmp_path / "results")[-1]["frames"] == 5


@pytest.mark.parametrize("size", [(1, 1), (7680, 4320)])
def test_the_smallest_and_the_largest_picture(tmp_path: Path, size: tuple[int, int]) -> None:
    Image.new("RGB", size, (90, 120, 150)).save(tmp_path / "photo.png")
    done = run("replay", "photo.png", "--out", "results", cwd=tmp_path)
    assert done.code == 0, done.err
    _, pictures = times_and_pictures(tmp_path / "results" / "annotated.mp4")
    height, width = pictures[0].shape[:2]
    assert len(pictures) == 1
    assert (width, height) == tuple(max(16, side) for side in size), "the smallest picture an encoder takes"


@pytest.mark.parametrize("name", ["<img src=x onerror=alert(1)>.mp4", "a[b]c [red] ünï 口罩 🎭 100%d.mp4"])
def test_a_name_is_a_name_everywhere(tmp_path: Path, name: str) -> None:
    """Neither the report nor the terminal takes a file's name for mark-up."""
    write_clip(tmp_path / "plain.mp4", 5).rename(tmp_path / name)
    done = run("replay", name, "--out", f"out {Path(name).stem}", cwd=tmp_path)
    assert done.code == 0, done.err
    assert Path(name).stem in done.out
    assert f"out {Path(name).stem}/report.html" in done.out
    folder = tmp_path / f"out {Path(name).stem}"
    page = Page((folder / "report.html").read_text("utf-8"))
    assert "x" not in page.addresses
    assert Path(name).stem in page.words
    assert events(folder)[0]["source"] == Path(name).stem


@pytest.mark.parametrize("out", ["12:30", "a?x=1#%d %20/b"])
def test_results_stay_in_the_folder_that_was_named(tmp_path: Path, out: str) -> None:
    write_clip(tmp_path / "clip.mp4", 5)
    done = run("replay", "clip.mp4", "--out", out, cwd=tmp_path)
    assert (done.code, done.err) == (0, "")
    assert names(tmp_path / out) == set(RESULTS)
    assert names(tmp_path) == {"clip.mp4", Path(out).parts[0]}


def test_the_program_may_live_in_any_folder(tmp_path: Path, project: Path) -> None:
    home = tmp_path / "100%d ünï"
    home.mkdir()
    for name in ("monitor", "models", "config.yaml"):
        (home / name).symlink_to(project / name)
    write_clip(tmp_path / "clip.mp4", 5)
    done = run("replay", "clip.mp4", "--out", "results", cwd=tmp_path, PYTHONPATH=str(home))
    assert (done.code, done.err) == (0, "")


def test_results_never_take_the_place_of_their_source(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "annotated.mp4", 5)
    before = clip.read_bytes()
    done = run("replay", "annotated.mp4", "--out", ".", cwd=tmp_path)
    assert done.code == 6
    assert "annotated.mp4" in done.err
    assert clip.read_bytes() == before
    assert names(tmp_path) == {"annotated.mp4"}


def test_a_folder_named_by_dots_keeps_its_results_in_a_folder_of_its_own(tmp_path: Path, project: Path) -> None:
    photos = tmp_path / "photos" / "inner"
    photos.mkdir(parents=True)
    cv2.imwrite(str(photos.parent / "a.png"), numbered(1, 64, 48))
    (tmp_path / "config.yaml").write_text(f"detector: {{model: {model_folder(project)}}}\n", "utf-8")
    done = run("replay", "..", "--config", tmp_path / "config.yaml", cwd=photos)
    assert done.code == 0, done.err
    assert names(tmp_path) == {"photos", "config.yaml", "recordings"}
    assert names(tmp_path / "recordings") == {"photos"}


def model_folder(project: Path) -> Path:
    from monitor.config.loading import load_settings

    return load_settings(project / "config.yaml").detector.model


def test_without_a_video_the_recordings_of_the_configuration_are_replayed(
    people: Path, project: Path, tmp_path: Path
) -> None:
    shutil.copy(people, tmp_path / "film.mp4")
    (tmp_path / "config.yaml").write_text(
        f"detector: {{model: {model_folder(project)}}}\n"
        "cameras:\n"
        "  Eingang Süd: {source: film.mp4, rules: {dwell_s: 0}}\n"
        "  live: {source: 'rtsp://viewer:geheim@192.0.2.1/x'}\n",
        "utf-8",
    )
    done = run("replay", cwd=tmp_path)
    assert done.code == 0, done.err
    assert "Eingang Süd" in done.out
    assert names(tmp_path / "recordings") == {"Eingang Süd"}
    assert {line["source"] for line in events(tmp_path / "recordings" / "Eingang Süd")} == {"Eingang Süd"}
    kept = b"".join(contents(tmp_path / "recordings" / "Eingang Süd").values())
    assert b"geheim" not in kept


def test_the_rules_of_a_camera_may_judge_another_recording(people: Path, project: Path, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(
        f"detector: {{model: {model_folder(project)}}}\ncameras: {{patient: {{source: 0, rules: {{dwell_s: 600}}}}}}\n",
        "utf-8",
    )
    done = run("replay", people, "--camera", "patient", "--out", "results", "--no-video", "--json", cwd=tmp_path)
    assert done.code == 0, done.err
    assert done.json[0]["incidents"] == 0


def test_thumbnails_are_small_pictures_of_the_subject(replayed: tuple[Done, Path]) -> None:
    import base64

    page = Page((replayed[1] / "report.html").read_text("utf-8"))
    jpegs = [address.partition(",")[2] for address in page.addresses if address.startswith("data:image/jpeg")]
    for jpeg in jpegs:
        picture = cv2.imdecode(np.frombuffer(base64.b64decode(jpeg), np.uint8), cv2.IMREAD_COLOR)
        assert picture is not None
        assert 100 <= picture.shape[0] <= 400
