import io
import logging
import os
import stat
import time
import wave
from pathlib import Path

import pytest

from monitor.outputs.kiosk.sound import Chime, tone
from monitor.rules.kiosk import Verdict
from tests.fakes import FakeClock


@pytest.fixture
def player(tmp_path):
    """A program in the place of `paplay`, whose doing is a line of shell; it finds the tone in $1."""

    def make(line):
        path = tmp_path / "paplay"
        path.write_text(f"#!/bin/sh\n{line}\n", "utf-8")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return lambda name: str(path) if name == "paplay" else None

    return make


def until(condition):
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_tone_is_short_clean_and_audible():
    with wave.open(io.BytesIO(tone((440.0, 550.0)))) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 44_100)
        seconds = file.getnframes() / file.getframerate()
        samples = memoryview(file.readframes(file.getnframes())).cast("h")
    assert seconds == pytest.approx(0.36, abs=0.01)
    assert max(samples) > 8000
    assert abs(samples[0]) < 50
    assert abs(samples[-1]) < 200


@pytest.mark.parametrize(
    ("verdict", "played"),
    [(Verdict.GO, "go"), (Verdict.PUT_ON, "violation"), (Verdict.COVER, "violation")]
    + [(verdict, None) for verdict in (Verdict.WAIT, Verdict.IDLE, Verdict.STARTING, Verdict.OUT_OF_ORDER)],
)
def test_a_verdict_has_its_tone(tmp_path, player, verdict, played):
    chime = Chime(
        FakeClock().monotonic_s,
        player(f'cp "$1" {tmp_path}/heard.part && mv {tmp_path}/heard.part "{tmp_path}/${{1##*/}}"'),
    )
    chime.verdict(verdict)
    if played:
        until((tmp_path / f"{played}.wav").exists)
        assert (tmp_path / f"{played}.wav").read_bytes().startswith(b"RIFF")
    chime.close()
    assert bool(list(tmp_path.glob("*.wav"))) is bool(played)


def test_without_a_player_it_is_logged_once(caplog):
    chime = Chime(FakeClock().monotonic_s, lambda _: None)
    with caplog.at_level(logging.WARNING):
        for verdict in (Verdict.GO, Verdict.PUT_ON, Verdict.GO):
            chime.verdict(verdict)
            chime.tick()
    chime.close()
    assert [record.getMessage() for record in caplog.records] == [
        "the kiosk plays no sound: none of pw-play, paplay and aplay is installed; install one"
    ]


def test_a_player_that_fails_is_logged_once(player, caplog):
    chime = Chime(FakeClock().monotonic_s, player("exit 3"))
    chime.verdict(Verdict.GO)
    with caplog.at_level(logging.WARNING):
        until(lambda: chime.tick() or bool(caplog.records))
        chime.verdict(Verdict.GO)
    chime.close()
    assert [record.getMessage() for record in caplog.records] == [
        "the kiosk plays no sound: the player ended with code 3"
    ]


def test_a_player_that_hangs_is_ended(player, caplog):
    clock = FakeClock()
    chime = Chime(clock.monotonic_s, player("exec sleep 60"))
    chime.verdict(Verdict.GO)
    chime.tick()
    clock.advance(6)
    with caplog.at_level(logging.WARNING):
        chime.tick()
    chime.close()
    assert [record.getMessage() for record in caplog.records] == ["the kiosk plays no sound: the player hangs"]


def test_closing_ends_the_player_at_once_and_removes_the_tones(tmp_path, player):
    chime = Chime(
        FakeClock().monotonic_s, player(f'echo "$1" > {tmp_path}/name; echo $$ > {tmp_path}/pid; exec sleep 60')
    )
    chime.verdict(Verdict.GO)
    until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip())
    started = time.monotonic()
    chime.close()
    assert time.monotonic() - started < 5
    number = int((tmp_path / "pid").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(number, 0)
    assert not Path((tmp_path / "name").read_text().strip()).exists()
    chime.close()
