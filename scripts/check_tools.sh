#!/usr/bin/env bash
# Lists all tools that are missing or too old, and where to get them.
set -euo pipefail

status=0

# need NAME MINIMUM FOUND SOURCE: requires a tool. Versions are MAJOR.MINOR. FOUND is empty if the tool is missing;
# MINIMUM is empty if any version is enough.
need() {
    if at_least "$3" "${2:-0.0}"; then return; fi
    if [ "$status" = 0 ]; then echo "Webchat needs:" >&2; fi
    printf '  %-15s %s\n' "$1${2:+ $2}" "${3:+found $3; }$4" >&2
    status=1
}

at_least() {
    local found_major=${1%%.*} found_minor=${1#*.} min_major=${2%%.*} min_minor=${2#*.}
    [ -n "$1" ] && { ((found_major > min_major)) ||
        ((found_major == min_major && ${found_minor%%.*} >= min_minor)); }
}

# version COMMAND...: prints the first MAJOR.MINOR in the output of the command, or nothing.
version() {
    "$@" 2>/dev/null | grep -Eo '[0-9]+\.[0-9]+' | sed -n 1p || true
}

need cargo 1.95 "$(version cargo --version)" "https://rustup.rs, or: rustup update stable"
need node 20.0 "$(version node --version)" "https://nodejs.org"
need npm 9.0 "$(version npm --version)" "comes with https://nodejs.org"
need python3 3.11 "$(version python3 --version)" "https://www.python.org, or Debian: apt-get install python3"
# python3-venv has no version of its own: 0.0 means that it is installed.
need python3-venv "" "$(version python3 -c 'import ensurepip, venv; print("0.0")')" "Debian: apt-get install python3-venv"
need cc "" "$(version cc --version)" "a C compiler; Debian: apt-get install build-essential"

exit "$status"
