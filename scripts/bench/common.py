"""What the measurements share: their options, and how they end."""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from monitor.commands.show import load
from monitor.config.settings import Settings
from monitor.domain.errors import MonitorError


def options(words: str, *, cameras: int) -> argparse.ArgumentParser:
    """Return a parser with the options that all measurements have."""
    parser = argparse.ArgumentParser(description=words, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument(
        "video", type=Path, nargs="?", help="video to play; the configuration's first recording if none"
    )
    parser.add_argument("--cameras", type=positive, default=cameras, help="how many cameras play the clip")
    parser.add_argument("--size", type=size, default="1280x720", help="size of the clip, WIDTHxHEIGHT")
    parser.add_argument("--fps", type=positive, default=10, help="frames per second of the clip")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long to measure each time")
    parser.add_argument("--config", type=Path, help="configuration file; ./config.yaml or the project's own if none")
    return parser


def positive(text: str) -> int:
    """Return a whole number from 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text}: expected 1 or more")
    return number


def size(text: str) -> tuple[int, int]:
    """Return width and height in pixels, both even."""
    width, _, height = text.partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise argparse.ArgumentTypeError(f"{text}: expected WIDTHxHEIGHT in pixels, such as 1280x720")
    return int(width) // 2 * 2, int(height) // 2 * 2


def report(given: argparse.Namespace, measure: Callable[[Settings, argparse.Namespace], dict[str, Any]]) -> None:
    """Measure and print the figures as JSON; an error ends the program with one line and the exit code of its kind."""
    try:
        print(json.dumps(measure(load(given.config), given), ensure_ascii=False, indent=2))
    except MonitorError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
