#!/bin/bash
# The page in the checkout is the one that the records give.
diff -u "$1" "$2" && exit
echo "$1 is not what its generator gives: bazel run //tools/docs:update renews it"
exit 1
