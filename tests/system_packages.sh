#!/bin/sh
# Installs what pip cannot: as root on Debian or Ubuntu by itself, elsewhere it prints what to do.
packages="libcairo2-dev libpango1.0-dev pkg-config python3-dev fonts-dejavu-core chromium"

missing=""
for package in $packages; do
    dpkg -s "$package" >/dev/null 2>&1 || missing="$missing $package"
done
[ -z "$missing" ] && exit 0

if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq && apt-get install -y -qq --no-install-recommends $missing >/dev/null
    exit
fi
cat <<END
Some system packages are missing. On Debian or Ubuntu:
    sudo apt-get install$missing
On macOS: brew install cairo pango pkg-config; any Chrome or Chromium will do.
Without Chromium the browser tests are left out; without cairo and pango the animations are.
END
