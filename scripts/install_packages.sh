#!/usr/bin/env bash
# Installs the system packages that the tests need and that are missing.
set -euo pipefail

# Debian installs servers in a directory that is only in root's PATH.
export PATH="$PATH:/usr/sbin"

packages=()
for program in chromium redis-server nginx caddy prometheus; do
    command -v "$program" >/dev/null || packages+=("$program")
done
if [ ${#packages[@]} = 0 ]; then exit 0; fi

as_root=()
if [ "$(id -u)" != 0 ]; then as_root=(sudo -n); fi
if ! command -v apt-get >/dev/null || ! "${as_root[@]}" true 2>/dev/null; then
    echo "The tests need: ${packages[*]}. On Debian, as root: apt-get update && apt-get install ${packages[*]}" >&2
    exit 1
fi

# The tests start these servers themselves. As services, both proxies would use port 80.
services=()
for package in "${packages[@]}"; do
    if [[ "$package" =~ ^(nginx|caddy|prometheus)$ && -d /run/systemd/system ]]; then services+=("$package"); fi
done

echo "Installing ${packages[*]} for the tests"
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -qq
if [ ${#services[@]} != 0 ]; then "${as_root[@]}" systemctl mask --quiet "${services[@]}"; fi
"${as_root[@]}" apt-get install -y -qq "${packages[@]}"
if [ ${#services[@]} != 0 ]; then
    "${as_root[@]}" systemctl unmask --quiet "${services[@]}"
    "${as_root[@]}" systemctl disable --quiet "${services[@]}"
fi
