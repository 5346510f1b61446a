#!/usr/bin/env bash
# clang-tidy with .clang-tidy's list, over FILEs or the whole of src/, as many at once as there are processors.
# usage: tools/run_clang_tidy.sh BUILD_FOLDER [FILE...]     (the folder holds compile_commands.json)
set -euo pipefail
cd "$(dirname "$0")/.."
build_folder=${1:?usage: tools/run_clang_tidy.sh BUILD_FOLDER [FILE...]}
shift
files=("$@")
# The units of instruction sets are left out: intrinsics make clang-tidy take minutes over each and find nothing else.
((${#files[@]})) || mapfile -t files < <(git ls-files 'src/*.cpp' 'src/*.cc' | grep -vE '_(avx2|avx512_vnni)\.cpp$')
printf '%s\0' "${files[@]}" |
  xargs -0 -n 4 -P "$(nproc)" clang-tidy -p "$build_folder" --quiet --warnings-as-errors='*' \
    --extra-arg=-Wno-unknown-warning-option 2> >(grep -v ' warnings generated' >&2)
