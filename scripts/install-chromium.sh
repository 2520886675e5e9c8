#!/usr/bin/env bash
# Installs what the browser tests (npm run test:browser) need on Debian: Chromium, and a font to look at.
# Run as root. Running it again does nothing where both are there already.
set -euo pipefail

[ -r /etc/debian_version ] || { echo 'This script is for Debian.' >&2; exit 1; }

missing=()
for package in chromium fonts-dejavu-core; do
  dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
done
if [ "${#missing[@]}" -gt 0 ]; then
  [ "$(id -u)" -eq 0 ] || { echo "Run as root: ${missing[*]} must be installed." >&2; exit 1; }
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends "${missing[@]}"
fi
echo "$(chromium --version) is installed."
