#!/bin/bash
# Runs a script with Debian's Python, which finds package cleave of the build, and those of PyPI that the test has.
packages=$(printf ':%s' "$PWD"/../pypi_*)
PYTHONPATH=$PWD/python_bindings:$PWD/tests/python_bindings$packages PYTHONDONTWRITEBYTECODE=1 exec /usr/bin/python3 "$@"
