"""`monitor models list` and `monitor models inspect`."""

import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from rich.markup import escape
from rich.table import Table

from monitor.commands.show import notes, out, print_json
from monitor.config.detector import Backend, DetectorSettings, Precision
from monitor.config.settings import Settings
from monitor.detectors.folder import ModelFolder, load_model_folder, sha256_of
from monitor.detectors.opening import open_detector
from monitor.domain.errors import ModelError

_TIMED_LOOKS = 20


def list_models(settings: Settings, folder: Path | None, *, as_json: bool) -> None:
    """List the model folders below a folder, also the broken ones, each with what is wrong with it."""
    folder = folder or settings.detector.model.parent
    if not folder.is_dir():
        raise ModelError(f"{folder}: no such folder")
    rows = [_row(path) for path in sorted(folder.iterdir()) if path.is_dir() and path.name[0] != "."]
    if as_json:
        print_json(rows)
        return
    table = Table("folder", "name", "input", "exports", "AP50", "", box=None, padding=(0, 2, 0, 0))
    for row in rows:
        ap50 = row.get("measured", {}).get("map50", "")
        size = " x ".join(map(str, row.get("input_size") or []))
        exports = ", ".join(row.get("exports", []))
        cells = (row["folder"], row.get("name", ""), size, exports, str(ap50), row.get("error", ""))
        table.add_row(*map(escape, cells))
    out.print(table)
    if not rows:
        notes.print(f"{folder} holds no model folder")


def inspect_model(settings: Settings, path: Path, *, as_json: bool) -> None:
    """Show one model folder, and time it on every backend that runs here."""
    chosen = settings.detector.model_copy(update={"model": path})
    folder = load_model_folder(path, chosen)
    files = sorted(file for file in path.rglob("*") if file.is_file())
    values: dict[str, Any] = {
        **_described(folder),
        "labels": {label: folder.states[class_id].value for class_id, label in folder.labels.items()},
        "thresholds": {state.value: score for state, score in folder.thresholds.items()},
        "training_data": folder.training_data,
        "licence": folder.licence,
        "sha256": {file.relative_to(path).as_posix(): sha256_of(file) for file in files},
        "backends": [_timed(chosen, backend, precision) for backend, precision in _candidates(folder)],
    }
    if as_json:
        print_json(values)
        return
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim")
    for key in ("folder", "name", "input_size", "labels", "thresholds", "measured", "training_data", "licence"):
        table.add_row(key.replace("_", " "), escape(str(values[key])))
    for name, digest in values["sha256"].items():
        table.add_row("sha256", escape(f"{digest}  {name}"))
    for backend in values["backends"]:
        words = backend.get("error") or f"{backend['name']}: {backend['ms']} ms a look, {backend['signature']}"
        table.add_row("runs on", escape(words))
    out.print(table)


def _row(path: Path) -> dict[str, Any]:
    try:
        return _described(load_model_folder(path, DetectorSettings(model=path)))
    except ModelError as error:
        return {"folder": str(path), "error": str(error)}


def _described(folder: ModelFolder) -> dict[str, Any]:
    exports = ["saved_model"] if folder.saved_model else []
    exports += [tflite.name for precision in (Precision.FLOAT, Precision.INT8) if (tflite := folder.tflite(precision))]
    return {
        "folder": str(folder.path),
        "name": folder.name,
        "input_size": folder.input_size,
        "exports": exports,
        "measured": folder.measured,
    }


def _candidates(folder: ModelFolder) -> list[tuple[Backend, Precision]]:
    found = [(Backend.LITERT, p) for p in (Precision.FLOAT, Precision.INT8) if folder.tflite(p)]
    return found + ([(Backend.SAVEDMODEL, Precision.AUTO)] if folder.saved_model else [])


def _timed(settings: DetectorSettings, backend: Backend, precision: Precision) -> dict[str, Any]:
    name = backend.value if backend is Backend.SAVEDMODEL else f"{backend.value} {precision.value}"
    wanted = settings.model_copy(update={"backend": backend, "precision": precision, "device": "auto"})
    try:
        opened = open_detector(wanted, threads=1)
    except ModelError as error:
        return {"name": name, "error": str(error)}
    picture = np.random.default_rng(0).integers(0, 256, (720, 1280, 3), dtype=np.uint8)
    opened.detector.detect([picture])
    spent = []
    for _ in range(_TIMED_LOOKS):
        started = time.perf_counter()
        opened.detector.detect([picture])
        spent.append(time.perf_counter() - started)
    threads = f"{opened.threads} thread(s)" if backend is Backend.LITERT else "TensorFlow's own threads"
    return {
        "name": f"{name} on {opened.device}, {threads}",
        "ms": round(1000 * median(spent), 1),
        "signature": opened.signature,
    }
