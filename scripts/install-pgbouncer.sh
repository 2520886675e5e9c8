#!/usr/bin/env bash
# Installs Debian's PgBouncer for the tests that put one in front of the database. Run as root. Running it again does nothing.
set -euo pipefail

if command -v pgbouncer >/dev/null; then
  pgbouncer --version | head -1
  exit 0
fi
[ "$(id -u)" -eq 0 ] || { echo 'Run as root: a package is installed.' >&2; exit 1; }
[ -r /etc/debian_version ] || { echo 'This script is for Debian.' >&2; exit 1; }
export DEBIAN_FRONTEND=noninteractive
# The tests run one of their own: the package's service is not to start.
policy=/usr/sbin/policy-rc.d
made=
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod +x "$policy"
  made=1
fi
trap '[ -z "$made" ] || rm -f "$policy"' EXIT
apt-get update -qq
apt-get install -y -qq --no-install-recommends pgbouncer
pgbouncer --version | head -1
