"""Collectives that meet in buckets move the same numbers: losses and weights are those of the plan without, bit by
bit."""

import json
import os
import random

from driver import Checks, cleave, metrics, scratch

CONFIG = {"model_type": "gpt2", "vocab_size": 131, "n_positions": 32, "n_embd": 48, "n_layer": 2, "n_head": 3}
MESHES = [("data=2",), ("data=2", "--zero", 0), ("data=2", "--clip-norm", 1), ("data=2", "--microbatches", 2),
          ("data=2,model=2",), ("data=3", "--zero", 2)]
STEPS = 5


def compile_with(work, overlap, mesh, *flags):
    plan = os.path.join(work, "plan")
    cleave("compile", os.path.join(work, "config.json"), "-o", plan, "--mesh", mesh, "--batch", 12, "--seq", 16, "--lr",
           "3e-3",
           *flags, "--overlap", overlap)
    return plan


def train(work, plan):
    weights, log = os.path.join(work, "weights.safetensors"), os.path.join(work, "metrics.jsonl")
    cleave("train", plan, "--data", os.path.join(work, "tokens.bin"), "--steps", STEPS, "--threads", 1, "--seed", 7,
           "--metrics", log, "--save", weights)
    with open(weights, "rb") as saved:
        return [(step["loss"], step["grad_norm"]) for step in metrics(log)], saved.read()


def gradients(plan):
    """Counts and summed bytes of collectives of the backward pass and the update."""
    collectives = [c for c in json.loads(cleave("explain", plan, "--json"))["collectives"] if c["phase"] != "forward"]
    return len(collectives), sum(c["bytes"] for c in collectives), any("one bucket" in c["why"] for c in collectives)


def main():
    work, checks = scratch(), Checks()
    draw = random.Random(0)
    with open(os.path.join(work, "config.json"), "w") as out:
        json.dump(CONFIG, out)
    with open(os.path.join(work, "tokens.bin"), "wb") as out:
        for _ in range(5000):
            out.write(draw.randrange(CONFIG["vocab_size"]).to_bytes(2, "little"))
    for case in MESHES:
        name = " ".join(map(str, case))
        plain = compile_with(work, "none", *case)
        plain_count, plain_bytes, _ = gradients(plain)
        plain_run = train(work, plain)
        joined = compile_with(work, "buckets", *case)
        count, joined_bytes, has_bucket = gradients(joined)
        checks.check(has_bucket and count < plain_count and joined_bytes == plain_bytes,
                     f"{name}: {count} collectives of gradients and updates instead of {plain_count}, "
                     f"of {joined_bytes} bytes")
        checks.check(train(work, joined) == plain_run, f"{name}: the same losses, norms and weights with buckets")
    checks.finish()


main()
