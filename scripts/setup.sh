# Sourced by the scripts beside it: virtual environments that hold what the requirements name.
# Quiet, and quick when nothing has changed: what was last installed is kept inside the environment.

root=$(cd "$(dirname "$0")/.." && pwd)

fail() {
    echo "error: $1" >&2
    exit 1
}

# set_up ENVIRONMENT FILE...: install these requirement files into root/ENVIRONMENT unless they are there already.
# A file whose name ends in -nodeps.txt is installed without the dependencies that its packages state.
set_up() {
    venv="$root/$1"
    shift
    stamp="$venv/installed-$(echo "$*" | cksum | cut -d ' ' -f 1).txt"
    if (cd "$root" && cat requirements-core.txt "$@" | cmp -s - "$stamp" 2>/dev/null); then
        return
    fi
    command -v python3 >/dev/null || fail "python3 is missing; on Debian: apt-get install python3 python3-venv"
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "Python 3.11 or newer is needed"
    python3 -c 'import ensurepip, venv' 2>/dev/null || fail "Python's venv is missing; on Debian: apt-get install python3-venv"
    echo "Setting up $venv (once; it takes a few minutes) ..." >&2
    [ -x "$venv/bin/python" ] || python3 -m venv "$venv" || fail "cannot create $venv"
    for file in "$@"; do
        case $file in *-nodeps.txt) no_deps=--no-deps ;; *) no_deps= ;; esac
        "$venv/bin/pip" install --quiet --disable-pip-version-check $no_deps -r "$root/$file" ||
            fail "pip could not install $file; see above"
    done
    use_headless_if_needed
    (cd "$root" && cat requirements-core.txt "$@") >"$stamp"
}

# opencv-python needs the libraries of a desktop; where they are missing, the same version without windows serves.
use_headless_if_needed() {
    "$venv/bin/python" -c 'import cv2' 2>/dev/null && return
    version=$("$venv/bin/pip" --disable-pip-version-check list --format freeze | sed -n 's/^opencv-python==//p')
    [ -n "$version" ] || fail "OpenCV cannot be loaded: $("$venv/bin/python" -c 'import cv2' 2>&1 | tail -n 1)"
    "$venv/bin/pip" uninstall --quiet --yes opencv-python || fail "cannot replace opencv-python"
    "$venv/bin/pip" install --quiet --disable-pip-version-check "opencv-python-headless==$version" ||
        fail "pip could not install opencv-python-headless==$version"
    echo "Note: no kiosk window, since the desktop's libraries are missing (everything else works). To have it:" \
        "apt-get install libgl1 libglib2.0-0 libxcb1, delete $venv and run this again." >&2
    "$venv/bin/python" -c 'import cv2' || fail "OpenCV cannot be loaded; see above"
}
