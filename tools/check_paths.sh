#!/usr/bin/env bash
# No tracked file may name a folder of the machine that it was written on.
set -u
cd "$(dirname "$0")/.." || exit 1
if git grep -nIE '(^|[^A-Za-z0-9_./~-])/(home|root|work|Users|mnt)/[A-Za-z0-9_.]'; then
  echo "these lines name folders of one machine"
  exit 1
fi
echo "no file names a folder of one machine"
