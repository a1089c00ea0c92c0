"""The command line; the commands themselves are in `monitor.commands`."""

import sys
import traceback
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup

from monitor.app.signals import SignalFlags
from monitor.domain.account import Role
from monitor.domain.address import redact
from monitor.domain.errors import MonitorError, OutputError

#: The commands of `monitor.training.cli`, which needs its own environment, and their lines in the list of commands.
TRAINING = {
    "train": "Prepare data and train a detector with TFOD2.",
    "evaluate": "Evaluate a model on annotated pictures.",
    "export": "Write a model folder from a checkpoint, and evaluate it; or: export incident NUMBER.",
}


class _TrainingCommand(TyperCommand):
    """A command that is imported only when it is run, not when it is listed."""

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Return the context of the imported command."""
        from monitor.training.cli import command

        return command(str(self.name)).make_context(info_name, args, parent, **extra)


class _ExportCommand(_TrainingCommand):
    """`export incident` is a command of the product, everything else of `export` one of training."""

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Return the context of the command that the arguments are for."""
        if args[:1] != ["incident"]:
            return super().make_context(info_name, args, parent, **extra)
        command = typer.main.get_command(export_app)
        return command.make_context(f"{info_name} incident", args[1:], parent, **extra)


class _Commands(TyperGroup):
    """The product's commands, then those of training."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands.update({name: _TrainingCommand(name, help=help_) for name, help_ in TRAINING.items()})
        self.commands["export"] = _ExportCommand("export", help=TRAINING["export"])


app = typer.Typer(
    cls=_Commands,
    name="monitor",
    help="Detects in live video and recordings whether people wear a face mask correctly, wrongly or not at all.",
    epilog=(
        "Exit codes: 0 success; 1 unexpected error; 2 wrong usage; 3 wrong configuration; 4 a source cannot be read; "
        "5 a model cannot be used; 6 a result cannot be written; 7 training, evaluation or export failed; "
        "8 evidence is not what was recorded; 9 somebody keeps what is to be erased; "
        "130 interrupted (run and kiosk end with 0 when they are stopped)."
    ),
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
models_app = typer.Typer(help="List, inspect and accept model folders.", no_args_is_help=True)
bench_app = typer.Typer(help="Measure speed, latency and memory.", no_args_is_help=True)
app.add_typer(models_app, name="models")
app.add_typer(bench_app, name="bench")
user_app = typer.Typer(help="Manage the accounts of the web pages.", no_args_is_help=True)
token_app = typer.Typer(help="Manage access tokens for scripts that use the API.", no_args_is_help=True)
app.add_typer(user_app, name="user")
app.add_typer(token_app, name="token")
export_app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
erase_app = typer.Typer(help="Erase what is stored of a person.", no_args_is_help=True)
app.add_typer(erase_app, name="erase")
kiosk_token_app = typer.Typer(
    help="Manage the browsers that may show a kiosk page without an account.", no_args_is_help=True
)
app.add_typer(kiosk_token_app, name="kiosk-token")

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="Configuration file. Default: ./config.yaml, else the project's own."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
DetectFps = Annotated[float | None, typer.Option(min=0.1, max=240, help="Analyses per second. Default: every frame.")]
RoleOption = Annotated[Role, typer.Option(help="Role of the account.")]
CameraOption = Annotated[
    list[str] | None,
    typer.Option("--camera", help="Camera that the account may see; may be repeated. Default: all cameras."),
]
EvidenceNumber = Annotated[int, typer.Argument(min=1, max=2**31 - 1, help="Number, as the pages show it.")]
ReasonOption = Annotated[str, typer.Option(help="Why, for the audit log.")]
ModelFolder = Annotated[Path, typer.Argument(metavar="FOLDER", help="Model folder.")]


def main(signals: SignalFlags | None = None) -> NoReturn:
    """Run a command; an error ends it with one line on standard error and the exit code of its kind."""
    debug = "--debug" in sys.argv
    if debug:
        sys.argv.remove("--debug")
    try:
        app(obj=signals)
    except Exception as error:  # noqa: BLE001 - this is the last place to report it
        if debug:
            print(redact(traceback.format_exc()), end="", file=sys.stderr)
        line, code = _reported(error)
        print(line, file=sys.stderr)
        sys.exit(code)
    sys.exit(0)


def _reported(error: Exception) -> tuple[str, int]:
    match error:
        case MonitorError():
            return f"error: {error}", error.exit_code
        case OSError():  # standard output itself is full or closed
            return f"error: cannot write: {error.strerror}", OutputError.exit_code
        case _:
            return f"unexpected error: {error!r}; run again with --debug to see the traceback", 1


@app.callback(invoke_without_command=True)
def default(
    context: typer.Context,
    config: ConfigOption = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Without a command: watch every camera of the configuration and serve the web pages, as `run` does."""
    signals = context.find_object(SignalFlags)
    if signals is not None and context.invoked_subcommand not in (None, "run", "kiosk"):
        signals.release()
    if version:
        from monitor import __version__

        print(__version__)
        raise typer.Exit
    if context.invoked_subcommand is None:
        run(context, config=config)
    elif config is not None:
        raise typer.BadParameter(f"put --config after the command: {context.invoked_subcommand} --config {config}")


@app.command()
def replay(
    videos: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="VIDEO...", help="Videos, images or folders of images. Default: the configuration's recordings."
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the results. Default: recordings/NAME.")] = None,
    detect_fps: DetectFps = None,
    video: Annotated[bool, typer.Option("--video/--no-video", help="Write the annotated video.")] = True,
    camera: Annotated[str | None, typer.Option(help="Use the settings of this camera.")] = None,
    decode_threads: Annotated[int, typer.Option(min=1, max=16, help="Threads for decoding.")] = 1,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Analyse recordings. Writes an annotated video, events, visits and a report for each."""
    from monitor.commands import replay as command
    from monitor.commands.show import load

    settings = load(config)
    plans = command.plan_replays(settings, videos or [], camera, out)
    code = command.replay(
        settings, plans, video=video, detect_fps=detect_fps, decode_threads=decode_threads, as_json=json
    )
    raise typer.Exit(code)


@app.command()
def run(
    context: typer.Context,
    config: ConfigOption = None,
    follow: Annotated[bool, typer.Option("--follow", help="Reload the configuration when its file changes.")] = False,
) -> None:
    """Watch every camera and serve the web pages. Runs until stopped; SIGHUP reloads the configuration."""
    signals = context.ensure_object(SignalFlags)
    with signals.interruptible():
        from monitor.commands.run import run as command

    command(config, signals, follow=follow)


@app.command()
def kiosk(
    context: typer.Context,
    camera: Annotated[
        str | None, typer.Option(help="Camera to show. Default: kiosk.camera, else the first one.")
    ] = None,
    language: Annotated[str | None, typer.Option(help="en, es, fr, de, zh, ar, or a language of kiosk.texts.")] = None,
    config: ConfigOption = None,
) -> None:
    """Show one camera full screen to visitors. Every camera is watched meanwhile, as with `run`."""
    signals = context.ensure_object(SignalFlags)
    with signals.interruptible():
        from monitor.commands.kiosk import kiosk as command

    command(config, signals, camera, language)


@app.command()
def doctor(config: ConfigOption = None, json: JsonOption = False) -> None:
    """Check the installation. Reports what is missing or wrong, and how to fix it; the monitor may be running."""
    from monitor.commands.doctor import doctor as command

    raise typer.Exit(command(config, as_json=json))


@app.command()
def probe(
    source: Annotated[str, typer.Argument(help="Camera of the configuration, webcam, URL or recording.")],
    seconds: Annotated[
        float | None,
        typer.Option(min=1, max=600, help="How long to watch. Default: 10, or the first 60 of a recording."),
    ] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Measure what a source delivers. Advises what to change about the camera, its network and its position."""
    from monitor.commands.probe import probe as command
    from monitor.commands.show import load

    command(load(config), source, seconds, as_json=json)


@app.command()
def image(
    paths: Annotated[list[Path], typer.Argument(metavar="FILE|DIR...", help="Pictures, or folders of pictures.")],
    out: Annotated[Path | None, typer.Option(help="Folder for the results. Default: recordings/images.")] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Find faces and masks in pictures. Writes annotated copies and detections.json."""
    from monitor.commands.images import images
    from monitor.commands.show import load

    raise typer.Exit(images(load(config), paths, out, as_json=json))


@app.command()
def check(
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="Configuration file; the same as --config.")
    ] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Check a configuration file. Prints the settings in effect, with secrets hidden; starts nothing."""
    from monitor.commands.check import check as command

    if file is not None and config is not None:
        raise typer.BadParameter("give the file once, as FILE or with --config")
    command(file or config, as_json=json)


@app.command()
def verify(
    path: Annotated[
        Path | None,
        typer.Argument(
            metavar="FOLDER|CONFIG|ZIP",
            help="Folder with a journal, configuration file, or exported incident. Default: ./config.yaml.",
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Verify that incidents, reviews and pictures are those that were recorded. Changes nothing."""
    from monitor.commands.evidence import verify as command

    command(path, as_json=json)


@export_app.command()
def export_incident(
    number: EvidenceNumber,
    out: Annotated[Path | None, typer.Option(help="ZIP file to write. Default: incident-NUMBER.zip.")] = None,
    config: ConfigOption = None,
) -> None:
    """Write an incident with its files, and what proves it, as a ZIP file."""
    from monitor.commands.evidence import export

    export(config, number, out)


@erase_app.command("incident")
def erase_incident(number: EvidenceNumber, reason: ReasonOption, config: ConfigOption = None) -> None:
    """Erase an incident with its files and reviews. It stays counted."""
    from monitor.commands.evidence import erase

    erase(config, "incident", number, reason)


@erase_app.command("visit")
def erase_visit(number: EvidenceNumber, reason: ReasonOption, config: ConfigOption = None) -> None:
    """Erase a visit and its incidents. They stay counted."""
    from monitor.commands.evidence import erase

    erase(config, "visit", number, reason)


@app.command()
def score(
    video: Annotated[Path | None, typer.Argument(help="Video. Default: the configuration's first recording.")] = None,
    truth: Annotated[Path | None, typer.Option(help="Ground truth. Default: VIDEO with the suffix .json.")] = None,
    detect_fps: DetectFps = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Evaluate a replay against ground truth. Counts people found, correct verdicts and identities kept."""
    from monitor.commands.score import score as command
    from monitor.commands.show import load

    command(load(config), video, truth, detect_fps, as_json=json)


@app.command("evaluate-clips")
def evaluate_clips(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder of clips with a truth.json.")],
    model: Annotated[Path | None, typer.Option(help="Model folder. Default: the configuration's.")] = None,
    against: Annotated[Path | None, typer.Option(help="A second configuration, for comparison.")] = None,
    fps: Annotated[
        float | None,
        typer.Option(min=0.1, max=240, help="Analyses per second. Default: those of the configuration's first camera."),
    ] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Evaluate verdicts on clips with truth by person. Counts people and time decided right, wrong or not at all."""
    from monitor.commands.evaluate_clips import evaluate_clips as command
    from monitor.commands.show import load

    other = None if against is None else load(against)
    command(folder, load(config), other, model, fps, as_json=json)


@models_app.command("list")
def models_list(
    folder: Annotated[
        Path | None, typer.Argument(help="Folder of model folders. Default: the one that holds the configuration's.")
    ] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """List the model folders. Reports the faults of those that cannot be used."""
    from monitor.commands.models import list_models
    from monitor.commands.show import load

    list_models(load(config), folder, as_json=json)


@models_app.command("inspect")
def models_inspect(folder: ModelFolder, config: ConfigOption = None, json: JsonOption = False) -> None:
    """Show a model folder. Times one inference on each backend that runs here."""
    from monitor.commands.models import inspect_model
    from monitor.commands.show import load

    inspect_model(load(config), folder, as_json=json)


@models_app.command("accept")
def models_accept(folder: ModelFolder, config: ConfigOption = None) -> None:
    """Allow a SavedModel to be loaded. Prints its files' sha256, and adds their common one to the configuration."""
    from monitor.commands.models import accept_model
    from monitor.config.loading import config_path

    accept_model(folder, config_path(config))


@bench_app.command("replay")
def bench_replay(
    video: Annotated[Path | None, typer.Argument(help="Video. Default: the configuration's first recording.")] = None,
    rounds: Annotated[
        int, typer.Option(min=1, max=50, help="How many replays to measure, each followed by its stages alone.")
    ] = 3,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Measure a replay and each of its stages. Every frame is analysed, and the video is written."""
    from monitor.commands.bench import bench_replay as command
    from monitor.commands.show import load

    command(load(config), video, rounds, as_json=json)


@bench_app.command("live")
def bench_live(
    video: Annotated[Path | None, typer.Argument(help="Video. Default: the configuration's first recording.")] = None,
    cameras: Annotated[int, typer.Option(min=1, max=256, help="How many cameras play the clip.")] = 8,
    size: Annotated[str, typer.Option(metavar="WxH", help="Size of the clip.")] = "1280x720",
    fps: Annotated[int, typer.Option(min=1, max=60, help="Frames per second of the clip; each is analysed.")] = 10,
    seconds: Annotated[float, typer.Option(min=1, max=86400, help="How long to measure.")] = 30,
    rounds: Annotated[int, typer.Option(min=1, max=50, help="How often to measure; medians are printed.")] = 1,
    grow: Annotated[bool, typer.Option("--grow", help="Measure 1, 2, 4, 8, 16 and 32 cameras.")] = False,
    disturb: Annotated[
        bool, typer.Option("--disturb", help="Measure the cameras next to one that hangs, floods or flaps.")
    ] = False,
    clips: Annotated[
        bool, typer.Option("--clips", help="Measure the cameras without and with videos of incidents.")
    ] = False,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Measure the live monitor. Several cameras play the same clip."""
    from monitor.commands.bench_live import bench_live as command
    from monitor.commands.show import load

    command(
        load(config),
        video,
        cameras=cameras,
        size=_size(size),
        fps=fps,
        seconds=seconds,
        rounds=rounds,
        grow=grow,
        disturb=disturb,
        clips=clips,
        as_json=json,
    )


@bench_app.command("web")
def bench_web(
    video: Annotated[Path | None, typer.Argument(help="Video. Default: the configuration's first recording.")] = None,
    cameras: Annotated[int, typer.Option(min=1, max=256, help="How many cameras play the clip.")] = 16,
    size: Annotated[str, typer.Option(metavar="WxH", help="Size of the clip.")] = "1280x720",
    fps: Annotated[int, typer.Option(min=1, max=60, help="Frames per second of the clip.")] = 10,
    detect_fps: Annotated[float, typer.Option(min=0.1, max=60, help="Analyses per second of each camera.")] = 4,
    viewers: Annotated[int, typer.Option(min=1, max=64, help="How many viewers watch all cameras.")] = 3,
    width: Annotated[int, typer.Option(min=1, max=1280, help="Width of a viewer's pictures in pixels.")] = 320,
    seconds: Annotated[float, typer.Option(min=1, max=86400, help="How long to measure each time.")] = 20,
    rounds: Annotated[int, typer.Option(min=1, max=50, help="How often to measure; medians are printed.")] = 3,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Measure the live monitor with viewers: what they cost, and what they receive."""
    from monitor.commands.bench_web import WebLoad
    from monitor.commands.bench_web import bench_web as command
    from monitor.commands.show import load

    what = WebLoad(cameras, _size(size), fps, detect_fps, viewers, width)
    command(load(config), video, what, seconds=seconds, rounds=rounds, as_json=json)


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    if not (width.isdecimal() and height.isdecimal() and all(32 <= int(side) <= 8192 for side in (width, height))):
        raise typer.BadParameter(f"{text}: expected WIDTHxHEIGHT in pixels, such as 1280x720")
    return int(width) // 2 * 2, int(height) // 2 * 2


@user_app.command("add")
def user_add(name: str, role: RoleOption, camera: CameraOption = None, config: ConfigOption = None) -> None:
    """Create an account. Prompts for the password, or reads it from the environment variable MONITOR_PASSWORD."""
    from monitor.commands.accounts import add_user

    add_user(config, name, role, camera or [])


@user_app.command("password")
def user_password(name: str, config: ConfigOption = None) -> None:
    """Change the password of an account, which ends its sessions."""
    from monitor.commands.accounts import change_password

    change_password(config, name)


@user_app.command("remove")
def user_remove(name: str, config: ConfigOption = None) -> None:
    """Delete an account, which ends its sessions."""
    from monitor.commands.accounts import remove_user

    remove_user(config, name)


@user_app.command("no-codes")
def user_no_codes(name: str, config: ConfigOption = None) -> None:
    """Let an account log in without one-time codes, if the device that shows them is lost."""
    from monitor.commands.accounts import remove_codes

    remove_codes(config, name)


@user_app.command("list")
def user_list(config: ConfigOption = None, json: JsonOption = False) -> None:
    """List the accounts."""
    from monitor.commands.accounts import list_users

    list_users(config, as_json=json)


@token_app.command("add")
def token_add(
    name: str,
    role: RoleOption,
    days: Annotated[int, typer.Option(min=1, max=3660, help="Days until the token expires.")] = 365,
    camera: CameraOption = None,
    config: ConfigOption = None,
) -> None:
    """Create a token for a script and print it, once."""
    from monitor.commands.accounts import add_token

    add_token(config, name, role, camera or [], days)


@token_app.command("remove")
def token_remove(name: str, config: ConfigOption = None) -> None:
    """Delete a token."""
    from monitor.commands.accounts import remove_token

    remove_token(config, name)


@token_app.command("list")
def token_list(config: ConfigOption = None, json: JsonOption = False) -> None:
    """List the tokens, without their keys."""
    from monitor.commands.accounts import list_tokens

    list_tokens(config, as_json=json)


@kiosk_token_app.command("add")
def kiosk_token_add(
    camera: Annotated[str, typer.Argument(help="Camera whose kiosk page the browser shows.")],
    language: Annotated[
        str | None, typer.Option(help="Language of the page, such as de. Default: the language in the settings.")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Print a link that pairs one browser with a camera's kiosk page; it works once, within 24 hours.

    A paired browser stays paired as long as it is used at least every 90 days, or until its token is removed.
    """
    from monitor.commands.kiosk_tokens import add_kiosk_token

    add_kiosk_token(config, camera, language)


@kiosk_token_app.command("list")
def kiosk_token_list(config: ConfigOption = None, json: JsonOption = False) -> None:
    """List the paired kiosks, and the links that have not been opened yet."""
    from monitor.commands.kiosk_tokens import list_kiosk_tokens

    list_kiosk_tokens(config, as_json=json)


@kiosk_token_app.command("remove")
def kiosk_token_remove(
    number: Annotated[int, typer.Argument(min=1, max=2**31 - 1, help="Number of the token in the list.")],
    config: ConfigOption = None,
) -> None:
    """Delete a kiosk token; its browser loses access within seconds."""
    from monitor.commands.kiosk_tokens import remove_kiosk_token

    remove_kiosk_token(config, number)
