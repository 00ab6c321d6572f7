# Steps of the launcher, to be sourced: $root is the checkout, $bin the folder of built programs, fail() ends with a
# message.

# Packages of tools/packages.txt that are not installed, on one line.
missing_packages() {
  local wanted installed
  wanted=$(sed -e 's/#.*//' -e 's/[[:space:]]//g' -e '/^$/d' "$root/tools/packages.txt")
  # dpkg-query exits with 1 where it does not know a package; what it knows it prints all the same.
  # shellcheck disable=SC2086
  installed=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' $wanted 2>/dev/null | sed -n 's/^installed //p') || true
  comm -23 <(sort <<<"$wanted") <(sort <<<"$installed") | paste -sd ' '
}

# Installs what is missing; without root prints the line that does it and exits with 1.
install_packages() {
  command -v dpkg-query >/dev/null && command -v apt-get >/dev/null ||
    fail "requires Debian 12 (dpkg-query and apt-get), got a system without them"
  local missing
  missing=$(missing_packages)
  [[ -n $missing ]] || return 0
  if [[ $(id -u) != 0 ]]; then
    printf 'cleave: requires packages that are not installed. As root:\n' >&2
    printf 'apt-get update && apt-get install -y --no-install-recommends %s\n' "$missing" >&2
    exit 1
  fi
  printf 'cleave: installs %s\n' "$missing" >&2
  local -x DEBIAN_FRONTEND=noninteractive
  # A source that does not answer matters only if a package is then not found.
  apt-get -o DPkg::Lock::Timeout=300 update </dev/null >&2 || true
  # shellcheck disable=SC2086
  apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends $missing </dev/null >&2 ||
    fail "apt-get found not all of: $missing. LLVM 22 comes with Debian 12's security updates (bookworm-security main)"
}

# Bazel in the checkout: run_bazel COMMAND ARGUMENT... Its caches lie below HOME, or in the folder of temporary files where
# HOME is unset or cannot be written.
run_bazel() {
  local command=$1 startup=()
  local cache=${XDG_CACHE_HOME:-${HOME:-/dev/null}/.cache}/cleave
  shift
  if ! mkdir -p "$cache/bazel" 2>/dev/null; then
    cache=${TMPDIR:-/tmp}/cleave-$(id -u)
    mkdir -p "$cache/bazel"
    local -x HOME=$cache
    startup=("--output_user_root=$cache/output")
  fi
  case $command in
    build | test) set -- "--disk_cache=$cache/bazel" "$@" ;;
  esac
  (cd "$root" && bazel "${startup[@]}" "$command" "$@" </dev/null)
}

# Bazel takes its links in the checkout for folders of packages if they lead to another output folder than its own, as
# they do where the checkout was moved.
remove_stale_links() {
  local outputs
  outputs=$(run_bazel info output_base 2>/dev/null) || return 0
  find "$root" -maxdepth 1 -type l -name 'bazel-*' ! -lname "$outputs/*" -delete
}

# A server that outlives the command makes the next one fast, but nobody waits for it on a machine of continuous
# integration.
leave_server() {
  [[ -z ${CI:-} ]] || run_bazel shutdown >&2 || true
}

build() {
  local code=0
  remove_stale_links
  run_bazel build "$@" >&2 || code=$?
  leave_server
  [[ $code == 0 ]] || fail "the build failed"
}

# Builds the wheels for a Python and prints the paths of their copies in dist/. A copy takes its place whole.
wheel() {
  local python=$1 tag built copy
  tag=$("$python" -c 'import sys; print("cp%d%d" % sys.version_info[:2])') ||
    fail "wheel: requires a Python that runs, got $python"
  build "--repo_env=CLEAVE_PYTHON=$python" //python_bindings:cleave_wheel //python_bindings:cleave_runtime_wheel
  mkdir -p "$root/dist"
  for built in "$bin"/python_bindings/*-"$tag"-*.whl; do
    copy=$root/dist/${built##*/}
    cp --no-preserve=mode -- "$built" "$copy.new" && mv -f -- "$copy.new" "$copy" || fail "cannot write $copy"
    printf '%s\n' "$copy"
  done
}

# Builds and runs tests under the given names of .bazelrc's configurations ("" for none) and ends with the line
# "N passed, N failed" over all of them. Tests start after the build, so that none competes with the C++ compiler.
tests_under() {
  local configurations=$1 events code=0 configuration flags
  shift
  remove_stale_links
  events=$(mktemp -d)
  # shellcheck disable=SC2064
  trap "rm -rf '$events'" EXIT
  for configuration in $configurations; do
    flags=(--keep_going)
    [[ $configuration == plain ]] || flags+=("--config=$configuration" --test_tag_filters=sanitize --build_tests_only)
    run_bazel build "${flags[@]}" "$@" >&2 || true
    run_bazel test "${flags[@]}" "--build_event_json_file=$events/$configuration.json" "$@" >&2 || code=$?
  done
  leave_server
  /usr/bin/python3 "$root/tools/setup/summarize_tests.py" "$code" "$events"/*.json
}

run_tests() { tests_under plain "$@"; }

sanitize() { tests_under "asan tsan" "$@"; }

# The benchmarks of the build, or the one named: each is a program bazel-bin/tests/bench/NAME_bench that prints one
# JSON line a figure.
bench() {
  local programs=() program
  for program in "$bin"/tests/bench/*_bench; do
    [[ -x $program && ! -d $program ]] && programs+=("$program")
  done
  [[ ${#programs[@]} -gt 0 ]] || fail "requires the benchmarks, got no build: run ./cleave build first"
  if [[ $# == 1 ]]; then
    [[ -x $bin/tests/bench/$1_bench ]] ||
      fail "bench: requires one of $(printf '%s\n' "${programs[@]}" | sed 's|.*/||; s|_bench$||' | paste -sd ' '), got $1"
    exec "$bin/tests/bench/$1_bench"
  fi
  for program in "${programs[@]}"; do
    "$program" || fail "$(basename "$program") failed"
  done
}
