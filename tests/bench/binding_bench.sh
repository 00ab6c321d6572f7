#!/bin/bash
# Runs the benchmark with Debian's Python, on package cleave of the same build.
here=$(dirname -- "$(readlink -f -- "$0")")
package=$0.runfiles/cleave/python_bindings
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$package exec /usr/bin/python3 "$here/binding_bench.py"
