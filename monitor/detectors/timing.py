"""How many inferences per second this machine can run of each shipped model."""

import json
import logging
import platform
import time
from pathlib import Path
from statistics import median

import numpy as np

from monitor.config.detector import Backend, DetectorSettings
from monitor.detectors.choice import Candidate, shipped_models
from monitor.detectors.cores import cores
from monitor.detectors.folder import ModelFolder
from monitor.detectors.opening import open_detector

_log = logging.getLogger(__name__)

_TIMED_INFERENCES = 7


def timed(settings: DetectorSettings, remembered: Path | None) -> list[Candidate]:
    """Return the models that `auto` stands for with their speed on this machine, the most accurate first.

    A LiteRT model is timed by the CPU time of its one thread, which other programs hardly change, and runs once per
    core. Times are remembered in the file `remembered`, by processor, model file and settings. Raises `ModelError`.
    """
    known = _read(remembered)
    before, candidates = dict(known), []
    for map50, folder in shipped_models(settings):
        named = settings.naming(folder.path)
        key = "|".join((_processor(), str(cores()), *_identity(folder), settings.backend, settings.device,
                        settings.precision, str(settings.threads)))  # fmt: skip
        if key not in known:
            opened = open_detector(named, threads=1)
            on_litert = opened.backend is Backend.LITERT
            clock = time.thread_time if on_litert and settings.threads == "auto" else time.perf_counter
            picture = np.random.default_rng(0).integers(0, 256, (720, 1280, 3), dtype=np.uint8)
            spent = []
            for _ in range(_TIMED_INFERENCES):
                started = clock()
                opened.detector.detect([picture])
                spent.append(clock() - started)
            opened.detector.close()
            known[key] = (cores() if clock is time.thread_time else 1) / median(spent[1:])
            _log.info("%s: %.1f inferences per second on this machine", folder.path.name, known[key])
        candidates.append(Candidate(folder.path, folder.path.name, map50, known[key]))
    if remembered is not None and known != before:
        _write(remembered, known)
    return candidates


def _identity(folder: ModelFolder) -> list[str]:
    """Return what differs if a model is exchanged; its manifest names the hash of every file."""
    return [folder.path.name, *sorted(folder.sha256.values()), str(folder.resize)]


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _read(file: Path | None) -> dict[str, float]:
    """Return the times of earlier starts; a file that cannot be used is written anew."""
    try:
        values = json.loads(file.read_text(encoding="utf-8")) if file is not None else {}
        return {str(key): rate for key, rate in values.items() if isinstance(rate, float) and rate > 0}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, AttributeError) as error:
        _log.warning("%s: cannot be used, the models are timed again: %s", file, error)
        return {}


def _write(file: Path, known: dict[str, float]) -> None:
    fresh = file.with_suffix(".partial")
    try:
        fresh.write_text(json.dumps(known, indent=1), encoding="utf-8")
        fresh.replace(file)
    except OSError as error:
        _log.warning("%s: cannot be written, the next start times the models again: %s", file, error)
