#!/bin/bash
# Runs the benchmark with Debian's Python, on the programs of the same build.
here=$(dirname -- "$(readlink -f -- "$0")")
bin=$(cd -- "$(dirname -- "$0")/../.." && pwd)
PYTHONDONTWRITEBYTECODE=1 exec /usr/bin/python3 "$here/hosts_bench.py" "$bin/tools"
