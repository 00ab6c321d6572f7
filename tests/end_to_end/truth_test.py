"""One model computes the same on every mesh, twice the same bits, and goes on after a kill as if nothing had happened.

GPT-2 with 3 heads, dropout 0.1, AdamW, shuffled data: 50 steps, in which the loss falls by a fifth and more.
"""

import json
import os
import random
import signal
import subprocess
import time

from driver import Checks, cleave, command, metrics, relative, scratch

CONFIG = {"model_type": "gpt2", "vocab_size": 131, "n_positions": 32, "n_embd": 48, "n_layer": 2, "n_head": 3,
          "embd_pdrop": 0.1, "attn_pdrop": 0.1, "resid_pdrop": 0.1}
MESHES = ["data=4", "model=4", "data=2,model=2", "model=3", "a=2,b=2,c=2"]
STEPS = 50
TOLERANCE = 1e-5  # relative


def write_inputs(work):
    with open(os.path.join(work, "config.json"), "w") as out:
        json.dump(CONFIG, out)
    # Text of a small grammar: each token leads to one of four others.
    draw = random.Random(0)
    token, tokens = 0, []
    for _ in range(20000):
        token = (token * 7 + draw.randrange(4) * 13 + 1) % CONFIG["vocab_size"]
        tokens.append(token)
    with open(os.path.join(work, "tokens.bin"), "wb") as out:
        for token in tokens:
            out.write(token.to_bytes(2, "little"))


def compile_for(work, mesh, *flags):
    plan = os.path.join(work, mesh.replace("=", "").replace(",", "_") + "".join(map(str, flags)))
    cleave("compile", os.path.join(work, "config.json"), "-o", plan, "--mesh", mesh, "--batch", 8, "--seq", 32, "--lr",
           "3e-3",
           "--weight-decay", "0.1", "--dropout", "0.1", *flags)
    return plan


def train_arguments(work, plan, name, *extra):
    return ["train", plan, "--data", os.path.join(work, "tokens.bin"), "--steps", STEPS, "--threads", 1, "--seed", 7,
            "--metrics", os.path.join(work, name + ".jsonl"), "--save", os.path.join(work, name + ".safetensors"),
            *extra]


def train(work, plan, name, *extra):
    cleave(*train_arguments(work, plan, name, *extra))
    return metrics(os.path.join(work, name + ".jsonl"))


def same_bits(work, one, other):
    return open(os.path.join(work, one + ".safetensors"),
                "rb").read() == open(os.path.join(work, other + ".safetensors"), "rb").read()


def kill_halfway(work, plan, name, checkpoints):
    """Starts a run that saves every 10 steps, and kills it outright once it has saved at 20."""
    arguments = command(train_arguments(work, plan, name, "--checkpoint", checkpoints, "--checkpoint-every", 10))
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    log = os.path.join(work, name + ".jsonl")
    while process.poll() is None and not (os.path.exists(log) and len(metrics_so_far(log)) >= 23):
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()


def metrics_so_far(path):
    with open(path) as lines:
        return [line for line in lines if line.endswith("\n")]


def main():
    work, checks = scratch(), Checks()
    write_inputs(work)
    whole = train(work, compile_for(work, "model=1"), "whole")
    losses = [step["loss"] for step in whole]
    checks.check(losses[-1] <= 0.8 * losses[0], f"the loss falls by a fifth: from {losses[0]:.4f} to {losses[-1]:.4f}")
    plans = {}
    for mesh in MESHES:
        plans[mesh] = compile_for(work, mesh)
        steps = train(work, plans[mesh], mesh)
        error = max(relative(step["loss"], loss) for step, loss in zip(steps, losses))
        checks.check(len(steps) == STEPS and error <= TOLERANCE,
                     f"{mesh} gives the losses of one device, off by at most {error:.1e}")
    for mesh in ["data=4", "data=2,model=2"]:
        for stage in range(4):
            steps = train(work, compile_for(work, mesh, "--zero", stage), "zero")
            error = max(relative(step["loss"], loss) for step, loss in zip(steps, losses))
            checks.check(error <= TOLERANCE,
                         f"{mesh} --zero {stage} gives the losses of one device, off by at most {error:.1e}")
    steps = train(work, compile_for(work, "data=2,model=2", "--microbatches", 4), "microbatches")
    error = max(relative(step["loss"], loss) for step, loss in zip(steps, losses))
    checks.check(len(steps) == STEPS and error <= TOLERANCE,
                 f"data=2,model=2 in 4 microbatches gives the losses of one device, off by at most {error:.1e}")
    plan = plans["data=2,model=2"]
    train(work, plan, "again")
    checks.check(same_bits(work, "data=2,model=2", "again"), "two runs of one plan end in the same bits")
    checkpoints = os.path.join(work, "checkpoints")
    kill_halfway(work, plan, "killed", checkpoints)
    resumed = train(work, plan, "killed", "--resume", checkpoints)
    checks.check(same_bits(work, "data=2,model=2", "killed"), "a run that was killed and resumed ends in the same bits")
    checks.check([step["step"] for step in resumed] == list(range(1, STEPS + 1)), "its metrics have each step once")
    other = train(work, plans["model=4"], "moved", "--resume", checkpoints)
    error = max(relative(step["loss"], loss) for step, loss in zip(other[-10:], losses[-10:]))
    checks.check(error <= TOLERANCE, f"it also goes on on another mesh, off by at most {error:.1e}")
    checks.finish()


main()
