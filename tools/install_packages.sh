#!/usr/bin/env bash
# Installs those of the listed Debian packages that are missing: install_packages.sh LIST...
# Without root it prints the command that would, and fails. Where there is no dpkg it leaves the matter to CMake.
set -u
root=$(cd -- "$(dirname -- "$0")/.." && pwd -P)
log=$root/build/packages.log

say() { printf 'sumi: %s\n' "$*" >&2; }

command -v dpkg-query > /dev/null || exit 0
mapfile -t wanted < <(sed 's/#.*//' -- "$@" | tr -s ' \t' '\n' | sed '/^$/d' | sort -u)
mapfile -t missing < <(comm -23 <(printf '%s\n' "${wanted[@]}") \
  <(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${wanted[@]}" 2> /dev/null | sed -n 's/^installed //p' | sort -u))
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
  say "some packages are missing; run this once, then start again:"
  printf '  sudo apt-get install -y --no-install-recommends %s\n' "${missing[*]}" >&2
  exit 1
fi

mkdir -p "$root/build"
say "installing ${#missing[@]} packages with apt-get (log: $log)"
export DEBIAN_FRONTEND=noninteractive
apt=(apt-get -y -o DPkg::Lock::Timeout=300)
{
  # The lists may be absent, or too old to name what the mirror has.
  "${apt[@]}" install --no-install-recommends "${missing[@]}" ||
    { "${apt[@]}" update && "${apt[@]}" install --no-install-recommends "${missing[@]}"; }
} > "$log" 2>&1 < /dev/null && exit 0
tail -n 15 "$log" >&2
say "apt-get could not install: ${missing[*]} (log: $log)"
exit 1
