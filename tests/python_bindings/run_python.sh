#!/bin/bash
# Runs a script with Debian's Python, which finds package cleave of the build.
PYTHONPATH=$PWD/python_bindings:$PWD/tests/python_bindings PYTHONDONTWRITEBYTECODE=1 exec /usr/bin/python3 "$@"
