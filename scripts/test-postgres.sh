#!/usr/bin/env bash
# Runs a command beside a throw-away PostgreSQL cluster: a free loopback port, a temporary folder, gone at the end.
#
#   scripts/test-postgres.sh npx vitest run test/integration
#
# The command finds TEST_DATABASE_URL (a superuser's), and TEST_PGDATA, TEST_PG_CTL with which a test may stop and start the server.
set -euo pipefail

[ "$#" -gt 0 ] || { echo "Usage: $0 COMMAND [ARGUMENT...]" >&2; exit 2; }

bin="${POSTGRES_BIN:-/usr/lib/postgresql/${POSTGRES_MAJOR:-15}/bin}"
[ -x "$bin/initdb" ] || bin="$(dirname "$(readlink -f "$(command -v initdb || true)")")"
[ -x "$bin/initdb" ] || { echo 'PostgreSQL was not found: run scripts/install-postgres.sh, or set POSTGRES_BIN.' >&2; exit 1; }

root="$(mktemp -d)"
# PostgreSQL refuses to run as root.
as_owner=()
if [ "$(id -u)" -eq 0 ]; then
  owner="$(id -un postgres 2>/dev/null || echo nobody)"
  chown "$owner" "$root"
  as_owner=(setpriv "--reuid=$owner" "--regid=$(id -g "$owner")" --clear-groups --)
fi
stop() {
  "${as_owner[@]}" "$bin/pg_ctl" -D "$root/data" -m immediate -s stop >/dev/null 2>&1 || true
  rm -rf "$root"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

cd "$root"
"${as_owner[@]}" "$bin/initdb" -D "$root/data" -U postgres --auth=trust --no-sync -E UTF8 --locale=C.UTF-8 >/dev/null
# Two clusters may start at once and be handed the same free port: then the next one is taken.
for attempt in 1 2 3 4 5; do
  port="$(node -e "const s=require('net').createServer().listen(0,'127.0.0.1',()=>{console.log(s.address().port);s.close()})")"
  cat >"$root/data/postgresql.auto.conf" <<CONF
listen_addresses = '127.0.0.1'
port = $port
unix_socket_directories = '$root'
fsync = off
full_page_writes = off
max_wal_size = 4GB
shared_buffers = 512MB
maintenance_work_mem = 512MB
CONF
  "${as_owner[@]}" "$bin/pg_ctl" -D "$root/data" -l "$root/log" -w -s start && break
  [ "$attempt" -lt 5 ] || { cat "$root/log" >&2; exit 1; }
done
cd "$OLDPWD"

export TEST_DATABASE_URL="postgres://postgres@127.0.0.1:$port/postgres"
export TEST_PGDATA="$root/data"
export TEST_PG_CTL="${as_owner[*]} $bin/pg_ctl"
status=0
"$@" || status=$?
exit "$status"
