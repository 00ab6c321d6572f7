#!/bin/bash
# Runs a test script with Debian's Python.
PYTHONDONTWRITEBYTECODE=1 exec /usr/bin/python3 "$@"
