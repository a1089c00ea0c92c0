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
from monitor.detectors.folder import SAVED_MODEL, ModelFolder, cached_sha256
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
        key = _key(folder, named)
        if key not in known:
            known[key] = _per_s(named)
            _log.info("%s: %.1f inferences per second on this machine", folder.path.name, known[key])
        candidates.append(Candidate(folder.path, folder.path.name, map50, known[key]))
    if remembered is not None and known != before:
        _write(remembered, known)
    return candidates


def _per_s(settings: DetectorSettings) -> float:
    """Return how many inferences of one model this machine can run per second."""
    opened = open_detector(settings, threads=1)
    per_core = opened.backend is Backend.LITERT and settings.threads == "auto"
    clock = time.thread_time if per_core else time.perf_counter
    picture = np.random.default_rng(0).integers(0, 256, (720, 1280, 3), dtype=np.uint8)
    spent = []
    try:
        for _ in range(_TIMED_INFERENCES):
            started = clock()
            opened.detector.detect([picture])
            spent.append(clock() - started)
    finally:
        opened.detector.close()
    return (cores() if per_core else 1) / median(spent[1:])


def _key(folder: ModelFolder, settings: DetectorSettings) -> str:
    """Return all that a time depends on: processor, the file that would run, and how it is run."""
    file = folder.tflite(settings.precision) or folder.path / SAVED_MODEL / "saved_model.pb"
    how = (settings.backend, settings.device, settings.precision, settings.threads)
    return "|".join(map(str, (_processor(), cores(), folder.path.name, cached_sha256(file), folder.resize, *how)))


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
