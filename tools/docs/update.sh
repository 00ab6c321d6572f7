#!/bin/bash
# Puts the generated reference pages into the rooms that they describe: update.sh OPS_PAGE PASSES_PAGE
cp --no-preserve=mode "$1" "$BUILD_WORKSPACE_DIRECTORY/ir/ops/README.md" &&
  cp --no-preserve=mode "$2" "$BUILD_WORKSPACE_DIRECTORY/passes/README.md"
