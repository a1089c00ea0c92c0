# Sourced by scripts/run and scripts/test: a virtual environment in .venv that holds what the requirements name.
# Quiet, and quick when nothing has changed: the requirements last installed are kept inside the environment.

root=$(cd "$(dirname "$0")/.." && pwd)
venv="$root/.venv"

fail() {
    echo "error: $1" >&2
    exit 1
}

# set_up LABEL FILE...: install these requirement files unless they are installed already.
set_up() {
    stamp="$venv/installed-$1.txt"
    shift
    if (cd "$root" && cat requirements-core.txt "$@" | cmp -s - "$stamp"); then
        return
    fi
    command -v python3 >/dev/null || fail "python3 is missing; on Debian: apt-get install python3 python3-venv"
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "Python 3.11 or newer is needed"
    python3 -c 'import ensurepip, venv' 2>/dev/null || fail "Python's venv is missing; on Debian: apt-get install python3-venv"
    echo "Setting up $venv (once; it takes a few minutes) ..." >&2
    [ -x "$venv/bin/python" ] || python3 -m venv "$venv" || fail "cannot create $venv"
    for file in "$@"; do
        "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$root/$file" ||
            fail "pip could not install $file; see above"
    done
    use_headless_if_needed
    (cd "$root" && cat requirements-core.txt "$@") >"$stamp"
}

# opencv-python needs the libraries of a desktop; where they are missing, the same version without windows serves.
use_headless_if_needed() {
    "$venv/bin/python" -c 'import cv2' 2>/dev/null && return
    version=$(sed -n 's/^opencv-python==\([0-9.]*\).*/\1/p' "$root/requirements-core.txt")
    "$venv/bin/pip" uninstall --quiet --yes opencv-python || fail "cannot replace opencv-python"
    "$venv/bin/pip" install --quiet --disable-pip-version-check "opencv-python-headless==$version" ||
        fail "pip could not install opencv-python-headless==$version"
    echo "Note: no kiosk window, since the desktop's libraries are missing (everything else works). To have it:" \
        "apt-get install libgl1 libglib2.0-0 libxcb1, delete .venv and run this again." >&2
    "$venv/bin/python" -c 'import cv2' || fail "OpenCV cannot be loaded; see above"
}
