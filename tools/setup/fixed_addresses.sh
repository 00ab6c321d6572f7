#!/bin/bash
# Runs a command without randomization of addresses, where that may be switched off: GCC 12's ThreadSanitizer finds no
# room for its shadow memory where the kernel randomizes more than 28 bits.
if setarch "$(uname -m)" -R true 2>/dev/null; then
  exec setarch "$(uname -m)" -R "$@"
fi
exec "$@"
