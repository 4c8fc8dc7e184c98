#!/usr/bin/env bash
# Fetches the CUDA toolkit of tools/cuda.txt into build/cuda-toolkit (1.8 GB), where CMake finds it.
set -eu
root=$(cd -- "$(dirname -- "$0")/.." && pwd -P)
folder=$root/build/cuda-toolkit
if [ -e "$folder/.installed" ] && [ "$folder/.installed" -nt "$root/tools/cuda.txt" ]; then exit 0; fi
mkdir -p "$folder"
"$root/tools/install_packages.sh" <(printf 'python3-pip\n')
# Without what they name as their own needs: the list is whole.
python3 -m pip install --quiet --no-deps --upgrade --target "$folder" -r "$root/tools/cuda.txt"
touch "$folder/.installed"
