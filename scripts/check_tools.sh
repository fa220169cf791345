#!/usr/bin/env bash
# Says which tools are missing or too old, all at once, and where each comes from.
set -euo pipefail

missing=0

# need NAME LEAST FOUND WHERE_FROM: versions are MAJOR.MINOR; FOUND is empty where there is none,
# LEAST where any will do.
need() {
    if at_least "$3" "${2:-0.0}"; then return; fi
    if [ "$missing" = 0 ]; then echo "Webchat needs:" >&2; fi
    printf '  %-15s %s\n' "$1${2:+ $2}" "${3:+found $3; }$4" >&2
    missing=1
}

at_least() {
    local found_major=${1%%.*} found_minor=${1#*.} least_major=${2%%.*} least_minor=${2#*.}
    [ -n "$1" ] && { ((found_major > least_major)) ||
        ((found_major == least_major && ${found_minor%%.*} >= least_minor)); }
}

# version COMMAND...: the first MAJOR.MINOR in what it prints, or nothing.
version() {
    "$@" 2>/dev/null | grep -Eo '[0-9]+\.[0-9]+' | sed -n 1p || true
}

need cargo 1.95 "$(version cargo --version)" "https://rustup.rs, or: rustup update stable"
need node 20.0 "$(version node --version)" "https://nodejs.org"
need npm 9.0 "$(version npm --version)" "comes with https://nodejs.org"
need python3 3.10 "$(version python3 --version)" "https://www.python.org, or Debian: apt-get install python3"
need python3-venv "" "$(version python3 -c 'import ensurepip, venv; print("0.0")')" "Debian: apt-get install python3-venv"
need cc "" "$(version cc --version)" "a C compiler; Debian: apt-get install build-essential"

exit "$missing"
