#!/usr/bin/env bash
# Holds every #include of the sources to the direction of use in tools/rooms.txt. Programs in apps/ may use include/ alone.
set -u
cd "$(dirname "$0")/.." || exit 1
mapfile -t files < <(git ls-files --cached --others --exclude-standard -- src include apps | grep -E '\.(h|hpp|c|cpp|cu|cuh|inc)$')
[ ${#files[@]} -gt 0 ] || { echo "no sources"; exit 1; }

printf '%s\n' "${files[@]}" | awk '
  function room_of(path,   best, room) {
    best = ""
    for (room in uses) if (index(path, room "/") == 1 && length(room) > length(best)) best = room
    return best
  }
  function may_use(from, to,   list, count, i) {
    if (from == to || to == "include" || (to == "src/core" && from !~ /^(include|apps)/)) return 1
    count = split(uses[from], list, " ")
    for (i = 1; i <= count; i++) if (list[i] != "-" && may_use(list[i], to)) return 1
    return 0
  }
  function resolved(file, name,   folder) {
    folder = file
    sub(/[^\/]*$/, "", folder)
    if ((folder name) in exists) return folder name
    if (("src/" name) in exists) return "src/" name
    if (("include/" name) in exists) return "include/" name
    return ""
  }
  function wrong(file, line, text) { print file ":" line ": " text; bad = 1 }
  function check_file(file,   from, text, line, name, target) {
    from = room_of(file)
    if (from == "") { wrong(file, 1, "lies in no room of tools/rooms.txt"); return }
    line = 0
    while ((getline text < file) > 0) {
      line++
      if (text !~ /^[ \t]*#[ \t]*include[ \t]*["<]/) continue
      name = text
      sub(/^[^"<]*["<]/, "", name)
      sub(/[">].*$/, "", name)
      target = resolved(file, name)
      if (target != "" && !may_use(from, room_of(target))) wrong(file, line, from " may not use " room_of(target))
      if (target == "" && text ~ /include[ \t]*"/) wrong(file, line, name " is not a file of the sources")
    }
    close(file)
  }
  FILENAME == ARGV[1] {
    if ($0 !~ /^[ \t]*(#|$)/) { room = $1; $1 = ""; uses[room] = $0 }
    next
  }
  { files[++count] = $0; exists[$0] = 1; if (match($0, /^apps\/[^\/]*/)) uses[substr($0, 1, RLENGTH)] = "include" }
  END {
    for (i = 1; i <= count; i++) check_file(files[i])
    if (!bad) print count " files keep the direction of use"
    exit bad
  }' tools/rooms.txt -
