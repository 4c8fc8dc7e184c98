#!/usr/bin/env bash
# Runs the tests of a build folder and counts them: run_tests.sh BUILD [ctest options]
# The last line is `N passed, N failed, N skipped`; fails if a test did, or if there was none.
set -u
build=$(cd -- "$1" && pwd) || exit 1  # ctest takes other relative paths as its own
shift
results=$build/tests.xml
options=(--test-dir "$build" -j "$(nproc)" --output-on-failure --no-tests=error --output-junit "$results")

# Several tests run at once, each with threads of its own: those that wait must not spin on the cores of the others.
export OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-passive}
rm -f "$results"
if [ -t 1 ]; then
  ctest "${options[@]}" --progress "$@"
else
  ctest "${options[@]}" "$@" | grep --line-buffered -vE '^ +Start +[0-9]+: '
fi
status=${PIPESTATUS[0]}

touch "$results"
read -r passed failed skipped < <(awk '
  /<testcase / {
    if (/status="run"/) passed++
    else if (/status="fail"/) failed++
    else if (/status="disabled"/) skipped++
    else waiting = 1    # was not run: the next line says why
    next
  }
  waiting && /<skipped / {
    if (/message="SKIP_/) skipped++
    else failed++
    waiting = 0
  }
  END { print passed + 0, failed + 0, skipped + 0 }' "$results")
[ "$status" -eq 0 ] || [ "$failed" -gt 0 ] || failed=1
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
