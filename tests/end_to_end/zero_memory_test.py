"""--zero 3 on 4 devices holds at most 0.4 times the parameters, gradients and optimizer state of --zero 0.

All that a device needs at its peak counts, gathered copies of parameters and gradients that are not yet scattered too, less
the activations of the plan with --zero 0: GPT-2 with 12 layers, AdamW.
"""

import json
import os

from driver import Checks, cleave, scratch

CONFIG = {"model_type": "gpt2", "vocab_size": 64, "n_positions": 64, "n_embd": 128, "n_layer": 12, "n_head": 2}
CASES = [[], ["--overlap", "none"], ["--overlap", "buckets"], ["--overlap", "prefetch"],
         ["--overlap", "prefetch,buckets"], ["--clip-norm", 1]]


def memory(work, zero, *flags):
    """Of the device that needs most."""
    plan = os.path.join(work, "plan")
    cleave("compile", os.path.join(work, "config.json"), "-o", plan, "--mesh", "data=4", "--batch", 32, "--seq", 64, "--zero", zero, *flags)
    return max(json.loads(cleave("explain", plan, "--json"))["memory"], key=lambda device: device["planned_peak"])


def main():
    work, checks = scratch(), Checks()
    with open(os.path.join(work, "config.json"), "w") as out:
        json.dump(CONFIG, out)
    for flags in CASES:
        name = " ".join(map(str, flags)) or "by default"
        whole, split = memory(work, 0, *flags), memory(work, 3, *flags)
        held = whole["parameters"] + whole["gradients"] + whole["optimizer"]
        own = split["parameters"] + split["optimizer"]
        needed = split["planned_peak"] - whole["activations"]
        checks.check(own <= 0.26 * (whole["parameters"] + whole["optimizer"]), f"{name}: shares of parameters and state are {own} bytes")
        checks.check(own <= needed <= 0.4 * held, f"{name}: with gathered copies {needed} bytes, {needed / held:.2f} of {held}")
    checks.finish()


main()
