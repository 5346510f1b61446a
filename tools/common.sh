# shellcheck shell=bash disable=SC2034
# What quickstart, test and .ci/run share; sourced by them.

# Debian packages that the program is built from, and those that the tests and the checks need beside them.
build_packages=(build-essential cmake ninja-build pkg-config libfmt-dev nlohmann-json3-dev libcli11-dev libpcre2-dev
                libutf8proc-dev libedit-dev libcurl4-openssl-dev libssl-dev libgumbo-dev libpoppler-cpp-dev
                libsqlite3-dev libcpp-httplib-dev python3 python3-pip)
test_packages=(libgtest-dev python3-venv openssl strace poppler-utils chromium fonts-dejavu-core)
check_packages=(clang clang-format clang-tidy libclang-rt-14-dev shellcheck)

say() { printf '%s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }

# missing_packages NAME...: those that are not installed, one a line.
missing_packages() {
  local name
  for name in "$@"; do
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null) == installed ]] || printf '%s\n' "$name"
  done
}

# require_packages INSTALL NAME...: installs what is missing, or, where INSTALL is "no", says what is missing and fails.
require_packages() {
  local install=$1 root=() missing
  shift
  command -v dpkg-query >/dev/null || die "this is no Debian system; install the counterparts of: $*"
  mapfile -t missing < <(missing_packages "$@")
  if ((${#missing[@]} == 0)); then
    say "packages: all here"
    return
  fi
  say "packages missing: ${missing[*]}"
  [[ $install == yes ]] || die "install them with: apt-get install --no-install-recommends ${missing[*]}"
  if ((EUID != 0)); then
    command -v sudo >/dev/null || die "installing packages needs root or sudo; as root: apt-get install ${missing[*]}"
    root=(sudo)
  fi
  say "installing them with apt-get${root:+ (through sudo)}"
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
}

# configure PRESET [CMAKE OPTION...]: quiet where all goes well; ccache is used where it is installed.
configure() {
  local preset=$1 launcher=() log
  shift
  log=$(log_file "configure-$preset")
  command -v ccache >/dev/null && launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
  say "configuring ($preset)"
  cmake --preset "$preset" "${launcher[@]}" "$@" >"$log" 2>&1 || { cat "$log" >&2; die "configuring $preset failed"; }
}

# build PRESET [TARGET...]
build() {
  local preset=$1
  shift
  say "building ($preset)"
  cmake --build --preset "$preset" ${1:+--target "$@"} >&2 || die "building $preset failed"
}

# log_file NAME: where the output of one step goes.
log_file() {
  mkdir -p build/logs
  printf 'build/logs/%s.log' "$1"
}
