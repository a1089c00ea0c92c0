"""The commands `monitor train ...`, `monitor evaluate` and `monitor export`, imported when one of them is run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from monitor.config.detector import Backend, Precision
from monitor.detectors.fitting import Resize
from monitor.training.errors import TrainingError
from monitor.training.labels import parse_labels, parse_size, parse_source

train_app = typer.Typer(help="Prepare data and train a detector with TFOD2.", no_args_is_help=True)

_Data = Annotated[Path, typer.Argument(help="Data set folder: Pascal VOC, COCO or YOLO.")]
_Labels = Annotated[
    list[str] | None,
    typer.Option(
        "--label", help="NAME=STATE of each class, in the order of their ids. Default: those of the public data set."
    ),
]
_Json = Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")]
_EvalSize = Annotated[
    str | None, typer.Option("--eval-size", help="WIDTHxHEIGHT for the evaluation on val. Default: the pipeline's.")
]
_Resize = Annotated[
    Resize, typer.Option(help="How pictures get the input's size: in their own shape with padding, or stretched.")
]


@contextmanager
def _reading_options() -> Iterator[None]:
    """Convert errors in options to usage errors, which have another exit code than a failed training."""
    try:
        yield
    except TrainingError as error:
        raise typer.BadParameter(str(error)) from error


@train_app.command("prepare")
def prepare_command(
    data_dir: _Data,
    out_dir: Annotated[Path, typer.Option("--out", help="Folder for records, label map and statistics.")],
    views: Annotated[int, typer.Option(min=0, help="Number of training views to cut; 0 keeps whole pictures.")] = 0,
    frame: Annotated[str, typer.Option(help="WIDTHxHEIGHT of the input that the views are cut for.")] = "512x352",
    view_size: Annotated[int, typer.Option(min=64, help="Side of a view in pixels.")] = 320,
    scale: Annotated[str, typer.Option(help="Range of the frame's size, LOW-HIGH times --frame.")] = "0.6-2.2",
    mosaic: Annotated[float, typer.Option(min=0, max=1, help="Share of views composed of four.")] = 0.25,
    shares: Annotated[
        str, typer.Option(help="Shares of views centred on a face of each class, in the order of their ids.")
    ] = "0.4,0.3,0.3",
    degrade: Annotated[float, typer.Option(min=0, max=1, help="Share of views with less detail, as in video.")] = 0.0,
    tint: Annotated[
        float, typer.Option(min=0, max=1, help="Share of views and of pasted faces with other light.")
    ] = 0.0,
    turn: Annotated[float, typer.Option(min=0, max=45, help="Largest rotation of pasted faces in degrees.")] = 0.0,
    dressed: Annotated[
        float, typer.Option(min=0, max=1, help="Share of pasted faces with the lower part of another face.")
    ] = 0.0,
    keep_aspect: Annotated[
        float, typer.Option(min=0, max=1, help="Share of cut views that keep the picture's proportions.")
    ] = 0.3,
    zoom: Annotated[
        float, typer.Option(min=0, max=1, help="Share of cut views around a face of any size, 10 to 310 px.")
    ] = 0.0,
    negatives: Annotated[
        float, typer.Option(min=0, max=1, help="Share of cut views of a picture without faces.")
    ] = 0.0,
    motion: Annotated[float, typer.Option(min=0, max=1, help="Share of views with motion blur.")] = 0.0,
    masks: Annotated[Path | None, typer.Option(help="Folder of mask templates (PNG with transparency).")] = None,
    masked: Annotated[
        float, typer.Option(min=0, max=1, help="Share of bare faces with landmarks that get one of --masks.")
    ] = 0.0,
    more: Annotated[
        list[str] | None,
        typer.Option(help="Further data set to learn from, FOLDER or FOLDER:SPLIT; twice to show it twice as often."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the views, and of the split if there are no split files.")] = 1,
    label: _Labels = None,
) -> None:
    """Check a data set and write TFRecords, label map and statistics."""
    from monitor.training.commands import run_prepare, view_settings

    with _reading_options():
        states = parse_labels(label or [])
        settings = view_settings(len(states), frame, view_size, scale, mosaic, shares, degrade, tint, turn, dressed)
        settings = replace(
            settings,
            keep_aspect=keep_aspect,
            zoom=zoom,
            negatives=negatives,
            motion=motion,
            masked=masked,
            mask_templates=tuple(sorted(masks.glob("*.png"))) if masks else (),
        )
        folders = [parse_source(one) for one in more or []]
    run_prepare(data_dir, out_dir, views, settings, seed, states, folders)


@train_app.command("find-faces")
def find_faces_command(
    data_dir: Annotated[Path, typer.Argument(help="Data set folder, or folder of pictures without annotations.")],
    model: Annotated[Path, typer.Option(help="OpenVINO face detector: the XML file of face-detection-0205.")],
    out_dir: Annotated[Path, typer.Option("--out", help="Data set folder to write.")],
    as_label: Annotated[
        str | None, typer.Option("--as", help="Label of the faces found in pictures without annotations.")
    ] = None,
    corrections: Annotated[
        Path | None, typer.Option(help="CSV file of corrected labels: picture, box (from 1), label.")
    ] = None,
    label: _Labels = None,
) -> None:
    """Write a data set with faces that nobody annotated as ignored, and landmarks of bare faces."""
    from monitor.training.commands import run_find_faces

    with _reading_options():
        states = parse_labels(label or [])
        if as_label is not None and as_label not in states:
            raise TrainingError(f"--as {as_label}: expected one of {', '.join(states)}")
    run_find_faces(data_dir, out_dir, model, as_label, corrections, states)


@train_app.command("init")
def init_command(
    backbone: Annotated[Path, typer.Argument(help="TFLite file of a MobileNet, quantised or float.")],
    pipeline: Annotated[Path, typer.Option(help="The pipeline.config with the backbone to initialise.")],
    data: Annotated[Path, typer.Option(help="Data set folder; 100 of its train pictures calibrate the batch norms.")],
    out_dir: Annotated[Path, typer.Option("--out", help="Folder for the checkpoint.")],
    label: _Labels = None,
) -> None:
    """Convert a TFLite backbone to a checkpoint from which training starts."""
    from monitor.training.commands import run_init

    with _reading_options():
        states = parse_labels(label or [])
    run_init(backbone, pipeline, data, out_dir, states)


@train_app.command("prune")
def prune_command(
    checkpoint: Annotated[Path, typer.Argument(help="Checkpoint prefix, such as RUN/best/ckpt-1.")],
    pipeline: Annotated[Path, typer.Option(help="The pipeline.config that it was trained with.")],
    narrower: Annotated[Path, typer.Option(help="The same pipeline.config with a narrower feature extractor.")],
    data: Annotated[
        Path, typer.Option(help="Data set folder; 150 of its train pictures decide which channels are removed.")
    ],
    out_dir: Annotated[Path, typer.Option("--out", help="Folder for the checkpoint.")],
    size: Annotated[str, typer.Option(help="WIDTHxHEIGHT that the pictures are resized to.")] = "576x384",
    label: _Labels = None,
) -> None:
    """Prune a trained detector to a narrower one with nearly the same output, for further training."""
    from monitor.training.commands import run_prune

    with _reading_options():
        states = parse_labels(label or [])
        height_width = parse_size(size)
    run_prune(checkpoint, pipeline, narrower, data, out_dir, height_width, states)


@train_app.command("run")
def run_command(
    pipeline: Annotated[Path, typer.Option(help="TFOD2 pipeline.config; its paths are relative to itself.")],
    run_dir: Annotated[
        Path, typer.Option("--run-dir", help="Folder for checkpoints and logs; a run in it is resumed.")
    ],
    steps: Annotated[int | None, typer.Option(min=1, help="Stop at this step, before the pipeline's last.")] = None,
    save_every: Annotated[int, typer.Option(min=1, help="Steps between checkpoints.")] = 250,
    eval_every: Annotated[int, typer.Option(min=1, help="Steps between evaluations on val.")] = 1000,
    eval_size: _EvalSize = None,
    teacher: Annotated[
        Path | None, typer.Option(help="Model folder with the same anchors, whose output replaces the annotations.")
    ] = None,
    resize: _Resize = Resize.FIT,
    label: _Labels = None,
) -> None:
    """Train, evaluate on val regularly and keep the best weights. Run it again to resume."""
    from monitor.training.commands import run_train

    with _reading_options():
        states = parse_labels(label or [])
        size = parse_size(eval_size) if eval_size else None
    run_train(pipeline, run_dir, steps, save_every, eval_every, size, teacher, resize, states)


@train_app.command("blend")
def blend_command(
    checkpoints: Annotated[list[Path], typer.Argument(help="Checkpoint prefixes, such as RUN/averages/1500/ckpt-1.")],
    pipeline: Annotated[Path, typer.Option(help="The pipeline.config that they were trained with.")],
    out_dir: Annotated[Path, typer.Option("--out", help="Folder for the mean checkpoint.")],
) -> None:
    """Write the mean of several checkpoints of one training."""
    from monitor.training.commands import run_blend

    run_blend(checkpoints, pipeline, out_dir)


@train_app.command("calibrate")
def calibrate_command(
    model: Annotated[Path, typer.Argument(help="Model folder; its model.yaml gets the calibration.")],
    data: Annotated[
        list[Path], typer.Argument(metavar="DATA...", help="Data set folders in which every face is annotated.")
    ],
    clips: Annotated[Path | None, typer.Option(help="Folder of clips with a truth.json.")] = None,
    split: Annotated[str, typer.Option(help="Split of the data sets to fit to.")] = "val",
    label: _Labels = None,
) -> None:
    """Fit what the scores of a model mean: how likely a face, and a violation, is given a detection."""
    from monitor.training.commands import run_calibrate

    with _reading_options():
        states = parse_labels(label or [])
    run_calibrate(model, data, clips, split, states)


def evaluate_command(
    model: Annotated[Path, typer.Argument(help="Model folder.")],
    data: _Data,
    split: Annotated[str, typer.Option(help="Split to evaluate on; 'all' for every annotation.")] = "val",
    backend: Annotated[Backend, typer.Option(help="Backend that runs the model.")] = Backend.AUTO,
    precision: Annotated[Precision, typer.Option(help="TFLite export to run.")] = Precision.AUTO,
    against: Annotated[Path | None, typer.Option(help="A second model folder for comparison.")] = None,
    plots: Annotated[Path | None, typer.Option(help="Folder for plots.")] = None,
    label: _Labels = None,
    json: _Json = False,
) -> None:
    """Evaluate a model on annotated pictures: COCO figures, precision and recall, confusion, calibration."""
    from monitor.training.commands import run_evaluate

    with _reading_options():
        states = parse_labels(label or [])
    run_evaluate(model, data, split, backend, precision, against, plots, states, as_json=json)


def export_command(
    pipeline: Annotated[Path, typer.Option(help="The pipeline.config that the checkpoint was trained with.")],
    checkpoint: Annotated[Path, typer.Option(help="Checkpoint prefix, such as RUN/best/ckpt-1.")],
    data: Annotated[Path, typer.Option(help="Data set folder: train calibrates int8, val evaluates.")],
    out_dir: Annotated[Path, typer.Option("--out", help="Model folder to write.")],
    size: Annotated[str, typer.Option(help="Input WIDTHxHEIGHT, multiples of 32.")],
    name: Annotated[str, typer.Option(help="Name of the model.")],
    training_data: Annotated[str, typer.Option(help="Training data, for model.yaml and the model card.")],
    licence: Annotated[str, typer.Option(help="Licence of weights and data.")],
    recipe: Annotated[Path | None, typer.Option(help="Markdown file with the recipe, for the model card.")] = None,
    cpu_default: Annotated[Literal["int8", "float"], typer.Option(help="TFLite export that runs by default.")] = "int8",
    resize: _Resize = Resize.FIT,
    label: _Labels = None,
) -> None:
    """Write a model folder from a checkpoint and evaluate each of its files on val."""
    from monitor.training.commands import run_export

    with _reading_options():
        states = parse_labels(label or [])
        input_size = parse_size(size)
    default = Precision(cpu_default)
    run_export(
        pipeline, checkpoint, data, out_dir, input_size, name, training_data, licence, recipe, default, resize, states
    )


def command(name: str) -> Any:
    """Return the command `train`, `evaluate` or `export`, as a Click command."""
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.add_typer(train_app, name="train")
    app.command("evaluate")(evaluate_command)
    app.command("export")(export_command)
    return typer.main.get_group(app).commands[name]
