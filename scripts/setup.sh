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
    python=python3 wanted="Python 3.11 or newer"
    if [ "$1" = .venv-train ]; then
        python=python3.11 wanted="Python 3.11 itself (training's TensorFlow 2.15 has no packages for newer ones)"
    fi
    shift
    stamp="$venv/installed-$(echo "$*" | cksum | cut -d ' ' -f 1).txt"
    if (cd "$root" && cat requirements-core.txt "$@" | cmp -s - "$stamp" 2>/dev/null); then
        return
    fi
    $python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
        fail "$wanted is needed, as $python; on Debian 12: apt-get install $python $python-venv"
    $python -c 'import ensurepip, venv' 2>/dev/null || fail "Python's venv is missing; on Debian: apt-get install $python-venv"
    echo "Setting up $venv (once; it takes a few minutes) ..." >&2
    [ -x "$venv/bin/python" ] || $python -m venv "$venv" || fail "cannot create $venv"
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
