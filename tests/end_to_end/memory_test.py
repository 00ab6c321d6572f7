"""A plan keeps to --memory, and what runs again for it changes no bit.

GPT-2 with 4 layers, 3 heads, dropout 0.1, AdamW: 10 steps, with 80 % and 60 % of the activations of the plain plan.
"""

import json
import os
import random
import subprocess

from driver import Checks, cleave, command, metrics, scratch

CONFIG = {"model_type": "gpt2", "vocab_size": 131, "n_positions": 32, "n_embd": 48, "n_layer": 4, "n_head": 3,
          "embd_pdrop": 0.1, "attn_pdrop": 0.1, "resid_pdrop": 0.1}
STEPS = 10
# Where what is forced alone decides how a step is run, bits can be compared.
CASES = {"model=1": [], "model=2": ["--overlap", "split"], "data=2": ["--overlap", "split", "--zero", 3],
         "model=3": ["--overlap", "none"]}


def write_inputs(work):
    with open(os.path.join(work, "config.json"), "w") as out:
        json.dump(CONFIG, out)
    draw = random.Random(0)
    with open(os.path.join(work, "tokens.bin"), "wb") as out:
        for _ in range(20000):
            out.write(draw.randrange(CONFIG["vocab_size"]).to_bytes(2, "little"))


def arguments(work, mesh, *flags):
    return ["compile", os.path.join(work, "config.json"), "-o", os.path.join(work, "plan"), "--mesh", mesh, "--batch",
            8, "--seq", 32,
            *CASES[mesh], *flags]


def explained(work):
    """Memory of the device that needs most."""
    memory = json.loads(cleave("explain", os.path.join(work, "plan"), "--json"))["memory"]
    return max(memory, key=lambda device: device["planned_peak"])


def train(work, name):
    cleave("train", os.path.join(work, "plan"), "--data", os.path.join(work, "tokens.bin"), "--steps", STEPS,
           "--threads", 1,
           "--seed", 7, "--metrics", os.path.join(work, "metrics.jsonl"), "--save", os.path.join(work, name))
    with open(os.path.join(work, name), "rb") as weights:
        return [step["loss"] for step in metrics(os.path.join(work, "metrics.jsonl"))], weights.read()


def main():
    work, checks = scratch(), Checks()
    write_inputs(work)
    for mesh in CASES:
        cleave(*arguments(work, mesh))
        plain, truth = explained(work), train(work, "plain")
        for share in (0.8, 0.6):
            budget = int(plain["planned_peak"] - (1 - share) * plain["activations"])
            cleave(*arguments(work, mesh, "--memory", budget))
            peak = explained(work)["planned_peak"]
            checks.check(peak <= budget < plain["planned_peak"],
                         f"{mesh}: {peak} bytes are within {budget}, where {plain['planned_peak']} would be taken")
            checks.check(train(work, "again") == truth,
                         f"{mesh}: losses and weights with {share:.0%} of the activations have the same bits")
        cleave(*arguments(work, mesh, "--memory", plain["planned_peak"]))
        checks.check(explained(work) == plain, f"{mesh}: a budget that suffices changes nothing")
        done = subprocess.run(command(arguments(work, mesh, "--memory", "100kB")), capture_output=True, text=True)
        said = all(text in done.stderr for text in ("at most 0.100 MB", "are missing", "parameters", "optimizer",
                                                    "gradients", "activations"))
        checks.check(done.returncode == 1 and said,
                     f"{mesh}: an impossible budget is an error that says how much is missing")
    done = subprocess.run(command(arguments(work, "model=1", "--memory", "2 cows")), capture_output=True, text=True)
    checks.check(done.returncode == 2 and '--memory requires bytes' in done.stderr and '"2 cows"' in done.stderr,
                 "a malformed budget is named")
    checks.finish()


main()
