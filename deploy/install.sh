#!/bin/sh
# Install the packages of a requirements file into .venv; without a desktop's libraries OpenCV comes without windows.
# The Dockerfile runs this, and so does anyone who installs the monitor as a service.
set -eu
. "$(dirname "$0")/../scripts/setup.sh"
set_up .venv "${1:-requirements.txt}"
