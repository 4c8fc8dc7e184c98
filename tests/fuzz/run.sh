#!/usr/bin/env bash
# Runs every fuzz target: run.sh [SECONDS EACH]. Builds them first, into build/fuzz or the folder in BUILD.
# A finding is kept there in findings/, and goes into the corpus with its fix.
set -u
seconds=${1:-60}
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=${BUILD:-$root/build/fuzz}

cd "$root" || exit 1
cmake --preset fuzz -B "$build" > /dev/null && cmake --build "$build" --target fuzzers || exit 1
mkdir -p "$build/findings"

# One target; its last line says how it went.
fuzz() {
  local name=$1 found="$build/corpus/$1" log="$build/findings/$1.log"
  mkdir -p "$found"
  if "$build/tests/fuzz/sumi_fuzz_$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=16384 \
      -dict="$here/json.dict" -artifact_prefix="$build/findings/$name-" -print_final_stats=1 \
      "$found" "$here/corpus/$name" > "$log" 2>&1; then
    echo "$name: $(grep -o 'number_of_executed_units: [0-9]*' "$log" | grep -o '[0-9]*') inputs, no finding"
  else
    tail -n 40 "$log"
    echo "$name: FAILED"
  fi
}
export -f fuzz
export build here seconds

told=$(basename -s .cpp "$here"/*.cpp | xargs -P "$(nproc)" -I{} bash -c 'fuzz {}')
echo "$told"
passed=$(grep -c ', no finding$' <<< "$told")
failed=$(grep -c ': FAILED$' <<< "$told")
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
