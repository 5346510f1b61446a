#!/usr/bin/env bash
# Builds the fuzz targets and runs each for a while on its corpus, two at a time; fails where one finds something.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tools/common.sh
. tools/common.sh

if [[ ${1:-60} == -* || $# -gt 2 ]]; then
  cat >&2 <<'TEXT'
usage: tools/fuzz.sh [SECONDS [TARGET]]

Runs every target of fuzz/ (or the one named, such as gguf) for SECONDS (60 unless given) under the address and
undefined-behaviour sanitizers. Seeds and dictionaries come from fuzz/make_corpus.py; what a run adds stays in
build/fuzz-corpus/ for the next, what it finds in build/fuzz-findings/.
TEXT
  exit 2
fi
seconds=${1:-60}
only=${2:-}

configure fuzz
mapfile -t sources < <(git ls-files 'fuzz/*_fuzz.cpp')
targets=()
for source in "${sources[@]}"; do
  name=$(basename "$source" _fuzz.cpp)
  [[ -n $only && $name != "$only" ]] || targets+=("$name")
done
((${#targets[@]} > 0)) || die "no fuzz target '$only'"
build fuzz "${targets[@]/%/_fuzz}"

corpus=build/fuzz-corpus
findings=build/fuzz-findings
mkdir -p "$findings"
python3 fuzz/make_corpus.py "$corpus/seeds"

# run TARGET: its output goes to a log, its last figures to standard output.
run() {
  local name=$1 log status=0
  log=$(log_file "fuzz-$name")
  mkdir -p "$corpus/$name"
  ASAN_OPTIONS=detect_leaks=1 "build/fuzz/bin/${name}_fuzz" -max_total_time="$seconds" -dict="$corpus/seeds/$name.dict" \
    -max_len=20480 -timeout=20 -rss_limit_mb=3000 -print_final_stats=1 -artifact_prefix="$findings/$name-" \
    "$corpus/$name" "$corpus/seeds/$name" >"$log" 2>&1 || status=$?
  if ((status != 0)); then
    tail -n 60 "$log" >&2
    say "fuzz target $name FAILED; its input is in $findings/"
    return 1
  fi
  printf '%-12s %9s inputs in %s s, %s\n' "$name" "$(awk '/number_of_executed_units/ {print $2}' "$log")" "$seconds" \
    "$(grep -oE 'cov: [0-9]+ ft: [0-9]+ corp: [0-9]+' "$log" | tail -n 1)"
}

failed=0
for ((i = 0; i < ${#targets[@]}; i += 2)); do
  pids=()
  for name in "${targets[@]:i:2}"; do
    run "$name" &
    pids+=($!)
  done
  for pid in "${pids[@]}"; do wait "$pid" || failed=$((failed + 1)); done
done
echo "fuzz targets: $((${#targets[@]} - failed)) passed, $failed failed"
exit $((failed != 0))
