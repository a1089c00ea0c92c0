# Sourced by the scripts beside it: virtual environments that hold what the requirements name.
# Quick when nothing has changed: what was last installed is kept inside the environment.

root=$(cd "$(dirname "$0")/.." && pwd)

# fail MESSAGE [EXIT CODE]
fail() {
    echo "error: $1" >&2
    exit "${2-1}"
}

# set_up ENVIRONMENT FILE...: have what these requirement files name in root/ENVIRONMENT.
# Installed are the locks beside them, every package with its sha256.
# ENVIRONMENT/installed/ holds a copy of every file installed and of its lock. What was installed once stays wanted, so
# that adding or changing one set of packages takes no other away.
# A file whose name ends in -nodeps.txt is installed without the dependencies that its packages state.
set_up() {
    name=$1 venv="$root/$1"
    python=python3 needed="Python 3.11 to 3.14" supported="(3, 11) <= sys.version_info < (3, 15)"
    headless=requirements-headless
    if [ "$name" = .venv-train ]; then
        python=python3.11 needed="Python 3.11 itself (training's TensorFlow 2.15 has no packages for newer ones)"
        headless=requirements-train-headless
    fi
    shift
    wanted=
    for file in "$@"; do
        [ -f "$root/$file" ] || fail "$root/$file does not exist"
    done
    for file in "$@" "$venv"/installed/*.txt; do
        want "${file##*/}"
    done
    for file in $wanted; do
        cmp -s "$root/$file" "$venv/installed/$file" || break
        cmp -s "$root/$(lock_of "$file")" "$venv/installed/$(lock_of "$file")" || break
        file=
    done
    [ -n "$file" ] || return 0
    for file in $wanted $headless.txt; do
        demand_lock "$file"
    done
    $python -c "import sys; sys.exit(not $supported)" 2>/dev/null ||
        fail "$needed is needed, as $python; on Debian 12: apt-get install $python $python-venv"
    $python -c 'import ensurepip, venv' 2>/dev/null || fail "Python's venv is missing; on Debian: apt-get install $python-venv"
    echo "Setting up $name, once; this can take several minutes." >&2
    echo "[1/3] Preparing the environment" >&2
    [ -x "$venv/bin/python" ] || $python -m venv "$venv" || fail "cannot create $venv"
    echo "[2/3] Installing packages" >&2
    plain= nodeps= locks=
    for file in $wanted; do
        lock=$(lock_of "$file")
        locks="$locks $lock"
        case $file in
            *-nodeps.txt) nodeps="$nodeps -r $root/$lock" ;;
            *) plain="$plain -r $root/$lock" ;;
        esac
    done
    [ -z "$plain" ] || install_packages $plain
    [ -z "$nodeps" ] || install_packages --no-deps $nodeps
    echo "[3/3] Checking OpenCV" >&2
    use_headless_if_needed
    mkdir -p "$venv/installed"
    (cd "$root" && cp $wanted $locks "$venv/installed/")
}

lock_of() {
    echo "${1%.txt}.lock"
}

# The lock must have been made from the requirements as they are: its first line ends with their sha256.
demand_lock() {
    sum=$(sed 's/[[:space:]]*#.*//; /^$/d' "$root/$1" | sha256sum)
    [ -f "$root/$(lock_of "$1")" ] || fail "$(lock_of "$1") is missing"
    case $(head -n 1 "$root/$(lock_of "$1")") in
        *" ${sum%% *}") ;;
        *) fail "$1 was changed since $(lock_of "$1") was made: run scripts/lock" ;;
    esac
}

# Add a requirements file, and those that it includes, to $wanted.
want() {
    [ -f "$root/$1" ] || return 0
    case " $wanted " in *" $1 "*) return 0 ;; esac
    wanted="$wanted $1"
    for included in $(sed -n 's/^-r //p' "$root/$1"); do
        want "$included"
    done
}

# Only files with a sha256 in the locks, and no setup scripts but those of two packages that have nothing else.
install_packages() {
    "$venv/bin/python" "$root/scripts/install_packages.py" --require-hashes --only-binary :all: \
        --no-binary imutils,tf-models-research-object-detection "$@" || fail "the packages could not be installed; see above"
}

# opencv-python needs the libraries of a desktop; where they are missing, the same version without windows serves.
use_headless_if_needed() {
    "$venv/bin/python" -c 'import cv2' 2>/dev/null && return
    "$venv/bin/pip" --disable-pip-version-check list --format freeze | grep -q '^opencv-python==' ||
        fail "OpenCV cannot be loaded: $("$venv/bin/python" -c 'import cv2' 2>&1 | tail -n 1)"
    # Both, since they share their files: where pip has put opencv-python over the other one, neither is whole.
    "$venv/bin/pip" uninstall -qq --yes opencv-python opencv-python-headless || fail "cannot replace opencv-python"
    install_packages --no-deps -r "$root/$headless.lock"
    "$venv/bin/python" -c 'import cv2' || fail "OpenCV cannot be loaded; see above"
    echo "Note: the kiosk window needs system libraries that are missing here (everything else works). To have it, on" \
        "Debian: apt-get install $(grep -v '^#' "$root/scripts/desktop-packages.txt" | tr '\n' ' ' | sed 's/ $//')," \
        "then rm -r $venv and run this again." >&2
}
