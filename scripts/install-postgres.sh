#!/usr/bin/env bash
# Installs what the tests of the server store need on Debian 12: PostgreSQL 15 and pgvector.
# bookworm has no pgvector for PostgreSQL 15 that scans iteratively (0.8.0) and keeps its indexes through a vacuum (0.8.4), so Debian's
# own source package of a newer suite is built against 15. Run as root. Running it again does nothing where such a version is there already.
#
#   PGVECTOR_SUITE   the suite whose pgvector is built (default forky: 0.8.7; and where the mirror has no such file, trixie: 0.8.0)
#   POSTGRES_MAJOR   default 15
set -euo pipefail

read -ra suites <<<"${PGVECTOR_SUITE:-forky trixie}"
major="${POSTGRES_MAJOR:-15}"
# Semblance warns of an older one.
sound_version=0.8.4
export DEBIAN_FRONTEND=noninteractive

# Another apt may be at work, as on a machine that has started a moment ago. apt itself waits for dpkg's lock, where it is told to, and never
# for that of the package lists.
apt_patiently() {
  local end=$((SECONDS + 600)) said
  until said="$(apt-get -o DPkg::Lock::Timeout=600 "$@" 2>&1)"; do
    if [[ "$said" != *'Could not get lock'* ]] || [ "$SECONDS" -ge "$end" ]; then
      echo "$said" >&2
      return 1
    fi
    sleep 2
  done
}

[ "$(id -u)" -eq 0 ] || { echo 'Run as root: packages are installed.' >&2; exit 1; }
[ -r /etc/debian_version ] || { echo 'This script is for Debian.' >&2; exit 1; }

missing=()
for package in "postgresql-$major" "postgresql-server-dev-$major" build-essential; do
  dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
done
if [ "${#missing[@]}" -gt 0 ]; then
  apt_patiently update -qq
  # postgresql-common would start a cluster of its own at installation; the tests start theirs.
  mkdir -p /etc/postgresql-common
  [ -e /etc/postgresql-common/createcluster.conf ] || echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf
  apt_patiently install -y -qq --no-install-recommends "${missing[@]}"
fi

pg_config="/usr/lib/postgresql/$major/bin/pg_config"
control="$("$pg_config" --sharedir)/extension/vector.control"
installed() { sed -n "s/^default_version *= *'\(.*\)'/\1/p" "$control" 2>/dev/null || true; }

if [ -z "${PGVECTOR_SUITE:-}" ] && dpkg --compare-versions "$(installed)" ge "$sound_version"; then
  echo "pgvector $(installed) for PostgreSQL $major is installed already."
  exit 0
fi

# The mirror that this machine uses already, so that a proxy or a local mirror is honoured.
mirror="$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' | awk '$2 ~ /^(bookworm|stable|oldstable)$/ { print $1; exit }')"
mirror="${mirror:-$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep '/debian/\?$' | head -1)}"
[ -n "$mirror" ] || { echo 'No Debian mirror in the apt sources.' >&2; exit 1; }

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
# apt drops its rights to _apt while it downloads.
chmod 755 "$work"
mkdir -p "$work/lists/partial" "$work/build"
chown _apt "$work/lists/partial" "$work/build"
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
# A source list and package lists of its own: this machine's apt is left as it was.
apt_options=(-qq -o "Dir::Etc::SourceList=$work/sources.list" -o Dir::Etc::SourceParts=/dev/null -o "Dir::State::Lists=$work/lists")
cd "$work/build"
for suite in "${suites[@]}"; do
  echo "deb-src [signed-by=$keyring] $mirror $suite main" >"$work/sources.list"
  apt_patiently "${apt_options[@]}" update || continue
  wanted="$(apt-cache "${apt_options[@]}" showsrc pgvector | sed -n 's/^Version: \([0-9.]*\).*/\1/p' | sort -V | tail -1)"
  [ -n "$wanted" ] || { echo "No source package pgvector in $suite." >&2; continue; }
  if [ -z "${PGVECTOR_SUITE:-}" ] && dpkg --compare-versions "$(installed)" ge "$wanted"; then break; fi
  if [ "$(installed)" = "$wanted" ]; then break; fi
  # A mirror may list what it does not have.
  apt_patiently "${apt_options[@]}" --download-only source pgvector || continue
  tar -xf "pgvector_$wanted.orig.tar."* --strip-components=1
  # OPTFLAGS without -march=native: what is built in one container may run on another processor.
  make -s -j"$(nproc)" PG_CONFIG="$pg_config" OPTFLAGS=''
  make -s install PG_CONFIG="$pg_config"
  echo "pgvector $(installed) from Debian $suite was built for PostgreSQL $major."
  break
done
[ -n "$(installed)" ] || { echo "No pgvector could be built from ${suites[*]}." >&2; exit 1; }
echo "pgvector $(installed) for PostgreSQL $major is installed."
if dpkg --compare-versions "$(installed)" lt "$sound_version"; then
  echo "It is older than $sound_version, and Semblance warns of it: no newer one could be had from this mirror." >&2
fi
