"""A plan of four devices gives the same losses and weights, to the last bit, in one process, two and four.

The processes are mpirun's. They share few cores: threads and sizes are small.
"""

import json
import os
import random
import shutil
import struct
import subprocess

from driver import Checks, cleave, command, metrics, scratch

MODEL = {"model_type": "gpt2", "vocab_size": 64, "n_positions": 16, "n_embd": 64, "n_layer": 2, "n_head": 4,
         "embd_pdrop": 0.1, "attn_pdrop": 0, "resid_pdrop": 0}
MESHES = ["model=4", "data=4", "data=2,model=2"]
OVERLAPS = ["none", "split,slice"]
BATCH, SEQ, STEPS = 8, 16, 50
MPIRUN = ["mpirun", "--allow-run-as-root", "--oversubscribe", "--bind-to", "none", "--mca", "mpi_yield_when_idle", "1"]


def write_inputs(work):
    draw = random.Random(0)
    with open(os.path.join(work, "tokens.bin"), "wb") as out:
        out.write(b"".join(struct.pack("<H", draw.randrange(64)) for _ in range(SEQ * BATCH * 4 + 1)))
    with open(os.path.join(work, "config.json"), "w") as out:
        json.dump(MODEL, out)


def train(work, plan, processes, name, *more, extra=()):
    """Runs a training by so many processes; its exit code and what it said."""
    line = command(["train", plan, "--data", os.path.join(work, "tokens.bin"), "--steps", STEPS, "--threads", 1,
                    "--metrics", os.path.join(work, name + ".jsonl"), "--save", os.path.join(work, name), *more])
    launcher = MPIRUN + ["-n", str(processes), *extra] if processes > 1 else []
    done = subprocess.run(launcher + line, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def results(work, name):
    with open(os.path.join(work, name), "rb") as file:
        return [(line["loss"], line["grad_norm"]) for line in metrics(os.path.join(work, name + ".jsonl"))], file.read()


def check_plan(checks, work, mesh, overlap):
    plan = os.path.join(work, "plan")
    cleave("compile", os.path.join(work, "config.json"), "-o", plan, "--mesh", mesh, "--batch", BATCH, "--seq", SEQ,
           "--overlap", overlap, "--clip-norm", 1)
    seen = {}
    for processes in (1, 2, 4):
        code, text = train(work, plan, processes, f"w{processes}")
        checks.check(code == 0, f"{mesh}, overlap {overlap}: {processes} processes end well" +
                     (f": exit {code}, {text}" if code else ""))
        if code == 0:
            seen[processes] = results(work, f"w{processes}")
    for processes in (2, 4):
        checks.check(1 in seen and seen.get(processes) == seen[1] and len(seen[1][0]) == STEPS,
                     f"{mesh}, overlap {overlap}: {processes} processes give the losses and weights of one")


def check_refusals(checks, work):
    plan = os.path.join(work, "plan")
    code, text = train(work, plan, 3, "none")
    checks.check(code != 0 and "4 devices between them, got 3" in text, "three processes for four devices are refused")
    line = command(["train", plan, "--data", os.path.join(work, "tokens.bin"), "--threads", "1"])
    done = subprocess.run(MPIRUN + ["-n", "1"] + line + ["--steps", "2", ":", "-n", "1"] + line + ["--steps", "3"],
                          capture_output=True, text=True)
    checks.check(done.returncode != 0 and "process 1 on host" in done.stderr and "command line" in done.stderr,
                 f"a process with another command line is named: {done.stderr[:400]}")


def check_commands(checks, work):
    plan = os.path.join(work, "plan")
    cleave("run", "-n", 2, "train", plan, "--data", os.path.join(work, "tokens.bin"), "--steps", STEPS, "--threads", 1,
           "--metrics", os.path.join(work, "run.jsonl"), "--save", os.path.join(work, "run"))
    checks.check(results(work, "run") == results(work, "w1"), "cleave run starts processes that give the same")
    told = cleave("doctor")
    checks.check("Open MPI v" in told and "mpirun" in told and "vectors" in told, "doctor tells what is there")


def main():
    checks, work = Checks(), scratch()
    assert shutil.which("mpirun"), "requires mpirun, of Debian's package openmpi-bin"
    write_inputs(work)
    for mesh in MESHES:
        for overlap in OVERLAPS:
            check_plan(checks, work, mesh, overlap)
    check_commands(checks, work)
    check_refusals(checks, work)
    checks.finish()


if __name__ == "__main__":
    main()
