#!/bin/bash
# Puts the generated reference pages into docs/ of the checkout.
for page in "$@"; do
  cp --no-preserve=mode "$page" "$BUILD_WORKSPACE_DIRECTORY/docs/" || exit 1
done
