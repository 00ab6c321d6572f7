#!/bin/bash
# The example in each op's description is accepted as it stands, and again as it is printed.
set -o pipefail
"$1" "$2" | "$1" > "$TEST_TMPDIR/printed.mlir" || { cat "$2"; exit 1; }
ops=$(grep -c 'cleave\.' "$TEST_TMPDIR/printed.mlir")
(( ops >= 70 )) || { echo "requires the examples of all ops, got $ops lines"; exit 1; }
