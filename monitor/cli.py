"""Commands; thin. What they do is in `monitor.commands`."""

import signal
import sys
import traceback
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from monitor.domain.account import Role
from monitor.domain.address import redact
from monitor.domain.errors import MonitorError, OutputError
from monitor.training import cli as training

app = typer.Typer(
    name="monitor",
    help="Tells from video whether people wear a face mask correctly, wrongly or not at all.",
    epilog=(
        "Exit codes: 0 done; 1 failed unexpectedly; 2 wrong usage; 3 wrong configuration; 4 a source cannot be read; "
        "5 a model cannot be used; 6 a result cannot be written; 7 training, evaluation or export failed; "
        "130 stopped by hand (run and kiosk, which are stopped no other way, end with 0)."
    ),
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
models_app = typer.Typer(help="List and inspect model folders.", no_args_is_help=True)
bench_app = typer.Typer(help="Measure what things cost.", no_args_is_help=True)
app.add_typer(models_app, name="models")
app.add_typer(bench_app, name="bench")
user_app = typer.Typer(help="Who may log in to the pages.", no_args_is_help=True)
token_app = typer.Typer(help="Keys to the API for scripts.", no_args_is_help=True)
app.add_typer(user_app, name="user")
app.add_typer(token_app, name="token")
kiosk_token_app = typer.Typer(help="Browsers that may show a kiosk page without an account.", no_args_is_help=True)
app.add_typer(kiosk_token_app, name="kiosk-token")

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="Configuration file; ./config.yaml or the project's own where not given."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for a script.")]
DetectFps = Annotated[
    float | None, typer.Option(min=0.1, max=240, help="Analyses per second; every frame if not given.")
]
RoleOption = Annotated[Role, typer.Option(help="What they may do.")]
CameraOption = Annotated[
    list[str] | None, typer.Option("--camera", help="A camera that they may see; all if none, may be repeated.")
]
ModelFolder = Annotated[Path, typer.Argument(metavar="FOLDER", help="A model folder.")]


def main() -> NoReturn:
    """Run a command; an error meant for people ends it with one line and its exit code."""
    debug = "--debug" in sys.argv
    if debug:
        sys.argv.remove("--debug")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a service manager's stop is a Ctrl-C
    try:
        app()
    except Exception as error:  # noqa: BLE001 - the end of the line
        if debug:
            print(redact(traceback.format_exc()), end="", file=sys.stderr)
        line, code = _told(error)
        print(line, file=sys.stderr)
        sys.exit(code)
    sys.exit(0)


def _told(error: Exception) -> tuple[str, int]:
    match error:
        case MonitorError():
            return f"error: {error}", error.exit_code
        case OSError():  # standard output itself is full or closed
            return f"error: cannot write: {error.strerror}", OutputError.exit_code
        case _:
            return f"unexpected error: {error!r}; run again with --debug for the trace", 1


@app.callback(invoke_without_command=True)
def default(
    context: typer.Context,
    config: ConfigOption = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show the trace of an error.")] = False,
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    """Watch every camera of the configuration, live, and serve the desk, unless a command is given."""
    if version:
        from monitor import __version__

        print(__version__)
        raise typer.Exit
    if context.invoked_subcommand is None:
        run(config=config)
    elif config is not None:
        raise typer.BadParameter(f"give it after the command: {context.invoked_subcommand} --config {config}")


@app.command()
def replay(
    videos: Annotated[
        list[str] | None,
        typer.Argument(metavar="VIDEO...", help="Video files, images or folders of images; none: the configuration's."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the results; recordings/NAME where not given.")] = None,
    detect_fps: DetectFps = None,
    video: Annotated[bool, typer.Option("--video/--no-video", help="Write the annotated video.")] = True,
    camera: Annotated[str | None, typer.Option(help="Judge by the settings of this camera.")] = None,
    decode_threads: Annotated[int, typer.Option(min=1, max=16, help="FFmpeg's threads for decoding.")] = 1,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Judge everybody in recordings: annotated video, events, visits and a report."""
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
    config: ConfigOption = None,
    follow: Annotated[
        bool, typer.Option("--follow", help="Load the configuration again when its file changes.")
    ] = False,
) -> None:
    """Watch every camera of the configuration, live, until stopped. SIGHUP loads the configuration again."""
    from monitor.commands.run import run as command

    command(config, follow=follow)


@app.command()
def kiosk(
    camera: Annotated[str | None, typer.Option(help="The camera to show; the configuration's first if none.")] = None,
    language: Annotated[str | None, typer.Option(help="en, es, fr, de, zh, ar, or one of your own texts.")] = None,
    config: ConfigOption = None,
) -> None:
    """Watch every camera, and show one of them full screen to the visitors at an entrance."""
    from monitor.commands.kiosk import kiosk as command

    command(config, camera, language)


@app.command()
def doctor(
    source: Annotated[str, typer.Argument(help="A camera of the configuration, or a webcam, URL or recording.")],
    seconds: Annotated[
        float | None,
        typer.Option(min=1, max=600, help="How long to watch: 10, or the first 60 of a recording, where not given."),
    ] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Say what a camera really delivers, whether faces in it can be judged, and what to change."""
    from monitor.commands.doctor import doctor as command
    from monitor.commands.show import load

    command(load(config), source, seconds, as_json=json)


@app.command()
def image(
    paths: Annotated[list[Path], typer.Argument(metavar="FILE|DIR...", help="Pictures, or folders of pictures.")],
    out: Annotated[Path | None, typer.Option(help="Folder for the results; recordings/images where not given.")] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Find and judge the faces in pictures: annotated copies and detections.json."""
    from monitor.commands.images import images
    from monitor.commands.show import load

    raise typer.Exit(images(load(config), paths, out, as_json=json))


@app.command()
def check(
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="A configuration file; the same as --config.")
    ] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Check a configuration without starting anything, and print the settings in effect with secrets masked."""
    from monitor.commands.check import check as command

    if file is not None and config is not None:
        raise typer.BadParameter("name one file, by FILE or by --config")
    command(file or config, as_json=json)


@app.command()
def score(
    video: Annotated[Path | None, typer.Argument(help="A video; the configuration's first if none.")] = None,
    truth: Annotated[Path | None, typer.Option(help="Its ground truth; VIDEO with .json where not given.")] = None,
    detect_fps: DetectFps = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Hold a replay against a ground truth: who was found, judged right, and kept their identity."""
    from monitor.commands.score import score as command
    from monitor.commands.show import load

    command(load(config), video, truth, detect_fps, as_json=json)


@models_app.command("list")
def models_list(
    folder: Annotated[
        Path | None, typer.Argument(help="Where model folders are; beside the configuration's if none.")
    ] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """List the model folders, and what is wrong with those that cannot run."""
    from monitor.commands.models import list_models
    from monitor.commands.show import load

    list_models(load(config), folder, as_json=json)


@models_app.command("inspect")
def models_inspect(folder: ModelFolder, config: ConfigOption = None, json: JsonOption = False) -> None:
    """Show a model's files and hashes, labels, input, and how long one look takes on each backend."""
    from monitor.commands.models import inspect_model
    from monitor.commands.show import load

    inspect_model(load(config), folder, as_json=json)


@bench_app.command("replay")
def bench_replay(
    video: Annotated[Path | None, typer.Argument(help="A video; the configuration's first if none.")] = None,
    rounds: Annotated[int, typer.Option(min=1, max=50, help="Whole runs, each followed by its parts alone.")] = 3,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Measure a replay that looks at every frame and writes the video, beside each of its parts alone."""
    from monitor.commands.bench import bench_replay as command
    from monitor.commands.show import load

    command(load(config), video, rounds, as_json=json)


@bench_app.command("live")
def bench_live(
    video: Annotated[Path | None, typer.Argument(help="A video; the configuration's first if none.")] = None,
    cameras: Annotated[int, typer.Option(min=1, max=256, help="How many cameras play the clip.")] = 8,
    size: Annotated[str, typer.Option(metavar="WxH", help="Size of the clip.")] = "1280x720",
    fps: Annotated[int, typer.Option(min=1, max=60, help="Frames a second of the clip, each looked at.")] = 10,
    seconds: Annotated[float, typer.Option(min=1, max=86400, help="How long to measure.")] = 30,
    rounds: Annotated[int, typer.Option(min=1, max=50, help="How often to measure; the median is printed.")] = 1,
    compare: Annotated[str | None, typer.Option(metavar="naive", help="Run the usual simple loop in between.")] = None,
    grow: Annotated[bool, typer.Option("--grow", help="Measure 1, 2, 4, 8, 16 and 32 cameras.")] = False,
    disturb: Annotated[
        bool, typer.Option("--disturb", help="Measure the cameras beside one that hangs, floods or flaps.")
    ] = False,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Play a clip as cameras through the live monitor: analyses per second, drops, latency, CPU and memory."""
    from monitor.commands.bench_live import bench_live as command
    from monitor.commands.show import load

    if compare not in (None, "naive"):
        raise typer.BadParameter(f"--compare {compare}: only 'naive' is known")
    command(
        load(config),
        video,
        cameras=cameras,
        size=_size(size),
        fps=fps,
        seconds=seconds,
        rounds=rounds,
        naive=compare == "naive",
        grow=grow,
        disturb=disturb,
        as_json=json,
    )


@bench_app.command("web")
def bench_web(
    video: Annotated[Path | None, typer.Argument(help="A video; the configuration's first if none.")] = None,
    cameras: Annotated[int, typer.Option(min=1, max=256, help="How many cameras play the clip.")] = 16,
    size: Annotated[str, typer.Option(metavar="WxH", help="Size of the clip.")] = "1280x720",
    fps: Annotated[int, typer.Option(min=1, max=60, help="Frames a second of the clip.")] = 10,
    detect_fps: Annotated[float, typer.Option(min=0.1, max=60, help="Analyses per second at each camera.")] = 4,
    viewers: Annotated[int, typer.Option(min=1, max=64, help="How many watch all cameras.")] = 3,
    width: Annotated[int, typer.Option(min=1, max=1280, help="Width of a viewer's pictures in pixels.")] = 320,
    seconds: Annotated[float, typer.Option(min=1, max=86400, help="How long to measure each time.")] = 20,
    rounds: Annotated[int, typer.Option(min=1, max=50, help="How often to measure; the median is printed.")] = 3,
    slow: Annotated[int, typer.Option(min=0, max=200, help="How many viewers that never read; 0: leave it out.")] = 100,
    logins: Annotated[int, typer.Option(min=0, help="How many tries to log in; 0: leave it out.")] = 10_000,
    requests: Annotated[
        int,
        typer.Option(min=0, help="Random requests to each address, then bombs and 200 MB uploads; 0: none."),
    ] = 1000,
    browser: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="Chromium's executable: show the desk in it; it tells how old its pictures are.",
        ),
    ] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Watch the live monitor through its pages: what that costs it, what viewers get, and what abuse does to it."""
    from monitor.commands.bench_web import Load
    from monitor.commands.bench_web import bench_web as command
    from monitor.commands.show import load

    what = Load(cameras, _size(size), fps, detect_fps, viewers, width, slow, logins, requests, browser)
    command(load(config), video, what, seconds=seconds, rounds=rounds, as_json=json)


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    if not (width.isdecimal() and height.isdecimal() and all(32 <= int(side) <= 8192 for side in (width, height))):
        raise typer.BadParameter(f"{text}: expected WIDTHxHEIGHT in pixels, such as 1280x720")
    return int(width) // 2 * 2, int(height) // 2 * 2


@user_app.command("add")
def user_add(name: str, role: RoleOption, camera: CameraOption = None, config: ConfigOption = None) -> None:
    """Create an account. The password is asked for, or taken from the environment variable MONITOR_PASSWORD."""
    from monitor.commands.accounts import add_user

    add_user(config, name, role, camera or [])


@user_app.command("password")
def user_password(name: str, config: ConfigOption = None) -> None:
    """Give an account another password, which ends its sessions."""
    from monitor.commands.accounts import change_password

    change_password(config, name)


@user_app.command("remove")
def user_remove(name: str, config: ConfigOption = None) -> None:
    """Delete an account, which ends its sessions."""
    from monitor.commands.accounts import remove_user

    remove_user(config, name)


@user_app.command("list")
def user_list(config: ConfigOption = None, json: JsonOption = False) -> None:
    """Show who has an account."""
    from monitor.commands.accounts import list_users

    list_users(config, as_json=json)


@token_app.command("add")
def token_add(
    name: str,
    role: RoleOption,
    days: Annotated[int, typer.Option(min=1, max=3660, help="How long it holds.")] = 365,
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
    """Show which tokens there are, without their keys."""
    from monitor.commands.accounts import list_tokens

    list_tokens(config, as_json=json)


@kiosk_token_app.command("add")
def kiosk_token_add(
    camera: Annotated[str, typer.Argument(help="The camera whose kiosk page the browser shows.")],
    language: Annotated[
        str | None, typer.Option(help="The page's language, such as de; the settings' if not given.")
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
    """Show which kiosks are paired, and which links have not been opened yet."""
    from monitor.commands.kiosk_tokens import list_kiosk_tokens

    list_kiosk_tokens(config, as_json=json)


@kiosk_token_app.command("remove")
def kiosk_token_remove(
    number: Annotated[int, typer.Argument(min=1, max=2**31 - 1, help="Its number in the list.")],
    config: ConfigOption = None,
) -> None:
    """Delete a kiosk token; its page is out of order within seconds."""
    from monitor.commands.kiosk_tokens import remove_kiosk_token

    remove_kiosk_token(config, number)


training.mount(app)  # imports nothing heavy: training has an environment of its own
