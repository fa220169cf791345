#!/usr/bin/env bash
# Installs the system packages that the tests need and that are missing.
set -euo pipefail

packages=()
command -v chromium >/dev/null || packages+=(chromium)
command -v redis-server >/dev/null || packages+=(redis-server)
if [ ${#packages[@]} = 0 ]; then exit 0; fi

as_root=()
if [ "$(id -u)" != 0 ]; then as_root=(sudo -n); fi
if ! command -v apt-get >/dev/null || ! "${as_root[@]}" true 2>/dev/null; then
    echo "The tests need: ${packages[*]}. On Debian, as root: apt-get update && apt-get install ${packages[*]}" >&2
    exit 1
fi

echo "Installing ${packages[*]} for the tests"
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" apt-get install -y -qq "${packages[@]}"
