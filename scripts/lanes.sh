# Sourced by scripts/test: groups of tests side by side, and once more what may have failed for that.

# Run a command while others run, and keep what it says until it is asked for. A shell's background commands do not hear
# Ctrl-C, which some of these tests send and whoever waits may want.
beside() {
    log=$(mktemp)
    env --default-signal=INT "$@" >"$log" 2>&1 &
}
joined() {
    status=0
    wait $! || status=$?
    cat "$log"
    rm "$log"
    return "$status"
}

# repeated CACHE STATUS: repeat, alone, the tests that failed in a run of pytest with this cache and exit code, if they are
# few: beside others a process or a clock can be too slow. Fails if one fails again, or if the run failed in another way.
repeated() {
    [ "$2" -ne 0 ] || return 0
    failures="$1/v/cache/lastfailed"
    [ "$2" -eq 1 ] && [ -f "$failures" ] || return 1
    names=$(sed -n 's/^ *"\(.*\)": true,*$/\1/p' "$failures")
    if [ "$(echo "$names" | wc -l)" -gt 5 ]; then
        echo "More than 5 tests failed: none is repeated."
        return 1
    fi
    python -m pytest -o "cache_dir=$1" --last-failed --last-failed-no-failures none || return 1
    echo "$names" | sed 's/^/passed only when repeated alone: /'
}
