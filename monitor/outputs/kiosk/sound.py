"""A short tone when the verdict changes, through whichever player the machine has."""

import io
import logging
import shutil
import subprocess
import tempfile
import wave
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from monitor.rules.kiosk import Verdict

#: Players of PipeWire, PulseAudio and ALSA, in the order in which they are tried.
_PLAYERS = (("pw-play",), ("paplay",), ("aplay", "-q"))

_RATE_HZ = 44_100

#: Seconds after which a player that has not ended counts as hung.
_LONGEST_S = 5.0

#: Notes in Hz: a rising third for `GO`, a low falling one for a violation.
_GO_HZ, _VIOLATION_HZ = (659.3, 830.6), (392.0, 311.1)

_log = logging.getLogger(__name__)


class Chime:
    """Plays a tone for each verdict, without waiting for the player; `close` ends it."""

    def __init__(self, clock_s: Callable[[], float], find: Callable[[str], str | None] = shutil.which) -> None:
        self._clock_s = clock_s
        self._find = find
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._player: subprocess.Popen[bytes] | None = None
        self._started_s = 0.0
        self._broken = False

    def verdict(self, verdict: Verdict) -> None:
        """Play the tone of a new verdict; only `GO` and violations have one."""
        if verdict is Verdict.GO:
            self._play("go", _GO_HZ)
        elif verdict.violating:
            self._play("violation", _VIOLATION_HZ)

    def tick(self) -> None:
        """Check for a player that has ended or hangs; to be called regularly."""
        if self._player is None:
            return
        code = self._player.poll()
        if code is None:
            if self._clock_s() - self._started_s > _LONGEST_S:
                self._stop()
                self._give_up("the player hangs")
            return
        self._player = None
        if code != 0:
            self._give_up(f"the player ended with code {code}")

    def close(self) -> None:
        """End the player and delete the sound files."""
        self._stop()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def _play(self, name: str, notes_hz: Sequence[float]) -> None:
        self.tick()
        if self._broken:
            return
        self._stop()
        found = ((self._find(name), options) for name, *options in _PLAYERS)
        command = next(([program, *options] for program, options in found if program), None)
        if command is None:
            self._give_up("none of pw-play, paplay and aplay is installed; install one")
            return
        try:
            file = self._tone(name, notes_hz)
            self._player = subprocess.Popen(
                [*command, str(file)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        except OSError as error:
            self._give_up(str(error.strerror or error))
        self._started_s = self._clock_s()

    def _tone(self, name: str, notes_hz: Sequence[float]) -> Path:
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="mask-monitor-")
        file = Path(self._folder.name) / f"{name}.wav"
        if not file.exists():
            file.write_bytes(tone(notes_hz))
        return file

    def _stop(self) -> None:
        if self._player is not None:
            self._player.kill()
            self._player.wait()
            self._player = None

    def _give_up(self, why: str) -> None:
        self._broken = True
        _log.warning("the kiosk plays no sound: %s", why)


def tone(notes_hz: Sequence[float], note_s: float = 0.18) -> bytes:
    """Return notes one after the other as a WAV file: mono, 16 bits, without clicks at their ends."""
    time_s = np.arange(round(note_s * _RATE_HZ)) / _RATE_HZ
    envelope = np.minimum(1, np.minimum(time_s, note_s - time_s) / 0.02)
    waves = [np.sin(2 * np.pi * note_hz * time_s) * envelope for note_hz in notes_hz]
    samples = (np.concatenate(waves) * 0.4 * 32767).astype("<i2")
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(_RATE_HZ)
        writer.writeframes(samples.tobytes())
    return file.getvalue()
