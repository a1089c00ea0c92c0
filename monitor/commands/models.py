"""`monitor models list`, `inspect` and `accept`."""

import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from rich.markup import escape
from rich.table import Table

from monitor.commands.model_comparison import compare, has_tensorflow
from monitor.commands.show import WIDTH, notes, out, print_json
from monitor.config.accepting import accept
from monitor.config.detector import Backend, DetectorSettings, Precision
from monitor.config.loading import load_settings
from monitor.config.settings import Settings
from monitor.detectors.acceptance import is_accepted, saved_model_files, saved_model_sha256
from monitor.detectors.folder import SAVED_MODEL, ModelFolder, load_model_folder, sha256_of
from monitor.detectors.opening import check_model, open_detector, preprocessing_words
from monitor.domain.errors import ModelError

_TIMED_INFERENCES = 20

#: What a table shows of a model folder, besides its files and backends.
_SHOWN = (
    "folder",
    "name",
    "input_size",
    "labels",
    "thresholds",
    "calibration",
    "measured",
    "training_data",
    "licence",
)


def list_models(settings: Settings, folder: Path | None, *, as_json: bool) -> None:
    """List the model folders below a folder, and the faults of those that cannot be used."""
    folder = folder or settings.detector.model.parent
    if not folder.is_dir():
        raise ModelError(f"{folder}: no such folder")
    rows = [_row(settings, path) for path in sorted(folder.iterdir()) if path.is_dir() and path.name[0] != "."]
    if as_json:
        print_json(rows)
        return
    table = Table("folder", "name", "input", "exports", "AP50", "", box=None, padding=(0, 2, 0, 0))
    for row in rows:
        ap50 = row.get("measured", {}).get("map50", "")
        size = " x ".join(map(str, reversed(row.get("input_size") or ())))
        exports = ", ".join(row.get("exports", []))
        cells = (row["folder"], row.get("name", ""), size, exports, str(ap50), row.get("error", ""))
        table.add_row(*map(escape, cells))
    out.print(table)
    if not rows:
        notes.print(f"{folder}: contains no model folder")


def inspect_model(settings: Settings, path: Path, *, as_json: bool) -> None:
    """Show one model folder, time it on every backend that runs here, and compare its exports with each other.

    A SavedModel that has not been accepted is not run, and that is said. Raises `ModelError` at the end if an export
    cannot be used, or finds other faces than the SavedModel.
    """
    chosen = settings.detector.model_copy(update={"model": path})
    folder = load_model_folder(path, chosen)
    files = sorted(file for file in path.rglob("*") if file.is_file())
    values: dict[str, Any] = {
        **_described(folder),
        "labels": {label: folder.states[class_id].value for class_id, label in folder.labels.items()},
        "thresholds": {state.value: score for state, score in folder.thresholds.items()},
        "calibration": folder.calibration.data,
        "training_data": folder.training_data,
        "licence": folder.licence,
        "sha256": {file.relative_to(path).as_posix(): sha256_of(file) for file in files},
        "backends": [_timed(chosen, backend, precision) for backend, precision in _candidates(folder)],
    }
    values["comparison"] = compare(chosen, folder)
    if as_json:
        print_json(values)
    else:
        _print(values)
    refused = folder.saved_model is not None and not is_accepted(folder.saved_model, chosen)
    left_out = not has_tensorflow() or (refused and len(values["backends"]) > 1)
    expected = {Backend.SAVEDMODEL.value} if left_out else set()
    faults = [one["error"] for one in values["backends"] if "error" in one and one["name"] not in expected]
    faults += [f"{path}: {one['result']}" for one in values["comparison"] if one["agrees"] is False]
    if faults:
        raise ModelError("\n".join(faults))


def accept_model(path: Path, config: Path) -> None:
    """Print the files of a folder's SavedModel with their sha256, and allow the configuration to load it.

    Runs nothing. Raises `ModelError` if there is none or it cannot be read, `ConfigError` if the file is wrong or not
    of a form that can be changed, `OutputError` if it cannot be written.
    """
    settings = load_settings(config).detector
    saved_model = load_model_folder(path, settings.model_copy(update={"labels": {}})).saved_model
    if saved_model is None:
        raise ModelError(f"{path}: contains no {SAVED_MODEL}/, so that nothing needs to be accepted")
    for name, sha256 in saved_model_files(saved_model).items():
        print(f"{sha256}  {SAVED_MODEL}/{name}")
    if is_accepted(saved_model, settings):
        notes.print(f"{path}: is accepted already", markup=False)
        return
    sha256 = saved_model_sha256(saved_model)
    accept(config, sha256)
    notes.print(f"{config}: accepted {sha256}, {saved_model}; reload or restart a monitor that runs", markup=False)


def _print(values: dict[str, Any]) -> None:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for key in _SHOWN:
        table.add_row(key.replace("_", " "), escape("\n".join(_lines(values[key]))))
    for name, digest in values["sha256"].items():
        table.add_row("sha256", escape(f"{name}\n  {digest}"))
    for backend in values["backends"]:
        words = backend.get("error") or f"{backend['ms']} ms per inference, {backend['signature']}"
        scaled = "".join(f"\n  {key} {backend[key]}" for key in ("preprocessing", "resize") if key in backend)
        table.add_row("runs on", escape(f"{backend['name']}\n  {words}{scaled}"))
    for one in values["comparison"]:
        table.add_row("comparison", escape(one["result"]))
    out.print(table, width=min(WIDTH, out.width), soft_wrap=False)


def _lines(value: Any) -> list[str]:
    """Return a value as lines: a mapping as one line per key, with nested mappings indented below."""
    match value:
        case dict():
            return [
                line
                for key, item in value.items()
                for line in (
                    [f"{key}:", *(f"  {deeper}" for deeper in _lines(item))]
                    if isinstance(item, dict)
                    else [f"{key}: {_lines(item)[0]}"]
                )
            ]
        case [int(height), int(width)]:
            return [f"{width} x {height}"]
        case list() | tuple():
            return [" to ".join(map(str, value)) if len(value) == 2 else ", ".join(map(str, value))]
        case _:
            return ["unknown" if value is None else str(value)]


def _row(settings: Settings, path: Path) -> dict[str, Any]:
    chosen = DetectorSettings(model=path, accepted_sha256=settings.detector.accepted_sha256)
    try:
        return {**_described(load_model_folder(path, chosen)), "preprocessing": check_model(chosen)}
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
    chosen = settings.model_copy(update={"backend": backend, "precision": precision, "device": "auto"})
    try:
        opened = open_detector(chosen, threads=1)
    except ModelError as error:
        return {"name": name, "error": str(error)}
    picture = np.random.default_rng(0).integers(0, 256, (720, 1280, 3), dtype=np.uint8)
    opened.detector.detect([picture])
    spent = []
    for _ in range(_TIMED_INFERENCES):
        started = time.perf_counter()
        opened.detector.detect([picture])
        spent.append(time.perf_counter() - started)
    threads = (
        f"{opened.threads} thread{'' if opened.threads == 1 else 's'}"
        if backend is Backend.LITERT
        else "TensorFlow's own threads"
    )
    return {
        "name": f"{name} on {opened.device}, {threads}",
        "ms": round(1000 * median(spent), 1),
        "signature": opened.signature,
        "preprocessing": preprocessing_words(opened.preprocessing),
        "resize": opened.provenance()["resize"],
    }
