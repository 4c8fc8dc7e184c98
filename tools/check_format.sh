#!/usr/bin/env bash
# Holds every C++ file to .clang-format; with --fix, brings it there. Releases of clang-format differ: 16 is ours.
set -u
cd "$(dirname "$0")/.." || exit 1
mapfile -t files < <(git ls-files --cached --others --exclude-standard -- '*.h' '*.cpp' '*.cu' '*.cuh')
if [ "${1-}" = --fix ]; then
  exec clang-format-16 -i "${files[@]}"
fi
clang-format-16 --dry-run -Werror "${files[@]}" && echo "${#files[@]} files are formatted"
