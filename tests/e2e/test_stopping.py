"""Ctrl-C, a service manager's stop, a kill and a full disk in the middle of a replay."""

import shutil
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.e2e.commands import RESULTS, Done, Page, ask, contents, events, names, refused, run, run_and_signal
from tests.integration.clips import times_and_pictures, write_clip


def writing(folder: Path) -> bool:
    """Whether the annotated video has begun."""
    return any(name.startswith("annotated") for name in names(folder))


@pytest.mark.parametrize(
    ("signals", "options"),
    [((signal.SIGINT,), []), ((signal.SIGTERM,), ["--json"]), ((signal.SIGINT, signal.SIGINT), [])],
)
def test_a_stop_leaves_valid_files_of_what_was_done(
    sample: Path, tmp_path: Path, signals: tuple[int, ...], options: list[str]
) -> None:
    folder = tmp_path / "results"
    done = run_and_signal(
        "replay",
        sample,
        "--out",
        folder,
        *options,
        cwd=tmp_path,
        when=lambda: writing(folder),
        after_s=1.0,
        signals=signals,
    )
    assert done.code == 130
    assert "Traceback" not in done.err
    assert names(folder) == set(RESULTS)
    lines = events(folder)
    frames = lines[-1]["frames"]
    assert lines[-1]["reason"] == "interrupted"
    assert 0 < frames < 975
    times, _ = times_and_pictures(folder / "annotated.mp4")
    assert len(times) == frames
    assert ask(folder / "journal.db", "PRAGMA integrity_check") == [("ok",)]
    assert ask(folder / "journal.db", "SELECT frames FROM source_events WHERE kind = 'ended'") == [(frames,)]
    assert ask(folder / "journal.db", "SELECT count(*) FROM incidents WHERE closed_s IS NULL") == [(0,)]
    assert "stopped" in Page((folder / "report.html").read_text("utf-8")).words.lower()
    if "--json" in options:
        assert done.json[0]["end_reason"] == "interrupted"
    else:
        assert "interrupted" in done.out


def test_a_stop_at_the_very_start_leaves_all_or_nothing(sample: Path, tmp_path: Path) -> None:
    folder = tmp_path / "results"
    done = run_and_signal(
        "replay",
        sample,
        "--out",
        folder,
        cwd=tmp_path,
        when=folder.is_dir,
        signals=(signal.SIGINT,),
    )
    assert done.code in {130, -signal.SIGINT}, done.err  # to a shell both are 130
    assert done.err == ""
    assert names(folder) in (set(), set(RESULTS))


def test_a_kill_spares_earlier_results_and_the_journal(
    replayed: tuple[Done, Path], people: Path, sample: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(replayed[1], tmp_path / "results")
    whole = set(RESULTS) - {"journal.db"}
    before = contents(folder, *whole)
    done = run_and_signal(
        "replay",
        sample,
        "--out",
        folder,
        cwd=tmp_path,
        when=lambda: len(names(folder) - set(RESULTS)) >= 3,
        after_s=1.0,
        signals=(signal.SIGKILL,),
    )
    assert done.code == -signal.SIGKILL
    assert contents(folder, *whole) == before
    assert ask(folder / "journal.db", "PRAGMA integrity_check") == [("ok",)]
    assert ask(folder / "journal.db", "SELECT count(*) FROM runs") == [(2,)]
    assert run("replay", people, "--out", folder, cwd=tmp_path).code == 0, "and the next run goes on"
    assert names(folder) == set(RESULTS)
    again = ("events.jsonl", "visits.csv", "violations.log")
    assert contents(folder, *again) == {name: before[name] for name in again}


@pytest.mark.parametrize("most_bytes", [30_000, 300_000])
def test_a_full_disk_is_one_line_and_spares_earlier_results(
    replayed: tuple[Done, Path], sample: Path, tmp_path: Path, most_bytes: int
) -> None:
    """A limit on the size of files stands for the full disk: first the journal meets it, then the video."""
    folder = shutil.copytree(replayed[1], tmp_path / "results")
    whole = set(RESULTS) - {"journal.db"}
    before = contents(folder, *whole)
    done = run("replay", sample, "--out", folder, cwd=tmp_path, most_bytes=most_bytes)
    refused(done, 6, str(folder))
    assert contents(folder, *whole) == before
    assert ask(folder / "journal.db", "PRAGMA integrity_check") == [("ok",)]
    assert ask(folder / "journal.db", "SELECT count(*) FROM visits WHERE run_id = 1")[0][0] > 0
    assert "annotated.partial.mp4" not in names(folder), "half a video would keep the disk full"


def test_a_full_disk_in_an_empty_folder(people: Path, tmp_path: Path) -> None:
    done = run("replay", people, "--out", "results", cwd=tmp_path, most_bytes=200_000)
    refused(done, 6, "annotated")


@pytest.mark.parametrize("command", ["score", "bench replay"])
def test_a_stopped_measurement_gives_no_figures(
    sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    done = run_and_signal(
        *command.split(),
        sample,
        cwd=tmp_path,
        when=lambda: any(folder.rglob("*.db")),
        after_s=0.5,
        signals=(signal.SIGINT,),
    )
    assert done.code == 130
    assert "error" not in done.err
    assert "found" not in done.out
    assert "real time" not in done.out
    assert names(folder) == set()


def test_two_replays_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    for name, frames in (("one", 30), ("two", 40)):
        write_clip(tmp_path / f"{name}.mp4", frames)
    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(run, "replay", f"{name}.mp4", "--out", name, cwd=tmp_path) for name in ("one", "two")]
        assert [each.result().code for each in runs] == [0, 0]
    assert events(tmp_path / "one")[-1]["frames"] == 30
    assert events(tmp_path / "two")[-1]["frames"] == 40


def test_two_replays_into_one_folder_spare_the_first(people: Path, tmp_path: Path) -> None:
    """One of them ends well; the other does too, or is refused in a line. Never does one spoil the other's work."""
    folder = tmp_path / "results"
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(run, "replay", people, "--out", folder, cwd=tmp_path) for _ in range(2)]
        done = [each.result() for each in both]
    assert 0 in {each.code for each in done}, [each.err for each in done]
    for each in done:
        if each.code:
            refused(each, 6, str(folder))
    assert names(folder) >= set(RESULTS)
    assert events(folder)[-1]["frames"] == 75
    times, _ = times_and_pictures(folder / "annotated.mp4")
    assert len(times) == 75
