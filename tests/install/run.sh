#!/usr/bin/env bash
# usage: run.sh BUILD_FOLDER: installs it into a folder of its own, builds the consumers against that and runs them.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build_folder=${1:?usage: run.sh BUILD_FOLDER}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
prefix=$work/prefix

cmake --install "$build_folder" --prefix "$prefix" >"$work/log" || { cat "$work/log"; exit 1; }
cmake -S "$here" -B "$work/build" -DCMAKE_PREFIX_PATH="$prefix" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
cmake --build "$work/build"

model=()
if [[ -n ${THIMBLE_MODELS:-} ]]; then
  model=("$THIMBLE_MODELS"/smollm2-135m/*.gguf)
fi
"$work/build/consumer_cpp" "${model[@]}"
"$work/build/consumer_c" "${model[@]}"

# The same by pkg-config, and what else an installation holds.
pc_folder=$(dirname "$(find "$prefix" -name thimble.pc)")
read -ra flags < <(PKG_CONFIG_PATH=$pc_folder pkg-config --cflags --libs thimble)
cc -o "$work/by_pkg_config" "$here/consumer.c" "${flags[@]}"
LD_LIBRARY_PATH=$(dirname "$pc_folder") "$work/by_pkg_config"
"$prefix/bin/thimble" --version
for file in share/man/man1/thimble.1 share/bash-completion/completions/thimble share/zsh/site-functions/_thimble \
            share/fish/vendor_completions.d/thimble.fish; do
  [[ -s $prefix/$file ]] || { echo "not installed or empty: $file"; exit 1; }
done
