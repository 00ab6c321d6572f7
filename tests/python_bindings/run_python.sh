#!/bin/bash
# Runs a script with Debian's Python, which finds package cleave of the build, and package tokenizers where the test has
# it.
PYTHONPATH=$PWD/python_bindings:$PWD/tests/python_bindings:$PWD/../tokenizers PYTHONDONTWRITEBYTECODE=1 exec /usr/bin/python3 "$@"
